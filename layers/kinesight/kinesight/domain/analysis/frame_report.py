"""What an invocation reports of its frames: counts by stream, and spend by stream and detector."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, fields
from threading import Lock

from kinesight.domain.analysis.pipeline import FrameAnalysis
from kinesight.domain.detectors.spend import Spend
from kinesight.domain.errors import DetectorBusyError, DetectorRejectedError, ModelOutputError, PermanentError
from kinesight.domain.gate.frame_gate import GateDecision
from kinesight.domain.model import Frame, FrameSource, ResultRecord, to_epoch_ms

_OF_DETECTOR = (ModelOutputError, DetectorBusyError, DetectorRejectedError)


@dataclass(slots=True)
class FrameCounts:
    """Counts of frames; latencies and ages in milliseconds, one of each analyzed frame; `dropped_rows` of model
    outputs; `detector_errors` by class."""

    settled: int = 0
    analyzed: int = 0
    detected: int = 0
    matched: int = 0
    gated: int = 0
    would_be_gated: int = 0
    gate_failed_open: int = 0
    duplicates: int = 0
    over_budget: int = 0
    dropped_rows: int = 0
    latencies_ms: list[int] = field(default_factory=list)
    ages_ms: list[int] = field(default_factory=list)
    detector_errors: Counter[str] = field(default_factory=Counter)

    def add(self, one: FrameAnalysis) -> None:
        """Counts an analysis that ended. One that will be retried is not settled; only its error is counted."""
        self.detector_errors += Counter({type(one.error).__name__: int(isinstance(one.error, _OF_DETECTOR))})
        self.settled += one.error is None or isinstance(one.error, PermanentError)
        if one.error is not None:
            return
        self.duplicates += one.already_analyzed
        self.over_budget += one.over_budget is not None
        self.gated += one.gate_decision is GateDecision.GATED
        self.would_be_gated += one.gate_decision is GateDecision.WOULD_BE_GATED
        self.gate_failed_open += one.gate_decision is GateDecision.FAILED_OPEN
        self.dropped_rows += one.dropped_rows
        if one.record is not None:
            self._add_record(one.record, one.published_at_ms or 0)

    def _add_record(self, record: ResultRecord, published_at_ms: int) -> None:
        self.analyzed += 1
        self.detected += bool(record.detections)
        self.matched += record.matched
        self.latencies_ms.append(record.detector.latency_ms)
        if record.frame.source is not FrameSource.ON_DEMAND:
            self.ages_ms.append(_age_ms(record.frame, published_at_ms))

    def __iadd__(self, other: "FrameCounts") -> "FrameCounts":
        for one in fields(self):
            setattr(self, one.name, getattr(self, one.name) + getattr(other, one.name))
        return self


@dataclass(slots=True)
class FrameReport:
    """Counts by stream name, and spend by stream name and detector. Frames that could not be resolved count under an
    empty stream name."""

    counts: dict[str, FrameCounts] = field(default_factory=dict)
    spend: dict[tuple[str, str], Spend] = field(default_factory=dict)

    @classmethod
    def of(cls, analyses: Iterable[FrameAnalysis]) -> "FrameReport":
        """Outcomes and spend of these frames."""
        report = cls()
        for one in analyses:
            stream_name = one.frame.stream_name if one.frame is not None else ""
            report.counts.setdefault(stream_name, FrameCounts()).add(one)
            for detector, spend in one.spend.by_detector.items():
                report.spend.setdefault((stream_name, detector), Spend()).__iadd__(spend)
        return report

    def __iadd__(self, other: "FrameReport") -> "FrameReport":
        for stream_name, counts in other.counts.items():
            self.counts.setdefault(stream_name, FrameCounts()).__iadd__(counts)
        for key, spend in other.spend.items():
            self.spend.setdefault(key, Spend()).__iadd__(spend)
        return self


def total(counts: Sequence[FrameCounts]) -> FrameCounts:
    """The sum."""
    together = FrameCounts()
    for one in counts:
        together += one
    return together


def _age_ms(frame: Frame, published_at_ms: int) -> int:
    """Not below 0: a camera's clock may be ahead of ours."""
    captured = frame.server_timestamp or frame.producer_timestamp or frame.image_timestamp
    return max(0, published_at_ms - to_epoch_ms(captured))


class LiveFrameReport:
    """A report that adds up between two emissions. Safe for threads."""

    def __init__(self) -> None:
        self._report = FrameReport()
        self._lock = Lock()

    def add(self, analyses: Iterable[FrameAnalysis]) -> None:
        """Adds analyses that ended, or that are tried again."""
        report = FrameReport.of(analyses)
        with self._lock:
            self._report += report

    def take(self) -> FrameReport:
        """What was added since the last call."""
        with self._lock:
            taken, self._report = self._report, FrameReport()
        return taken
