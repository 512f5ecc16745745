"""plan_windows: turns the input of an execution into windows of GetImages requests, which it writes to S3."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from kinesight.domain.errors import (
    InvalidInputError,
    InvertedRangeError,
    NoMediaError,
    NoRetentionError,
    RangeExpiredError,
    RangeInFutureError,
)
from kinesight.domain.model import to_epoch_ms
from kinesight.domain.on_demand.messages import (
    WINDOWS,
    WINDOWS_FILE,
    AnalysisRequest,
    RangePlan,
    TimelapseOptions,
    TimelapsePlan,
    work_key,
)
from kinesight.domain.on_demand.seals import sealed_window
from kinesight.domain.on_demand.windows import Grid, overlapped_slots, plan_windows, with_lengths
from kinesight.domain.ports import (
    LONGEST_FRAGMENT_MS,
    FragmentIndex,
    FragmentSpan,
    StreamDirectory,
    VideoStream,
    WorkStore,
)

CONCURRENCY = 10
"""Concurrent windows. GetImages allows 20 calls of 25 images per second and stream ("Service quotas": 500 media
points). A window makes such calls one after the other, so ten windows leave room for other readers of the stream."""


@dataclass(frozen=True, slots=True)
class PlanningPorts:
    """Ports of this function. `now` returns the current time, aware, `new_key` a random key in hexadecimal.

    `missing_parameters` is, by detector, the parameter that the detector needs and the stack does not set.
    `is_analyzed`: whether a stream, by its name, has a detector. `is_over_budget`: whether the day's budget has no call
    left for a stream and a detector, None for the stream's own.
    """

    streams: StreamDirectory
    fragments: FragmentIndex
    work: WorkStore
    now: Callable[[], datetime]
    new_key: Callable[[], str]
    missing_parameters: Mapping[str, str] = field(default_factory=dict)
    is_analyzed: Callable[[str], bool] = lambda _: True
    is_over_budget: Callable[[str, str | None], bool] = lambda *_: False


def plan_range(request: AnalysisRequest, execution: str, ports: PlanningPorts) -> RangePlan:
    """Writes the windows and returns the plan. There are none if the budget is reached: images cost, too.

    Raises PermanentError with the invalid part of the input and the reason.
    """
    missing = ports.missing_parameters.get(request.detector or "")
    if missing:
        raise InvalidInputError(
            f"Detector {request.detector}: this stack does not set {missing}; deploy it with that parameter"
        )
    stream = ports.streams.describe(request.stream_name or str(request.stream_arn))
    if request.detector is None and not ports.is_analyzed(stream.name):
        raise InvalidInputError(
            f"{stream.name} has no detector in the configuration document: name one in the input's Detector, or NONE "
            "for a time-lapse"
        )
    now = ports.now()
    _check_range(request, stream, now)
    fragments = _recorded(request, stream, now, ports.fragments)
    start_ms, end_ms = to_epoch_ms(request.start_timestamp), to_epoch_ms(request.end_timestamp)
    # A camera's clock may be ahead, so recorded media counts as past, whatever its timestamps.
    end_ms = min(end_ms, max([to_epoch_ms(now), *(one.start_ms + one.length_ms for one in fragments)]))
    grid = Grid(start_ms, end_ms, request.sampling_interval)
    windows = plan_windows(grid, fragments)
    slots = sum(run.count for window in windows for one in window.requests for run in one.runs)
    over_budget = slots if _only_detects(request) and ports.is_over_budget(stream.name, request.detector) else 0
    if over_budget:
        windows = []
    plan = RangePlan(
        execution=execution,
        stream_name=stream.name,
        stream_arn=stream.arn,
        selector=request.image_selector_type,
        start_ms=start_ms,
        end_ms=end_ms,
        interval_ms=request.sampling_interval,
        format=request.format,
        width=request.width_pixels,
        height=request.height_pixels,
        jpeg_quality=request.format_config.jpeg_quality,
        labels=request.labels,
        minimum_confidence=request.minimum_confidence,
        tolerated_failure_percentage=request.tolerated_failure_percentage,
        bucket=ports.work.bucket,
        windows_key=work_key(execution, WINDOWS_FILE),
        windows=len(windows),
        concurrency=CONCURRENCY,
        slots=slots,
        over_budget=over_budget,
        overlapped=overlapped_slots(grid, fragments),
        fragments=len(fragments),
        detector=request.detector,
        detects=request.detector != "NONE",
        timelapse=_timelapse(request.timelapse, execution),
        renders=request.timelapse is not None,
        seal_key=ports.new_key(),
    )
    sealed = [sealed_window(plan, one) for one in windows]
    ports.work.write(plan.windows_key, WINDOWS.dump_json(sealed), "application/json")
    return plan


def _only_detects(request: AnalysisRequest) -> bool:
    """Whether images without detections are of no use."""
    return request.detector != "NONE" and request.timelapse is None


def _recorded(request: AnalysisRequest, stream: VideoStream, now: datetime, index: FragmentIndex) -> list[FragmentSpan]:
    selector = request.image_selector_type
    start_ms, end_ms = to_epoch_ms(request.start_timestamp), to_epoch_ms(request.end_timestamp)
    # How long a single frame is shown depends on the fragments around it.
    listed = index.fragments(stream.name, selector, start_ms - 2 * LONGEST_FRAGMENT_MS, end_ms + LONGEST_FRAGMENT_MS)
    fragments = [
        one for one in with_lengths(listed) if one.start_ms <= end_ms and one.start_ms + one.length_ms > start_ms
    ]
    if not fragments and request.start_timestamp > now:
        raise RangeInFutureError(
            f"the range starts at {_iso(request.start_timestamp)}, and it is {_iso(now)}: choose a range in the past"
        )
    if not fragments and not request.allow_empty:
        raise NoMediaError(
            f"{stream.name} has no media between {_iso(request.start_timestamp)} and {_iso(request.end_timestamp)} "
            f"by {selector}: choose another range or the other ImageSelectorType"
        )
    return fragments


def _timelapse(options: TimelapseOptions | None, execution: str) -> TimelapsePlan | None:
    if options is None:
        return None
    return TimelapsePlan(
        frames_per_second=options.frames_per_second,
        width=options.width_pixels,
        height=options.height_pixels,
        burn_timestamp=options.burn_timestamp,
        video_key=f"timelapse/{execution}.mp4",
        poster_key=f"timelapse/{execution}.jpg",
    )


def _check_range(request: AnalysisRequest, stream: VideoStream, now: datetime) -> None:
    start, end = request.start_timestamp, request.end_timestamp
    if end < start:
        raise InvertedRangeError(f"EndTimestamp {_iso(end)} is before StartTimestamp {_iso(start)}: swap them")
    if stream.retention_hours == 0:
        raise NoRetentionError(
            f"{stream.name} has no retention (DataRetentionInHours is 0): increase it with "
            "UpdateDataRetention, then record"
        )
    oldest = now - timedelta(hours=stream.retention_hours)
    if end < oldest and request.image_selector_type == "SERVER_TIMESTAMP":
        raise RangeExpiredError(
            f"{stream.name} has a retention of {stream.retention_hours} hours, so no media before "
            f"{_iso(oldest)} is stored: choose a later range"
        )


def _iso(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
