"""Writes playlists (RFC 8216)."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from kinesight.media.mkv import Track

from kinesight_local.kvs.media.fragment import IngestedFragment
from kinesight_local.kvs.media.mux import codecs, frame_rate, same_tracks
from kinesight_local.kvs.storage.stored_fragment import StoredFragment

_GAP_MS = 50
"""A larger gap between fragments is a discontinuity (DiscontinuityMode ON_DISCONTINUITY)."""


@dataclass(frozen=True, slots=True)
class Segment:
    """A fragment in a media playlist. `start_ms` is in epoch milliseconds by the session's clock."""

    stored: StoredFragment
    tracks: Sequence[Track]
    start_ms: int
    sequence: int
    address: str
    init_address: str


def master_playlist(fragment: IngestedFragment, stored: StoredFragment, address: str) -> str:
    """A playlist with one rendition, whose attributes are those of `fragment`."""
    video = next(track for track in fragment.tracks if track.kind == "video")
    bandwidth = 8000 * stored.size_bytes // max(1, stored.length_ms)
    attributes = [
        f"BANDWIDTH={bandwidth}",
        f'CODECS="{codecs(fragment.tracks)}"',
        f"RESOLUTION={video.width}x{video.height}",
    ]
    if rate := frame_rate(fragment.blocks):
        attributes.append(f"FRAME-RATE={rate:.3f}")
    return f"#EXTM3U\n#EXT-X-VERSION:1\n#EXT-X-STREAM-INF:{','.join(attributes)}\n{address}\n"


def media_playlist(
    segments: Sequence[Segment], *, is_complete: bool, discontinuities: str, shows_time: bool, has_init: bool
) -> str:
    """`is_complete`: no segments will follow."""
    longest_ms = max((one.stored.length_ms for one in segments), default=1000)
    lines = ["#EXTM3U", f"#EXT-X-VERSION:{7 if has_init else 3}"]
    if is_complete:
        lines.append("#EXT-X-PLAYLIST-TYPE:VOD")
    lines += [
        f"#EXT-X-TARGETDURATION:{max(1, math.ceil(longest_ms / 1000))}",
        f"#EXT-X-MEDIA-SEQUENCE:{segments[0].sequence if segments else 1}",
    ]
    before: Segment | None = None
    for segment in segments:
        lines += _segment(segment, before, discontinuities, shows_time=shows_time, has_init=has_init)
        before = segment
    return "\n".join([*lines, *(["#EXT-X-ENDLIST"] if is_complete else []), ""])


def _segment(
    segment: Segment, before: Segment | None, discontinuities: str, *, shows_time: bool, has_init: bool
) -> Iterator[str]:
    changed = before is not None and not same_tracks(segment.tracks, before.tracks)
    if before is not None and (changed or _is_discontinuity(segment, before, discontinuities)):
        yield "#EXT-X-DISCONTINUITY"
    if has_init and (before is None or changed):
        yield f'#EXT-X-MAP:URI="{segment.init_address}"'
    if shows_time:
        at = datetime.fromtimestamp(segment.start_ms / 1000, UTC).isoformat(timespec="milliseconds")
        yield f"#EXT-X-PROGRAM-DATE-TIME:{at.replace('+00:00', 'Z')}"
    yield f"#EXTINF:{max(1, segment.stored.length_ms) / 1000:.3f},"
    yield segment.address


def _is_discontinuity(segment: Segment, before: Segment, mode: str) -> bool:
    if mode == "ON_DISCONTINUITY":
        return abs(segment.start_ms - before.start_ms - before.stored.length_ms) > _GAP_MS
    return mode == "ALWAYS"
