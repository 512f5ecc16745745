"""archive_session: the clip of an ended session, from pre-roll to post-roll → archived fragments, and their list.

Fragments that are archived already are not fetched again, so orders are idempotent and sessions may overlap. When time
runs out, which is checked before each call, progress is stored with the session, and the order returns to the queue.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from kinesight.domain.analysis.result_records import archive_key, fragment_day
from kinesight.domain.batches import FailedItems, ItemFailure, QueuedMessage, classified
from kinesight.domain.errors import NoRetentionError, StreamGoneError
from kinesight.domain.model import from_epoch_ms, to_epoch_ms
from kinesight.domain.ports import (
    LONGEST_FRAGMENT_MS,
    DeadLetters,
    DelayedMessages,
    EvidenceStore,
    FragmentArchive,
    FragmentIndex,
    FragmentMedia,
    FragmentSpan,
    StreamDirectory,
)
from kinesight.domain.sessions.clip import ClipFragment, ClipOrder, MissingPart, SessionClip, SessionRef
from kinesight.domain.sessions.ports import SessionClips

MOST_FRAGMENTS = 2000
"""Of one session: at 140 bytes each, their list stays below DynamoDB's item limit of 400 KB."""

_MOST_GAPS = 100
_LONGEST_PAUSE_MS = 1000
"""Between two fragments; no more than the time between two frames of a slow camera."""

_FRAGMENTS_AT_ONCE = 25
"""Checked, then fetched: few, so that slow checks leave time to fetch."""

_MARGIN_MS = 30_000
"""Remaining time that is reserved to fetch and store one more fragment (50 MB at most) and the list."""

_LONGEST_REASON = 200


class LegalHold(Protocol):
    """Copies of the evidence of held sessions, which do not expire."""

    def renew(self, session: SessionRef) -> None:
        """Copies new evidence if the session is held. Raises StorageBusyError, and EvidenceTooLargeError for a session
        with more images than are copied."""


@dataclass(frozen=True, slots=True)
class ArchivePorts:
    """Ports of this verb. `remaining_ms`: remaining time of this invocation; `now_ms`: current time."""

    index: FragmentIndex
    streams: StreamDirectory
    fragments: FragmentArchive
    store: EvidenceStore
    videos: SessionClips
    legal_hold: LegalHold
    orders: DelayedMessages
    dead_letters: DeadLetters
    remaining_ms: Callable[[], int]
    now_ms: Callable[[], int]


@dataclass(slots=True)
class ArchiveReport(FailedItems):
    """Outcome of a batch.

    `fragments` were archived by this batch, `archived_bytes` in total. `superseded`: a later order was processed first,
    or the session is deleted.
    """

    fragments: int = 0
    archived_bytes: int = 0
    completed: list[tuple[SessionRef, SessionClip]] = field(default_factory=list)
    continued: int = 0
    superseded: int = 0


@dataclass(slots=True)
class _Progress:
    """Fragment numbers: all of the clip, archived, and refused with the reason."""

    all: list[str]
    kept: set[str]
    refused: dict[str, str]

    @property
    def left(self) -> list[str]:
        """Those that are neither."""
        return [number for number in self.all if number not in self.kept and number not in self.refused]


def archive_sessions(messages: Sequence[QueuedMessage], ports: ArchivePorts) -> ArchiveReport:
    """Archives the clips of a batch of orders. Failures are in the report, never raised."""
    report = ArchiveReport()
    for message in messages:
        session_id = None
        try:
            order = ClipOrder.parse(message.body)
            session_id = order.video_of
            _archive(order, ports, report)
        except Exception as error:  # noqa: BLE001 - an unexpected error fails this order only
            failure = ItemFailure(message.message_id, classified(error), session_id)
            report.fail_message(message, ports.dead_letters, failure)
    return report


def _archive(order: ClipOrder, ports: ArchivePorts, report: ArchiveReport) -> None:
    before = ports.videos.load(order.session)
    if before is not None and before.images > order.images:
        report.superseded += 1
        return
    known = {} if before is None else {one.number: one for one in before.fragments}
    expected = _expected(order, known, ports)
    progress = _Progress([one.number for one in expected[:MOST_FRAGMENTS]], set(known), _refused_before(before))
    _archive_missing(order.stream_name, progress, ports, report)
    video = _video(order, expected, progress, ports)
    if not ports.videos.save(order.session, video):
        report.superseded += 1
    elif video.complete:
        ports.legal_hold.renew(order.session)
        report.completed.append((order.session, video))
    else:
        ports.orders.send_later(order.model_dump_json(by_alias=True), 0)
        report.continued += 1


def _expected(order: ClipOrder, known: Mapping[str, ClipFragment], ports: ArchivePorts) -> list[ClipFragment]:
    """All fragments of the clip in the order of time. Those that KVS no longer lists are older than those it lists, and
    fragment numbers grow."""
    own = {number: ClipFragment(number=number, date=fragment_day(number)) for number in order.fragments}
    listed = {span.number: _fragment(span) for span in _listed(order, ports.index)}
    together = (own | dict(known) | listed).values()
    return sorted(together, key=lambda one: (one.started_at is not None, _starts_ms(one), int(one.number)))


def _listed(order: ClipOrder, index: FragmentIndex) -> list[FragmentSpan]:
    first_ms = max(0, order.start_ms - LONGEST_FRAGMENT_MS)
    try:
        found = list(index.fragments(order.stream_name, order.selector, first_ms, order.end_ms))
    except (StreamGoneError, NoRetentionError):
        return []
    return [one for one in found if one.start_ms + max(1, one.length_ms) > order.start_ms]


def _fragment(span: FragmentSpan) -> ClipFragment:
    return ClipFragment(
        number=span.number,
        date=fragment_day(span.number),
        started_at=from_epoch_ms(span.start_ms),
        length_ms=span.length_ms,
    )


def _starts_ms(fragment: ClipFragment) -> int:
    return 0 if fragment.started_at is None else to_epoch_ms(fragment.started_at)


def _refused_before(before: SessionClip | None) -> dict[str, str]:
    """Fragments that KVS refused in an earlier part of this order; a later order tries them again."""
    if before is None or before.complete:
        return {}
    return {number: part.reason for part in before.missing for number in part.fragments}


def _archive_missing(stream_name: str, progress: _Progress, ports: ArchivePorts, report: ArchiveReport) -> None:
    """Archives missing fragments; at least one, so that every continuation makes progress."""
    left = progress.left
    for start in range(0, len(left), _FRAGMENTS_AT_ONCE):
        absent: list[str] = []
        for number in left[start : start + _FRAGMENTS_AT_ONCE]:
            if number != left[0] and ports.remaining_ms() < _MARGIN_MS:
                break
            if ports.store.exists(archive_key(stream_name, number)):
                progress.kept.add(number)
            else:
                absent.append(number)
        if absent:
            _fetch(stream_name, absent, progress, ports, report)
        if ports.remaining_ms() < _MARGIN_MS:
            return


def _fetch(
    stream_name: str, absent: Sequence[str], progress: _Progress, ports: ArchivePorts, report: ArchiveReport
) -> None:
    """Archives fragments as long as there is time; at least one."""
    for media in ports.fragments.fetch(stream_name, absent):
        if isinstance(media, FragmentMedia):
            key = archive_key(stream_name, media.fragment_number)
            if ports.store.write_once(key, media.matroska, "video/x-matroska"):
                report.fragments += 1
                report.archived_bytes += len(media.matroska)
            progress.kept.add(media.fragment_number)
        else:
            progress.refused[media.fragment_number] = media.reason[:_LONGEST_REASON]
        if ports.remaining_ms() < _MARGIN_MS:
            return


def _video(order: ClipOrder, expected: Sequence[ClipFragment], progress: _Progress, ports: ArchivePorts) -> SessionClip:
    missing = list(_refused(progress.refused))
    is_done = not progress.left
    if is_done:
        missing += _missing_ranges(order, expected, ports)
    return SessionClip(
        images=order.images,
        selector=order.selector,
        started_at=from_epoch_ms(order.start_ms),
        ended_at=from_epoch_ms(order.end_ms),
        complete=is_done,
        fragments=tuple(one for one in expected[:MOST_FRAGMENTS] if one.number in progress.kept),
        missing=tuple(missing),
    )


def _refused(refused: Mapping[str, str]) -> Iterator[MissingPart]:
    for reason in dict.fromkeys(refused.values()):
        yield MissingPart(reason=reason, fragments=tuple(number for number, why in refused.items() if why == reason))


def _missing_ranges(order: ClipOrder, expected: Sequence[ClipFragment], ports: ArchivePorts) -> Iterator[MissingPart]:
    end_ms = order.end_ms
    if len(expected) > MOST_FRAGMENTS:
        end_ms = _starts_ms(expected[MOST_FRAGMENTS])
        yield _missing_range("TOO_MANY", end_ms, order.end_ms)
    gaps = list(_gaps(order.start_ms, end_ms, expected))[:_MOST_GAPS]
    if gaps:
        reason = _MissingReason(order.stream_name, ports)
        yield from (_missing_range(reason.at(start_ms), start_ms, stop_ms) for start_ms, stop_ms in gaps)


def _gaps(start_ms: int, end_ms: int, expected: Sequence[ClipFragment]) -> Iterator[tuple[int, int]]:
    at_ms = start_ms
    for one in expected:
        if one.started_at is None:
            continue
        first_ms = min(_starts_ms(one), end_ms)
        if first_ms - at_ms > _LONGEST_PAUSE_MS:
            yield at_ms, first_ms
        at_ms = max(at_ms, first_ms + (one.length_ms or 0))
    if end_ms - at_ms > _LONGEST_PAUSE_MS:
        yield at_ms, end_ms


def _missing_range(reason: str, start_ms: int, end_ms: int) -> MissingPart:
    return MissingPart(reason=reason, started_at=from_epoch_ms(start_ms), ended_at=from_epoch_ms(end_ms))


class _MissingReason:
    """Reason why no media is stored at a time; one DescribeStream call. Raises ThrottledError, StreamRefusedError."""

    def __init__(self, stream_name: str, ports: ArchivePorts) -> None:
        try:
            retention_hours = ports.streams.describe(stream_name).retention_hours
        except StreamGoneError:
            self._always: str | None = "STREAM_GONE"
            return
        self._always = "NO_RETENTION" if retention_hours == 0 else None
        self._oldest_ms = ports.now_ms() - retention_hours * 3_600_000

    def at(self, moment_ms: int) -> str:
        return self._always or ("EXPIRED" if moment_ms < self._oldest_ms else "NO_MEDIA")
