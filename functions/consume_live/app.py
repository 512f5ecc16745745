"""A place among the live consumers → streams read until shortly before the time-out."""

from collections.abc import Mapping
from typing import Any

from kinesight.domain.consume_live import ConsumerReport, Ends, consume
from kinesight.lambda_events import consumer_start
from kinesight.observability import LambdaContext, count, logger, observed, tell_of_spending, tell_of_stream
from kinesight.wiring import consume_live as wiring
from kinesight.wiring.spending import tally

_ENDS = Ends()


@observed
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Takes the slot and the share of streams; answers with what was done, when the time is up."""
    slot, share = consumer_start(event)
    ports = wiring.ports(slot, _ENDS, context.get_remaining_time_in_millis, _tell_stream)
    return _tell(consume(wiring.new_owner(slot), wiring.plan(share), ports, _ENDS))


def _tell_stream(stream_name: str, counted: Mapping[str, int]) -> None:
    logger.info("read", stream_name=stream_name, counted=dict(counted))
    tell_of_stream(stream_name, counted)
    tell_of_spending(tally.drain())


def _tell(report: ConsumerReport) -> dict[str, Any]:
    for warning in [*report.warnings, *(one for counts in report.streams.values() for one in counts.warnings)]:
        logger.warning(warning)
    leases = {name: getattr(report, name) for name in ("taken", "stolen", "renewed", "lost", "released")}
    for name, value in leases.items():
        count(f"Leases{name.capitalize()}", value)
    tell_of_spending(tally.drain())
    return leases | {"streams": len(report.streams)}
