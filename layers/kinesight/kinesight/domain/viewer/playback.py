"""Playback of a session's video: an HLS session while KVS keeps the media, or else an MP4 made from the archived
fragments, which are Matroska and play in no browser.
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
from kinesight.domain.viewer.evidence import EvidenceBuckets, SessionEvidence, evidence_of
from kinesight.domain.viewer.serve_viewer import require_session
from kinesight.domain.viewer.sessions import SessionMarks, StoredSession

MOST_CLIP_BYTES = 250 * 1024 * 1024
"""Fragments of one clip: small enough to be read, remuxed and written within the 30 seconds of an HTTP API, and to fit
in 1 GB of /tmp."""

FRAGMENTS_AHEAD = 3
"""Fragments read in advance, in addition to the current one. A fragment may have 50 MB."""

_PLAYBACK_TIME = timedelta(minutes=15)
"""Media that expires within this time is played from the archive."""

_LONGEST_SESSION_MS = 24 * 3_600_000 - 1
"""HLSTimestampRange: "within 24 hours"."""

_MOST_PLAYLIST = 5000
_DEFAULT_PLAYLIST = 1000
"""MaxMediaPlaylistFragmentResults, maximum and default; it counts against the stream's quota in points."""


@dataclass(frozen=True, slots=True)
class PlaybackRange:
    """Fragments that start from `start_ms` to `end_ms`, both included, in epoch milliseconds of the selector's clock;
    at most `fragments` of them."""

    stream_name: str
    selector: Selector
    start_ms: int
    end_ms: int
    fragments: int


class PlaybackSessions(Protocol):
    """HLS sessions of KVS."""

    def open(self, playback_range: PlaybackRange) -> str:
        """Returns a playlist's URL, which expires. Raises NoMediaError if nothing can be played, MediaBusyError."""


@dataclass(frozen=True, slots=True)
class ClipPart:
    """An archived fragment. `length_ms`: to the start of the next one, if known."""

    matroska: bytes
    length_ms: int | None


class ClipMaker(Protocol):
    """Makes MP4s without transcoding."""

    def remux(self, parts: Iterable[ClipPart], target: Path) -> int:
        """Joins the parts without the gaps between them, and returns the number of parts joined.

        Stops at the first part with another format, and reads none after it. Raises NoMediaError if no part can be
        used.
        """


@dataclass(frozen=True, slots=True)
class PlaybackPorts:
    """Ports of playback. `scratch` returns a new folder on disk for the duration of its use. `clips` is called only to
    make a clip."""

    marks: SessionMarks
    evidence_buckets: EvidenceBuckets
    streams: StreamDirectory
    playback_sessions: PlaybackSessions
    clips: Callable[[], ClipMaker]
    files: FileUploads
    scratch: Callable[[], AbstractContextManager[Path]]
    now: Callable[[], datetime]


def playback(stream_name: str, url_key: str, ports: PlaybackPorts) -> dict[str, Any]:
    """Returns how to play a session: `kind` and `url`, and for a clip what is `missing` from it.

    Raises SessionMissingError, VideoMissingError with the reasons, MediaBusyError, StorageBusyError, ThrottledError.
    """
    session = require_session(stream_name, url_key, ports.marks)
    playback_range = _range_of(session)
    sources = [_hls, _clip] if _is_kept(playback_range, ports) else [_clip, _hls]
    reasons: list[str] = []
    for source in sources:
        try:
            return source(session, playback_range, ports)
        except NoMediaError as error:
            reasons.append(str(error))
    raise VideoMissingError("; ".join(reasons))


def limited_fragments(
    evidence: SessionEvidence, fragments: Sequence[ClipFragment], most_bytes: int
) -> tuple[list[ClipFragment], int]:
    """Returns the first archived fragments of together at most `most_bytes`, and the number of other archived ones."""
    sizes = evidence.sizes([evidence.fragment_key(one) for one in fragments])
    archived = [one for one in fragments if evidence.fragment_key(one) in sizes]
    taken: list[ClipFragment] = []
    for one in archived:
        most_bytes -= sizes[evidence.fragment_key(one)]
        if most_bytes < 0:
            break
        taken.append(one)
    return taken, len(archived) - len(taken)


def _range_of(session: StoredSession) -> PlaybackRange:
    """Returns the range of the archived fragments, if any: KVS omits a fragment that starts before the range."""
    video = session.video
    if video is None:
        start_ms, end_ms = (_moment_ms(session, name) for name in ("startedAt", "lastSeenAt"))
        return _range(session, "PRODUCER_TIMESTAMP", start_ms - LONGEST_FRAGMENT_MS, end_ms)
    starts = [to_epoch_ms(one.started_at) for one in video.fragments if one.started_at is not None]
    start_ms = min(starts, default=to_epoch_ms(video.started_at) - LONGEST_FRAGMENT_MS)
    return _range(session, video.selector, start_ms, to_epoch_ms(video.ended_at), len(starts))


def _range(session: StoredSession, selector: Selector, start_ms: int, end_ms: int, fragments: int = 0) -> PlaybackRange:
    return PlaybackRange(
        session.stream_name,
        selector,
        max(0, start_ms),
        min(max(end_ms, start_ms + 1), start_ms + _LONGEST_SESSION_MS),
        min(fragments, _MOST_PLAYLIST) or _DEFAULT_PLAYLIST,
    )


def _moment_ms(session: StoredSession, name: str) -> int:
    return to_epoch_ms(datetime.fromisoformat(session.document[name]))


def _is_kept(playback_range: PlaybackRange, ports: PlaybackPorts) -> bool:
    """Whether KVS has the whole range and keeps it long enough to play it."""
    try:
        retention = timedelta(hours=ports.streams.describe(playback_range.stream_name).retention_hours)
    except (StreamGoneError, StreamRefusedError):
        return False
    return playback_range.start_ms > to_epoch_ms(ports.now() - retention + _PLAYBACK_TIME)


def _hls(_: StoredSession, playback_range: PlaybackRange, ports: PlaybackPorts) -> dict[str, Any]:
    return {"kind": "HLS", "url": ports.playback_sessions.open(playback_range)}


def _clip(session: StoredSession, _: PlaybackRange, ports: PlaybackPorts) -> dict[str, Any]:
    """Makes a clip once: its key has a digest of the fragments and the number of omitted ones."""
    evidence = evidence_of(session, ports.evidence_buckets, ports.now())
    fragments, too_many = limited_fragments(evidence, evidence.fragments(), MOST_CLIP_BYTES)
    if not fragments:
        raise NoMediaError("no fragment is archived, or the fragments have expired")
    digest = hashlib.sha256(",".join(one.number for one in fragments).encode()).hexdigest()[:32]
    prefix = f"clips/stream={session.stream_name}/{session.url_key}/{digest}-"
    existing = ports.evidence_buckets.evidence.sizes_between(prefix, prefix, f"{prefix}~", 1)
    key = next(iter(existing), None) or _make_clip(prefix, evidence, fragments, ports)
    left_out = too_many + int(key.removeprefix(prefix).removesuffix(".mp4"))
    missing = f"{left_out} of {too_many + len(fragments)} fragments are not in this clip" if left_out else None
    return {"kind": "CLIP", "url": ports.evidence_buckets.evidence.link(key), "missing": missing}


def _make_clip(prefix: str, evidence: SessionEvidence, fragments: Sequence[ClipFragment], ports: PlaybackPorts) -> str:
    """Uploads a clip and returns its key, which ends with the number of fragments that could not be joined."""
    with ports.scratch() as scratch:
        path = scratch / "clip.mp4"
        taken = ports.clips().remux(_parts(evidence, fragments), path)
        key = f"{prefix}{len(fragments) - taken}.mp4"
        ports.files.upload(path, key, "video/mp4")
        return key


def _parts(evidence: SessionEvidence, fragments: Sequence[ClipFragment]) -> Iterator[ClipPart]:
    keys = [evidence.folder + evidence.fragment_key(one) for one in fragments]
    bodies = evidence.evidence_buckets.evidence.each(keys, FRAGMENTS_AHEAD)
    for fragment, (_, body) in zip(fragments, bodies, strict=True):
        if body is not None:
            yield ClipPart(body, fragment.length_ms)
