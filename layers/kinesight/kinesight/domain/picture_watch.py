"""Streams whose fragments arrive, but of which KVS generates no pictures: it tells nobody, so we look.

analyze_images notes that it was sent a picture of a stream; configure_streams looks whether each stream that it set up
was noted of late and, where not, whether KVS stores fragments of it.
"""

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from kinesight.domain.errors import KinesightError
from kinesight.domain.model import Value
from kinesight.domain.ports import FragmentIndex, Versioned, VersionedDocuments
from kinesight.domain.selected_streams import WORKERS

NOTE_EVERY_MS = 300_000
"""One write per stream and process in this time: what is watched for takes longer."""
_ARRIVING_MS = 300_000
"""A stream without a fragment for so long has a camera that is off."""


class Sight(Value):
    """When a stream was last known to have a picture, or else began to be watched."""

    at_ms: int


class PictureNotes:
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
                    self._sights.save(name, Sight(at_ms=now_ms).model_dump_json(), self._sights.load(name).version)
                except KinesightError:
                    self._noted_at_ms.pop(name)


@dataclass(frozen=True, slots=True)
class WatchPorts:
    """The outside world of the watch. `now_ms`: the present, epoch milliseconds; `is_late`: nothing more is asked."""

    sights: VersionedDocuments
    fragments: FragmentIndex
    now_ms: int
    is_late: Callable[[], bool]


@dataclass(slots=True)
class WatchReport:
    """`without_pictures`: names of streams; `unknown`: how many could not be looked at."""

    without_pictures: list[str] = field(default_factory=list)
    unknown: int = 0


def watch(stream_names: Iterable[str], patience_ms: int, ports: WatchPorts) -> WatchReport:
    """A stream is in the report when it was without pictures for `patience_ms`. Raises StorageBusyError."""
    sights = ports.sights.all()
    report = WatchReport()

    def look(name: str) -> None:
        try:
            if ports.is_late():
                report.unknown += 1
            elif name not in sights:
                ports.sights.save(name, Sight(at_ms=ports.now_ms).model_dump_json(), 0)
            elif _has_fragments(name, ports):
                report.without_pictures.append(name)
        except KinesightError:
            report.unknown += 1

    overdue = [name for name in stream_names if _is_overdue(sights.get(name), patience_ms, ports.now_ms)]
    with ThreadPoolExecutor(WORKERS) as pool:
        list(pool.map(look, overdue))
    report.without_pictures.sort()
    return report


def _is_overdue(found: Versioned | None, patience_ms: int, now_ms: int) -> bool:
    return found is None or now_ms - Sight.model_validate_json(found.body or "").at_ms >= patience_ms


def _has_fragments(stream_name: str, ports: WatchPorts) -> bool:
    recent = ports.fragments.fragments(stream_name, "SERVER_TIMESTAMP", ports.now_ms - _ARRIVING_MS, ports.now_ms)
    return next(iter(recent), None) is not None
