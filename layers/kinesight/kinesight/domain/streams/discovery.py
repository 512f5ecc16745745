"""Finds the selected streams: by name without a call, by tags with one concurrent, rate-limited call per stream."""

from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from kinesight.domain.batches import classified
from kinesight.domain.errors import KinesightError, StreamNotSelectedError
from kinesight.domain.ports import StreamDirectory, VideoStream
from kinesight.domain.rate_limit import Pace
from kinesight.domain.streams.selection import StreamSelection

WORKERS = 16
"""Enough for 40 calls per second at a latency of some tenths of a second."""


@dataclass(slots=True)
class Found:
    """Result of a search. The tags of `unknown` streams could not be read, for the given reason; such streams are left
    as they are. The tags of `late` streams were not read for lack of time."""

    selected: list[VideoStream] = field(default_factory=list)
    unknown: list[tuple[VideoStream, KinesightError]] = field(default_factory=list)
    late: list[VideoStream] = field(default_factory=list)


def find_selected(
    streams: Iterable[VideoStream],
    selection: StreamSelection,
    tags: Callable[[str], Mapping[str, str]],
    pace: Pace,
    *,
    is_late: Callable[[], bool] = lambda: False,
    workers: int = WORKERS,
) -> Found:
    """Finds the selected streams. `tags` returns the tags of a stream by its ARN and raises KinesightError; it is not
    called once `is_late`."""
    found, by_tags = Found(), list[VideoStream]()
    for stream in streams:
        if selection.matches_name(stream.name):
            found.selected.append(stream)
        elif selection.tag_filters:
            by_tags.append(stream)

    def check_tags(stream: VideoStream) -> None:
        if is_late():
            found.late.append(stream)
            return
        try:
            if selection.matches_tags(pace.call("ListTagsForStream", lambda: tags(stream.arn))):
                found.selected.append(stream)
        except Exception as error:  # noqa: BLE001 - an unexpected error leaves this stream unknown only
            found.unknown.append((stream, classified(error)))

    with ThreadPoolExecutor(workers) as pool:
        list(pool.map(check_tags, by_tags))
    return found


@dataclass(frozen=True, slots=True)
class SelectionGuard:
    """Admits only streams that the stack selects. `tags` returns the tags of a stream by its ARN."""

    selection: StreamSelection
    catalog: StreamDirectory
    tags: Callable[[str], Mapping[str, str]]

    def check(self, stream_name: str) -> None:
        """Raises StreamNotSelectedError; StreamGoneError, StreamRefusedError, ThrottledError if tags have to be
        read."""
        if self.selection.matches_name(stream_name):
            return
        if self.selection.tag_filters:
            arn = self.catalog.describe(stream_name).arn
            if self.selection.matches_tags(self.tags(arn)):
                return
        raise StreamNotSelectedError(f"{stream_name} is not selected by StreamNames or TagFilters")
