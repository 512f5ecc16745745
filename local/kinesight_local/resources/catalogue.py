"""The resource types that the local cloud handles itself; moto's CloudFormation creates all others.

To add one, write a class in a module of its own and list it here.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from kinesight_local.resources.base import Deployment, Resource, ResourceType
from kinesight_local.resources.buckets import Buckets
from kinesight_local.resources.functions import Functions
from kinesight_local.resources.not_created import NotCreated
from kinesight_local.resources.queue_policies import QueuePolicies
from kinesight_local.resources.scheduled_rules import ScheduledRules
from kinesight_local.resources.state_machines import StateMachines
from kinesight_local.resources.subscriptions import Subscriptions
from kinesight_local.resources.web_front import WebFront
from kinesight_local.template import Document

TYPES: tuple[type[ResourceType], ...] = (
    Functions,
    QueuePolicies,
    Buckets,
    Subscriptions,
    StateMachines,
    ScheduledRules,
    WebFront,
    NotCreated,
)
"""In the order of creation; `stop` goes the other way."""
_MOTO = ResourceType()
"""For resources that moto's CloudFormation creates without any help."""


class ResourceTypes:
    """One stack's instances of all resource types."""

    def __init__(self) -> None:
        self._all = [one() for one in TYPES]
        self._by_name = {name: one for one in self._all for name in one.handles}

    def is_in_moto(self, type_name: str) -> bool:
        """Whether moto's CloudFormation creates resources of this type."""
        return type_name not in self._by_name or self._by_name[type_name].in_moto

    def references(self, resource: Resource) -> Mapping[str, Any]:
        """See ResourceType.references."""
        return self._type_of(resource).references(resource)

    def moto_properties(self, resource: Resource, physical_name: str) -> Document:
        """See ResourceType.moto_properties."""
        return self._type_of(resource).moto_properties(resource, physical_name)

    def create(self, resources: Iterable[Resource], deployment: Deployment) -> None:
        """Creates all resources, type by type."""
        every = list(resources)
        for one in self._all:
            for resource in every:
                if resource.type in one.handles:
                    one.create(resource, deployment)

    def before_delete(self) -> None:
        """See ResourceType.before_delete."""
        for one in self._all:
            one.before_delete()

    def stop(self) -> None:
        """Ends all threads of all types."""
        for one in reversed(self._all):
            one.stop()

    def _type_of(self, resource: Resource) -> ResourceType:
        return self._by_name.get(resource.type, _MOTO)


def resources_of(document: Document) -> Iterator[Resource]:
    """The resources of an expanded template."""
    for logical_id, one in document["Resources"].items():
        yield Resource(logical_id, one["Type"], one.get("Properties", {}))
