"""The report of frames: every outcome is counted once, under its stream."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from kinesight.domain.analysis.frame_report import FrameCounts, FrameReport, LiveFrameReport, total
from kinesight.domain.analysis.pipeline import DetectionPorts, FrameAnalysis, PipelineSettings, analyze
from kinesight.domain.configuration.configuration import Configuration
from kinesight.domain.detectors.spend import Spend
from kinesight.domain.errors import (
    BudgetReachedError,
    DetectorBusyError,
    DetectorRejectedError,
    ImageMissingError,
    KinesightError,
    UnsupportedImageError,
)
from kinesight.domain.gate.frame_gate import GateDecision
from kinesight.domain.model import Frame, FrameSource

from tests.builders import NOON_MS, a_detection, a_frame, a_record
from tests.fakes import EveryStream, FakeDetector, FakeLedger, FakeSink


def an_analysis(frame: Frame | None = None, **fields: Any) -> FrameAnalysis:
    shown = frame or a_frame()
    given: dict[str, Any] = {"frame": shown, "published_at_ms": NOON_MS}
    return FrameAnalysis("one", lambda: shown, **(given | fields))


def counts_of(one: FrameAnalysis) -> FrameCounts:
    (counts,) = FrameReport.of([one]).counts.values()
    return counts


def test_an_analyzed_frame_is_settled_with_its_latency_and_age() -> None:
    record = a_record()

    counts = counts_of(an_analysis(record=record, published_at_ms=NOON_MS + 2500))

    expected = FrameCounts(settled=1, analyzed=1, detected=1, matched=1, latencies_ms=[12], ages_ms=[2000])
    assert counts == expected


def test_a_frame_in_which_nothing_was_seen_is_neither_detected_nor_matched() -> None:
    counts = counts_of(an_analysis(record=a_record(detections=(), matched=False)))

    assert (counts.analyzed, counts.detected, counts.matched) == (1, 0, 0)


def test_the_age_falls_back_on_the_cameras_clock_and_is_never_negative() -> None:
    by_camera = a_frame(server_timestamp=None)
    ahead = a_frame(server_timestamp=None, producer_timestamp=None)

    assert counts_of(an_analysis(record=a_record(by_camera), published_at_ms=NOON_MS + 700)).ages_ms == [700]
    assert counts_of(an_analysis(record=a_record(ahead), published_at_ms=NOON_MS - 700)).ages_ms == [0]


def test_a_frame_on_demand_has_no_age() -> None:
    frame = a_frame(source=FrameSource.ON_DEMAND)

    assert counts_of(an_analysis(frame, record=a_record(frame))).ages_ms == []


def test_the_gates_decisions() -> None:
    counts = {one: counts_of(an_analysis(gate_decision=one)) for one in GateDecision}

    assert counts[GateDecision.GATED] == FrameCounts(settled=1, gated=1)
    assert counts[GateDecision.WOULD_BE_GATED].would_be_gated == 1
    assert counts[GateDecision.FAILED_OPEN].gate_failed_open == 1


def test_an_over_budget_frame_is_settled_and_nothing_else() -> None:
    reached = BudgetReachedError("stack", 5, 5, is_hard=True)

    assert counts_of(an_analysis(over_budget=reached)) == FrameCounts(settled=1, over_budget=1)


def test_what_is_tried_again_is_not_settled_but_its_error_counts() -> None:
    counts = counts_of(an_analysis(error=DetectorBusyError("throttled")))

    assert counts == FrameCounts(detector_errors=Counter(DetectorBusyError=1))


def test_what_is_given_up_is_settled() -> None:
    assert counts_of(an_analysis(error=DetectorRejectedError("no"))).settled == 1


def test_errors_that_are_not_the_detectors_are_not_put_to_it() -> None:
    for error in (ImageMissingError("gone"), UnsupportedImageError("a GIF")):
        assert not counts_of(an_analysis(error=error)).detector_errors


def test_frames_are_counted_by_stream() -> None:
    front, back = a_frame(), a_frame(stream_name="back-door")
    lost = FrameAnalysis("lost", lambda: front, error=ImageMissingError("gone"))
    analyses = [an_analysis(front, record=a_record(front)), an_analysis(back, record=a_record(back)), lost]

    counts = FrameReport.of(analyses).counts

    assert {name: one.settled for name, one in counts.items()} == {"front-door": 1, "back-door": 1, "": 1}
    assert total(list(counts.values())).analyzed == 2


def test_spend_is_by_stream_and_detector() -> None:
    one, other, back = an_analysis(), an_analysis(), an_analysis(a_frame(stream_name="back-door"))
    one.spend.add("REKOGNITION_LABELS", Spend(calls=1, micro_usd=1000))
    other.spend.add("REKOGNITION_LABELS", Spend(calls=1, micro_usd=1000))
    other.spend.add("REKOGNITION_TEXT", Spend(stopped=1))
    back.spend.add("REKOGNITION_LABELS", Spend(slowed=1))

    assert FrameReport.of([one, other, back]).spend == {
        ("front-door", "REKOGNITION_LABELS"): Spend(calls=2, micro_usd=2000),
        ("front-door", "REKOGNITION_TEXT"): Spend(stopped=1),
        ("back-door", "REKOGNITION_LABELS"): Spend(slowed=1),
    }


def test_a_live_report_adds_up_until_it_is_taken() -> None:
    report = LiveFrameReport()
    failed = an_analysis(error=DetectorBusyError("throttled"))
    failed.spend.add("REKOGNITION_LABELS", Spend(calls=1))
    for _ in range(3):
        report.add([an_analysis(record=a_record(), published_at_ms=NOON_MS + 505), failed])

    taken = report.take()

    counts = taken.counts["front-door"]
    assert (counts.analyzed, counts.ages_ms, counts.detector_errors["DetectorBusyError"]) == (3, [5, 5, 5], 3)
    assert taken.spend == {("front-door", "REKOGNITION_LABELS"): Spend(calls=3)}
    assert report.take() == FrameReport()


@dataclass
class Pipeline:
    """The pipeline with one frame."""

    sink: FakeSink = field(default_factory=FakeSink)

    def report(self, *, failure: KinesightError | None = None) -> FrameCounts:
        frame = a_frame()
        detector = FakeDetector((a_detection(),), {frame.image.key: failure} if failure else {})
        ports = DetectionPorts(
            EveryStream(detector), self.sink, FakeLedger(), lambda: NOON_MS + 500 + len(self.sink.records)
        )
        one = FrameAnalysis("one", lambda: frame)
        analyze([one], ports, PipelineSettings(lambda: Configuration.of([], 0)))
        return counts_of(one)


def test_the_age_of_a_frame_ends_when_its_record_is_published() -> None:
    counts = Pipeline().report()

    assert (counts.analyzed, counts.ages_ms) == (1, [1])  # one record was in the stream by then


def test_a_record_that_the_stream_refuses_does_not_count_as_analyzed() -> None:
    counts = Pipeline(FakeSink(refused={"front-door"})).report()

    assert (counts.analyzed, counts.settled) == (0, 0)


def test_a_record_that_an_unexpected_error_kept_from_the_stream_is_not_counted() -> None:
    class Broken(FakeSink):
        def put(self, records: Any) -> Any:
            raise RuntimeError("a defect")

    one = FrameAnalysis("one", a_frame)
    ports = DetectionPorts(EveryStream(FakeDetector((a_detection(),))), Broken(), FakeLedger(), lambda: NOON_MS)

    analyze([one], ports, PipelineSettings(lambda: Configuration.of([], 0)))

    assert repr(one.error) == "UnexpectedError('RuntimeError: a defect')"
    assert counts_of(one) == FrameCounts(detector_errors=Counter({"UnexpectedError": 0}))


def test_a_detector_that_fails_counts_by_its_error() -> None:
    assert Pipeline().report(failure=DetectorBusyError("x")).detector_errors == {"DetectorBusyError": 1}
