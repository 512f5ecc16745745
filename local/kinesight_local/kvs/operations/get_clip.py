"""GetClip: the fragments of a time range as one MP4."""

import tempfile
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av

from kinesight_local.kvs.exceptions import (
    InvalidArgumentError,
    InvalidCodecPrivateDataError,
    InvalidMediaFrameError,
    NoDataRetentionError,
    ResourceNotFoundError,
)
from kinesight_local.kvs.media.mux import Placed, same_tracks, write_mp4
from kinesight_local.kvs.operations.body import Body
from kinesight_local.kvs.operations.control import Parameters, key_of
from kinesight_local.kvs.quotas import Quotas
from kinesight_local.kvs.storage.fragment_reader import FragmentReader
from kinesight_local.kvs.storage.stored_fragment import Selection, StoredFragment
from kinesight_local.kvs.storage.stored_media import FragmentExpiredError, read_fragment
from kinesight_local.kvs.storage.streams import StreamRegistry

_MOST_FRAGMENTS = 200
_MOST_BYTES = 100 * 1024 * 1024
_LONGEST_RANGE_MS = 24 * 3_600_000
_CHUNK = 64 * 1024


class Clips:
    """Quotas are charged here, because the cost depends on the fragments found."""

    def __init__(self, streams: StreamRegistry, fragments: FragmentReader, quotas: Quotas) -> None:
        self._streams = streams
        self._fragments = fragments
        self._quotas = quotas

    def get_clip(self, request: Parameters) -> Body:
        """The first 200 fragments or 100 MB that start in the range. H.264 or H.265 with AAC, but not G.711."""
        stream = self._streams.get(key_of(request))
        if stream.retention_hours == 0:
            raise NoDataRetentionError(f"{stream.name} has no data retention: DataRetentionInHours is 0.")
        chosen = _selection(request)
        found = self._fragments.in_range(stream, chosen, most=_MOST_FRAGMENTS)
        self._quotas.charge_points(stream.arn, metadata=len(found), media=len(found))
        if not found:
            raise ResourceNotFoundError("No fragments were found in the range.")
        folder = tempfile.TemporaryDirectory(prefix="kinesight-clip-")
        path = Path(folder.name) / "clip.mp4"
        try:
            write_mp4(str(path), self._placed(found, chosen))
        except av.FFmpegError as error:
            folder.cleanup()
            raise InvalidMediaFrameError(f"The frames are not valid for their codec: {error}.") from error
        except BaseException:
            folder.cleanup()
            raise
        return Body("video/mp4", _chunks(path, folder))

    def _placed(self, found: list[StoredFragment], chosen: Selection) -> Iterator[Placed]:
        """Places fragments by their timestamps; one that would overlap starts at the end of the previous one."""
        origin_ms = found[0].starts_ms(chosen.clock)
        latest_ms, free_ms, size, tracks = Fraction(-1), Fraction(0), 0, None
        for stored in found:
            size += stored.size_bytes
            if size > _MOST_BYTES and tracks is not None:
                return
            try:
                fragment = read_fragment(self._fragments, stored)
            except FragmentExpiredError:
                continue
            if tracks is not None and not same_tracks(tracks, fragment.tracks):
                raise InvalidCodecPrivateDataError("Tracks or codec private data change within the range.")
            tracks = fragment.tracks
            start_ms = Fraction(stored.starts_ms(chosen.clock) - origin_ms)
            start_ms = start_ms if start_ms > latest_ms else max(start_ms, free_ms)
            latest_ms = start_ms + max(block.offset_ms for block in fragment.blocks)
            free_ms = max(latest_ms + 1, start_ms + fragment.length_ms)
            yield Placed(fragment, start_ms)


def _selection(request: Parameters) -> Selection:
    selector = request["ClipFragmentSelector"]
    times = selector["TimestampRange"]
    start_ms, end_ms = (round(1000 * times[name]) for name in ("StartTimestamp", "EndTimestamp"))
    if end_ms <= start_ms:
        raise InvalidArgumentError("EndTimestamp must be after StartTimestamp.")
    if end_ms - start_ms > _LONGEST_RANGE_MS:
        raise InvalidArgumentError("The range must not be longer than 24 hours.")
    return Selection(selector["FragmentSelectorType"], start_ms, end_ms)


def _chunks(path: Path, folder: "tempfile.TemporaryDirectory[str]") -> Iterator[bytes]:
    with folder, path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            yield chunk
