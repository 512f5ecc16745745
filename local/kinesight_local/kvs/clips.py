"""GetClip: the fragments of a time range as one MP4."""

import tempfile
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av

from kinesight_local.kvs.body import Body
from kinesight_local.kvs.control import Parameters, key_of
from kinesight_local.kvs.documents import FragmentGoneError
from kinesight_local.kvs.exceptions import (
    InvalidArgumentError,
    InvalidCodecPrivateDataError,
    InvalidMediaFrameError,
    NoDataRetentionError,
    ResourceNotFoundError,
)
from kinesight_local.kvs.mux import Placed, same_tracks, write_mp4
from kinesight_local.kvs.quotas import Quotas
from kinesight_local.kvs.reading import reread
from kinesight_local.kvs.store import FragmentStore, Selection, StoredFragment
from kinesight_local.kvs.streams import StreamRegistry

_MOST_FRAGMENTS = 200
_MOST_BYTES = 100 * 1024 * 1024
_LONGEST_RANGE_MS = 24 * 3_600_000
_CHUNK = 64 * 1024


class Clips:
    """The operation."""

    def __init__(self, streams: StreamRegistry, store: FragmentStore, quotas: Quotas) -> None:
        self._streams = streams
        self._store = store
        self._quotas = quotas

    def get_clip(self, wanted: Parameters) -> Body:
        """The first 200 fragments or 100 MB that start in the range. H.264 or H.265 with AAC; not yet G.711."""
        stream = self._streams.get(key_of(wanted))
        if stream.retention_hours == 0:
            raise NoDataRetentionError(f"{stream.name} has no data retention: DataRetentionInHours is 0.")
        chosen = _selection(wanted)
        found = self._store.in_range(stream.arn, chosen, retention_hours=stream.retention_hours, most=_MOST_FRAGMENTS)
        self._quotas.charge_points(stream.arn, metadata=len(found), media=len(found))
        if not found:
            raise ResourceNotFoundError("No fragments were found in the range.")
        folder = tempfile.TemporaryDirectory(prefix="kinesight-clip-")
        path = Path(folder.name) / "clip.mp4"
        try:
            write_mp4(str(path), self._placed(found, chosen))
        except av.FFmpegError as error:
            folder.cleanup()
            raise InvalidMediaFrameError(f"The frames don't fit their codec: {error}.") from error
        except BaseException:
            folder.cleanup()
            raise
        return Body("video/mp4", _chunks(path, folder))

    def _placed(self, found: list[StoredFragment], chosen: Selection) -> Iterator[Placed]:
        """Fragments where their timestamps put them; one that would overlap begins where the one before ends."""
        origin_ms = found[0].starts_ms(chosen.clock)
        latest_ms, free_ms, size, tracks = Fraction(-1), Fraction(0), 0, None
        for stored in found:
            size += stored.size_bytes
            if size > _MOST_BYTES and tracks is not None:
                return
            try:
                fragment = reread(self._store, stored)
            except FragmentGoneError:
                continue
            if tracks is not None and not same_tracks(tracks, fragment.tracks):
                raise InvalidCodecPrivateDataError("Tracks or codec private data change within the range.")
            tracks = fragment.tracks
            start_ms = Fraction(stored.starts_ms(chosen.clock) - origin_ms)
            start_ms = start_ms if start_ms > latest_ms else max(start_ms, free_ms)
            latest_ms = start_ms + max(block.offset_ms for block in fragment.blocks)
            free_ms = max(latest_ms + 1, start_ms + fragment.length_ms)
            yield Placed(fragment, start_ms)


def _selection(wanted: Parameters) -> Selection:
    selector = wanted["ClipFragmentSelector"]
    times = selector["TimestampRange"]
    start_ms, end_ms = (round(1000 * times[name]) for name in ("StartTimestamp", "EndTimestamp"))
    if end_ms <= start_ms:
        raise InvalidArgumentError("EndTimestamp must lie after StartTimestamp.")
    if end_ms - start_ms > _LONGEST_RANGE_MS:
        raise InvalidArgumentError("The range is at most 24 hours long.")
    return Selection(selector["FragmentSelectorType"], start_ms, end_ms)


def _chunks(path: Path, folder: "tempfile.TemporaryDirectory[str]") -> Iterator[bytes]:
    with folder, path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            yield chunk
