"""The road that every frame takes, whatever its source: ledger → detector → rules → record → results stream."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from kinesight.domain.analysis.result_records import Matches, encode_record, make_record, result_id
from kinesight.domain.detectors.ports import Detector, ModelOutput
from kinesight.domain.errors import BudgetReachedError, DeliveryError, KinesightError, UnexpectedError
from kinesight.domain.gate.frame_gate import FrameGate, Verdict
from kinesight.domain.model import Frame, ResultRecord
from kinesight.domain.ports import Ledger, ResultSink
from kinesight.domain.rules.matching import Rules, matched_labels, matched_rules

LEDGER = "analyze_images"
"""The name of the ledger: one for every source, so that a frame that comes two ways is analyzed once."""


@dataclass(frozen=True, slots=True)
class DetectionPorts:
    """The outside world of an analysis. `tell` hears of analyses that ended, as soon as their records are published."""

    detector: Detector
    results: ResultSink
    ledger: Ledger
    gate: FrameGate | None = None
    tell: Callable[[Sequence["Analysis"]], None] = lambda _analyses: None


ExtraFields = Callable[[Frame, ModelOutput], Mapping[str, Any]]
"""What a record carries beside our own fields, for consumers that were written for something else."""


@dataclass(frozen=True, slots=True)
class DetectionPlan:
    """What is wanted of every frame. `rules` are asked for anew for each."""

    rules: Callable[[], Rules]
    include_raw_output: bool = False
    concurrent_detections: int = 10
    beside: ExtraFields | None = None


@dataclass(slots=True)
class Analysis:
    """One frame's analysis: in the end a record, an error, or neither if it was done before, the gate held it back, or
    the budget did (`over_budget`).

    `find` makes the frame when its turn comes, and may raise as the analysis does. `subject` names it for people;
    `frame` and `identity`, the result's id, are known once it was found.
    """

    subject: str
    find: Callable[[], Frame]
    frame: Frame | None = None
    identity: str | None = None
    record: ResultRecord | None = None
    encoded: bytes = b""
    error: KinesightError | None = None
    verdict: Verdict | None = None
    over_budget: BudgetReachedError | None = None

    @property
    def gated(self) -> bool:
        """By the frame gate, for good."""
        return self.verdict is Verdict.GATED and self.error is None

    @property
    def already_analyzed(self) -> bool:
        """There was nothing left to do."""
        return self.record is None and self.error is None and self.over_budget is None and not self.gated


def analyze(analyses: Sequence[Analysis], ports: DetectionPorts, plan: DetectionPlan) -> None:
    """Looks at all frames, side by side, and publishes their records in as few calls as possible. Never raises."""
    with ThreadPoolExecutor(max_workers=plan.concurrent_detections) as pool:
        list(pool.map(lambda one: _look_guarded(one, ports, plan), analyses))
    _publish([one for one in analyses if one.record is not None], ports)
    ports.tell(analyses)


def _look_guarded(analysis: Analysis, ports: DetectionPorts, plan: DetectionPlan) -> None:
    try:
        _look(analysis, ports, plan)
    except BudgetReachedError as reached:
        # Its ledger entry is released: whoever brings the frame again when there is money has it analyzed.
        analysis.over_budget = reached
    except KinesightError as error:
        analysis.error = error
    except Exception as error:  # noqa: BLE001 - one picture's unforeseen failure must not take its neighbours along
        analysis.error = UnexpectedError(f"{type(error).__name__}: {error}")
        analysis.error.__cause__ = error


def _look(analysis: Analysis, ports: DetectionPorts, plan: DetectionPlan) -> None:
    frame = analysis.frame = analysis.find()
    fingerprint = ports.detector.fingerprint
    identity = analysis.identity = result_id(frame, fingerprint)
    if not ports.ledger.begin(identity):
        return
    with _released_on_failure(ports.ledger, identity):
        analysis.verdict = ports.gate.verdict(frame) if ports.gate is not None else None
        if analysis.verdict is Verdict.GATED:
            ports.ledger.finish(identity)
            return
        answer = ports.detector.detect(frame)
        judged = plan.rules().of_stream(frame.stream_name).judge(answer.detections, frame.image_timestamp, frame.tags)
        matches = Matches(tuple(one.detection for one in judged), matched_labels(judged), matched_rules(judged))
        record = make_record(frame, answer, fingerprint, matches, include_raw=plan.include_raw_output)
        analysis.encoded = encode_record(record, plan.beside(frame, answer) if plan.beside else None)
        analysis.record = record


@contextmanager
def _released_on_failure(ledger: Ledger, key: str) -> Iterator[None]:
    try:
        yield
    except BaseException:
        ledger.release(key)
        raise


def _publish(analyses: Sequence[Analysis], ports: DetectionPorts) -> None:
    records = [one.record for one in analyses if one.record is not None]
    refused = ports.results.put(
        [(record.frame.stream_name, one.encoded) for record, one in zip(records, analyses, strict=True)]
    )
    for index, (record, one) in enumerate(zip(records, analyses, strict=True)):
        try:
            if index in refused:
                one.error = DeliveryError(f"the results stream refused the record: {refused[index]}")
                ports.ledger.release(record.result_id)
            else:
                ports.ledger.finish(record.result_id)
        except KinesightError as error:
            one.error = error
