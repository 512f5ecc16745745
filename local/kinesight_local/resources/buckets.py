"""AWS::S3::Bucket. moto's CloudFormation ignores versioning and event notifications: they are set through S3's API."""

from collections.abc import Mapping
from typing import Any, override

from kinesight_local.resources.base import Deployment, Resource, ResourceType
from kinesight_local.template import Document


class Buckets(ResourceType):
    """Of notifications, those to queues only."""

    handles = frozenset({"AWS::S3::Bucket"})
    in_moto = True

    @override
    def references(self, resource: Resource) -> Mapping[str, Any]:
        queues = {f"Queue{n}": one["Queue"] for n, one in enumerate(_queues(resource))}
        return queues | {"Name": {"Ref": resource.logical_id}}

    @override
    def create(self, resource: Resource, deployment: Deployment) -> None:
        name, s3 = deployment.reference(resource.logical_id, "Name"), deployment.client("s3")
        if versioning := resource.properties.get("VersioningConfiguration"):
            s3.put_bucket_versioning(Bucket=name, VersioningConfiguration=versioning)
        entries = [
            {"QueueArn": deployment.reference(resource.logical_id, f"Queue{n}"), "Events": [one["Event"]]}
            | _filter(one)
            for n, one in enumerate(_queues(resource))
        ]
        if entries:
            s3.put_bucket_notification_configuration(
                Bucket=name, NotificationConfiguration={"QueueConfigurations": entries}
            )


def _queues(resource: Resource) -> list[Document]:
    configuration = resource.properties.get("NotificationConfiguration", {})
    queues: list[Document] = configuration.get("QueueConfigurations", [])
    return queues


def _filter(configuration: Document) -> Document:
    """Converts CloudFormation's form of a filter to the form of S3's API."""
    rules = configuration.get("Filter", {}).get("S3Key", {}).get("Rules")
    return {"Filter": {"Key": {"FilterRules": rules}}} if rules else {}
