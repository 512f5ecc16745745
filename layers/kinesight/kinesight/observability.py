"""Logger and metrics, and the decorator of every handler.

Metrics are documents on standard output, in CloudWatch's embedded metric format: they cost no call and no wait. A count
of 0 is not written: a metric is paid for every hour in which it has a value.

LogLevel is applied here, not by Lambda. Lambda gives INFO to a document without a level, as metrics are, and to one
with a timestamp other than RFC 3339, as Powertools writes: ApplicationLogLevel WARN would drop both ("Log-level
filtering").
"""

import logging
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from functools import cache, wraps
from typing import Any, cast

from aws_lambda_powertools import Logger
from aws_lambda_powertools.metrics import EphemeralMetrics
from aws_lambda_powertools.utilities.typing import LambdaContext

from kinesight.domain.batches import classified
from kinesight.metric_catalogue import NAMESPACE, Metric, Unit
from kinesight.settings import ObservabilitySettings

logger = Logger(location=None, xray_trace_id=None)

Handler = Callable[[dict[str, Any], LambdaContext], Any]

_of_run: defaultdict[Metric, list[int]] = defaultdict(list)
"""Counts of the current invocation: there is one at a time in a process."""


def observed(handler: Handler) -> Handler:
    """Adds the request id to every log line, and writes the metrics when the handler ends.

    Not the function's name, ARN and memory, nor the place in the code, which Powertools would add: logs are paid by the
    byte, and a log group belongs to one function.

    An exception is logged once, here, and raised again to Lambda: as UnexpectedError if it is not one of Kinesight's,
    by whose name Step Functions retries it.
    """

    @wraps(handler)
    def wrapper(event: dict[str, Any], context: LambdaContext) -> Any:
        logger.append_keys(function_request_id=context.aws_request_id)
        try:
            _apply_log_level()
            return handler(event, context)
        except Exception as error:  # the boundary: logged with its stack, then Lambda's own retry rules apply
            logger.exception("the handler failed")
            known = classified(error)
            if known is error:
                raise
            raise known from error
        finally:
            write_metrics(_of_run)
            _of_run.clear()

    return cast(Handler, wrapper)


def count(metric: Metric, value: int) -> None:
    """Adds to a counter of this invocation."""
    if value:
        measure(metric, [value])


def measure(metric: Metric, values: Sequence[int]) -> None:
    """Adds values, zeros too, in the metric's own unit."""
    _of_run[metric] += values


def count_kinds(metric: Metric, kinds: Mapping[str, int]) -> None:
    """Counts of a metric that has a `split`, by kind: under `Kind`, and added up without it."""
    for kind, value in kinds.items():
        write_metrics({metric: [value]}, Kind=kind)


def emit_stream_metrics(stream_name: str, values: Mapping[Metric, Sequence[int]]) -> None:
    """Writes metrics of a stream under StreamName too; with an empty name, only with those of the others."""
    written = {
        metric: listed for metric, listed in values.items() if any(listed) or metric.value.unit is not Unit.COUNT
    }
    if stream_name:
        write_metrics(written, StreamName=stream_name)
    else:
        write_metrics(written)


def write_metrics(values: Mapping[Metric, Sequence[float]], service: str | None = None, **further: str) -> None:
    """Writes one document, under the stack and the service, and under these with `further` dimensions as well.

    `service` is this function's own by default.
    """
    stack = {"Stack": _settings().stack_name}
    document = EphemeralMetrics(namespace=NAMESPACE, service=service, default_dimensions=stack)
    if further:
        document.add_dimensions(service=service or _settings().powertools_service_name, **further)
    for metric, listed in values.items():
        for value in listed:
            document.add_metric(name=metric.value.name, unit=metric.value.unit, value=value)
    if document.metric_set:
        document.flush_metrics()


@cache
def _apply_log_level() -> None:
    """Sets the level that Powertools takes from AWS_LAMBDA_LOG_LEVEL if Lambda sets that. Other loggers write no DEBUG:
    botocore's lines have the session token."""
    level = logging.getLevelNamesMapping()[_settings().powertools_log_level]
    logging.getLogger(logger.name).setLevel(level)
    logging.getLogger().setLevel(max(level, logging.INFO))


@cache
def _settings() -> ObservabilitySettings:
    return ObservabilitySettings.from_environment()


__all__ = [
    "LambdaContext",
    "count",
    "count_kinds",
    "emit_stream_metrics",
    "logger",
    "measure",
    "observed",
    "write_metrics",
]
