"""Finds streams that receive fragments but from which KVS generates no images; KVS does not report that.

analyze_images stores when it last got an image of a stream. configure_streams checks that time for each stream that it
has set up and, if it is too old, whether KVS stores fragments of the stream.
"""

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from enum import Enum, auto
from functools import partial

from kinesight.domain.batches import run_safely
from kinesight.domain.model import Value
from kinesight.domain.ports import FragmentIndex, Versioned, VersionedDocuments
from kinesight.domain.streams.discovery import WORKERS

RECORD_EVERY_MS = 300_000
"""At most one write per stream and process in this time; the limit that is checked is longer."""
_ARRIVING_MS = 300_000
"""The camera of a stream without fragments for this long is off."""


class LastImageSeen(Value):
    """Time of the last image of a stream, or of its first check, in epoch milliseconds."""

    at_ms: int


class LastImageTracker:
    """Stores when each stream last had an image."""

    def __init__(self, last_images: VersionedDocuments, now_ms: Callable[[], int]) -> None:
        self._last_images = last_images
        self._now_ms = now_ms
        self._recorded_at_ms: dict[str, int] = {}

    def record(self, stream_names: Iterable[str]) -> None:
        """Stores that these streams have images now. Never raises: a failed write is repeated with the next image."""
        for name in stream_names:
            run_safely(partial(self._record, name))

    def _record(self, name: str) -> None:
        now_ms = self._now_ms()
        if now_ms - self._recorded_at_ms.get(name, 0) >= RECORD_EVERY_MS:
            version = self._last_images.load(name).version
            self._last_images.save(name, LastImageSeen(at_ms=now_ms).model_dump_json(), version)
            self._recorded_at_ms[name] = now_ms


@dataclass(frozen=True, slots=True)
class MissingImagesPorts:
    """Ports of the check. `now_ms` is the current time in epoch milliseconds; no call is made once `is_late`."""

    last_images: VersionedDocuments
    fragments: FragmentIndex
    now_ms: int
    is_late: Callable[[], bool]


@dataclass(frozen=True, slots=True)
class MissingImagesReport:
    """Names of the streams without images, and how many streams could not be checked."""

    without_images: Sequence[str]
    unknown: int


class _Result(Enum):
    OK = auto()
    WITHOUT_IMAGES = auto()
    UNKNOWN = auto()


def find_missing_images(
    stream_names: Iterable[str], limit_ms: Callable[[str], int], ports: MissingImagesPorts
) -> MissingImagesReport:
    """Finds streams that had no image for `limit_ms`, which is called with their names. Raises StorageBusyError."""
    last_images = ports.last_images.all()
    overdue = [name for name in stream_names if _is_overdue(last_images.get(name), limit_ms(name), ports.now_ms)]
    with ThreadPoolExecutor(WORKERS) as pool:
        results = list(pool.map(lambda name: _check(name, last_images.get(name), ports), overdue))
    checked = zip(overdue, results, strict=True)
    return MissingImagesReport(
        sorted(name for name, result in checked if result is _Result.WITHOUT_IMAGES),
        results.count(_Result.UNKNOWN),
    )


def _check(stream_name: str, found: Versioned | None, ports: MissingImagesPorts) -> _Result:
    """Checks one stream. A stream that is not stored yet, or not readably, is stored with the current time."""
    try:
        if ports.is_late():
            return _Result.UNKNOWN
        if found is None or LastImageSeen.stored(found.body) is None:
            version = 0 if found is None else found.version
            ports.last_images.save(stream_name, LastImageSeen(at_ms=ports.now_ms).model_dump_json(), version)
            return _Result.OK
        return _Result.WITHOUT_IMAGES if _has_fragments(stream_name, ports) else _Result.OK
    except Exception:  # noqa: BLE001 - an unexpected error leaves this stream unchecked only
        return _Result.UNKNOWN


def _is_overdue(found: Versioned | None, limit_ms: int, now_ms: int) -> bool:
    seen = None if found is None else LastImageSeen.stored(found.body)
    return seen is None or now_ms - seen.at_ms >= limit_ms


def _has_fragments(stream_name: str, ports: MissingImagesPorts) -> bool:
    recent = ports.fragments.fragments(stream_name, "SERVER_TIMESTAMP", ports.now_ms - _ARRIVING_MS, ports.now_ms)
    return next(iter(recent), None) is not None
