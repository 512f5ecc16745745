"""A place among the live consumers → streams read until shortly before the time-out."""

from dataclasses import fields
from typing import Any

from kinesight.domain.consume_live import ConsumerReport, Ends, consume
from kinesight.lambda_events import consumer_start
from kinesight.observability import LambdaContext, count, logger, observed, tell_of_stream
from kinesight.wiring import consume_live as wiring

_ENDS = Ends()
_NOT_COUNTS = {"warnings", "_lock"}


@observed
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Takes the slot and the share of streams; answers with what was done, when the time is up."""
    slot, share = consumer_start(event)
    ports = wiring.ports(slot, _ENDS, context.get_remaining_time_in_millis)
    report = consume(wiring.new_owner(slot), wiring.plan(share), ports, _ENDS)
    return _tell(report)


def _tell(report: ConsumerReport) -> dict[str, Any]:
    for name, counts in report.streams.items():
        told = {one.name: getattr(counts, one.name) for one in fields(counts) if one.name not in _NOT_COUNTS}
        logger.info("read", stream_name=name, **told)
        tell_of_stream(name, told)
        for warning in counts.warnings:
            logger.warning(warning)
    for warning in report.warnings:
        logger.warning(warning)
    leases = {name: getattr(report, name) for name in ("taken", "stolen", "renewed", "lost", "released")}
    for name, value in leases.items():
        count(f"Leases{name.capitalize()}", value)
    return leases | {"streams": len(report.streams)}
