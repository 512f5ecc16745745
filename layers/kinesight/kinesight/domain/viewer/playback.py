"""The video of an event, to be played in the page: an HLS session while KVS keeps the media, else an MP4 made of the
archived fragments, which are Matroska and play in no browser.
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Protocol

from kinesight.domain.errors import NoMediaError, StreamGoneError, StreamRefusedError, VideoMissingError
from kinesight.domain.model import Selector, to_epoch_ms
from kinesight.domain.ports import LONGEST_FRAGMENT_MS, FileUploads, StreamDirectory
from kinesight.domain.sessions.clip import ClipFragment
from kinesight.domain.viewer.events import EventMarks, StoredEvent
from kinesight.domain.viewer.evidence import EventEvidence, EvidenceBuckets, evidence_of
from kinesight.domain.viewer.serve_viewer import found_event

MOST_CLIP_BYTES = 250 * 1024 * 1024
"""Of the fragments of one clip: what is read, remuxed and written well within the 30 seconds that an HTTP API waits,
and has room in the gigabyte of /tmp."""

FRAGMENTS_AHEAD = 3
"""A fragment may have 50 MB; so many are read before they are needed, and one is in work."""

_WATCHED_FOR = timedelta(minutes=15)
"""Media that retention takes within this time is taken from the archive already."""

_LONGEST_SESSION_MS = 24 * 3_600_000 - 1
"""HLSTimestampRange: "within 24 hours"."""

_MOST_PLAYLIST = 5000
_USUAL_PLAYLIST = 1000
"""MaxMediaPlaylistFragmentResults, at most and by default; a playlist costs as many of the stream's points."""


@dataclass(frozen=True, slots=True)
class PlaybackRange:
    """Fragments that start from `start_ms` to `end_ms`, both included, epoch milliseconds by the selector's clock; at
    most so many of them."""

    stream_name: str
    selector: Selector
    start_ms: int
    end_ms: int
    fragments: int


class PlaybackSessions(Protocol):
    """KVS's HLS sessions."""

    def open(self, span: PlaybackRange) -> str:
        """A playlist's address, which expires. Raises NoMediaError if nothing can be played, MediaBusyError."""


@dataclass(frozen=True, slots=True)
class ClipPart:
    """A fragment as it was archived. `length_ms`: to the next one's start, where that is known."""

    matroska: bytes
    length_ms: int | None


class ClipMaker(Protocol):
    """Makes MP4s without encoding anew."""

    def remux(self, parts: Iterable[ClipPart], target: Path) -> int:
        """One after the other, without the pauses between them; how many are in it. It ends before a fragment of
        another form, and takes no further ones then. Raises NoMediaError if there would be nothing in it."""


@dataclass(frozen=True, slots=True)
class PlaybackPorts:
    """The outside world of playing. `scratch`: a new folder on disk, for as long as it is used. `clips` is asked for
    when there is one to be made."""

    marks: EventMarks
    evidence_buckets: EvidenceBuckets
    streams: StreamDirectory
    sessions: PlaybackSessions
    clips: Callable[[], ClipMaker]
    files: FileUploads
    scratch: Callable[[], AbstractContextManager[Path]]
    now: Callable[[], datetime]


def playback(stream_name: str, event_id: str, ports: PlaybackPorts) -> dict[str, Any]:
    """How to play an event: its `kind` and its `url`, and of a clip what is `missing` in it.

    Raises SessionMissingError, VideoMissingError with the reasons, MediaBusyError, StorageBusyError, ThrottledError.
    """
    event = found_event(stream_name, event_id, ports.marks)
    wanted = _range_of(event)
    ways = [_hls, _clip] if _is_kept(wanted, ports) else [_clip, _hls]
    reasons: list[str] = []
    for way in ways:
        try:
            return way(event, wanted, ports)
        except NoMediaError as error:
            reasons.append(str(error))
    raise VideoMissingError("; ".join(reasons))


def within(
    evidence: EventEvidence, fragments: Sequence[ClipFragment], most_bytes: int
) -> tuple[list[ClipFragment], int]:
    """The first archived fragments that together have no more bytes, and how many archived ones are left out."""
    sizes = evidence.sizes([evidence.fragment_key(one) for one in fragments])
    archived = [one for one in fragments if evidence.fragment_key(one) in sizes]
    taken: list[ClipFragment] = []
    for one in archived:
        most_bytes -= sizes[evidence.fragment_key(one)]
        if most_bytes < 0:
            break
        taken.append(one)
    return taken, len(archived) - len(taken)


def _range_of(event: StoredEvent) -> PlaybackRange:
    """By the archived fragments where there are any: KVS leaves out the one that began before the range does."""
    video = event.video
    if video is None:
        start_ms, end_ms = (_moment_ms(event, name) for name in ("startedAt", "lastSeenAt"))
        return _range(event, "PRODUCER_TIMESTAMP", start_ms - LONGEST_FRAGMENT_MS, end_ms)
    starts = [to_epoch_ms(one.started_at) for one in video.fragments if one.started_at is not None]
    start_ms = min(starts, default=to_epoch_ms(video.started_at) - LONGEST_FRAGMENT_MS)
    return _range(event, video.selector, start_ms, to_epoch_ms(video.ended_at), len(starts))


def _range(event: StoredEvent, selector: Selector, start_ms: int, end_ms: int, fragments: int = 0) -> PlaybackRange:
    return PlaybackRange(
        event.stream_name,
        selector,
        max(0, start_ms),
        min(max(end_ms, start_ms + 1), start_ms + _LONGEST_SESSION_MS),
        min(fragments, _MOST_PLAYLIST) or _USUAL_PLAYLIST,
    )


def _moment_ms(event: StoredEvent, name: str) -> int:
    return to_epoch_ms(datetime.fromisoformat(event.document[name]))


def _is_kept(wanted: PlaybackRange, ports: PlaybackPorts) -> bool:
    """Whether KVS has all of it, and will for a while."""
    try:
        retention = timedelta(hours=ports.streams.describe(wanted.stream_name).retention_hours)
    except (StreamGoneError, StreamRefusedError):
        return False
    return wanted.start_ms > to_epoch_ms(ports.now() - retention + _WATCHED_FOR)


def _hls(_: StoredEvent, wanted: PlaybackRange, ports: PlaybackPorts) -> dict[str, Any]:
    return {"kind": "HLS", "url": ports.sessions.open(wanted)}


def _clip(event: StoredEvent, _: PlaybackRange, ports: PlaybackPorts) -> dict[str, Any]:
    """Made once: what it is made of is in its name, and so is what is not."""
    evidence = evidence_of(event, ports.evidence_buckets, ports.now())
    fragments, too_many = within(evidence, evidence.fragments(), MOST_CLIP_BYTES)
    if not fragments:
        raise NoMediaError("no fragment of it is archived, or they have expired")
    digest = hashlib.sha256(",".join(one.number for one in fragments).encode()).hexdigest()[:32]
    folder = f"clips/stream={event.stream_name}/{event.address}/{digest}-"
    known = ports.evidence_buckets.evidence.sizes_between(folder, folder, f"{folder}~", 1)
    key = next(iter(known), None) or _made(folder, evidence, fragments, ports)
    left_out = too_many + int(key.removeprefix(folder).removesuffix(".mp4"))
    missing = f"{left_out} of {too_many + len(fragments)} fragments are not in this clip" if left_out else None
    return {"kind": "CLIP", "url": ports.evidence_buckets.evidence.link(key), "missing": missing}


def _made(folder: str, evidence: EventEvidence, fragments: Sequence[ClipFragment], ports: PlaybackPorts) -> str:
    """Its key, which ends with how many fragments could not be joined to the first ones."""
    with ports.scratch() as scratch:
        path = scratch / "clip.mp4"
        taken = ports.clips().remux(_parts(evidence, fragments), path)
        key = f"{folder}{len(fragments) - taken}.mp4"
        ports.files.upload(path, key, "video/mp4")
        return key


def _parts(evidence: EventEvidence, fragments: Sequence[ClipFragment]) -> Iterator[ClipPart]:
    keys = [evidence.folder + evidence.fragment_key(one) for one in fragments]
    for fragment, (_, body) in zip(
        fragments, evidence.evidence_buckets.evidence.each(keys, FRAGMENTS_AHEAD), strict=True
    ):
        if body is not None:
            yield ClipPart(body, fragment.length_ms)
