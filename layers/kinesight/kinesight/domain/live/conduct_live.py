"""conduct_live: creates leases for the selected streams, assigns them to slots, and starts a consumer per slot.

A slot is a number with the streams that its consumer reads; it stores when the consumer ends and its last heartbeat. A
slot without a consumer, or whose consumer ends soon, gets a new one; the slot is saved first, so that a concurrent run
does not start another. Two consumers in one slot do no harm: they share the leases.
"""

from collections import Counter
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field

from kinesight.domain.batches import classified
from kinesight.domain.errors import KinesightError
from kinesight.domain.live.assignments import Assignment, assign, read_assignment
from kinesight.domain.live.leases import Lease
from kinesight.domain.live.ports import ConsumerStarter
from kinesight.domain.live.sync_leases import in_parallel, sync_leases
from kinesight.domain.model import Value
from kinesight.domain.ports import StreamDirectory, Versioned, VersionedDocuments, VideoStream
from kinesight.domain.rate_limit import Clock, Pace
from kinesight.domain.streams.discovery import find_selected
from kinesight.domain.streams.selection import StreamSelection

_TAGS_PER_SECOND = 40.0
_WARNINGS = 20
_HEARTBEAT_TIMEOUT_MS = 30_000
"""A consumer without a heartbeat for this long has stopped, or was never started. It sends one every ten seconds."""
_OVERLAP_MS = 75_000
"""A successor is started this long before its predecessor ends: one run per minute, and a cold start."""


class Slot(Value):
    """Slot of a consumer, which stops reading at `ends_at_ms`."""

    ends_at_ms: int = 0
    heartbeat_at_ms: int = 0


@dataclass(frozen=True, slots=True)
class ConductorSettings:
    """`streams_per_consumer` is the most weight of a consumer's streams, `consumer_ms` how long it reads;
    `is_analyzed`: whether a stream, by its name, has a detector."""

    selection: StreamSelection
    streams_per_consumer: int
    consumer_ms: int
    is_analyzed: Callable[[str], bool] = lambda _: True


@dataclass(frozen=True, slots=True)
class ConductorPorts:
    """Ports of this function. `previous_leases` are those of the version before. `now_ms` is the current time in epoch
    milliseconds."""

    registry: StreamDirectory
    leases: VersionedDocuments
    previous_leases: VersionedDocuments
    assignments: VersionedDocuments
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
    errors: list[KinesightError] = field(default_factory=list)
    """Of single streams and slots; the others were changed all the same."""


def conduct(settings: ConductorSettings, ports: ConductorPorts) -> ConductorReport:
    """Runs once. Raises the errors of listing streams and documents; those of one stream or slot are in the report."""
    report = ConductorReport()
    known = {slot: (read_assignment(found), found.version) for slot, found in ports.assignments.all().items()}
    before = {slot: one.stream_arns for slot, (one, _) in known.items() if one.stream_arns}
    # First, since reading the tags of 10,000 streams takes minutes.
    slots = ports.slots.all()
    _start_consumers(before, slots, settings, ports, report)
    leases = _sync_leases(settings, ports, report)
    weights = {arn: lease.weight for arn, lease in leases.items()}
    after = assign(weights, before, settings.streams_per_consumer)
    changed = [slot for slot in {**before, **after} if after.get(slot, ()) != before.get(slot, ())]

    def save(slot: str) -> None:
        assignment = Assignment(stream_arns=after.get(slot, ()))
        ports.assignments.save(slot, assignment.model_dump_json(), known[slot][1] if slot in known else 0)

    in_parallel(save, changed, report.errors)
    report.consumers = len(after)
    _start_consumers({slot: arns for slot, arns in after.items() if slot not in before}, slots, settings, ports, report)
    return report


def _sync_leases(settings: ConductorSettings, ports: ConductorPorts, report: ConductorReport) -> Mapping[str, Lease]:
    """Returns the leases of the selected streams by ARN."""
    pace = Pace(ports.clock, _TAGS_PER_SECOND)
    found = find_selected(ports.registry.streams(), settings.selection, ports.registry.tags, pace)
    unknown = {stream.arn for stream, _ in found.unknown}
    selected = _selected(found.selected, unknown, settings, report)
    for stream, error in found.unknown[:_WARNINGS]:
        report.warnings.append(f"{stream.name}: {type(error).__name__}: {error}")
    before_s = ports.clock.now_s()
    sync = sync_leases(selected, unknown, ports.leases, ports.previous_leases, ports.now_ms)
    held = [one.owner for one in sync.known.values() if one.expires_at_ms > ports.now_ms]
    report.held = sorted(Counter(owner for owner in held if owner).values())
    report.sync_ms = round(1000 * (ports.clock.now_s() - before_s))
    report.streams, report.added, report.retired = len(selected), sync.added, sync.retired
    report.errors += sync.errors
    report.warnings += [f"{name}: its lease cannot be read, so reading begins now" for name in sync.unreadable]
    return sync.current


def _selected(
    streams: Collection[VideoStream], unknown: set[str], settings: ConductorSettings, report: ConductorReport
) -> dict[str, VideoStream]:
    """Returns the streams that are analyzed by ARN; adds those to `unknown` of which the configuration cannot say it,
    which leaves them as they are."""
    selected: dict[str, VideoStream] = {}
    for stream in streams:
        try:
            if settings.is_analyzed(stream.name):
                selected[stream.arn] = stream
        except Exception as error:  # noqa: BLE001 - an unexpected error leaves this stream unknown only
            unknown.add(stream.arn)
            report.errors.append(classified(error))
    return selected


def _start_consumers(
    assigned: Mapping[str, Collection[str]],
    slots: Mapping[str, Versioned],
    settings: ConductorSettings,
    ports: ConductorPorts,
    report: ConductorReport,
) -> None:
    """Starts a consumer for each slot without one."""

    def fill(slot: str) -> tuple[bool, bool]:
        """Returns whether the slot has a consumer, and whether one was started."""
        found = slots.get(slot, Versioned(0, None))
        known = Slot.stored(found.body) or Slot()
        is_active = ports.now_ms - known.heartbeat_at_ms < _HEARTBEAT_TIMEOUT_MS
        if is_active and known.ends_at_ms - ports.now_ms > _OVERLAP_MS:
            return True, False
        given = Slot(ends_at_ms=ports.now_ms + settings.consumer_ms, heartbeat_at_ms=ports.now_ms)
        if not ports.slots.save(slot, given.model_dump_json(), found.version):
            return is_active, False
        ports.starter.start(slot, len(assigned[slot]))
        return is_active, True

    filled = in_parallel(fill, assigned, report.errors)
    report.active += sum(is_active for is_active, _ in filled)
    report.started += sum(was_started for _, was_started in filled)


def save_heartbeat(slot: str, ends_at_ms: int, now_ms: int, slots: VersionedDocuments) -> None:
    """Stores a consumer's heartbeat, unless its slot belongs to its successor. Raises StorageBusyError."""
    found = slots.load(slot)
    known = Slot.stored(found.body) or Slot()
    if known.ends_at_ms <= ends_at_ms + _HEARTBEAT_TIMEOUT_MS:
        slot_now = Slot(ends_at_ms=ends_at_ms, heartbeat_at_ms=now_ms)
        slots.save(slot, slot_now.model_dump_json(), found.version)
