"""What is told of frames: every fate is counted once, under the stream that it is of."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from kinesight.domain.analysis.frame_counts import FrameBook, FrameCounts, tallied, total
from kinesight.domain.analysis.pipeline import Analysis, DetectionPlan, DetectionPorts, analyze
from kinesight.domain.errors import (
    BudgetReachedError,
    DetectorBusyError,
    DetectorRejectedError,
    ImageMissingError,
    KinesightError,
    UnsupportedImageError,
)
from kinesight.domain.gate.frame_gate import Verdict
from kinesight.domain.model import Frame, FrameSource
from kinesight.domain.rules.matching import Rules

from tests.builders import NOON_MS, a_detection, a_frame, a_record
from tests.fakes import FakeDetector, FakeLedger, FakeSink


def an_analysis(frame: Frame | None = None, **fields: Any) -> Analysis:
    shown = frame or a_frame()
    return Analysis("one", lambda: shown, **({"frame": shown} | fields))


def tally_of(one: Analysis, now_ms: int = NOON_MS) -> FrameCounts:
    (tally,) = tallied([one], now_ms).values()
    return tally


def test_an_analyzed_frame_is_settled_with_its_latency_and_age() -> None:
    record = a_record()

    tally = tally_of(an_analysis(record=record), NOON_MS + 2500)

    expected = FrameCounts(settled=1, analyzed=1, detected=1, matched=1, latencies_ms=[12], ages_ms=[2000])
    assert tally == expected


def test_a_frame_in_which_nothing_was_seen_is_neither_detected_nor_matched() -> None:
    tally = tally_of(an_analysis(record=a_record(detections=(), matched=False)))

    assert (tally.analyzed, tally.detected, tally.matched) == (1, 0, 0)


def test_the_age_falls_back_on_the_cameras_clock_and_is_never_negative() -> None:
    by_camera = a_frame(server_timestamp=None)
    ahead = a_frame(server_timestamp=None, producer_timestamp=None)

    assert tally_of(an_analysis(record=a_record(by_camera)), NOON_MS + 700).ages_ms == [700]
    assert tally_of(an_analysis(record=a_record(ahead)), NOON_MS - 700).ages_ms == [0]


def test_a_frame_on_demand_has_no_age() -> None:
    frame = a_frame(source=FrameSource.ON_DEMAND)

    assert tally_of(an_analysis(frame, record=a_record(frame))).ages_ms == []


def test_the_gates_verdicts() -> None:
    told = {verdict: tally_of(an_analysis(verdict=verdict)) for verdict in Verdict}

    assert told[Verdict.GATED] == FrameCounts(settled=1, gated=1)
    assert told[Verdict.WOULD_BE_GATED].would_be_gated == 1
    assert told[Verdict.FAILED_OPEN].gate_failed_open == 1


def test_what_the_budget_held_back_is_settled_and_nothing_else() -> None:
    reached = BudgetReachedError("stack", 5, 5, is_hard=True)

    assert tally_of(an_analysis(over_budget=reached)) == FrameCounts(settled=1, over_budget=1)


def test_what_is_tried_again_is_not_settled_but_its_error_counts() -> None:
    tally = tally_of(an_analysis(error=DetectorBusyError("throttled")))

    assert tally == FrameCounts(detector_errors=Counter(DetectorBusyError=1))


def test_what_is_given_up_is_settled() -> None:
    assert tally_of(an_analysis(error=DetectorRejectedError("no"))).settled == 1


def test_errors_that_are_not_the_detectors_are_not_put_to_it() -> None:
    for error in (ImageMissingError("gone"), UnsupportedImageError("a GIF")):
        assert not tally_of(an_analysis(error=error)).detector_errors


def test_frames_are_told_apart_by_stream() -> None:
    front, back = a_frame(), a_frame(stream_name="back-door")
    lost = Analysis("lost", lambda: front, error=ImageMissingError("gone"))
    analyses = [an_analysis(front, record=a_record(front)), an_analysis(back, record=a_record(back)), lost]

    tallies = tallied(analyses, NOON_MS)

    assert {name: one.settled for name, one in tallies.items()} == {"front-door": 1, "back-door": 1, "": 1}
    assert total(list(tallies.values())).analyzed == 2


def test_a_book_adds_up_until_it_is_asked() -> None:
    book = FrameBook()
    for _ in range(3):
        book.add({"front-door": FrameCounts(analyzed=2, ages_ms=[5], detector_errors=Counter(DetectorBusyError=1))})

    told = book.taken("front-door")

    assert (told.analyzed, told.ages_ms, told.detector_errors["DetectorBusyError"]) == (6, [5, 5, 5], 3)
    assert book.taken("front-door") == FrameCounts()


@dataclass
class Road:
    """The road that every frame takes, with somebody who listens."""

    sink: FakeSink = field(default_factory=FakeSink)
    heard: list[tuple[int, FrameCounts]] = field(default_factory=list)

    def listen(self, analyses: Any) -> None:
        self.heard.append((len(self.sink.records), total(list(tallied(analyses, NOON_MS).values()))))

    def take(self, *, failure: KinesightError | None = None) -> FrameCounts:
        frame = a_frame()
        detector = FakeDetector((a_detection(),), {frame.image.key: failure} if failure else {})
        ports = DetectionPorts(detector, self.sink, FakeLedger(), tell=self.listen)
        analyze([Analysis("one", lambda: frame)], ports, DetectionPlan(lambda: Rules.of([], 0)))
        return self.heard[-1][1]


def test_frames_are_told_of_when_their_records_are_published() -> None:
    road = Road()

    assert road.take().analyzed == 1
    assert road.heard[0][0] == 1  # the record was in the stream by then


def test_a_record_that_the_stream_refuses_is_not_told_as_analyzed() -> None:
    tally = Road(FakeSink(refused={"front-door"})).take()

    assert (tally.analyzed, tally.settled) == (0, 0)


def test_a_detector_that_fails_is_told_by_its_error() -> None:
    assert Road().take(failure=DetectorBusyError("x")).detector_errors == {"DetectorBusyError": 1}
