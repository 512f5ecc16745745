"""State machines that CloudFormation creates are executed, as those of the API are: moto keeps the two apart.

It also leaves out definitions in S3 and substitutions.
"""

import json
from collections.abc import Callable
from typing import Any

import yaml
from moto.s3.models import s3_backends
from moto.stepfunctions.models import StateMachine
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

    def delete(cls: type[StateMachine], /, name: str, resource: dict[str, Any], account: str, region: str) -> None:
        del cls, resource
        stepfunctions_parser_backends[account][region].delete_state_machine(name)

    return install(
        (StateMachine, "create_from_cloudformation_json", classmethod(create)),
        (StateMachine, "delete_from_cloudformation_json", classmethod(delete)),
    )


def _definition(properties: dict[str, Any], account: str, region: str) -> str:
    """The definition as JSON, with its substitutions."""
    text = _text(properties, account, region)
    for name, value in properties.get("DefinitionSubstitutions", {}).items():
        text = text.replace(f"${{{name}}}", str(value))
    return text


def _text(properties: dict[str, Any], account: str, region: str) -> str:
    if "DefinitionString" in properties:
        return str(properties["DefinitionString"])
    if "Definition" in properties:
        return json.dumps(properties["Definition"])
    place = properties["DefinitionS3Location"]
    stored: Any = s3_backends[account][get_partition(region)].get_object(place["Bucket"], place["Key"])
    return json.dumps(yaml.safe_load(stored.value))
