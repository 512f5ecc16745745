"""Logger and metrics, and the one decorator that every handler wears."""

from collections.abc import Callable
from functools import wraps
from typing import Any, cast

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext

NAMESPACE = "Kinesight"

logger = Logger()
metrics = Metrics(namespace=NAMESPACE)

Handler = Callable[[dict[str, Any], LambdaContext], Any]


def observed(handler: Handler) -> Handler:
    """Adds the request id to every log line, and flushes the metrics when the handler ends.

    An exception is logged once, here, and goes on to Lambda.
    """

    @logger.inject_lambda_context
    @metrics.log_metrics(capture_cold_start_metric=True, raise_on_empty_metrics=False)
    @wraps(handler)
    def wrapper(event: dict[str, Any], context: LambdaContext) -> Any:
        try:
            return handler(event, context)
        except Exception:  # the boundary: logged with its stack, then Lambda's own retry rules apply
            logger.exception("the handler failed")
            raise

    return cast(Handler, wrapper)


def count(name: str, value: int) -> None:
    """Adds to a counter of this invocation."""
    metrics.add_metric(name=name, unit=MetricUnit.Count, value=value)


__all__ = ["LambdaContext", "count", "logger", "observed"]
