"""Analysis pipeline shared by all sources: deduplicate → gate → detect → match rules → encode → publish."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from kinesight.domain.analysis.result_records import Matches, encode_record, make_record, result_id
from kinesight.domain.batches import run_safely
from kinesight.domain.configuration.configuration import Configuration
from kinesight.domain.configuration.matching import matched_labels, matched_rules
from kinesight.domain.detectors.ports import Detectors, ModelOutput
from kinesight.domain.detectors.spend import FrameSpend
from kinesight.domain.errors import BudgetReachedError, DeliveryError, KinesightError, UnexpectedError
from kinesight.domain.gate.frame_gate import FrameGate, GateDecision
from kinesight.domain.model import Frame, NotAnalyzed, ResultRecord
from kinesight.domain.ports import Ledger, ResultSink

LEDGER = "analyze_images"
"""Name of the ledger: one for all sources, so that a frame that two sources deliver is analyzed once."""


@dataclass(frozen=True, slots=True)
class DetectionPorts:
    """Ports of the pipeline. `now_ms`: the present, epoch milliseconds."""

    detectors: Detectors
    results: ResultSink
    ledger: Ledger
    now_ms: Callable[[], int]
    gate: FrameGate | None = None


ExtraFields = Callable[[Frame, ModelOutput], Mapping[str, Any]]
"""Returns the fields that a record has besides Kinesight's own, for consumers that were written for other formats."""


@dataclass(frozen=True, slots=True)
class PipelineSettings:
    """Settings of every frame. `configuration` is called for each frame, because it changes at run time."""

    configuration: Callable[[], Configuration]
    include_raw_output: bool = False
    concurrent_detections: int = 10
    extra_fields: ExtraFields | None = None


@dataclass(slots=True)
class FrameAnalysis:
    """Analysis of one frame: ends with a record, an error, or neither if the frame is already analyzed, gated, over
    budget, or of a camera without a detector.

    `resolve` returns the frame, and may raise as the analysis does. `subject` names the frame for people; `frame` and
    `identity`, the result's id, are set once the frame has been resolved. `published_at_ms`: epoch milliseconds.
    `dropped_rows`: rows of the model output that are no detection.
    """

    subject: str
    resolve: Callable[[], Frame]
    frame: Frame | None = None
    identity: str | None = None
    record: ResultRecord | None = None
    encoded: bytes = b""
    error: KinesightError | None = None
    gate_decision: GateDecision | None = None
    over_budget: BudgetReachedError | None = None
    has_no_detector: bool = False
    published_at_ms: int | None = None
    dropped_rows: int = 0
    spend: FrameSpend = field(default_factory=FrameSpend)

    @property
    def gated(self) -> bool:
        """Dropped by the frame gate; not retried."""
        return self.gate_decision is GateDecision.GATED and self.error is None

    @property
    def why_not_analyzed(self) -> NotAnalyzed:
        """Of a frame that has neither a record nor an error, and is within the budget."""
        if self.has_no_detector:
            return NotAnalyzed.NO_DETECTOR
        return NotAnalyzed.GATED if self.gated else NotAnalyzed.ALREADY_ANALYZED

    @property
    def already_analyzed(self) -> bool:
        """An earlier delivery of the same frame was analyzed."""
        ended = self.record is not None or self.error is not None or self.over_budget is not None
        return not ended and not self.gated and not self.has_no_detector


def analyze(analyses: Sequence[FrameAnalysis], ports: DetectionPorts, settings: PipelineSettings) -> None:
    """Fills in each analysis, several at once, and publishes the records in as few calls as possible. Never raises."""
    with ThreadPoolExecutor(max_workers=settings.concurrent_detections) as pool:
        list(pool.map(lambda one: _analyze_safely(one, ports, settings), analyses))
        _publish([one for one in analyses if one.record is not None], ports, pool)


def _analyze_safely(analysis: FrameAnalysis, ports: DetectionPorts, settings: PipelineSettings) -> None:
    """An unexpected error fails this frame only, not the batch."""
    error = run_safely(lambda: _analyze(analysis, ports, settings))
    if isinstance(error, BudgetReachedError):
        # The ledger entry is released, so the frame is analyzed if it is delivered again when there is budget.
        analysis.over_budget = error
    else:
        analysis.error = error


def _analyze(analysis: FrameAnalysis, ports: DetectionPorts, settings: PipelineSettings) -> None:
    frame = analysis.frame = analysis.resolve()
    detector = ports.detectors.of_stream(frame.stream_name)
    if detector is None:
        analysis.has_no_detector = True
        return
    fingerprint = detector.fingerprint
    identity = analysis.identity = result_id(frame, fingerprint)
    if not ports.ledger.begin(identity):
        return
    with _released_on_failure(ports.ledger, identity):
        analysis.gate_decision = ports.gate.decide(frame) if ports.gate is not None else None
        if analysis.gate_decision is GateDecision.GATED:
            ports.ledger.finish(identity)
            return
        output = detector.detect(frame, analysis.spend)
        analysis.dropped_rows = output.dropped_rows
        matches = _matches(output, frame, settings.configuration())
        record = make_record(frame, output, fingerprint, matches, include_raw=settings.include_raw_output)
        extra = settings.extra_fields(frame, output) if settings.extra_fields else None
        analysis.encoded = encode_record(record, extra)
        analysis.record = record


def _matches(output: ModelOutput, frame: Frame, configuration: Configuration) -> Matches:
    found = configuration.of_stream(frame.stream_name).match(output.detections, frame.image_timestamp, frame.tags)
    return Matches(tuple(one.detection for one in found), matched_labels(found), matched_rules(found))


@contextmanager
def _released_on_failure(ledger: Ledger, key: str) -> Iterator[None]:
    try:
        yield
    except BaseException:
        run_safely(lambda: ledger.release(key))  # its own error must not hide this one; the entry expires
        raise


def _publish(analyses: Sequence[FrameAnalysis], ports: DetectionPorts, pool: Executor) -> None:
    """Publishes in as few calls as possible, but one by one if that fails, so that a record fails alone."""
    error = run_safely(lambda: _put(analyses, ports, pool)) if analyses else None
    if error is not None and len(analyses) > 1:
        for one in analyses:
            _publish([one], ports, pool)
    elif error is not None:
        _fail_unpublished(analyses[0], error, ports)


def _put(analyses: Sequence[FrameAnalysis], ports: DetectionPorts, pool: Executor) -> None:
    """Publishes, then completes the ledger of all records at once: one write takes as long as all of them."""
    records = [one.record for one in analyses if one.record is not None]
    refused = ports.results.put(
        [(record.frame.stream_name, one.encoded) for record, one in zip(records, analyses, strict=True)]
    )
    published_at_ms = ports.now_ms()

    def settle(index: int) -> None:
        one = analyses[index]
        one.published_at_ms = published_at_ms
        if index in refused:
            _fail_unpublished(one, DeliveryError(f"the results stream refused the record: {refused[index]}"), ports)
        else:
            _finish(one, records[index].result_id, ports.ledger)

    list(pool.map(settle, range(len(records))))


def _finish(one: FrameAnalysis, key: str, ledger: Ledger) -> None:
    one.error = run_safely(lambda: ledger.finish(key))
    if isinstance(one.error, UnexpectedError):
        run_safely(lambda: ledger.release(key))  # or its next attempt would find the work in progress


def _fail_unpublished(one: FrameAnalysis, error: KinesightError, ports: DetectionPorts) -> None:
    one.error = error
    run_safely(lambda: ports.ledger.release(one.identity or ""))
