"""The interface between a stack and the resource types that the local cloud creates itself."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Protocol

from kinesight_local.lambdas import InvocationResult
from kinesight_local.template import Document

Invoke = Callable[[Any], InvocationResult]


@dataclass(frozen=True, slots=True)
class Resource:
    """One resource of the expanded template."""

    logical_id: str
    type: str
    properties: Document


class Deployment(Protocol):
    """What a resource type reads from the stack that it belongs to."""

    @property
    def log_dir(self) -> Path:
        """One log file per function."""

    def client(self, service: str) -> Any:
        """A boto3 client for the local cloud."""

    def physical_name(self, logical_id: str) -> str:
        """The name of a function or state machine."""

    def reference(self, logical_id: str, name: str) -> str:
        """The resolved value of one of the resource's `references`."""

    def invoker(self, function_arn: str) -> Invoke:
        """Invokes any function of the local cloud."""


class ResourceType:
    """Creates the resources of one or several CloudFormation types. The base class references and creates nothing."""

    handles: ClassVar[frozenset[str]]
    """CloudFormation type names."""
    in_moto: ClassVar[bool] = False
    """Whether moto's CloudFormation creates these resources too; what it must not see is removed from its template."""

    def references(self, resource: Resource) -> Mapping[str, Any]:
        """Expressions that refer to other resources, by name. moto resolves them; see `Deployment.reference`."""
        del resource
        return {}

    def moto_properties(self, resource: Resource, physical_name: str) -> Document:
        """The properties that moto's CloudFormation gets."""
        del physical_name
        return resource.properties

    def create(self, resource: Resource, deployment: Deployment) -> None:
        """Called after moto has created the stack."""

    def before_delete(self) -> None:
        """Called before the functions of custom resources delete theirs: ends what would create those again."""

    def stop(self) -> None:
        """Ends all threads that `create` has started. May be called twice."""
