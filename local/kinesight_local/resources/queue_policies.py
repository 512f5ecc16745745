"""AWS::SQS::QueuePolicy. moto's CloudFormation ignores it. Set through SQS's API, it is readable but not enforced."""

import itertools
import json
from collections.abc import Callable, Mapping
from typing import Any, override

from kinesight_local.resources.base import Deployment, Resource, ResourceType
from kinesight_local.template import Document


class QueuePolicies(ResourceType):
    """Sets the policy on every queue that the resource names."""

    handles = frozenset({"AWS::SQS::QueuePolicy"})

    @override
    def references(self, resource: Resource) -> Mapping[str, Any]:
        parts: list[Any] = []
        _substitute(resource.properties["PolicyDocument"], parts.append)
        queues = {f"Target{n}": one for n, one in enumerate(resource.properties["Queues"])}
        return queues | {f"Part{n}": one for n, one in enumerate(parts)}

    @override
    def create(self, resource: Resource, deployment: Deployment) -> None:
        policy = json.dumps(self._policy(resource, deployment))
        for n in range(len(resource.properties["Queues"])):
            url = deployment.reference(resource.logical_id, f"Target{n}")
            deployment.client("sqs").set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})

    def _policy(self, resource: Resource, deployment: Deployment) -> Document:
        numbers = itertools.count()
        document: Document = _substitute(
            resource.properties["PolicyDocument"],
            lambda _: deployment.reference(resource.logical_id, f"Part{next(numbers)}"),
        )
        return document


def _substitute(node: Any, value_of: Callable[[Any], Any]) -> Any:
    """A copy in which `value_of(reference)` replaces every reference to another resource, in document order."""
    if isinstance(node, dict):
        if len(node) == 1 and (next(iter(node)) == "Ref" or next(iter(node)).startswith("Fn::")):
            return value_of(node)
        return {key: _substitute(one, value_of) for key, one in node.items()}
    return [_substitute(one, value_of) for one in node] if isinstance(node, list) else node
