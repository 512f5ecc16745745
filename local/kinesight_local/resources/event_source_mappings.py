"""AWS::Lambda::EventSourceMapping, polled by event_sources.py as long as moto reports the mapping as enabled."""

from collections.abc import Mapping
from functools import partial
from typing import Any, override

from kinesight_local.event_sources import Poller, QueueSource, StreamSource
from kinesight_local.moto_support.arrivals import has_messages, newest_number
from kinesight_local.moto_support.hooks import register_mapping
from kinesight_local.resources.base import Deployment, Resource, ResourceType
from kinesight_local.template import Document


class EventSourceMappings(ResourceType):
    """SQS queues and Kinesis streams."""

    handles = frozenset({"AWS::Lambda::EventSourceMapping"})

    def __init__(self) -> None:
        self._pollers: list[Poller] = []

    @override
    def references(self, resource: Resource) -> Mapping[str, Any]:
        failure = resource.properties.get("DestinationConfig", {}).get("OnFailure", {}).get("Destination")
        found = {"Source": resource.properties["EventSourceArn"], "Function": resource.properties["FunctionName"]}
        return found | ({"Failure": failure} if failure else {})

    @override
    def create(self, resource: Resource, deployment: Deployment) -> None:
        source, function = (deployment.reference(resource.logical_id, name) for name in ("Source", "Function"))
        invoke = deployment.invoker(function)
        is_enabled = register_mapping(deployment.client("lambda"), source, function)
        sqs = deployment.client("sqs")
        if source.split(":")[2] == "sqs":
            queue = _queue_source(resource.properties, source, sqs)
            self._pollers += queue.pollers(sqs, invoke, is_enabled, has_messages(source))
            return
        failure = deployment.reference(resource.logical_id, "Failure") if "Failure" in self.references(resource) else ""
        stream = _stream_source(resource.properties, source, function, _queue_url(sqs, failure) if failure else None)
        kinesis = deployment.client("kinesis")
        self._pollers += stream.pollers(kinesis, sqs, invoke, is_enabled, partial(newest_number, source))

    @override
    def stop(self) -> None:
        for poller in self._pollers:
            poller.stop()
        for poller in self._pollers:
            poller.join()


def _queue_source(properties: Document, arn: str, sqs: Any) -> QueueSource:
    return QueueSource(
        queue_url=_queue_url(sqs, arn),
        queue_arn=arn,
        region=arn.split(":")[3],
        batch_size=int(properties.get("BatchSize", 10)),
        reports_failures=_reports_failures(properties),
    )


def _stream_source(properties: Document, arn: str, function_arn: str, failure_queue_url: str | None) -> StreamSource:
    return StreamSource(
        stream_name=arn.rpartition("/")[2],
        stream_arn=arn,
        function_arn=function_arn,
        region=arn.split(":")[3],
        batch_size=int(properties.get("BatchSize", 100)),
        window_s=float(properties.get("MaximumBatchingWindowInSeconds", 0)),
        retries=int(properties.get("MaximumRetryAttempts", 10_000)),
        bisects=bool(properties.get("BisectBatchOnFunctionError", False)),
        reports_failures=_reports_failures(properties),
        failure_queue_url=failure_queue_url,
        from_latest=properties.get("StartingPosition") == "LATEST",
    )


def _reports_failures(properties: Document) -> bool:
    return "ReportBatchItemFailures" in properties.get("FunctionResponseTypes", [])


def _queue_url(sqs: Any, arn: str) -> str:
    return str(sqs.get_queue_url(QueueName=arn.rpartition(":")[2])["QueueUrl"])
