"""State machines of CloudFormation are executed, as those of the API are: moto keeps the two apart.

It also leaves out definitions in S3 and substitutions, refuses the WriterConfig of a Map, whose results it does not
write, and names the fields of a nested execution as Step Functions' integration does (StateMachineArn, Output), not as
its API (stateMachineArn, output).
"""

import json
from collections.abc import Callable
from datetime import datetime
from functools import wraps
from typing import Any

import yaml
from moto.s3.models import s3_backends
from moto.stepfunctions.models import StateMachine
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service.state_task_service_sfn import (
    StateTaskServiceSfn,
)
from moto.stepfunctions.parser.models import stepfunctions_parser_backends
from moto.utilities.utils import get_partition

from kinesight_local.moto_support.patches import install


def run_state_machines() -> Callable[[], None]:
    """Call the result to restore moto."""

    def create(
        cls: type[StateMachine], /, name: str, resource: dict[str, Any], account: str, region: str, **_: Any
    ) -> StateMachine:
        del cls
        properties = resource["Properties"]
        return stepfunctions_parser_backends[account][region].create_state_machine(
            properties.get("StateMachineName", name), _definition(properties, account, region), properties["RoleArn"]
        )

    def update(
        cls: type[StateMachine],
        /,
        original_resource: StateMachine,
        new_resource_name: str,
        cloudformation_json: dict[str, Any],
        account_id: str,
        region_name: str,
    ) -> StateMachine:
        """Replaces it if its name changes. The parameters are named as moto passes them."""
        properties = cloudformation_json["Properties"]
        backend = stepfunctions_parser_backends[account_id][region_name]
        if properties.get("StateMachineName", original_resource.name) != original_resource.name:
            replacement = create(cls, new_resource_name, cloudformation_json, account_id, region_name)
            backend.delete_state_machine(original_resource.arn)
            return replacement
        definition = _definition(properties, account_id, region_name)
        return backend.update_state_machine(original_resource.arn, definition, properties["RoleArn"])

    def delete(cls: type[StateMachine], /, name: str, resource: dict[str, Any], account: str, region: str) -> None:
        del cls, resource
        stepfunctions_parser_backends[account][region].delete_state_machine(name)

    return install(
        (StateMachine, "create_from_cloudformation_json", classmethod(create)),
        (StateMachine, "update_from_cloudformation_json", classmethod(update)),
        (StateMachine, "delete_from_cloudformation_json", classmethod(delete)),
        (StateTaskServiceSfn, "_normalise_parameters", _as_the_api(StateTaskServiceSfn._normalise_parameters)),
        (StateTaskServiceSfn, "_normalise_response", _as_the_integration),
    )


def _as_the_api(normalise: Callable[..., None]) -> Callable[..., None]:
    @wraps(normalise)
    def normalised(task: StateTaskServiceSfn, parameters: dict[str, Any], *arguments: Any, **named: Any) -> None:
        normalise(task, parameters, *arguments, **named)
        _rename(parameters, str.lower)

    return normalised


def _as_the_integration(_: StateTaskServiceSfn, response: Any, *__: Any, **___: Any) -> None:
    if isinstance(response, dict):
        _rename(response, str.upper)


def _rename(fields: dict[str, Any], convert: Callable[[str], str]) -> None:
    """Converts the first letters of the names, and times to epoch milliseconds."""
    for name in list(fields):
        value = fields.pop(name)
        fields[convert(name[0]) + name[1:]] = _epoch_ms(value) if isinstance(value, datetime) else value


def _epoch_ms(time: datetime) -> int:
    """A time as JSON can hold it."""
    return round(1000 * time.timestamp())


def _definition(properties: dict[str, Any], account: str, region: str) -> str:
    """The definition as JSON, with its substitutions, without WriterConfig."""
    text = _text(properties, account, region)
    if "WriterConfig" in text:
        text = json.dumps(json.loads(text, object_hook=_without_writer_config))
    for name, value in properties.get("DefinitionSubstitutions", {}).items():
        text = text.replace(f"${{{name}}}", str(value))
    return text


def _without_writer_config(fields: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if name != "WriterConfig"}


def _text(properties: dict[str, Any], account: str, region: str) -> str:
    if "DefinitionString" in properties:
        return str(properties["DefinitionString"])
    if "Definition" in properties:
        return json.dumps(properties["Definition"])
    place = properties["DefinitionS3Location"]
    stored: Any = s3_backends[account][get_partition(region)].get_object(place["Bucket"], place["Key"])
    return json.dumps(yaml.safe_load(stored.value))
