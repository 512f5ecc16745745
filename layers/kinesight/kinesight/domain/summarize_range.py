"""summarize_range: every window's manifest and report → one summary, in S3 and as the execution's output."""

from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from kinesight.domain.contracts import WINDOWS, RangePlan, RangeSummary, WindowManifest, WindowReport
from kinesight.domain.detect_objects import report_key
from kinesight.domain.errors import InvalidEventError, TooManyFailuresError
from kinesight.domain.extract_images import manifest_key
from kinesight.domain.ports import WorkStore
from kinesight.domain.windows import Window

_READERS = 20
_MOST_LABELS = 200
"""In the output, which must stay far below a state's 256 KiB."""


def summarize(plan: RangePlan, work: WorkStore) -> RangeSummary:
    """Raises TooManyFailuresError, after the summary was written, where more failed than the input tolerates."""
    windows = _windows(plan, work)
    with ThreadPoolExecutor(_READERS) as pool:
        manifests = list(pool.map(lambda one: _manifest(plan, one.index, work), windows))
        reports = list(pool.map(lambda one: _report(plan, one.index, work), windows))
    summary = _added(plan, windows, manifests, reports)
    work.write(summary.summary_key, summary.model_dump_json(by_alias=True, indent=2).encode(), "application/json")
    _check_tolerance(plan, summary)
    return summary


def _windows(plan: RangePlan, work: WorkStore) -> list[Window]:
    body = work.read(plan.windows_key)
    if body is None:
        raise InvalidEventError(f"the plan of {plan.execution} has expired: start it again")
    return WINDOWS.validate_json(body)


def _manifest(plan: RangePlan, index: int, work: WorkStore) -> WindowManifest | None:
    body = work.read(manifest_key(plan, index))
    return WindowManifest.model_validate_json(body) if body is not None else None


def _report(plan: RangePlan, index: int, work: WorkStore) -> WindowReport | None:
    body = work.read(report_key(plan, index))
    return WindowReport.model_validate_json(body) if body is not None else None


def _added(
    plan: RangePlan,
    windows: Sequence[Window],
    manifests: Sequence[WindowManifest | None],
    reports: Sequence[WindowReport | None],
) -> RangeSummary:
    extracted = [one for one in manifests if one is not None]
    done = [one for one in reports if one is not None]
    seen = [frame for report in done for frame in report.published.values()]
    labels = Counter(label for frame in seen for label in frame.labels)
    missing = Counter(reason for one in extracted for reason in one.missing.values())
    lost = [window for window, manifest in zip(windows, manifests, strict=True) if manifest is None]
    missing["NOT_EXTRACTED"] += sum(len(window.slots) for window in lost)
    return RangeSummary(
        execution=plan.execution,
        stream_name=plan.stream_name,
        start_ms=plan.start_ms,
        end_ms=plan.end_ms,
        interval_ms=plan.interval_ms,
        fragments=plan.fragments,
        windows=len(windows),
        failed_windows=len(windows) - len(done),
        asked=plan.slots,
        found=sum(len(one.frames) for one in extracted),
        missing=+missing,
        published=len(seen),
        matched=sum(frame.matched for frame in seen),
        analyzed_before=sum(len(report.analyzed_before) for report in done),
        failed=Counter(reason.partition("(")[0] for report in done for reason in report.failed.values()),
        detections=dict(labels.most_common(_MOST_LABELS)),
        get_images_calls=sum(len(window.requests) for window in windows),
        summary_key=plan.work_key("summary.json"),
    )


def _check_tolerance(plan: RangePlan, summary: RangeSummary) -> None:
    failed = summary.failed_windows
    if summary.windows and 100 * failed / summary.windows > plan.tolerated_failure_percentage:
        raise TooManyFailuresError(
            f"{failed} of {summary.windows} windows failed, {plan.tolerated_failure_percentage:g} % are tolerated; "
            f"{summary.summary_key} says how far it came, and redriving the execution does the rest"
        )
