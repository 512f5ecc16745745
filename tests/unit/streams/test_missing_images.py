"""Streams that receive fragments but have no images are found, and no others."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from kinesight.domain.errors import KinesightError, MediaBusyError, StorageBusyError
from kinesight.domain.ports import FragmentSpan, Versioned
from kinesight.domain.streams.missing_images import (
    RECORD_EVERY_MS,
    LastImageTracker,
    MissingImagesPorts,
    MissingImagesReport,
    find_missing_images,
)

from tests.builders import NOON_MS, a_fragment_number
from tests.fakes import FakeDocuments

HOUR_MS = 3_600_000


@dataclass
class Street:
    """Cameras that send or not, and the check."""

    last_images: FakeDocuments = field(default_factory=FakeDocuments)
    sends_since_ms: dict[str, int] = field(default_factory=dict)
    failures: dict[str, KinesightError] = field(default_factory=dict)
    now_ms: int = NOON_MS
    late: bool = False
    calls: list[str] = field(default_factory=list)

    def fragments(self, stream_name: str, selector: str, start_ms: int, end_ms: int) -> Iterator[FragmentSpan]:
        self.calls.append(stream_name)
        if stream_name in self.failures:
            raise self.failures[stream_name]
        assert selector == "SERVER_TIMESTAMP"
        begins_ms = max(start_ms, self.sends_since_ms.get(stream_name, end_ms))
        for at_ms in range(begins_ms, end_ms, 2000):
            yield FragmentSpan(a_fragment_number(1, at_ms), at_ms, 2000)

    def record(self, *streams: str) -> None:
        LastImageTracker(self.last_images, lambda: self.now_ms).record(streams)

    def check(self, *streams: str) -> MissingImagesReport:
        return find_missing_images(
            streams, lambda _: HOUR_MS, MissingImagesPorts(self.last_images, self, self.now_ms, lambda: self.late)
        )


def test_a_stream_without_an_image_for_an_hour_is_found() -> None:
    street = Street(sends_since_ms={"front": NOON_MS, "back": NOON_MS})
    street.record("front", "back")
    street.now_ms += HOUR_MS
    street.record("back")

    assert street.check("front", "back").without_images == ["front"]


def test_a_stream_with_images_costs_no_call() -> None:
    street = Street(sends_since_ms={"front": NOON_MS})
    street.record("front")
    street.now_ms += HOUR_MS - 1

    assert street.check("front").without_images == []
    assert street.calls == []


def test_a_camera_that_is_off_is_not_found() -> None:
    street = Street()
    street.record("front")
    street.now_ms += 2 * HOUR_MS

    assert street.check("front").without_images == []
    assert street.calls == ["front"]


def test_a_new_stream_is_found_only_after_an_hour() -> None:
    street = Street(sends_since_ms={"front": NOON_MS - HOUR_MS})

    assert street.check("front").without_images == []
    street.now_ms += HOUR_MS - 1
    assert street.check("front").without_images == []
    street.now_ms += 1
    assert street.check("front").without_images == ["front"]


def test_the_next_image_ends_it() -> None:
    street = Street(sends_since_ms={"front": NOON_MS})
    street.check("front")
    street.now_ms += HOUR_MS
    assert street.check("front").without_images == ["front"]

    street.record("front")

    assert street.check("front").without_images == []


def test_a_stream_that_cannot_be_checked_is_unknown() -> None:
    street = Street(sends_since_ms={"front": NOON_MS, "back": NOON_MS}, failures={"front": MediaBusyError("busy")})
    street.record("front", "back")
    street.now_ms += HOUR_MS

    report = street.check("front", "back")

    assert (report.without_images, report.unknown) == (["back"], 1)


def test_no_call_is_made_when_late() -> None:
    street = Street(sends_since_ms={"front": NOON_MS}, late=True)
    street.record("front")
    street.now_ms += HOUR_MS

    assert street.check("front") == MissingImagesReport([], 1)
    assert street.calls == []


class BusyDocuments(FakeDocuments):
    """Fails as long as it is busy."""

    busy = True

    def save(self, key: str, body: str, seen_version: int) -> bool:
        if self.busy:
            raise StorageBusyError("throttled")
        return super().save(key, body, seen_version)


def test_a_failed_write_is_repeated_with_the_next_image() -> None:
    last_images = BusyDocuments()
    tracker = LastImageTracker(last_images, lambda: NOON_MS)
    tracker.record(["front"])
    assert last_images.documents == {}

    last_images.busy = False
    tracker.record(["front"])

    assert list(last_images.documents) == ["front"]


def test_writes_are_few() -> None:
    last_images = FakeDocuments()
    now_ms = [NOON_MS]
    tracker = LastImageTracker(last_images, lambda: now_ms[0])
    for _ in range(100):
        tracker.record(["front"])
    assert last_images.documents["front"].version == 1

    now_ms[0] += RECORD_EVERY_MS
    tracker.record(["front"])

    assert last_images.documents["front"].version == 2


def test_a_record_that_cannot_be_read_begins_afresh_and_leaves_the_others_alone() -> None:
    street = Street(sends_since_ms={"front": NOON_MS, "back": NOON_MS})
    street.record("front", "back")
    street.last_images.documents["front"] = Versioned(4, '{"atMs": "later"}')
    street.now_ms += HOUR_MS

    assert street.check("front", "back").without_images == ["back"]
    street.now_ms += HOUR_MS
    assert street.check("front", "back").without_images == ["back", "front"]
