"""What became of frames, and what it took: counted by stream, to be told by whoever runs the analysis."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from threading import Lock

from kinesight.domain.analysis.pipeline import Analysis
from kinesight.domain.errors import ModelOutputError, DetectorBusyError, DetectorRejectedError, PermanentError
from kinesight.domain.gate.frame_gate import Verdict
from kinesight.domain.model import Frame, FrameSource, ResultRecord, to_epoch_ms

_OF_DETECTOR = (ModelOutputError, DetectorBusyError, DetectorRejectedError)


@dataclass(slots=True)
class FrameCounts:
    """Counts of frames; latencies and ages in milliseconds, one of each analyzed frame; `detector_errors` by class."""

    settled: int = 0
    analyzed: int = 0
    detected: int = 0
    matched: int = 0
    gated: int = 0
    would_be_gated: int = 0
    gate_failed_open: int = 0
    known: int = 0
    over_budget: int = 0
    latencies_ms: list[int] = field(default_factory=list)
    ages_ms: list[int] = field(default_factory=list)
    detector_errors: Counter[str] = field(default_factory=Counter)

    def take(self, one: Analysis, now_ms: int) -> None:
        """Counts an analysis that ended. One that is to be tried again is not settled, only its error is counted."""
        self.detector_errors += Counter({type(one.error).__name__: int(isinstance(one.error, _OF_DETECTOR))})
        self.settled += one.error is None or isinstance(one.error, PermanentError)
        if one.error is not None:
            return
        self.known += one.already_analyzed
        self.over_budget += one.over_budget is not None
        self.gated += one.verdict is Verdict.GATED
        self.would_be_gated += one.verdict is Verdict.WOULD_BE_GATED
        self.gate_failed_open += one.verdict is Verdict.FAILED_OPEN
        if one.record is not None:
            self._take_record(one.record, now_ms)

    def _take_record(self, record: ResultRecord, now_ms: int) -> None:
        self.analyzed += 1
        self.detected += bool(record.detections)
        self.matched += record.matched
        self.latencies_ms.append(record.detector.latency_ms)
        if record.frame.source is not FrameSource.ON_DEMAND:
            self.ages_ms.append(_age_ms(record.frame, now_ms))

    def __iadd__(self, other: "FrameCounts") -> "FrameCounts":
        for one in fields(self):
            setattr(self, one.name, getattr(self, one.name) + getattr(other, one.name))
        return self


def tallied(analyses: Sequence[Analysis], now_ms: int) -> dict[str, FrameCounts]:
    """By stream name; frames that could not even be found have none, and count under an empty name.

    `now_ms`: the moment of publication, epoch milliseconds.
    """
    tallies: dict[str, FrameCounts] = {}
    for one in analyses:
        name = one.frame.stream_name if one.frame is not None else ""
        tallies.setdefault(name, FrameCounts()).take(one, now_ms)
    return tallies


def total(tallies: Sequence[FrameCounts]) -> FrameCounts:
    """All of them together."""
    together = FrameCounts()
    for one in tallies:
        together += one
    return together


def _age_ms(frame: Frame, now_ms: int) -> int:
    """Not below 0: a camera's clock may be ahead of ours."""
    seen = frame.server_timestamp or frame.producer_timestamp or frame.image_timestamp
    return max(0, now_ms - to_epoch_ms(seen))


class FrameBook:
    """Tallies that add up between two tellings. Safe for threads."""

    def __init__(self) -> None:
        self._tallies: dict[str, FrameCounts] = {}
        self._lock = Lock()

    def add(self, tallies: dict[str, FrameCounts]) -> None:
        with self._lock:
            for name, one in tallies.items():
                self._tallies.setdefault(name, FrameCounts()).__iadd__(one)

    def taken(self, stream_name: str) -> FrameCounts:
        """What added up of a stream, which begins anew."""
        with self._lock:
            return self._tallies.pop(stream_name, FrameCounts())
