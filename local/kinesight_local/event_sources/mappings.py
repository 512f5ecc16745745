"""The pollers of every event source mapping of moto's Lambda, whether the stack, another one or a call created it.

moto keeps the mapping, which the API can read, change, disable and delete; the pollers read it before each batch.
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from moto.awslambda.exceptions import UnknownFunctionException
from moto.awslambda.models import EventSourceMapping
from moto.awslambda.utils import get_backend

from kinesight_local.event_sources.poller import Poller, Switch
from kinesight_local.event_sources.queues import QueueSource
from kinesight_local.event_sources.streams import ShardReader, StreamSource, queue_url
from kinesight_local.functions import Functions
from kinesight_local.lambdas import InvocationResult
from kinesight_local.moto_support.arrivals import has_messages, newest_number

_SQS_THREADS = 2
_SERVICES = ("kinesis", "sqs")
_UNSUPPORTED = ("FilterCriteria", "TumblingWindowInSeconds")


class UnsupportedMappingError(Exception):
    """The local cloud cannot serve a mapping; the message names the property."""


class EventSourceMappings:
    """Serves mappings of queues and streams; moto itself serves those of DynamoDB."""

    def __init__(self, functions: Functions, client: Callable[[str], Any]) -> None:
        """`client` makes boto3 clients for the local cloud."""
        self._functions = functions
        self._client = client
        self._served: dict[str, tuple[Switch, list[Poller]]] = {}

    def check(self, properties: Mapping[str, Any]) -> None:
        """Raises UnsupportedMappingError for properties that change what the function or the destination receives, and
        would have no effect here. Properties that change the pace alone are accepted."""
        for name in _UNSUPPORTED:
            if properties.get(name):
                raise UnsupportedMappingError(f"The local cloud does not support {name} of an event source mapping.")
        destination = _failure_arn(properties.get("DestinationConfig"))
        if destination is not None and destination.split(":")[2] not in ("sqs", "sns"):
            message = f"The local cloud supports queues and topics as on-failure destinations, not {destination}."
            raise UnsupportedMappingError(message)

    def start(self, mapping: EventSourceMapping) -> None:
        """Starts to serve a mapping that moto has created. Raises ClientError if its source is missing."""
        service = mapping.event_source_arn.split(":")[2]
        if service in _SERVICES:
            switch = Switch(partial(_is_enabled, mapping))
            steps = self._of_queue(mapping, switch) if service == "sqs" else self._of_stream(mapping, switch)
            pollers = [Poller(f"{mapping.event_source_arn} {n}", step, switch) for n, step in enumerate(steps)]
            self._served[mapping.uuid] = switch, pollers

    def end(self, uuid: str) -> None:
        """Ends the service of a mapping after its current batch."""
        if uuid in self._served:
            switch, _ = self._served.pop(uuid)
            switch.end()

    def stop(self) -> None:
        """Ends the service of all mappings, and waits for their current batches."""
        served = list(self._served.values())
        for uuid in list(self._served):
            self.end(uuid)
        for _, pollers in served:
            for poller in pollers:
                poller.join()

    def _of_queue(self, mapping: EventSourceMapping, switch: Switch) -> list[Callable[[], bool]]:
        sqs, arn = self._client("sqs"), mapping.event_source_arn
        invoke, has_some = partial(self._invoke, mapping), has_messages(arn)
        url = queue_url(sqs, arn)

        def step() -> bool:
            return has_some() and _queue_source(mapping, url).poll(sqs, invoke, switch.wait)

        return [step] * _SQS_THREADS

    def _of_stream(self, mapping: EventSourceMapping, switch: Switch) -> list[Callable[[], bool]]:
        source, invoke = partial(_stream_source, mapping), partial(self._invoke, mapping)
        described = self._client("kinesis").describe_stream(StreamName=source().stream_name)["StreamDescription"]
        return [
            ShardReader(source, one, self._client, invoke, switch, newest_number(mapping.event_source_arn, one)).poll
            for one in (shard["ShardId"] for shard in described["Shards"])
        ]

    def _invoke(self, mapping: EventSourceMapping, event: Any) -> InvocationResult:
        """Invokes the mapping's current function."""
        return self._functions.invoker(mapping.function_arn)(event)


def _is_enabled(mapping: EventSourceMapping) -> bool:
    """Also whether its function exists and may run."""
    try:
        function = get_backend(mapping.account_id, mapping.region).get_function(mapping.function_arn)
    except UnknownFunctionException:
        return False
    return bool(mapping.enabled) and function.reserved_concurrency != 0


def _queue_source(mapping: EventSourceMapping, url: str) -> QueueSource:
    return QueueSource(
        queue_url=url,
        queue_arn=mapping.event_source_arn,
        region=mapping.region,
        batch_size=mapping.batch_size,
        reports_failures=_reports_failures(mapping),
        window_s=float(mapping.max_batch_window or 0),
    )


def _stream_source(mapping: EventSourceMapping) -> StreamSource:
    return StreamSource(
        stream_name=mapping.event_source_arn.rpartition("/")[2],
        stream_arn=mapping.event_source_arn,
        function_arn=mapping.function_arn,
        region=mapping.region,
        batch_size=mapping.batch_size,
        window_s=float(mapping.max_batch_window or 0),
        retries=_limit(mapping.max_retry_attempts),
        oldest_s=_limit(mapping.max_record_age),
        bisects=str(mapping.bisect_on_error).lower() == "true",
        reports_failures=_reports_failures(mapping),
        failure_arn=_failure_arn(mapping.destination_config),
        starts_at=str(mapping.starting_position),
        starts_at_time=mapping.starting_position_timestamp,
    )


def _limit(value: Any) -> int | None:
    """-1, the default, is no limit (CreateEventSourceMapping)."""
    return None if value is None or int(value) == -1 else int(value)


def _failure_arn(destinations: Any) -> str | None:
    arn = ((destinations or {}).get("OnFailure") or {}).get("Destination")
    return str(arn) if arn else None


def _reports_failures(mapping: EventSourceMapping) -> bool:
    return "ReportBatchItemFailures" in (mapping.function_response_types or [])
