"""The viewer's cameras: selection, configuration, health and images."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from kinesight.domain.analysis.result_records import evidence_keys
from kinesight.domain.errors import (
    KinesightError,
    MediaBusyError,
    NoCameraImageError,
    StreamGoneError,
    StreamNotSelectedError,
    ThrottledError,
)
from kinesight.domain.health.facts import Fragment
from kinesight.domain.live.leases import Lease
from kinesight.domain.model import from_epoch_ms, iso_milliseconds
from kinesight.domain.ports import ImageRequest, ImageSpec, SlotImage, VideoStream
from kinesight.domain.streams.discovery import SelectionGuard
from kinesight.domain.streams.missing_images import LastImageSeen
from kinesight.domain.streams.selection import StreamSelection
from kinesight.domain.streams.stream_settings import Feature, ManagedFeature
from kinesight.domain.viewer.cameras import PAGE, CameraPorts, CameraViewSettings, cameras_page
from kinesight.domain.viewer.images import CameraImagePorts, recent_image

from tests.builders import NOON_MS
from tests.fakes import FakeDocuments
from tests.fakes_streams import DescribeOnly, FakeManagedStreams, FakeStreamDirectory, same_settings
from tests.unit.viewer.test_serve_viewer import World
from tests.unit.viewer.test_sessions import FakePages

IMAGES: dict[str, Any] = {
    "Status": "ENABLED",
    "ImageSelectorType": "PRODUCER_TIMESTAMP",
    "DestinationConfig": {"Uri": "s3://images/images"},
    "SamplingInterval": 3000,
    "Format": "JPEG",
}
NOTICES = {"Status": "ENABLED", "DestinationConfig": {"Uri": "arn:aws:sns:us-east-1:111122223333:notifications"}}
ON_STREAM = {**IMAGES, "DestinationConfig": {"Uri": "s3://images/images", "DestinationRegion": "us-east-1"}}


@dataclass
class FakeRecordings:
    """Fragments by stream, and an image of each; `busy` streams are throttled."""

    by_stream: dict[str, list[Fragment]] = field(default_factory=dict)
    generated: dict[int, SlotImage] = field(default_factory=dict)
    busy: set[str] = field(default_factory=set)
    calls: list[str] = field(default_factory=list)

    def add(self, stream: str, server_ms: int, *, ahead_ms: int = 0) -> None:
        self.by_stream.setdefault(stream, []).append(Fragment("1", server_ms + ahead_ms, server_ms, 2000))

    def recorded(self, stream_name: str, start_ms: int, end_ms: int) -> Iterator[Fragment]:
        self.calls.append(stream_name)
        if stream_name in self.busy:
            raise MediaBusyError("throttled")
        return (one for one in self.by_stream.get(stream_name, []) if start_ms <= one.server_ms <= end_ms)

    def get_images(self, stream_name: str, request: ImageRequest, spec: ImageSpec) -> Iterator[SlotImage]:
        assert spec.selector == "SERVER_TIMESTAMP"
        yield self.generated.get(request.start_ms, SlotImage(request.start_ms, None, "NO_MEDIA"))


@dataclass
class Fleet:
    """A stack that selects `door` and streams with a tag."""

    selection: StreamSelection = field(
        default_factory=lambda: StreamSelection.of(["door"], [{"key": "Watch", "values": ["yes"]}])
    )
    registry: FakeStreamDirectory = field(default_factory=FakeStreamDirectory)
    managed: FakeManagedStreams = field(default_factory=FakeManagedStreams)
    leases: FakeDocuments = field(default_factory=FakeDocuments)
    last_images: FakeDocuments = field(default_factory=FakeDocuments)
    recordings: FakeRecordings = field(default_factory=FakeRecordings)
    sessions: World = field(default_factory=World)
    notices: Any = None
    is_live: bool = False

    def well(self, name: str, **tags: str) -> VideoStream:
        """Adds a stream without failed checks."""
        stream = self.registry.add(name)
        self.registry.tag_sets[stream.arn] = tags
        self.registry.configurations[Feature.IMAGE_GENERATION, stream.arn] = ON_STREAM
        self.recordings.add(name, NOON_MS - 2000)
        self.last_images.save(name, LastImageSeen(at_ms=NOON_MS - 10_000).model_dump_json(), 0)
        return stream

    @property
    def settings(self) -> CameraViewSettings:
        expected = same_settings(self.selection, IMAGES, self.notices)
        return CameraViewSettings(
            expected,
            times_by_producer=True,
            is_live=self.is_live,
            images_missing_s=lambda _: 3600,
            region="us-east-1",
            partition="aws",
        )

    @property
    def ports(self) -> CameraPorts:
        return CameraPorts(
            registry=self.registry,
            managed=self.managed,
            leases=self.leases,
            last_images=self.last_images,
            fragments=self.recordings,
            sessions=FakePages(list(self.sessions.marks.sessions.values())),
            clock=self.registry.clock,
            now_ms=lambda: NOON_MS,
        )

    def page(self, after: str = "") -> dict[str, Any]:
        return dict(cameras_page(after, self.settings, self.ports))

    def camera(self, name: str = "door") -> dict[str, Any]:
        return next(one for one in self.page()["cameras"] if one["stream"] == name)

    def failed(self, name: str = "door") -> dict[str, str]:
        return {one["check"]: one["cause"] for one in self.camera(name)["health"] if one["status"] == "failed"}


def names(page: dict[str, Any]) -> list[str]:
    return [one["stream"] for one in page["cameras"]]


class TestSelection:
    """Streams selected by name, by tag, and those that configure_streams manages."""

    def test_streams_selected_by_name(self) -> None:
        fleet = Fleet()
        fleet.well("door")
        fleet.well("yard", Watch="yes")
        fleet.well("attic", Watch="no")

        assert (names(fleet.page()), fleet.page()["cursor"]) == (["door", "yard"], None)

    def test_only_tags_of_streams_not_set_up_yet_are_read(self) -> None:
        fleet = Fleet()
        fleet.well("door")
        known = fleet.well("yard", Watch="yes")
        other = fleet.well("attic")
        fleet.managed.add(ManagedFeature("yard", known.arn, Feature.IMAGE_GENERATION, None, (ON_STREAM,), 0))
        calls: list[str] = []
        fleet.registry.before_call = lambda api, arn: calls.append(arn) if api == "ListTagsForStream" else None

        assert names(fleet.page()) == ["door", "yard"]
        assert calls == [other.arn]

    def test_a_page_continues_where_the_previous_one_ended(self) -> None:
        fleet = Fleet(selection=StreamSelection.of(["camera-*"], []))
        for index in range(PAGE + 2):
            fleet.well(f"camera-{index:03d}")

        first = fleet.page()
        second = fleet.page(first["cursor"])

        assert (len(first["cameras"]), first["cursor"]) == (PAGE, f"camera-{PAGE - 1:03d}")
        assert (names(second), second["cursor"]) == ([f"camera-{PAGE:03d}", f"camera-{PAGE + 1:03d}"], None)

    def test_a_page_reads_tags_of_a_bounded_number_of_streams_and_omits_none(self) -> None:
        fleet = Fleet()
        fleet.well("zoo", Watch="yes")
        fleet.well("door")
        for index in range(450):
            fleet.registry.add(f"other-{index:03d}")

        pages = [fleet.page()]
        while pages[-1]["cursor"] is not None:
            before = len(fleet.registry.calls["ListTagsForStream"])
            pages.append(fleet.page(pages[-1]["cursor"]))
            assert len(fleet.registry.calls["ListTagsForStream"]) - before <= 200

        assert [name for page in pages for name in names(page)] == ["door", "zoo"]

    def test_an_incomplete_list_is_an_error(self) -> None:
        """A stream that is deleted meanwhile is omitted; a stream whose tags cannot be read is an error."""
        fleet = Fleet()
        fleet.well("door")
        gone = fleet.registry.add("gone")
        errors: dict[str, KinesightError] = {gone.arn: StreamGoneError("gone")}

        def fail(api: str, arn: str) -> None:
            if api == "ListTagsForStream" and arn in errors:
                raise errors[arn]

        fleet.registry.before_call = fail
        assert names(fleet.page()) == ["door"]

        errors[gone.arn] = ThrottledError("too often")
        with pytest.raises(ThrottledError):
            fleet.page()

    def test_a_selected_stream_that_does_not_exist(self) -> None:
        camera = Fleet().camera()

        assert (camera["status"], camera["arn"], camera["retentionHours"]) == ("MISSING", None, 0)
        (check,) = camera["health"]
        assert (check["check"], check["status"], check["cause"]) == ("stream", "failed", "stream-missing")


class TestHealthyCamera:
    """Facts of a stream without failed checks."""

    def test_all_facts_are_returned(self) -> None:
        fleet = Fleet()
        stream = fleet.well("door")
        session = fleet.sessions.add_session(stream="door")

        camera = fleet.camera()

        assert (camera["arn"], camera["status"], camera["retentionHours"]) == (stream.arn, "ACTIVE", 24)
        assert camera["lastFragmentAt"] == iso_milliseconds(from_epoch_ms(NOON_MS - 2000))
        assert camera["lastSession"]["sessionKey"] == session.session_key.replace("#", "-")
        assert camera["configuration"] == {
            "expected": {"imageGeneration": ON_STREAM},
            "found": {"imageGeneration": ON_STREAM},
            "drift": [],
        }
        checks = ["stream", "status", "retention", "image generation", "fragments", "clock", "images"]
        assert [(one["check"], one["status"]) for one in camera["health"]] == [(check, "ok") for check in checks]

    def test_the_newest_fragment_is_searched_for_one_hour(self) -> None:
        fleet = Fleet()
        fleet.registry.add("door")
        fleet.recordings.add("door", NOON_MS - 3_000_000)
        fleet.recordings.add("door", NOON_MS - 2_000_000)
        assert fleet.camera()["lastFragmentAt"] == iso_milliseconds(from_epoch_ms(NOON_MS - 2_000_000))

        fleet.recordings.by_stream.clear()
        fleet.recordings.add("door", NOON_MS - 3_700_000)
        assert fleet.camera()["lastFragmentAt"] is None

    def test_fragments_are_listed_once_even_if_that_fails(self) -> None:
        fleet = Fleet()
        fleet.well("door")
        fleet.recordings.busy.add("door")

        camera = fleet.camera()

        assert fleet.recordings.calls == ["door"]
        assert camera["lastFragmentAt"] is None
        assert {one["check"]: one["status"] for one in camera["health"]}["fragments"] == "warning"


class TestFailedChecks:
    """Checks that doctor has, too."""

    def test_a_changed_configuration_is_reported_by_field(self) -> None:
        fleet = Fleet()
        stream = fleet.well("door")
        changed = {**ON_STREAM, "SamplingInterval": 200, "FormatConfig": {"JPEGQuality": "50"}}
        fleet.registry.configurations[Feature.IMAGE_GENERATION, stream.arn] = changed

        assert fleet.camera()["configuration"]["drift"] == [
            "imageGeneration.FormatConfig",
            "imageGeneration.SamplingInterval",
        ]
        assert fleet.failed() == {"image generation": "images-drifted"}

    def test_the_default_quality_of_the_service_is_no_drift(self) -> None:
        fleet = Fleet()
        stream = fleet.well("door")
        filled = {**ON_STREAM, "FormatConfig": {"JPEGQuality": "80"}}
        fleet.registry.configurations[Feature.IMAGE_GENERATION, stream.arn] = filled

        assert fleet.camera()["configuration"]["drift"] == []

    def test_no_configuration_at_all(self) -> None:
        fleet = Fleet()
        fleet.well("door")
        fleet.registry.configurations.clear()

        assert "imageGeneration.Status" in fleet.camera()["configuration"]["drift"]
        assert fleet.failed() == {"image generation": "images-not-configured"}

    def test_notifications_are_checked_if_expected(self) -> None:
        fleet = Fleet(notices=NOTICES)
        stream = fleet.well("door")

        assert fleet.failed() == {"notifications": "notifications-not-configured"}
        fleet.registry.configurations[Feature.NOTIFICATION, stream.arn] = NOTICES
        assert fleet.failed() == {}

    def test_checks_that_depend_on_a_failed_one_are_omitted(self) -> None:
        fleet = Fleet()
        fleet.registry.add("door", retention_hours=0)

        camera = fleet.camera()

        assert [(one["check"], one["status"]) for one in camera["health"]] == [
            ("stream", "ok"),
            ("status", "ok"),
            ("retention", "failed"),
        ]
        assert fleet.recordings.calls == []

    def test_a_stream_that_is_being_changed(self) -> None:
        fleet = Fleet()
        fleet.registry.add("door", active=False)

        assert fleet.failed() == {"status": "stream-not-active"}

    @pytest.mark.parametrize(
        ("age_s", "ahead_s", "cause"),
        [(299, 0, {}), (301, 0, {"fragments": "producer-silent"}), (2, 61, {"clock": "clock-off"}), (2, 59, {})],
    )
    def test_silence_and_clocks(self, age_s: int, ahead_s: int, cause: dict[str, str]) -> None:
        fleet = Fleet()
        fleet.well("door")
        fleet.recordings.by_stream.clear()
        fleet.recordings.add("door", NOON_MS - age_s * 1000, ahead_ms=ahead_s * 1000)

        assert fleet.failed() == cause

    def test_fragments_without_images(self) -> None:
        fleet = Fleet()
        fleet.well("door")
        fleet.last_images.documents.clear()
        assert {one["check"]: one["status"] for one in fleet.camera()["health"]}["images"] == "warning"

        fleet.last_images.save("door", LastImageSeen(at_ms=NOON_MS - 3_600_000).model_dump_json(), 0)
        assert fleet.failed() == {"images": "images-not-written"}

    def test_a_stream_without_a_live_consumer(self) -> None:
        fleet = Fleet(is_live=True)
        stream = fleet.well("door")
        assert fleet.failed() == {"live": "live-unread"}

        lease = Lease(
            stream_arn=stream.arn, stream_name="door", since_ms=NOON_MS - 9000, owner="one", expires_at_ms=NOON_MS + 1
        )
        fleet.leases.save(stream.arn, lease.model_dump_json(), 0)
        assert fleet.failed() == {}

    def test_a_failed_call_is_a_warning_and_does_not_affect_other_checks(self) -> None:
        fleet = Fleet()
        fleet.well("door")

        def refuse(api: str, arn: str) -> None:
            if api.startswith("Describe"):
                raise ThrottledError("too often")

        fleet.registry.before_call = refuse
        camera = fleet.camera()

        states = {one["check"]: (one["status"], one["fact"]) for one in camera["health"]}
        assert states["image generation"] == ("warning", "could not run the check: too often")
        assert states["fragments"][0] == "ok"
        assert camera["configuration"]["found"] == {}


class EveryStream(DescribeOnly):
    """Has a stream of every name."""

    def describe(self, name_or_arn: str) -> VideoStream:
        return VideoStream(name_or_arn, f"arn:{name_or_arn}", "ACTIVE", 24)


@dataclass
class Gallery:
    """The front door's images."""

    recordings: FakeRecordings = field(default_factory=FakeRecordings)
    world: World = field(default_factory=World)
    patterns: Sequence[str] = ("front-door",)

    def ports(self) -> CameraImagePorts:
        selection = StreamSelection.of(self.patterns, [{"key": "Watch"}])
        return CameraImagePorts(
            selected=SelectionGuard(selection, EveryStream(), lambda arn: {"Watch": ""} if arn == "arn:yard" else {}),
            fragments=self.recordings,
            archive=self.recordings,
            sessions=FakePages(list(self.world.marks.sessions.values())),
            evidence_buckets=self.world.evidence_buckets,
            now=lambda: from_epoch_ms(NOON_MS),
        )

    def recorded(self, age_ms: int, image: SlotImage | None = None) -> None:
        self.recordings.add("front-door", NOON_MS - age_ms)
        if image is not None:
            self.recordings.generated[NOON_MS - age_ms] = replace(image, at_ms=NOON_MS - age_ms)


class TestImage:
    """The recent image of a camera."""

    def test_the_image_of_the_newest_fragment_that_has_one(self) -> None:
        gallery = Gallery()
        gallery.recorded(6000, SlotImage(0, b"older"))
        gallery.recorded(4000, SlotImage(0, b"newer"))
        gallery.recorded(2000)  # KVS lists it, but generates no image of it yet

        image = recent_image("front-door", gallery.ports())

        assert (image.data, image.content_type, image.taken_ms) == (b"newer", "image/jpeg", NOON_MS - 4000)

    def test_a_silent_camera_has_the_original_image_of_its_newest_session(self) -> None:
        gallery = Gallery()
        gallery.recorded(31_000, SlotImage(0, b"too old"))
        gallery.world.add_session(NOON_MS - 3_600_000, images=1)
        record = gallery.world.records[0]
        gallery.world.evidence_reader.objects[evidence_keys(record).annotated] = b"with boxes"
        gallery.world.images.objects[record.frame.image.key] = b"as it was"

        image = recent_image("front-door", gallery.ports())

        assert (image.data, image.taken_ms) == (b"as it was", NOON_MS - 3_600_000)
        gallery.world.images.objects.clear()
        assert recent_image("front-door", gallery.ports()).data == b"with boxes"

    def test_no_image_has_a_reason(self) -> None:
        gallery = Gallery()
        with pytest.raises(NoCameraImageError, match="sent no media in the last 30 s, and no session has an image"):
            recent_image("front-door", gallery.ports())

        gallery.recorded(1000, SlotImage(0, None, "MEDIA_ERROR"))
        gallery.world.add_session(images=1)
        gallery.world.evidence_reader.objects.clear()
        with pytest.raises(NoCameraImageError, match="MEDIA_ERROR"):
            recent_image("front-door", gallery.ports())

    def test_an_image_larger_than_a_response_allows(self) -> None:
        gallery = Gallery()
        gallery.recorded(1000, SlotImage(0, b"x" * 4_400_001))

        with pytest.raises(NoCameraImageError, match="too large"):
            recent_image("front-door", gallery.ports())

    def test_a_busy_kvs_is_an_error(self) -> None:
        gallery = Gallery()
        gallery.recordings.busy.add("front-door")

        with pytest.raises(MediaBusyError):
            recent_image("front-door", gallery.ports())

    @pytest.mark.parametrize(("stream", "error"), [("yard", NoCameraImageError), ("attic", StreamNotSelectedError)])
    def test_only_of_selected_streams(self, stream: str, error: type[KinesightError]) -> None:
        with pytest.raises(error):
            recent_image(stream, Gallery().ports())
