"""The batch rules of analyze_images: once, neighbours go on, reasons are kept."""

import json
from dataclasses import dataclass, field
from threading import Barrier

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kinesight.domain.analysis.analyze_images import (
    AnalyzeBatchSettings,
    AnalyzeImagesPorts,
    BatchReport,
    analyze_batch,
)
from kinesight.domain.analysis.attached_streams import AttachedStreams
from kinesight.domain.analysis.frame_report import FrameReport
from kinesight.domain.analysis.pipeline import DetectionPorts, FrameAnalysis, PipelineSettings
from kinesight.domain.analysis.stream_arns import StreamArns
from kinesight.domain.batches import QueuedMessage
from kinesight.domain.configuration.configuration import Configuration
from kinesight.domain.errors import (
    BudgetReachedError,
    DeliveryError,
    DetectorBusyError,
    KinesightError,
    MediaBusyError,
    StreamGoneError,
    UnsupportedImageError,
)
from kinesight.domain.model import ResultRecord
from kinesight.domain.ports import VideoStream
from kinesight.domain.streams.missing_images import LastImageSeen, LastImageTracker
from kinesight.domain.streams.stream_settings import Feature, ManagedFeature

from tests.builders import ACCOUNT, BUCKET, NOON_MS, a_detection, a_fragment_number, an_image_key, an_s3_event
from tests.fakes import (
    EveryStream,
    FakeDeadLetters,
    FakeDetector,
    FakeDocuments,
    FakeImageStore,
    FakeLedger,
    FakeRedelivery,
    FakeSink,
)
from tests.fakes_streams import DescribeOnly, FakeManagedStreams, FakeStreams


@dataclass
class World:
    """Everything around the verb, in memory."""

    images: FakeImageStore = field(default_factory=FakeImageStore)
    detector: FakeDetector = field(default_factory=lambda: FakeDetector(found=(a_detection(),)))
    sink: FakeSink = field(default_factory=FakeSink)
    ledger: FakeLedger = field(default_factory=FakeLedger)
    dead_letters: FakeDeadLetters = field(default_factory=FakeDeadLetters)
    redelivery: FakeRedelivery = field(default_factory=FakeRedelivery)
    rules: Configuration = field(default_factory=lambda: Configuration.of(["person"], 80))
    last_images: FakeDocuments = field(default_factory=FakeDocuments)
    without: frozenset[str] = frozenset()
    attached: AttachedStreams | None = None
    analyses: list[FrameAnalysis] = field(default_factory=list)

    def analyze(self, *bodies: str, receive_count: int = 1) -> BatchReport:
        ports = AnalyzeImagesPorts(
            self.images,
            StreamArns(FakeStreams(), monotonic_s=lambda: 0),
            DetectionPorts(EveryStream(self.detector, self.without), self.sink, self.ledger, lambda: NOON_MS),
            self.dead_letters,
            self.redelivery,
            LastImageTracker(self.last_images, lambda: NOON_MS),
            self.attached,
        )
        settings = AnalyzeBatchSettings(ACCOUNT, PipelineSettings(lambda: self.rules, concurrent_detections=4))
        messages = [QueuedMessage(f"m{n}", body, f"handle {n}", receive_count) for n, body in enumerate(bodies)]
        return analyze_batch(messages, ports, settings, self.analyses)

    def image(self, index: int = 0, stream: str = "front-door") -> str:
        key = an_image_key(stream, NOON_MS + index)
        self.images.add(
            BUCKET,
            key,
            aws_kinesisvideo_fragment_number=a_fragment_number(index),
            aws_kinesisvideo_producer_timestamp=str(NOON_MS + index),
            aws_kinesisvideo_server_timestamp=str(NOON_MS + index + 500),
            place="porch",
        )
        return key

    def results(self) -> list[ResultRecord]:
        return [ResultRecord.model_validate_json(data) for _, data in self.sink.records]


def test_an_image_becomes_one_record_on_its_streams_key() -> None:
    world = World()
    key = world.image()

    report = world.analyze(an_s3_event(key))

    (record,) = world.results()
    assert world.sink.records[0][0] == "front-door"
    assert record.matched
    assert record.matched_labels == ("Person",)
    assert record.frame.image.key == key
    assert record.frame.tags == {"place": "porch"}
    assert record.frame.fragment_number == a_fragment_number(0)
    assert record.frame.stream_arn is not None
    assert report.failed_item_ids == []


def test_a_batch_goes_to_the_stream_in_one_call() -> None:
    world = World()

    world.analyze(*(an_s3_event(world.image(index)) for index in range(10)))

    assert world.sink.calls == 1
    assert len(world.results()) == 10


class LedgerOfThreads(FakeLedger):
    """Completes work only while others complete theirs."""

    def __init__(self, parties: int) -> None:
        super().__init__()
        self._together = Barrier(parties, timeout=30)

    def finish(self, key: str) -> None:
        self._together.wait()
        super().finish(key)


def test_the_ledger_of_a_batch_is_completed_at_once() -> None:
    world = World(ledger=LedgerOfThreads(4))

    report = world.analyze(*(an_s3_event(world.image(index)) for index in range(4)))

    assert len(report.published) == len(world.ledger.done) == 4


def test_nothing_that_matters_still_makes_a_record() -> None:
    world = World(rules=Configuration.of(["Dog"], 80))

    world.analyze(an_s3_event(world.image()))

    assert [record.matched for record in world.results()] == [False]


def test_a_second_delivery_neither_pays_nor_publishes() -> None:
    world = World()
    body = an_s3_event(world.image())
    world.analyze(body)

    report = world.analyze(body)

    assert len(world.results()) == 1
    assert len(world.detector.analyzed_keys) == 1
    assert (len(report.already_analyzed), report.failed_item_ids) == (1, [])
    (known,), (record,) = report.already_analyzed, world.results()
    assert known.identity == record.result_id


def test_two_messages_of_one_batch_about_one_image_publish_it_once() -> None:
    world = World()
    body = an_s3_event(world.image())

    report = world.analyze(body, body)

    assert len(world.results()) == 1
    assert len(report.failed_item_ids) <= 1  # the one that found the frame leased is retried
    assert world.analyze(body).failed_item_ids == []


def test_an_over_budget_image_is_neither_retried_nor_dead_lettered() -> None:
    world = World()
    bodies = [an_s3_event(world.image(index)) for index in range(3)]
    keys = [an_image_key("front-door", NOON_MS + index) for index in range(3)]
    world.detector.failures[keys[1]] = BudgetReachedError("stack", 5, 5, is_hard=True)

    report = world.analyze(*bodies)

    assert [one.frame.image.key for one in report.over_budget if one.frame is not None] == [keys[1]]
    assert len(report.published) == 2
    assert (report.failed_item_ids, report.dead_lettered, len(report.already_analyzed)) == ([], [], 0)
    assert world.dead_letters.sent == []
    del world.detector.failures[keys[1]]
    assert len(world.analyze(*bodies).published) == 1


def test_a_permanent_failure_is_dead_lettered_with_its_reason_and_spares_the_batch() -> None:
    world = World()
    bad, good = an_s3_event(world.image(0)), an_s3_event(world.image(1))
    reason = UnsupportedImageError("not an image")
    world.detector.failures[an_image_key("front-door", NOON_MS)] = reason

    report = world.analyze(bad, good)

    assert world.dead_letters.sent == [(bad, reason)]
    (problem,) = report.dead_lettered
    assert problem.frame is not None
    assert (problem.frame.fragment_number, problem.result_id is None) == (a_fragment_number(0), False)
    assert len(world.results()) == 1
    assert report.failed_item_ids == []


def test_a_busy_detector_brings_back_that_message_alone() -> None:
    world = World()
    busy, good = an_s3_event(world.image(0)), an_s3_event(world.image(1))
    world.detector.failures[an_image_key("front-door", NOON_MS)] = DetectorBusyError("throttled")

    assert world.analyze(busy, good).failed_item_ids == ["m0"]

    world.detector.failures.clear()
    assert world.analyze(busy).failed_item_ids == []
    assert len({record.result_id for record in world.results()}) == len(world.results()) == 2


def test_a_defect_in_one_image_does_not_take_its_neighbours_along() -> None:
    world = World()
    odd, good = an_s3_event(world.image(0)), an_s3_event(world.image(1))
    world.detector.failures[an_image_key("front-door", NOON_MS)] = ZeroDivisionError("oops")

    report = world.analyze(odd, good)

    assert report.failed_item_ids == ["m0"]
    assert "ZeroDivisionError" in str(report.retried[0].error)
    assert len(world.results()) == 1


def test_a_record_the_stream_refuses_is_analyzed_again() -> None:
    world = World(sink=FakeSink(refused={"back-door"}))
    refused, taken = an_s3_event(world.image(0, "back-door")), an_s3_event(world.image(1))

    report = world.analyze(refused, taken)

    assert report.failed_item_ids == ["m0"]
    assert isinstance(report.retried[0].error, DeliveryError)
    world.sink.refused.clear()
    assert world.analyze(refused).failed_item_ids == []
    assert len(world.results()) == 2


@pytest.mark.parametrize("key", ["images/holiday.jpg", "images/gone_111122223333_cam_1_no-guid.jpg"])
def test_foreign_objects_are_dead_lettered(key: str) -> None:
    world = World()
    world.images.add(BUCKET, key)

    world.analyze(an_s3_event(key))

    assert [type(error).__name__ for _, error in world.dead_letters.sent] == ["NotAKvsImageError"]


class TestSharedBucket:
    """A bucket to which others write, too."""

    def test_only_images_of_attached_streams_are_analyzed(self) -> None:
        world = World(attached=attached("front-door"))
        keys = [world.image(0), world.image(1, stream="of-others"), "images/holiday.jpg"]

        report = world.analyze(*map(an_s3_event, keys))

        assert [one.frame.stream_name for one in world.results()] == ["front-door"]
        assert (report.of_others, report.skipped_test_events, report.failed_item_ids) == (2, 0, [])
        assert world.dead_letters.sent == []

    def test_a_message_is_retried_while_it_is_not_known_whether_its_stream_is_attached(self) -> None:
        world = World(attached=AttachedStreams(Throttled(), FakeManagedStreams(), ACCOUNT, monotonic_s=lambda: 0))

        report = world.analyze(an_s3_event(world.image()))

        assert (report.failed_item_ids, world.results(), world.dead_letters.sent) == (["m0"], [], [])

    def test_a_stream_is_read_once_a_minute(self) -> None:
        now_s, managed = [0.0], FakeManagedStreams()
        streams = AttachedStreams(FakeStreams(), managed, ACCOUNT, monotonic_s=lambda: now_s[0])
        key = an_image_key("front-door")
        assert not streams.owns(key)
        attach("front-door", managed)

        now_s[0] = 59
        assert not streams.owns(key)
        now_s[0] = 61
        assert streams.owns(key)

    def test_a_deleted_stream_is_not_attached(self) -> None:
        streams = AttachedStreams(Gone(), FakeManagedStreams(), ACCOUNT, monotonic_s=lambda: 0)

        assert not streams.owns(an_image_key("front-door"))


class Throttled(DescribeOnly):
    def describe(self, name_or_arn: str) -> VideoStream:
        raise MediaBusyError(name_or_arn)


class Gone(DescribeOnly):
    def describe(self, name_or_arn: str) -> VideoStream:
        raise StreamGoneError(name_or_arn)


def attach(name: str, managed: FakeManagedStreams) -> None:
    arn = FakeStreams().describe(name).arn
    managed.add(ManagedFeature(name, arn, Feature.IMAGE_GENERATION, None, ({},), 0))


def attached(*names: str) -> AttachedStreams:
    managed = FakeManagedStreams()
    for name in names:
        attach(name, managed)
    return AttachedStreams(FakeStreams(), managed, ACCOUNT, monotonic_s=lambda: 0)


def test_a_missing_image_is_dead_lettered() -> None:
    world = World()

    world.analyze(an_s3_event(an_image_key()))

    assert [type(error).__name__ for _, error in world.dead_letters.sent] == ["ImageMissingError"]


def test_the_test_event_of_s3_is_skipped() -> None:
    world = World()

    report = world.analyze(json.dumps({"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": BUCKET}))

    assert report.skipped_test_events == 1
    assert (report.failed_item_ids, world.dead_letters.sent) == ([], [])


def test_a_message_that_is_no_event_is_dead_lettered_unchanged() -> None:
    world = World()

    world.analyze("not json", an_s3_event(world.image()))

    assert [body for body, _ in world.dead_letters.sent] == ["not json"]
    assert len(world.results()) == 1


def test_a_message_that_cannot_be_dead_lettered_is_retried() -> None:
    world = World(dead_letters=FakeDeadLetters(failure=DeliveryError("queue is gone")))

    assert world.analyze("not json").failed_item_ids == ["m0"]


def test_unreadable_metadata_becomes_null() -> None:
    world = World()
    key = an_image_key()
    world.images.add(BUCKET, key, aws_kinesisvideo_fragment_number="x", aws_kinesisvideo_producer_timestamp="soon")

    world.analyze(an_s3_event(key))

    (record,) = world.results()
    assert (record.frame.fragment_number, record.frame.producer_timestamp) == (None, None)


@given(st.lists(st.sampled_from(["fine", "busy", "bad"]), min_size=1, max_size=8), st.integers(1, 4))
def test_whatever_fails_and_however_often_it_comes_every_image_ends_once(fates: list[str], rounds: int) -> None:
    world = World()
    keys = [world.image(index) for index in range(len(fates))]
    failures: dict[str, Exception] = {"busy": DetectorBusyError("later"), "bad": UnsupportedImageError("never")}
    world.detector.failures = {key: failures[fate] for key, fate in zip(keys, fates, strict=True) if fate != "fine"}
    bodies = [an_s3_event(key) for key in keys]
    for _ in range(rounds):
        world.analyze(*bodies)
    world.detector.failures = {key: error for key, error in world.detector.failures.items() if error is failures["bad"]}
    world.analyze(*bodies)

    analyzed = [record.frame.image.key for record in world.results()]
    assert sorted(analyzed) == sorted(key for key, fate in zip(keys, fates, strict=True) if fate != "bad")
    assert {body for body, _ in world.dead_letters.sent} == {
        body for body, fate in zip(bodies, fates, strict=True) if fate == "bad"
    }


def test_the_last_image_of_each_stream_is_noted_whatever_became_of_its_frame() -> None:
    world = World()
    garden = world.image(1, "garden")
    world.detector.failures[garden] = DetectorBusyError("throttled")

    world.analyze(an_s3_event(world.image()), an_s3_event(garden), an_s3_event("no-image-of-kvs.jpg"))

    documents = world.last_images.documents.items()
    seen = {name: LastImageSeen.model_validate_json(one.body or "") for name, one in documents}
    assert seen == dict.fromkeys(("front-door", "garden"), LastImageSeen(at_ms=NOON_MS))


def test_a_message_that_a_defect_keeps_from_its_dead_letter_queue_is_retried() -> None:
    class Broken(FakeDeadLetters):
        def send_to_dead_letters(self, body: str, error: KinesightError) -> None:
            raise RuntimeError("a defect")

    world = World(dead_letters=Broken())

    report = world.analyze(an_s3_event(world.image()), "not json")

    assert report.failed_item_ids == ["m1"]
    assert [str(one.error) for one in report.retried] == ["RuntimeError: a defect"]
    counts = FrameReport.of(world.analyses).counts
    assert {name: one.analyzed for name, one in counts.items()} == {"front-door": 1}


class TestRedelivery:
    def test_a_transient_failure_is_retried_soon_and_its_neighbours_are_not(self) -> None:
        world = World()
        busy, fine = world.image(0), world.image(1)
        world.detector.failures[busy] = DetectorBusyError("slow")

        report = world.analyze(an_s3_event(busy), an_s3_event(fine), "{}")

        assert report.failed_item_ids == ["m0"]
        assert world.redelivery.delays_s == {"handle 0": 30}

    def test_without_failures_nothing_is_delayed(self) -> None:
        world = World(redelivery=FakeRedelivery(failure=AssertionError("no call")))

        assert world.analyze(an_s3_event(world.image())).delay_failure is None

    @pytest.mark.parametrize("failure", [DeliveryError("throttled"), OSError("cut")])
    def test_a_delay_that_fails_fails_nothing_else(self, failure: Exception) -> None:
        world = World(redelivery=FakeRedelivery(failure=failure))
        busy = world.image()
        world.detector.failures[busy] = DetectorBusyError("slow")

        report = world.analyze(an_s3_event(busy))

        assert report.failed_item_ids == ["m0"]
        assert report.delay_failure is not None

    def test_delays_grow_to_a_quarter_of_an_hour(self) -> None:
        delays = [QueuedMessage("m", "", "h", count).retry_delay_s for count in (1, 2, 3, 4, 5, 6, 7, 1000)]

        assert delays == [30, 60, 120, 240, 480, 900, 900, 900]


def test_an_image_of_a_camera_without_a_detector_is_taken_and_not_analyzed() -> None:
    world = World(without=frozenset({"yard"}))
    key = world.image(stream="yard")

    report = world.analyze(an_s3_event(key), an_s3_event(world.image(1)))

    assert [one.subject for one in report.without_detector] == [key]
    assert (report.failed_item_ids, report.already_analyzed, world.dead_letters.sent) == ([], [], [])
    assert [record.frame.stream_name for record in world.results()] == ["front-door"]
    assert world.ledger.done == {world.results()[0].result_id}
