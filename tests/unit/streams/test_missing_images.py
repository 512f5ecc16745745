"""Streams whose fragments arrive without pictures are found, and no others."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from kinesight.domain.errors import KinesightError, MediaBusyError, StorageBusyError
from kinesight.domain.ports import FragmentSpan
from kinesight.domain.streams.missing_images import NOTE_EVERY_MS, LastImageTracker, MissingImagesPorts, MissingImagesReport, watch

from tests.builders import NOON_MS, a_fragment_number
from tests.fakes import FakeDocuments

HOUR_MS = 3_600_000


@dataclass
class Street:
    """Cameras that send, or not, and a watch that comes round."""

    sights: FakeDocuments = field(default_factory=FakeDocuments)
    sends_since_ms: dict[str, int] = field(default_factory=dict)
    failures: dict[str, KinesightError] = field(default_factory=dict)
    now_ms: int = NOON_MS
    late: bool = False
    asked: list[str] = field(default_factory=list)

    def fragments(self, stream_name: str, selector: str, start_ms: int, end_ms: int) -> Iterator[FragmentSpan]:
        self.asked.append(stream_name)
        if stream_name in self.failures:
            raise self.failures[stream_name]
        assert selector == "SERVER_TIMESTAMP"
        begins_ms = max(start_ms, self.sends_since_ms.get(stream_name, end_ms))
        for at_ms in range(begins_ms, end_ms, 2000):
            yield FragmentSpan(a_fragment_number(1, at_ms), at_ms, 2000)

    def saw(self, *streams: str) -> None:
        LastImageTracker(self.sights, lambda: self.now_ms).saw(streams)

    def watch(self, *streams: str) -> MissingImagesReport:
        return watch(streams, HOUR_MS, MissingImagesPorts(self.sights, self, self.now_ms, lambda: self.late))


def test_fragments_without_a_picture_for_an_hour_are_told() -> None:
    street = Street(sends_since_ms={"front": NOON_MS, "back": NOON_MS})
    street.saw("front", "back")
    street.now_ms += HOUR_MS
    street.saw("back")

    assert street.watch("front", "back").without_pictures == ["front"]


def test_a_stream_that_has_pictures_costs_no_call() -> None:
    street = Street(sends_since_ms={"front": NOON_MS})
    street.saw("front")
    street.now_ms += HOUR_MS - 1

    assert street.watch("front").without_pictures == []
    assert street.asked == []


def test_a_camera_that_is_off_is_not_told() -> None:
    street = Street()
    street.saw("front")
    street.now_ms += 2 * HOUR_MS

    assert street.watch("front").without_pictures == []
    assert street.asked == ["front"]


def test_a_stream_that_was_just_attached_has_its_hour_first() -> None:
    street = Street(sends_since_ms={"front": NOON_MS - HOUR_MS})

    assert street.watch("front").without_pictures == []
    street.now_ms += HOUR_MS - 1
    assert street.watch("front").without_pictures == []
    street.now_ms += 1
    assert street.watch("front").without_pictures == ["front"]


def test_the_first_picture_ends_it() -> None:
    street = Street(sends_since_ms={"front": NOON_MS})
    street.watch("front")
    street.now_ms += HOUR_MS
    assert street.watch("front").without_pictures == ["front"]

    street.saw("front")

    assert street.watch("front").without_pictures == []


def test_what_kvs_does_not_tell_is_not_called_missing() -> None:
    street = Street(sends_since_ms={"front": NOON_MS, "back": NOON_MS}, failures={"front": MediaBusyError("busy")})
    street.saw("front", "back")
    street.now_ms += HOUR_MS

    report = street.watch("front", "back")

    assert (report.without_pictures, report.unknown) == (["back"], 1)


def test_when_time_is_up_nothing_more_is_asked() -> None:
    street = Street(sends_since_ms={"front": NOON_MS}, late=True)
    street.saw("front")
    street.now_ms += HOUR_MS

    assert street.watch("front") == MissingImagesReport([], 1)
    assert street.asked == []


class BusyDocuments(FakeDocuments):
    """Fails as long as it is busy."""

    busy = True

    def save(self, key: str, body: str, seen_version: int) -> bool:
        if self.busy:
            raise StorageBusyError("throttled")
        return super().save(key, body, seen_version)


def test_a_note_that_fails_is_made_with_the_next_picture() -> None:
    sights = BusyDocuments()
    notes = LastImageTracker(sights, lambda: NOON_MS)
    notes.saw(["front"])
    assert sights.documents == {}

    sights.busy = False
    notes.saw(["front"])

    assert list(sights.documents) == ["front"]


def test_notes_are_few() -> None:
    sights = FakeDocuments()
    now_ms = [NOON_MS]
    notes = LastImageTracker(sights, lambda: now_ms[0])
    for _ in range(100):
        notes.saw(["front"])
    assert sights.documents["front"].version == 1

    now_ms[0] += NOTE_EVERY_MS
    notes.saw(["front"])

    assert sights.documents["front"].version == 2
