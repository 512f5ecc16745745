"""What a deployed stack tells about itself, on the local cloud or in a real account."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from kinesight.domain.rules.document import RulesDocument
from kinesight.domain.rules.matching import Rules

if TYPE_CHECKING:
    from mypy_boto3_cloudformation.type_defs import StackTypeDef

_CLIENT = Config(retries={"mode": "standard"}, connect_timeout=10, read_timeout=30)


class StackError(Exception):
    """The stack can't be found, or is of another version; the message says what to do."""


def output(stack_name: str, name: str) -> str:
    """Raises StackError."""
    outputs = {one["OutputKey"]: one["OutputValue"] for one in _described(stack_name).get("Outputs", [])}
    if name not in outputs:
        raise StackError(f"the stack {stack_name} has no output {name}: deploy this version of Kinesight first")
    return outputs[name]


@dataclass(frozen=True, slots=True)
class Resources:
    """The physical ids of a stack's resources by their logical ids; `types` are CloudFormation's."""

    account_id: str
    ids: Mapping[str, str]
    types: Mapping[str, str]

    def of_type(self, kind: str) -> dict[str, str]:
        """Physical ids by logical ids."""
        return {name: self.ids[name] for name, one in self.types.items() if one == kind}

    def function(self, logical_id: str) -> str:
        """What to invoke: the function's alias, where this version of the stack has one."""
        return self.ids.get(f"{logical_id}Aliaslive", self.ids[logical_id])


def resources(stack_name: str) -> Resources:
    """Raises StackError."""
    stack = _described(stack_name)
    try:
        pages = boto3.client("cloudformation", config=_CLIENT).get_paginator("list_stack_resources")
        found = [one for page in pages.paginate(StackName=stack_name) for one in page["StackResourceSummaries"]]
    except (BotoCoreError, ClientError) as error:
        raise StackError(f"the resources of {stack_name} can't be listed: {error}") from error
    return Resources(
        stack["StackId"].split(":")[4],
        {one["LogicalResourceId"]: one.get("PhysicalResourceId", "") for one in found},
        {one["LogicalResourceId"]: one["ResourceType"] for one in found},
    )


def default_rules(stack_name: str, document: RulesDocument | None) -> Rules:
    """The rules of this document, and the stack's parameters for streams it does not name. Raises StackError."""
    known = parameters(stack_name)
    return Rules.of(known["Labels"].split(","), float(known["MinimumConfidence"]), document)


def parameters(stack_name: str) -> dict[str, str]:
    """As it was deployed. Raises StackError."""
    return {one["ParameterKey"]: one["ParameterValue"] for one in _described(stack_name).get("Parameters", [])}


def _described(stack_name: str) -> StackTypeDef:
    try:
        (stack,) = boto3.client("cloudformation", config=_CLIENT).describe_stacks(StackName=stack_name)["Stacks"]
    except (BotoCoreError, ClientError) as error:
        raise StackError(f"there is no stack {stack_name} to be found: {error}; --stack names another") from error
    return stack
