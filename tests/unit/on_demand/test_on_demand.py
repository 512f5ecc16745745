"""The on-demand verbs on fakes: planning, extracting, detecting, adding up."""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from kinesight.domain.analysis.pipeline import DetectionPorts, FrameAnalysis, PipelineSettings
from kinesight.domain.configuration.configuration import Configuration
from kinesight.domain.detectors.budget import Budget, BudgetLimits
from kinesight.domain.detectors.budgeted_detector import BudgetedDetector
from kinesight.domain.detectors.call_prices import CallPrice
from kinesight.domain.errors import (
    DetectorBusyError,
    DetectorRejectedError,
    InvalidInputError,
    InvertedRangeError,
    MediaBusyError,
    NoMediaError,
    NoRetentionError,
    RangeExpiredError,
    RangeInFutureError,
    TooManyFailuresError,
    WindowUnfinishedError,
)
from kinesight.domain.model import Detection, ResultRecord
from kinesight.domain.on_demand.detect_objects import WindowPorts, detect_window
from kinesight.domain.on_demand.extract_images import ExtractionPorts, extract_window
from kinesight.domain.on_demand.messages import (
    WINDOWS,
    AnalysisRequest,
    AnalyzedFrame,
    RangePlan,
    WindowManifest,
    WindowReport,
)
from kinesight.domain.on_demand.plan_windows import PlanningPorts, plan_range
from kinesight.domain.on_demand.summarize_range import summarize
from kinesight.domain.on_demand.windows import Window
from kinesight.domain.ports import (
    FragmentMedia,
    FragmentSpan,
    FragmentUnavailable,
    ImageRequest,
    ImageSpec,
    SlotImage,
    VideoStream,
)

from tests.builders import NOON_MS
from tests.fakes import EveryStream, FakeDetector, FakeLedger, FakeSink, FakeSpendCounters, FakeWork
from tests.fakes_streams import DescribeOnly

NOON = datetime.fromtimestamp(NOON_MS / 1000, UTC)


@dataclass
class FakeCamera(DescribeOnly):
    """A stream with fragments of two seconds; `dark` moments have no image. After the first `busy_after` calls, `busy`
    calls are refused.

    `expired` fragments are gone, and what was recorded at `broken` moments can't be decoded.
    """

    seconds: int = 60
    name: str = "camera"
    retention_hours: int = 24
    dark: set[int] = field(default_factory=set)
    busy: int = 0
    busy_after: int = 0
    expired: bool = False
    broken: set[int] = field(default_factory=set)
    requests: int = 0
    fetched: int = 0
    specs: list[ImageSpec] = field(default_factory=list)

    def describe(self, name_or_arn: str) -> VideoStream:
        return VideoStream(
            self.name, f"arn:aws:kinesisvideo:us-east-1:1:stream/{self.name}/1", "ACTIVE", self.retention_hours
        )

    def fragments(self, stream_name: str, selector: str, start_ms: int, end_ms: int) -> Iterator[FragmentSpan]:
        first = NOON_MS + max(0, -(-(start_ms - NOON_MS) // 2000)) * 2000
        for start in range(first, min(NOON_MS + 1000 * self.seconds, end_ms + 1), 2000):
            yield FragmentSpan(str(10**46 + start), start, 2000)

    def get_images(self, stream_name: str, request: ImageRequest, spec: ImageSpec) -> Iterator[SlotImage]:
        self.requests += 1
        self.specs.append(spec)
        if self.busy and self.requests > self.busy_after:
            self.busy -= 1
            raise MediaBusyError("throttled")
        for at_ms in range(request.start_ms, request.end_ms + 1, request.interval_ms):
            yield SlotImage(at_ms, None, "NO_MEDIA") if at_ms in self.dark else SlotImage(at_ms, b"image")

    def fetch(self, stream_name: str, fragment_numbers: Sequence[str]) -> Iterator[FragmentMedia | FragmentUnavailable]:
        for number in fragment_numbers:
            self.fetched += 1
            yield FragmentUnavailable(number, "expired") if self.expired else FragmentMedia(number, b"media")

    def extract(self, matroska: bytes, moments_ms: Sequence[int], spec: ImageSpec) -> Iterator[SlotImage]:
        for at_ms in moments_ms:
            yield SlotImage(at_ms, None, "UNDECODABLE") if at_ms in self.broken else SlotImage(at_ms, b"decoded")


def a_request(**changes: Any) -> AnalysisRequest:
    document = {"StreamName": "camera", "StartTimestamp": NOON, "EndTimestamp": NOON + timedelta(seconds=60)}
    return AnalysisRequest.parse(document | changes)


@dataclass
class Workflow:
    """The verbs over one camera and one store, as the state machine runs them."""

    camera: FakeCamera = field(default_factory=FakeCamera)
    work: FakeWork = field(default_factory=FakeWork)
    detector: FakeDetector = field(default_factory=lambda: FakeDetector((Detection(label="Person", confidence=99),)))
    budget: Budget | None = None
    sink: FakeSink = field(default_factory=FakeSink)
    ledger: FakeLedger = field(default_factory=FakeLedger)
    now: datetime = NOON + timedelta(minutes=5)
    key: str = "5ea1" * 16
    analyses: list[FrameAnalysis] = field(default_factory=list)
    is_over_budget: Callable[[str, str | None], bool] = lambda *_: False

    def plan(self, execution: str = "one", **changes: Any) -> RangePlan:
        ports = PlanningPorts(
            self.camera,
            self.camera,
            self.work,
            lambda: self.now,
            lambda: self.key,
            is_over_budget=self.is_over_budget,
        )
        return plan_range(a_request(**changes), execution, ports)

    def windows(self, plan: RangePlan) -> list[Window]:
        return WINDOWS.validate_json(self.work.objects[plan.windows_key])

    def extraction(self, remaining_ms: Callable[[], int] = lambda: 300_000) -> ExtractionPorts:
        return ExtractionPorts(self.camera, self.camera, self.camera, self.work, remaining_ms)

    def extract(self, plan: RangePlan, window: Window) -> None:
        extract_window(plan, window, self.extraction())

    def detect(self, plan: RangePlan, window: Window, remaining_ms: int = 300_000) -> None:
        budgeted = BudgetedDetector(self.detector, "ANY", CallPrice(1), self.budget)
        detection = DetectionPorts(EveryStream(budgeted), self.sink, self.ledger, lambda: NOON_MS)
        ports = WindowPorts(detection, self.work, lambda: remaining_ms)
        settings = PipelineSettings(lambda: Configuration.of([], 50), concurrent_detections=3)
        detect_window(plan, window.index, ports, settings, self.analyses)

    def run(self, execution: str = "one", **changes: Any) -> RangePlan:
        plan = self.plan(execution, **changes)
        for window in self.windows(plan):
            self.extract(plan, window)
            self.detect(plan, window)
        return plan


def test_every_moment_is_analyzed_once() -> None:
    workflow = Workflow()

    summary = summarize(workflow.run(), workflow.work, "evidence")

    assert (summary.requested, summary.extracted, summary.published, summary.matched) == (60, 60, 60, 60)
    assert summary.detections == {"Person": 60}
    assert summary.failed_windows == 0
    assert len(workflow.sink.records) == 60


def test_a_second_execution_publishes_nothing() -> None:
    workflow = Workflow()
    workflow.run("one")

    summary = summarize(workflow.run("two"), workflow.work, "evidence")

    assert (summary.published, summary.already_analyzed) == (0, 60)
    assert len(workflow.sink.records) == 60


def test_a_moment_without_an_image_is_decoded_from_its_fragment() -> None:
    workflow = Workflow(FakeCamera(dark={NOON_MS, NOON_MS + 1000, NOON_MS + 7000}))

    summary = summarize(workflow.run(), workflow.work, "evidence")

    assert (summary.extracted, summary.decoded, dict(summary.missing)) == (60, 3, {})
    assert workflow.camera.fetched == 2
    records = [ResultRecord.model_validate_json(data) for _, data in workflow.sink.records]
    assert [record.frame.image_timestamp for record in records] == [NOON + timedelta(seconds=at) for at in range(60)]


def test_moments_without_an_image_are_counted_even_if_decoded() -> None:
    workflow = Workflow(FakeCamera(dark={NOON_MS, NOON_MS + 1000, NOON_MS + 7000}))
    plan = workflow.plan()
    window = workflow.windows(plan)[0]

    manifest = extract_window(
        plan, window, ExtractionPorts(workflow.camera, workflow.camera, workflow.camera, workflow.work)
    )

    assert (manifest.refusals, manifest.decoded, manifest.missing) == ({"NO_MEDIA": 3}, 3, {})


def test_missing_images_are_counted_by_reason() -> None:
    workflow = Workflow(FakeCamera(dark={NOON_MS, NOON_MS + 7000}, broken={NOON_MS}))

    summary = summarize(workflow.run(), workflow.work, "evidence")

    assert (summary.extracted, summary.decoded, dict(summary.missing)) == (59, 1, {"NO_MEDIA, UNDECODABLE": 1})


def test_moments_of_an_expired_fragment_are_missing() -> None:
    workflow = Workflow(FakeCamera(dark={NOON_MS}, expired=True))

    summary = summarize(workflow.run(), workflow.work, "evidence")

    assert dict(summary.missing) == {"NO_MEDIA, FRAGMENT_UNAVAILABLE": 1}


def test_a_throttled_detector_retries_the_window_and_its_report_adds_up() -> None:
    workflow = Workflow()
    plan = workflow.plan()
    first, *rest = workflow.windows(plan)
    workflow.extract(plan, first)
    bad = f"on-demand/one/camera/{NOON_MS + 3000}.jpg"
    workflow.detector.failures[bad] = DetectorBusyError("throttled")
    with pytest.raises(DetectorBusyError):
        workflow.detect(plan, first)
    del workflow.detector.failures[bad]
    workflow.detect(plan, first)
    for window in rest:
        workflow.extract(plan, window)
        workflow.detect(plan, window)

    summary = summarize(plan, workflow.work, "evidence")

    assert (summary.published, summary.already_analyzed) == (60, 0)
    assert len(workflow.sink.records) == 60


def test_frames_over_budget_are_reported_and_analyzed_by_the_next_execution() -> None:
    workflow, spending = Workflow(), FakeSpendCounters()

    workflow.budget = Budget(BudgetLimits(45, None, 100), spending, lambda: NOON_MS)
    first = summarize(workflow.run("one"), workflow.work, "evidence")
    workflow.budget = Budget(BudgetLimits(60, None, 100), spending, lambda: NOON_MS)
    second = summarize(workflow.run("two"), workflow.work, "evidence")

    assert (first.published, first.over_budget, dict(first.failed)) == (45, 15, {})
    assert first.already_analyzed == 0
    assert first.cost.detector_calls == 45
    assert (second.published, second.over_budget, second.already_analyzed) == (15, 0, 45)
    assert len(workflow.detector.analyzed_keys) == 60


@pytest.mark.parametrize(
    ("request_changes", "is_extracted"),
    [({}, False), ({"Detector": "REKOGNITION_TEXT"}, False), ({"Detector": "NONE"}, True), ({"Timelapse": {}}, True)],
)
def test_a_range_of_a_reached_budget_costs_no_images_that_only_a_detector_needs(
    request_changes: dict[str, Any], is_extracted: bool
) -> None:
    workflow = Workflow(is_over_budget=lambda stream_name, _: stream_name == "camera")

    plan = workflow.plan(**request_changes)

    assert (plan.slots, plan.over_budget) == (60, 0 if is_extracted else 60)
    assert bool(workflow.windows(plan)) is bool(plan.windows) is is_extracted
    if not is_extracted:
        summary = summarize(plan, workflow.work, "evidence")
        assert (summary.requested, summary.over_budget, summary.extracted) == (60, 60, 0)


def test_a_rejected_image_fails_only_itself() -> None:
    workflow = Workflow()
    workflow.detector.failures[f"on-demand/one/camera/{NOON_MS}.jpg"] = DetectorRejectedError("too small")

    summary = summarize(workflow.run(), workflow.work, "evidence")

    assert (summary.published, dict(summary.failed)) == (59, {"DetectorRejectedError": 1})


def test_failed_windows_are_tolerated_up_to_the_limit() -> None:
    workflow = Workflow(FakeCamera(seconds=600))
    plan = workflow.plan(EndTimestamp=NOON + timedelta(seconds=600), ToleratedFailurePercentage=50)
    first, *rest = workflow.windows(plan)
    for window in rest:
        workflow.extract(plan, window)
        workflow.detect(plan, window)

    summary = summarize(plan, workflow.work, "evidence")

    assert summary.failed_windows == 1
    assert summary.missing == {"NOT_EXTRACTED": len(first.slots)}
    with pytest.raises(TooManyFailuresError, match="240 of 600 moments were not analyzed: 1 windows failed"):
        summarize(plan.model_copy(update={"tolerated_failure_percentage": 10}), workflow.work, "evidence")
    assert summary.summary_key in workflow.work.objects


def test_an_extraction_without_time_continues_with_the_next_request() -> None:
    workflow, left_ms = Workflow(), iter([149_999])
    plan = workflow.plan()
    (window,) = workflow.windows(plan)

    with pytest.raises(WindowUnfinishedError, match="1 of 3 requests"):
        extract_window(plan, window, workflow.extraction(lambda: next(left_ms)))
    manifest = extract_window(plan, window, workflow.extraction(lambda: 150_000))

    assert workflow.camera.requests == manifest.requests == 3
    assert [frame.image_timestamp for frame in manifest.frames] == [NOON + timedelta(seconds=at) for at in range(60)]
    assert extract_window(plan, window, workflow.extraction(lambda: 0)) == manifest
    assert workflow.camera.requests == 3


def test_a_throttled_request_does_not_repeat_the_ones_before_it() -> None:
    workflow = Workflow(FakeCamera(busy_after=1, busy=1))
    plan = workflow.plan()
    (window,) = workflow.windows(plan)

    with pytest.raises(MediaBusyError):
        workflow.extract(plan, window)
    workflow.extract(plan, window)

    assert workflow.camera.requests == 4


def test_an_analysis_without_time_continues_with_the_next_images() -> None:
    workflow = Workflow()
    plan = workflow.plan()
    (window,) = workflow.windows(plan)
    workflow.extract(plan, window)

    with pytest.raises(WindowUnfinishedError, match="35 of 60 images"):
        workflow.detect(plan, window, remaining_ms=149_999)
    with pytest.raises(TooManyFailuresError, match="35 of 60 moments"):
        summarize(plan, workflow.work, "evidence")
    with pytest.raises(WindowUnfinishedError, match="10 of 60 images"):
        workflow.detect(plan, window, remaining_ms=149_999)
    workflow.detect(plan, window)

    summary = summarize(plan, workflow.work, "evidence")
    assert (summary.published, summary.failed_windows) == (60, 0)
    assert len(workflow.sink.records) == len(workflow.detector.analyzed_keys) == 60


def test_an_executions_own_rules() -> None:
    workflow = Workflow()

    summary = summarize(workflow.run(Labels=["Dog"]), workflow.work, "evidence")

    assert (summary.published, summary.matched) == (60, 0)


@pytest.mark.parametrize(
    ("changes", "camera", "error"),
    [
        ({"EndTimestamp": NOON - timedelta(seconds=1)}, FakeCamera(), InvertedRangeError),
        (
            {"StartTimestamp": NOON + timedelta(days=1), "EndTimestamp": NOON + timedelta(days=2)},
            FakeCamera(),
            RangeInFutureError,
        ),
        ({}, FakeCamera(retention_hours=0), NoRetentionError),
        ({}, FakeCamera(seconds=0), NoMediaError),
        (
            {
                "StartTimestamp": NOON - timedelta(days=3),
                "EndTimestamp": NOON - timedelta(days=2),
                "ImageSelectorType": "SERVER_TIMESTAMP",
            },
            FakeCamera(),
            RangeExpiredError,
        ),
    ],
)
def test_impossible_ranges(changes: dict[str, Any], camera: FakeCamera, error: type[Exception]) -> None:
    with pytest.raises(error):
        Workflow(camera).plan(**changes)


def test_recorded_media_counts_as_past_whatever_its_timestamps() -> None:
    """The camera's clock is 20 s ahead, then a day."""
    for ahead in (timedelta(seconds=20), timedelta(days=1)):
        workflow = Workflow(FakeCamera(seconds=60), now=NOON + timedelta(seconds=60) - ahead)

        plan = workflow.plan(EndTimestamp=NOON + timedelta(days=1))

        assert plan.slots == 60
        assert plan.end_ms == NOON_MS + 60_000


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"StreamARN": "arn:x"}, "one of them"),
        ({"StreamName": None}, "one of them"),
        ({"StartTimestamp": "2026-01-01T12:00:00"}, "StartTimestamp"),
        ({"StartTimestamp": NOON_MS}, "seconds"),
        ({"SamplingInterval": 199}, "SamplingInterval"),
        ({"WidthPixels": 100}, "together"),
        ({"Format": "GIF"}, "Format"),
        ({"ToleratedFailurePercentage": 101}, "ToleratedFailurePercentage"),
        ({"Color": "red"}, "Color"),
        ({"MaxResults": 50, "NextToken": "x"}, "MaxResults, NextToken: leave it out, every page is read"),
        ({"FormatConfig": {"JPEGQuality": "101"}}, "JPEGQuality"),
        ({"FormatConfig": {"JPEGQuality": "much"}}, "JPEGQuality"),
        ({"FormatConfig": {"PNGLevel": "1"}}, "PNGLevel"),
        ({"FormatConfig": {"JPEGQuality": "80"}, "Format": "PNG"}, "for the Format JPEG"),
    ],
)
def test_invalid_inputs_are_rejected(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidInputError, match=message):
        a_request(**changes)


def test_the_quality_of_get_images_is_used() -> None:
    workflow = Workflow()

    workflow.run(FormatConfig={"JPEGQuality": "35"})

    assert {spec.jpeg_quality for spec in workflow.camera.specs} == {35}


def test_epoch_seconds_are_accepted() -> None:
    assert a_request(StartTimestamp=NOON_MS / 1000).start_timestamp == NOON


class ReportedWork(FakeWork):
    """Every image was found and matched, with more labels than anybody reads."""

    def __init__(self, windows: Sequence[Window]) -> None:
        super().__init__()
        self.windows = windows

    def read(self, key: str) -> bytes | None:
        folder, _, name = key.removesuffix(".json").rpartition("/")
        if not name.isdecimal():
            return super().read(key)
        moments = [slot.at_ms for slot in self.windows[int(name)].slots]
        if folder.endswith("windows"):
            return WindowManifest(index=int(name), frames=(), missing={}).model_dump_json(by_alias=True).encode()
        labels = tuple(f"A label that is rather long {number}" for number in range(3))
        report = WindowReport(
            index=int(name),
            published={
                at_ms: AnalyzedFrame(
                    result_id=f"{at_ms:032}", fragment_number="9" * 47, labels=labels * 20, matched=True
                )
                for at_ms in moments
            },
        )
        return report.model_dump_json(by_alias=True).encode()


LONG_RANGES = pytest.mark.parametrize("days", [1, pytest.param(7, marks=pytest.mark.long)])


@LONG_RANGES
def test_the_summary_of_a_long_range_stays_small(days: int) -> None:
    seconds, name = days * 24 * 3600, "x" * 256
    workflow = Workflow(FakeCamera(seconds=seconds, name=name), now=NOON + timedelta(seconds=seconds), key="")
    plan = workflow.plan(EndTimestamp=NOON + timedelta(seconds=seconds), StreamName=name, SamplingInterval=5000)
    work = ReportedWork(workflow.windows(plan))
    work.objects[plan.windows_key] = workflow.work.objects[plan.windows_key]

    summary = summarize(plan, work, "kinesight-evidence-" + "x" * 44)

    assert summary.matched == seconds // 5
    assert len(summary.evidence) == 50
    assert len(json.dumps(summary.model_dump_json(by_alias=True))) < 128 * 1024


@LONG_RANGES
def test_the_state_of_a_long_range_stays_small(days: int) -> None:
    """256 KiB is what Step Functions carries; the windows are in S3."""
    seconds = days * 24 * 3600
    workflow = Workflow(FakeCamera(seconds=seconds), now=NOON + timedelta(seconds=seconds))

    plan = workflow.plan(EndTimestamp=NOON + timedelta(seconds=seconds))

    assert plan.slots == seconds
    assert len(plan.model_dump_json(by_alias=True)) < 3000
    assert max(len(WINDOWS.dump_json([window])) for window in workflow.windows(plan)) < 20_000


def test_a_camera_without_a_detector_costs_no_images() -> None:
    workflow = Workflow()
    ports = PlanningPorts(
        workflow.camera,
        workflow.camera,
        workflow.work,
        lambda: workflow.now,
        lambda: workflow.key,
        is_analyzed=lambda name: name != "camera",
    )

    with pytest.raises(InvalidInputError, match=r"camera has no detector .* Detector, or NONE"):
        plan_range(a_request(), "one", ports)
    assert not workflow.work.objects
    assert plan_range(a_request(Detector="REKOGNITION_TEXT"), "two", ports).detector == "REKOGNITION_TEXT"
    assert plan_range(a_request(Detector="NONE", Timelapse={}), "three", ports).detects is False


def test_a_detector_without_its_parameter_is_rejected() -> None:
    workflow = Workflow()
    ports = PlanningPorts(
        workflow.camera,
        workflow.camera,
        workflow.work,
        lambda: workflow.now,
        lambda: workflow.key,
        missing_parameters={"REKOGNITION_FACE_SEARCH": "FaceCollectionId"},
    )

    assert plan_range(a_request(Detector="REKOGNITION_TEXT"), "one", ports).detector == "REKOGNITION_TEXT"
    with pytest.raises(InvalidInputError, match="REKOGNITION_FACE_SEARCH: this stack does not set FaceCollectionId"):
        plan_range(a_request(Detector="REKOGNITION_FACE_SEARCH"), "two", ports)
