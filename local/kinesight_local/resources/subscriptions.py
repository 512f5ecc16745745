"""AWS::SNS::Subscription. moto's CloudFormation does not support it; moto sends no mail."""

from collections.abc import Mapping
from typing import Any, override

from kinesight_local.resources.base import Deployment, Resource, ResourceType


class Subscriptions(ResourceType):
    """Made through SNS's API."""

    handles = frozenset({"AWS::SNS::Subscription"})

    @override
    def references(self, resource: Resource) -> Mapping[str, Any]:
        return {name: resource.properties[name] for name in ("TopicArn", "Endpoint")}

    @override
    def create(self, resource: Resource, deployment: Deployment) -> None:
        topic, endpoint = (deployment.reference(resource.logical_id, name) for name in ("TopicArn", "Endpoint"))
        protocol = resource.properties["Protocol"]
        deployment.client("sns").subscribe(TopicArn=topic, Protocol=protocol, Endpoint=endpoint)
