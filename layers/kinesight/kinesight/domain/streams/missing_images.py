"""Streams whose fragments arrive, but of which KVS generates no pictures: it tells nobody, so we look.

analyze_images notes that it was sent a picture of a stream; configure_streams looks whether each stream that it set up
was noted of late and, where not, whether KVS stores fragments of it.
"""

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from enum import Enum, auto

from kinesight.domain.errors import KinesightError
from kinesight.domain.model import Value
from kinesight.domain.ports import FragmentIndex, Versioned, VersionedDocuments
from kinesight.domain.streams.discovery import WORKERS

NOTE_EVERY_MS = 300_000
"""One write per stream and process in this time: what is watched for takes longer."""
_ARRIVING_MS = 300_000
"""A stream without a fragment for so long has a camera that is off."""


class LastImageSeen(Value):
    """When a stream was last known to have a picture, or else began to be watched."""

    at_ms: int


class LastImageTracker:
    """Keeps the newest sight of each stream."""

    def __init__(self, sights: VersionedDocuments, now_ms: Callable[[], int]) -> None:
        self._sights = sights
        self._now_ms = now_ms
        self._noted_at_ms: dict[str, int] = {}

    def saw(self, stream_names: Iterable[str]) -> None:
        """Never raises: a note that is missing can do no more than call somebody to look."""
        now_ms = self._now_ms()
        for name in stream_names:
            if now_ms - self._noted_at_ms.get(name, 0) >= NOTE_EVERY_MS:
                self._noted_at_ms[name] = now_ms
                try:
                    self._sights.save(name, LastImageSeen(at_ms=now_ms).model_dump_json(), self._sights.load(name).version)
                except KinesightError:
                    self._noted_at_ms.pop(name)


@dataclass(frozen=True, slots=True)
class MissingImagesPorts:
    """The outside world of the watch. `now_ms`: the present, epoch milliseconds; `is_late`: nothing more is asked."""

    sights: VersionedDocuments
    fragments: FragmentIndex
    now_ms: int
    is_late: Callable[[], bool]


@dataclass(frozen=True, slots=True)
class MissingImagesReport:
    """`without_pictures`: names of streams; `unknown`: how many could not be looked at."""

    without_pictures: Sequence[str]
    unknown: int


class _Finding(Enum):
    WELL = auto()
    WITHOUT_PICTURES = auto()
    UNKNOWN = auto()


def watch(stream_names: Iterable[str], patience_ms: int, ports: MissingImagesPorts) -> MissingImagesReport:
    """A stream is in the report when it was without pictures for `patience_ms`. Raises StorageBusyError."""
    sights = ports.sights.all()
    overdue = [name for name in stream_names if _is_overdue(sights.get(name), patience_ms, ports.now_ms)]
    with ThreadPoolExecutor(WORKERS) as pool:
        findings = list(pool.map(lambda name: _finding(name, name in sights, ports), overdue))
    found = zip(overdue, findings, strict=True)
    return MissingImagesReport(
        sorted(name for name, finding in found if finding is _Finding.WITHOUT_PICTURES),
        findings.count(_Finding.UNKNOWN),
    )


def _finding(stream_name: str, is_known: bool, ports: MissingImagesPorts) -> _Finding:
    """A stream that is not known yet is watched from now on."""
    if ports.is_late():
        return _Finding.UNKNOWN
    try:
        if not is_known:
            ports.sights.save(stream_name, LastImageSeen(at_ms=ports.now_ms).model_dump_json(), 0)
            return _Finding.WELL
        return _Finding.WITHOUT_PICTURES if _has_fragments(stream_name, ports) else _Finding.WELL
    except KinesightError:
        return _Finding.UNKNOWN


def _is_overdue(found: Versioned | None, patience_ms: int, now_ms: int) -> bool:
    return found is None or now_ms - LastImageSeen.model_validate_json(found.body or "").at_ms >= patience_ms


def _has_fragments(stream_name: str, ports: MissingImagesPorts) -> bool:
    recent = ports.fragments.fragments(stream_name, "SERVER_TIMESTAMP", ports.now_ms - _ARRIVING_MS, ports.now_ms)
    return next(iter(recent), None) is not None
