"""conduct_live: creates leases for the selected streams and starts as many consumers as they need.

A consumer runs in a numbered slot, which stores when it ends and its last heartbeat. A slot without a consumer, or
whose consumer ends soon, gets a new one; the slot is saved first, so that a concurrent run does not start another. Two
consumers in one slot do no harm: they share the leases.
"""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from kinesight.domain.live.leases import Lease, readable
from kinesight.domain.live.ports import ConsumerStarter
from kinesight.domain.model import Value
from kinesight.domain.ports import StreamDirectory, Versioned, VersionedDocuments, VideoStream
from kinesight.domain.rate_limit import Clock, Pace
from kinesight.domain.streams.discovery import find_selected
from kinesight.domain.streams.selection import StreamSelection

_TAGS_PER_SECOND = 40.0
_WARNINGS = 20
_HEARTBEAT_TIMEOUT_MS = 45_000
"""A consumer without a heartbeat for this long has stopped, or was never started."""
_OVERLAP_MS = 75_000
"""A successor is started this long before its predecessor ends: one run per minute, and a cold start."""


class Slot(Value):
    """Slot of a consumer, which stops reading at `ends_at_ms`."""

    ends_at_ms: int = 0
    heartbeat_at_ms: int = 0


@dataclass(frozen=True, slots=True)
class ConductorSettings:
    """`consumer_ms` is how long a consumer reads; `is_analyzed`: whether a stream, by its name, has a detector."""

    selection: StreamSelection
    streams_per_consumer: int
    consumer_ms: int
    is_analyzed: Callable[[str], bool] = lambda _: True


@dataclass(frozen=True, slots=True)
class ConductorPorts:
    """Ports of this function. `now_ms` is the current time in epoch milliseconds."""

    registry: StreamDirectory
    leases: VersionedDocuments
    slots: VersionedDocuments
    starter: ConsumerStarter
    clock: Clock
    now_ms: int


@dataclass(slots=True)
class ConductorReport:
    """Result of a run. `active` counts the consumers with a recent heartbeat; `held` the leases per consumer."""

    streams: int = 0
    added: int = 0
    retired: int = 0
    sync_ms: int = 0
    consumers: int = 0
    active: int = 0
    started: int = 0
    held: list[int] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


def conduct(settings: ConductorSettings, ports: ConductorPorts) -> ConductorReport:
    """Runs once. Raises the errors of listing streams and documents."""
    report = ConductorReport()
    pace = Pace(ports.clock, _TAGS_PER_SECOND)
    found = find_selected(ports.registry.streams(), settings.selection, ports.registry.tags, pace)
    selected = {stream.arn: stream for stream in found.selected if settings.is_analyzed(stream.name)}
    for stream, error in found.unknown[:_WARNINGS]:
        report.warnings.append(f"{stream.name}: {type(error).__name__}: {error}")
    before_s = ports.clock.now_s()
    _sync_leases(selected, {stream.arn for stream, _ in found.unknown}, ports, report)
    report.sync_ms = round(1000 * (ports.clock.now_s() - before_s))
    report.streams = len(selected)
    report.consumers = -(-len(selected) // settings.streams_per_consumer)
    if report.consumers:
        share = -(-len(selected) // report.consumers)
        slots = ports.slots.all()
        for number in range(report.consumers):
            _fill(f"{number:04}", share, slots, settings, ports, report)
    return report


def _sync_leases(
    selected: Mapping[str, VideoStream], unknown: set[str], ports: ConductorPorts, report: ConductorReport
) -> None:
    stored = ports.leases.all()
    known = readable(stored)
    owners = Counter(one.owner for one, _ in known.values() if one.owner and one.expires_at_ms > ports.now_ms)
    report.held = sorted(owners.values())
    for arn, stream in selected.items():
        if arn not in known:
            lease = Lease(stream_arn=arn, stream_name=stream.name, since_ms=ports.now_ms)
            version = stored[arn].version if arn in stored else 0
            if version:
                report.warnings.append(f"{stream.name}: its lease cannot be read, so reading begins now")
            report.added += ports.leases.save(arn, lease.model_dump_json(), version)
        elif known[arn][0].retired:
            lease, version = known[arn]
            # Video that was recorded while the stream was not selected is not analyzed.
            back = lease.model_copy(
                update={"retired": False, "checkpoint": None, "since_ms": ports.now_ms, "owner": None}
            )
            report.added += ports.leases.save(arn, back.model_dump_json(), version)
    for arn, (lease, version) in known.items():
        if arn not in selected and arn not in unknown and not lease.retired:
            # This takes the lease from its consumer.
            retired = lease.model_copy(update={"retired": True, "owner": None})
            report.retired += ports.leases.save(arn, retired.model_dump_json(), version)


def _fill(
    slot: str,
    share: int,
    slots: Mapping[str, Versioned],
    settings: ConductorSettings,
    ports: ConductorPorts,
    report: ConductorReport,
) -> None:
    found = slots.get(slot, Versioned(0, None))
    known = Slot.stored(found.body) or Slot()
    is_active = ports.now_ms - known.heartbeat_at_ms < _HEARTBEAT_TIMEOUT_MS
    report.active += is_active
    if is_active and known.ends_at_ms - ports.now_ms > _OVERLAP_MS:
        return
    given = Slot(ends_at_ms=ports.now_ms + settings.consumer_ms, heartbeat_at_ms=ports.now_ms)
    if ports.slots.save(slot, given.model_dump_json(), found.version):
        ports.starter.start(slot, share)
        report.started += 1


def save_heartbeat(slot: str, ends_at_ms: int, now_ms: int, slots: VersionedDocuments) -> None:
    """Stores a consumer's heartbeat, unless its slot belongs to its successor. Raises StorageBusyError."""
    found = slots.load(slot)
    known = Slot.stored(found.body) or Slot()
    if known.ends_at_ms <= ends_at_ms + _HEARTBEAT_TIMEOUT_MS:
        slot_now = Slot(ends_at_ms=ends_at_ms, heartbeat_at_ms=now_ms)
        slots.save(slot, slot_now.model_dump_json(), found.version)
