"""summarize_range: combines the manifests and reports of all windows into a summary, in S3 and as the output."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from kinesight.domain.analysis.result_records import keys_of
from kinesight.domain.errors import InvalidEventError, TooManyFailuresError
from kinesight.domain.model import from_epoch_ms
from kinesight.domain.on_demand.detect_objects import report_key
from kinesight.domain.on_demand.extract_images import manifest_key
from kinesight.domain.on_demand.messages import (
    SUMMARY_FILE,
    AnalyzedFrame,
    EvidenceLink,
    RangeCost,
    RangePlan,
    RangeSummary,
    TimelapseFiles,
    WindowManifest,
    WindowReport,
)
from kinesight.domain.on_demand.seals import read_document, read_windows
from kinesight.domain.on_demand.windows import Window
from kinesight.domain.ports import WorkStore

_READERS = 20
_MOST_LABELS = 200
"""In the output, which is limited to 256 KiB."""
_MOST_LINKS = 50
_MOST_LABELS_OF_A_LINK = 20


@dataclass(slots=True)
class _Totals:
    """Sums over windows, so that not all windows are in memory at once."""

    windows: int = 0
    failed_windows: int = 0
    unfinished: int = 0
    extracted: int = 0
    decoded: int = 0
    published: int = 0
    matched: int = 0
    already_analyzed: int = 0
    over_budget: int = 0
    requests: int = 0
    fragments_fetched: int = 0
    missing: Counter[str] = field(default_factory=Counter)
    failed: Counter[str] = field(default_factory=Counter)
    labels: Counter[str] = field(default_factory=Counter)
    matches: list[tuple[int, AnalyzedFrame]] = field(default_factory=list)

    def add(self, window: Window, manifest: WindowManifest | None, report: WindowReport | None, detects: bool) -> None:
        self.windows += 1
        self.requests += len(window.requests)
        extracted = manifest.frames if manifest is not None else ()
        accounted = len(manifest.missing) + len(extracted) if manifest is not None else 0
        not_extracted = len(window.slots) - accounted
        unfinished = not_extracted + (len(extracted) - _reported(report) if detects else 0)
        self.failed_windows += unfinished > 0
        self.unfinished += unfinished
        if not_extracted:
            self.missing["NOT_EXTRACTED"] += not_extracted
        if manifest is not None:
            self.extracted += len(manifest.frames)
            self.decoded += manifest.decoded
            self.fragments_fetched += manifest.fragments_fetched
            self.missing.update(manifest.missing.values())
        if report is not None:
            self._add_report(report)

    def _add_report(self, report: WindowReport) -> None:
        self.published += len(report.published)
        self.already_analyzed += len(report.already_analyzed)
        self.over_budget += len(report.over_budget)
        self.failed.update(reason.partition("(")[0] for reason in report.failed.values())
        for at_ms, frame in report.published.items():
            self.labels.update(frame.labels)
            self.matched += frame.matched
            if frame.matched and len(self.matches) < _MOST_LINKS:
                self.matches.append((at_ms, frame))


def _reported(report: WindowReport | None) -> int:
    if report is None:
        return 0
    moments = report.published.keys() | report.failed.keys() | {*report.already_analyzed, *report.over_budget}
    return len(moments)


def summarize(plan: RangePlan, work: WorkStore, evidence_bucket: str) -> RangeSummary:
    """Writes and returns the summary. Raises TooManyFailuresError after writing it, if more failed than is
    tolerated, and ForgedDocumentError."""
    windows = _windows(plan, work)
    totals = _Totals()
    with ThreadPoolExecutor(_READERS) as pool:
        for window, manifest, report in pool.map(lambda one: (one, *_documents(plan, one.index, work)), windows):
            totals.add(window, manifest, report, plan.detects)
    summary = _summary(plan, totals, evidence_bucket)
    work.write(summary.summary_key, summary.model_dump_json(by_alias=True, indent=2).encode(), "application/json")
    _check_tolerance(plan, summary, totals.unfinished)
    return summary


def _windows(plan: RangePlan, work: WorkStore) -> list[Window]:
    windows = read_windows(plan, work)
    if windows is None:
        raise InvalidEventError(f"the plan of {plan.execution} has expired: start the range again")
    return windows


def _documents(plan: RangePlan, index: int, work: WorkStore) -> tuple[WindowManifest | None, WindowReport | None]:
    manifest, report = (read_document(plan, key(plan, index), work) for key in (manifest_key, report_key))
    return (
        WindowManifest.model_validate_json(manifest) if manifest is not None else None,
        WindowReport.model_validate_json(report) if report is not None else None,
    )


def _summary(plan: RangePlan, totals: _Totals, evidence_bucket: str) -> RangeSummary:
    return RangeSummary(
        execution=plan.execution,
        stream_name=plan.stream_name,
        start_ms=plan.start_ms,
        end_ms=plan.end_ms,
        interval_ms=plan.interval_ms,
        fragments=plan.fragments,
        windows=totals.windows,
        failed_windows=totals.failed_windows,
        requested=plan.slots,
        extracted=totals.extracted,
        decoded=totals.decoded,
        missing=+totals.missing,
        overlapped=plan.overlapped,
        published=totals.published,
        matched=totals.matched,
        already_analyzed=totals.already_analyzed,
        over_budget=plan.over_budget + totals.over_budget,
        failed=totals.failed,
        detections=dict(totals.labels.most_common(_MOST_LABELS)),
        cost=RangeCost(
            get_images_requests=totals.requests,
            images_generated=totals.extracted - totals.decoded,
            fragments_fetched=totals.fragments_fetched,
            detector_calls=totals.published + totals.failed.total(),
        ),
        evidence=tuple(_link(plan.stream_name, at_ms, frame, evidence_bucket) for at_ms, frame in totals.matches),
        timelapse=_timelapse(plan, evidence_bucket),
        summary_key=plan.work_key(SUMMARY_FILE),
    )


def _link(stream_name: str, at_ms: int, frame: AnalyzedFrame, bucket: str) -> EvidenceLink:
    moment = from_epoch_ms(at_ms)
    keys = keys_of(stream_name, moment, frame.result_id, frame.fragment_number)
    return EvidenceLink(
        image_timestamp=moment,
        result_id=frame.result_id,
        labels=tuple(dict.fromkeys(frame.labels))[:_MOST_LABELS_OF_A_LINK],
        record=f"s3://{bucket}/{keys.result}",
        annotated=f"s3://{bucket}/{keys.annotated}",
        fragment=f"s3://{bucket}/{keys.archive}" if keys.archive else None,
    )


def _timelapse(plan: RangePlan, bucket: str) -> TimelapseFiles | None:
    if plan.timelapse is None:
        return None
    return TimelapseFiles(
        video=f"s3://{bucket}/{plan.timelapse.video_key}", poster=f"s3://{bucket}/{plan.timelapse.poster_key}"
    )


def _check_tolerance(plan: RangePlan, summary: RangeSummary, unfinished: int) -> None:
    """`unfinished`: moments of windows that failed. Windows differ in size, so these count, not the windows."""
    images = sum(summary.failed.values())
    reasons = ", ".join(f"{count} × {reason}" for reason, count in sorted(summary.failed.items()))
    for failed, of, what in (
        (unfinished, summary.requested, f"moments were not analyzed: {summary.failed_windows} windows failed"),
        (images, summary.extracted, f"images could not be analyzed ({reasons})"),
    ):
        if of and 100 * failed / of > plan.tolerated_failure_percentage:
            raise TooManyFailuresError(
                f"{failed} of {of} {what}, {plan.tolerated_failure_percentage:g} % are tolerated; "
                f"see {summary.summary_key}, then start the range again to analyze the rest"
            )
