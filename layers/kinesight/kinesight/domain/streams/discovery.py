"""The selected streams of a fleet: found by name without a call, by tag with one call each, side by side and paced."""

from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from kinesight.domain.errors import KinesightError, StreamNotSelectedError
from kinesight.domain.ports import StreamCatalog
from kinesight.domain.rate_limit import Pace
from kinesight.domain.streams.configuration import VideoStream
from kinesight.domain.streams.selection import StreamSelection

WORKERS = 16
"""KVS answers in some tenths of a second, and 40 calls a second are to be reached."""


@dataclass(slots=True)
class Found:
    """`unknown` streams are those that KVS would not tell of now, with its reason: they stay as they are. `late` ones
    were not asked for in time."""

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
    """`tags` tells a stream's tags by its ARN, and raises KinesightError. `is_late`: nothing more is to be asked."""
    found, asked = Found(), list[VideoStream]()
    for stream in streams:
        if selection.matches_name(stream.name):
            found.selected.append(stream)
        elif selection.tag_filters:
            asked.append(stream)

    def look(stream: VideoStream) -> None:
        if is_late():
            found.late.append(stream)
            return
        try:
            if selection.matches_tags(pace.call("ListTagsForStream", lambda: tags(stream.arn))):
                found.selected.append(stream)
        except KinesightError as error:
            found.unknown.append((stream, error))

    with ThreadPoolExecutor(workers) as pool:
        list(pool.map(look, asked))
    return found


@dataclass(frozen=True, slots=True)
class SelectionGuard:
    """Lets pass what the stack selects, one stream at a time. `tags` tells a stream's tags by its ARN."""

    selection: StreamSelection
    catalog: StreamCatalog
    tags: Callable[[str], Mapping[str, str]]

    def check(self, stream_name: str) -> None:
        """Raises StreamNotSelectedError; StreamGoneError, StreamRefusedError, ThrottledError where its tags count."""
        if self.selection.matches_name(stream_name):
            return
        if self.selection.tag_filters:
            arn = self.catalog.describe(stream_name).arn
            if self.selection.matches_tags(self.tags(arn)):
                return
        raise StreamNotSelectedError(f"{stream_name} is not selected by StreamNames or TagFilters")
