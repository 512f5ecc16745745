"""Outputs, parameters and resources of a deployed stack, on the local cloud or in an AWS account."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError
from kinesight.domain.configuration.configuration import Configuration
from kinesight.domain.configuration.document import ConfigurationDocument
from kinesight.domain.streams.selection import StreamSelection
from kinesight.settings import SelectionSettings

from kinesight_cli.shared import aws_session
from kinesight_cli.shared.errors import CommandError
from kinesight_cli.shared.parameter_layer import parameter_layer

if TYPE_CHECKING:
    from mypy_boto3_cloudformation.client import CloudFormationClient
    from mypy_boto3_cloudformation.type_defs import StackTypeDef


class StackError(CommandError):
    """The stack cannot be described, or was deployed from another version."""


@dataclass(frozen=True, slots=True)
class Resources:
    """Physical ids of a stack's resources by logical id; `types` are CloudFormation's.

    `ids` also has what existed before the stack and is used in a resource's place, `types` has not.
    """

    account_id: str
    ids: Mapping[str, str]
    types: Mapping[str, str]

    def of_type(self, kind: str) -> dict[str, str]:
        """Returns physical ids by logical id."""
        return {name: self.ids[name] for name, one in self.types.items() if one == kind}

    def function(self, logical_id: str) -> str:
        """Returns what to invoke: the alias of the function if this version of the stack has one."""
        return self.ids.get(f"{logical_id}Aliaslive", self.ids[logical_id])


@dataclass(frozen=True, slots=True)
class Place:
    """Where a stack is deployed."""

    partition: str
    region: str
    account_id: str


_EXISTING = {"ImagesBucket": "ImagesBucketName", "NotificationTopic": "NotificationTopicArn"}


def existing_resources(stack_parameters: Mapping[str, str]) -> dict[str, str]:
    """Returns what existed before the stack, by the logical id of the resource in whose place it is used."""
    named = {logical_id: stack_parameters.get(name, "") for logical_id, name in _EXISTING.items()}
    return {logical_id: name for logical_id, name in named.items() if name}


def output(stack_name: str, name: str) -> str:
    """Returns the value of an output. Raises StackError."""
    outputs = {one["OutputKey"]: one["OutputValue"] for one in _described(stack_name).get("Outputs", [])}
    if name not in outputs:
        raise StackError(f"the stack {stack_name} has no output {name}: deploy this version of Kinesight first")
    return outputs[name]


def resources(stack_name: str) -> Resources:
    """Lists the resources of a stack. Raises StackError."""
    stack = _described(stack_name)
    try:
        pages = aws_session.client("cloudformation").get_paginator("list_stack_resources")
        found = [one for page in pages.paginate(StackName=stack_name) for one in page["StackResourceSummaries"]]
    except (BotoCoreError, ClientError) as error:
        problem = aws_session.problem(error)
        raise StackError(f"cannot list the resources of the stack {stack_name}: {problem}") from error
    created = {one["LogicalResourceId"]: one.get("PhysicalResourceId", "") for one in found}
    return Resources(
        account_of(stack["StackId"]),
        created | existing_resources(parameters_of(stack)),
        {one["LogicalResourceId"]: one["ResourceType"] for one in found},
    )


def deployed_configuration(stack_name: str, document: ConfigurationDocument | None) -> Configuration:
    """Returns a document over the stack's parameters. Raises StackError, ParameterError."""
    return Configuration(parameter_layer(parameters(stack_name)).settings, document)


def parameters(stack_name: str) -> dict[str, str]:
    """Returns the parameters that the stack was deployed with. Raises StackError."""
    return parameters_of(_described(stack_name))


def parameters_of(stack: StackTypeDef) -> dict[str, str]:
    """Returns the parameters of a described stack."""
    return {one["ParameterKey"]: one["ParameterValue"] for one in stack.get("Parameters", [])}


def selection_of(stack_parameters: Mapping[str, str]) -> StreamSelection:
    """Returns which streams the parameters of a stack select. Raises InvalidSettingError."""
    names = {"stream_names": "StreamNames", "tag_filters": "TagFilters"}
    chosen = SelectionSettings.model_validate({field: stack_parameters.get(name, "") for field, name in names.items()})
    return StreamSelection.read(chosen.stream_names, chosen.tag_filters)


def place(stack_name: str) -> Place:
    """Returns partition, Region and account in the ARN of a stack. Raises StackError."""
    _, partition, _, region, account_id, *_ = _described(stack_name)["StackId"].split(":")
    return Place(partition, region, account_id)


def account_of(stack_id: str) -> str:
    """Returns the account in the ARN of a stack."""
    return stack_id.split(":")[4]


def find_stack(name_or_id: str) -> StackTypeDef | None:
    """Returns the description of a stack, None if there is none. A deleted stack has only its id, for 90 days
    (API_DescribeStacks). Raises StackError."""
    try:
        client: CloudFormationClient = aws_session.client("cloudformation")
        (stack,) = client.describe_stacks(StackName=name_or_id)["Stacks"]
    except (BotoCoreError, ClientError) as error:
        if isinstance(error, ClientError) and error.response["Error"].get("Code") == "ValidationError":
            return None
        raise StackError(f"cannot describe the stack {name_or_id}: {aws_session.problem(error)}") from error
    return stack


def _described(stack_name: str) -> StackTypeDef:
    stack = find_stack(stack_name)
    if stack is None:
        region = aws_session.session().region_name
        raise StackError(
            f"there is no stack {stack_name} in the Region {region}: pass the name of a deployed stack as --stack, and "
            "its Region as --region"
        )
    return stack
