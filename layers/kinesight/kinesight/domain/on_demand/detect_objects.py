"""detect_objects: analyzes the frames of a window, publishes their records, and writes a report of each frame."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from itertools import batched

from kinesight.domain.analysis.pipeline import DetectionPorts, FrameAnalysis, PipelineSettings, analyze
from kinesight.domain.batches import MOST_ATTEMPTS, is_final, is_repeated
from kinesight.domain.configuration.configuration import Configuration
from kinesight.domain.errors import ForgedDocumentError, InvalidEventError, WindowUnfinishedError
from kinesight.domain.model import Frame, to_epoch_ms
from kinesight.domain.on_demand.extract_images import manifest_key
from kinesight.domain.on_demand.messages import REPORTS, AnalyzedFrame, RangePlan, WindowManifest, WindowReport
from kinesight.domain.on_demand.seals import read_document, write_document
from kinesight.domain.on_demand.windows import LEAST_REMAINING_MS, PAGE, UNLIMITED_MS
from kinesight.domain.ports import WorkStore


@dataclass(frozen=True, slots=True)
class WindowPorts:
    """Ports of this function. `remaining_ms`: how long this invocation may still run."""

    detection: DetectionPorts
    work: WorkStore
    remaining_ms: Callable[[], int] = lambda: UNLIMITED_MS


def report_key(plan: RangePlan, index: int) -> str:
    """Returns the key of a window's report."""
    return plan.work_key(f"{REPORTS}/{index}.json")


def detect_window(
    plan: RangePlan, index: int, ports: WindowPorts, settings: PipelineSettings, analyses: list[FrameAnalysis]
) -> WindowReport:
    """Adds to the report of an earlier attempt, which is written before anything is raised.

    Appends to `analyses`, which the caller has even if the window fails. Raises the first error of a frame that is not
    final, or WindowUnfinishedError if the invocation's time is short, so that the window is retried; the ledger holds
    what is done. Raises ForgedDocumentError if the manifest is not this execution's.
    """
    manifest = _manifest(plan, index, ports.work)
    before = _earlier_report(plan, index, ports.work)
    by_ms = {to_epoch_ms(frame.image_timestamp): _analysis(frame) for frame in manifest.frames}
    given_up = {at_ms for at_ms, attempts in before.attempts.items() if attempts >= MOST_ATTEMPTS}
    ended = before.published.keys() | given_up | set(before.already_analyzed)
    remaining = {at_ms: one for at_ms, one in by_ms.items() if at_ms not in ended}
    tried: dict[int, FrameAnalysis] = {}
    for page in batched(remaining.items(), PAGE, strict=False):
        if tried and ports.remaining_ms() < LEAST_REMAINING_MS:
            break
        tried |= dict(page)
        analyses += dict(page).values()
        analyze(list(dict(page).values()), ports.detection, _overridden(plan, settings))
    report = _merged(before, tried)
    write_document(plan, report_key(plan, index), report, ports.work)
    for at_ms, one in tried.items():
        if one.error is not None and at_ms not in report.failed:
            raise one.error
    if len(tried) < len(remaining):
        raise WindowUnfinishedError(f"{len(remaining) - len(tried)} of {len(by_ms)} images are left")
    return report


def _manifest(plan: RangePlan, index: int, work: WorkStore) -> WindowManifest:
    body = read_document(plan, manifest_key(plan, index), work)
    if body is None:
        raise InvalidEventError(f"window {index} of {plan.execution} was not extracted, or its images have expired")
    return WindowManifest.model_validate_json(body)


def _earlier_report(plan: RangePlan, index: int, work: WorkStore) -> WindowReport:
    """A report that this execution has not written is replaced: the ledger holds what is done."""
    try:
        body = read_document(plan, report_key(plan, index), work)
    except ForgedDocumentError:
        body = None
    return WindowReport.model_validate_json(body) if body is not None else WindowReport(index=index)


def _analysis(frame: Frame) -> FrameAnalysis:
    return FrameAnalysis(frame.image.key, partial(_same, frame))


def _same(frame: Frame) -> Frame:
    return frame


def _overridden(plan: RangePlan, settings: PipelineSettings) -> PipelineSettings:
    """The execution's own rules, where its input has any."""

    def overridden() -> Configuration:
        return settings.configuration().overridden(plan.labels, plan.minimum_confidence)

    return replace(settings, configuration=overridden)


def _merged(before: WindowReport, analyses: dict[int, FrameAnalysis]) -> WindowReport:
    published = dict(before.published)
    published |= {
        at_ms: _analyzed(one) for at_ms, one in analyses.items() if one.record is not None and one.error is None
    }
    done = {at_ms for at_ms, one in analyses.items() if one.already_analyzed}
    over_budget = {at_ms for at_ms, one in analyses.items() if one.over_budget is not None}
    over_budget |= set(before.over_budget) - analyses.keys()
    attempts = Counter(before.attempts) + Counter(at_ms for at_ms, one in analyses.items() if is_repeated(one.error))
    failed = {at_ms: before.failed[at_ms] for at_ms in before.failed.keys() - analyses.keys()}
    failed |= {
        at_ms: repr(one.error)
        for at_ms, one in analyses.items()
        if one.error is not None and is_final(one.error, attempts[at_ms])
    }
    return WindowReport(
        index=before.index,
        published=published,
        already_analyzed=tuple(sorted(done | set(before.already_analyzed))),
        over_budget=tuple(sorted(over_budget)),
        failed=failed,
        attempts=attempts,
    )


def _analyzed(analysis: FrameAnalysis) -> AnalyzedFrame:
    record = analysis.record
    assert record is not None  # noqa: S101 - checked by the caller
    labels = tuple(detection.label for detection in record.detections)
    return AnalyzedFrame(
        result_id=record.result_id,
        fragment_number=record.frame.fragment_number,
        labels=labels,
        matched=record.matched,
        confidences=record.label_confidences,
    )
