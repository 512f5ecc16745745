"""Creates leases for selected streams, and retires those of streams that are no longer selected.

Leases that the previous version stored in one partition are moved: the old one is retired, which takes it from its
consumer, and then the new one continues from its checkpoint.
"""

from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from kinesight.domain.batches import run_safely
from kinesight.domain.errors import KinesightError
from kinesight.domain.live.leases import Lease, all_leases, readable
from kinesight.domain.ports import Versioned, VersionedDocuments, VideoStream

_WRITERS = 16
_MOVED = "moved"
"""Owner of a previous lease that is moved: the run that retired it may have ended before it made the new one."""


@dataclass(slots=True)
class SyncReport:
    """Leases by stream ARN as they were read, those of the selected streams, and what changed. `unreadable`: names of
    streams with a lease that could not be read. `errors`: of single leases; the others were changed all the same."""

    known: dict[str, Lease] = field(default_factory=dict)
    current: dict[str, Lease] = field(default_factory=dict)
    added: int = 0
    retired: int = 0
    unreadable: list[str] = field(default_factory=list)
    errors: list[KinesightError] = field(default_factory=list)


def sync_leases(
    selected: Mapping[str, VideoStream],
    unknown: set[str],
    leases: VersionedDocuments,
    previous: VersionedDocuments,
    now_ms: int,
) -> SyncReport:
    """Synchronizes once. `unknown`: ARNs of streams that may be selected or not. Raises the errors of listing."""
    stored = leases.all()
    known = readable(stored)
    report = SyncReport()
    moved, unmoved = _move(stored, leases, previous, report.errors)
    known |= moved
    report.known = {arn: lease for arn, (lease, _) in known.items()}
    report.unreadable = [stream.name for arn, stream in selected.items() if arn in stored and arn not in known]

    def add(arn: str) -> tuple[Lease, bool] | None:
        """Returns the new lease, and whether it was stored: a concurrent run may have done so."""
        lease, version = known.get(arn, (None, stored[arn].version if arn in stored else 0))
        if lease is not None and not lease.retired:
            return None
        # Video that was recorded while the stream was not selected is not analyzed.
        new = Lease(stream_arn=arn, stream_name=selected[arn].name, since_ms=now_ms)
        if lease is not None:
            new = new.model_copy(update={"expires_at_ms": lease.expires_at_ms, "weight": lease.weight})
        return new, leases.save(arn, new.model_dump_json(), version)

    def retire(arn: str) -> bool:
        """This takes the lease from its consumer."""
        lease, version = known[arn]
        return leases.save(arn, _retired(lease, None).model_dump_json(), version)

    added = [one for one in in_parallel(add, selected.keys() - unmoved, report.errors) if one is not None]
    left = [arn for arn in known if arn not in selected and arn not in unknown and not known[arn][0].retired]
    report.added = sum(was_stored for _, was_stored in added)
    report.retired = sum(in_parallel(retire, left, report.errors))
    live = {arn: lease for arn, lease in report.known.items() if not lease.retired and arn not in left}
    report.current = live | {one.stream_arn: one for one, _ in added}
    return report


def in_parallel[T, R](action: Callable[[T], R], items: Iterable[T], errors: list[KinesightError]) -> list[R]:
    """Calls `action` for each item, and returns the results. The error of an item is added to `errors`."""
    results: list[R] = []

    def attempt(item: T) -> None:
        error = run_safely(lambda: results.append(action(item)))
        if error is not None:
            errors.append(error)

    with ThreadPoolExecutor(_WRITERS) as pool:
        list(pool.map(attempt, items))
    return results


def _move(
    stored: Mapping[str, Versioned],
    leases: VersionedDocuments,
    previous: VersionedDocuments,
    errors: list[KinesightError],
) -> tuple[dict[str, tuple[Lease, int]], set[str]]:
    """Returns the leases that were moved, and the ARNs of those that the next run moves: a new lease would lose their
    checkpoint."""

    def move(arn: str) -> Lease | None:
        found = previous.load(arn)
        lease = Lease.stored(found.body)
        if lease is None:
            return None
        if not lease.retired and not previous.save(arn, _retired(lease, _MOVED).model_dump_json(), found.version):
            return None  # its consumer moved the checkpoint: at the next run
        new = lease.model_copy(update={"retired": False, "owner": None, "expires_at_ms": 0})
        return new if arn not in stored and leases.save(arn, new.model_dump_json(), 0) else None

    waiting = [
        arn
        for arn, (lease, _) in all_leases(previous).items()
        if not lease.retired or (lease.owner == _MOVED and arn not in stored)
    ]
    moved = {one.stream_arn: (one, 1) for one in in_parallel(move, waiting, errors) if one is not None}
    return moved, set(waiting) - moved.keys() - stored.keys()


def _retired(lease: Lease, owner: str | None) -> Lease:
    return lease.model_copy(update={"retired": True, "owner": owner})
