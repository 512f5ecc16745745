"""plan_windows: an execution's input → windows of GetImages requests, in S3; the state carries only where they are."""

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
from kinesight.domain.on_demand.windows import Grid, plan_windows
from kinesight.domain.ports import (
    LONGEST_FRAGMENT_MS,
    FragmentIndex,
    FragmentSpan,
    StreamDirectory,
    VideoStream,
    WorkStore,
)

CONCURRENCY = 10
"""Windows at a time. GetImages gives a stream 20 calls of 25 pictures a second ("Service quotas": 500 media points). A
window is one such call and then the detector's time, so ten stay below, with room for other readers of the stream."""


@dataclass(frozen=True, slots=True)
class PlanningPorts:
    """The outside world of this verb. `now`: the present, aware.

    `missing_parameters`: by detector, the stack's parameter that is empty and that it would need.
    """

    streams: StreamDirectory
    fragments: FragmentIndex
    work: WorkStore
    now: Callable[[], datetime]
    missing_parameters: Mapping[str, str] = field(default_factory=dict)


def plan_range(request: AnalysisRequest, execution: str, ports: PlanningPorts) -> RangePlan:
    """Writes the windows and tells where. Raises what says which part of the input is impossible, and why."""
    missing = ports.missing_parameters.get(request.detector or "")
    if missing:
        raise InvalidInputError(f"Detector {request.detector}: this stack has no {missing}; deploy with it")
    stream = ports.streams.describe(request.stream_name or str(request.stream_arn))
    now = ports.now()
    _check_range(request, stream, now)
    found = _recorded(request, stream, now, ports.fragments)
    start_ms, end_ms = to_epoch_ms(request.start_timestamp), to_epoch_ms(request.end_timestamp)
    # A camera's clock may be ahead of ours, so what it recorded counts as past, whatever its time.
    end_ms = min(end_ms, max([to_epoch_ms(now), *(one.start_ms + one.length_ms for one in found)]))
    windows = plan_windows(Grid(start_ms, end_ms, request.sampling_interval), found)
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
        labels=request.labels,
        minimum_confidence=request.minimum_confidence,
        tolerated_failure_percentage=request.tolerated_failure_percentage,
        bucket=ports.work.bucket,
        windows_key=work_key(execution, WINDOWS_FILE),
        windows=len(windows),
        concurrency=CONCURRENCY,
        slots=sum(run.count for window in windows for one in window.requests for run in one.runs),
        fragments=len(found),
        detector=request.detector,
        detects=request.detector != "NONE",
        timelapse=_timelapse(request.timelapse, execution),
        renders=request.timelapse is not None,
    )
    ports.work.write(plan.windows_key, WINDOWS.dump_json(windows), "application/json")
    return plan


def _recorded(request: AnalysisRequest, stream: VideoStream, now: datetime, index: FragmentIndex) -> list[FragmentSpan]:
    selector = request.image_selector_type
    start_ms, end_ms = to_epoch_ms(request.start_timestamp), to_epoch_ms(request.end_timestamp)
    listed = index.fragments(stream.name, selector, start_ms - LONGEST_FRAGMENT_MS, end_ms)
    found = [one for one in listed if one.start_ms + max(1, one.length_ms) > start_ms]
    if not found and request.start_timestamp > now:
        raise RangeInFutureError(
            f"the range begins at {_iso(request.start_timestamp)}, and it is {_iso(now)}: choose one that has passed"
        )
    if not found and not request.allow_empty:
        raise NoMediaError(
            f"{stream.name} has no media between {_iso(request.start_timestamp)} and {_iso(request.end_timestamp)} "
            f"by {selector}: look at another range, or at the other ImageSelectorType"
        )
    return found


def _timelapse(wish: TimelapseOptions | None, execution: str) -> TimelapsePlan | None:
    if wish is None:
        return None
    return TimelapsePlan(
        frames_per_second=wish.frames_per_second,
        width=wish.width_pixels,
        height=wish.height_pixels,
        burn_timestamp=wish.burn_timestamp,
        video_key=f"timelapse/{execution}.mp4",
        poster_key=f"timelapse/{execution}.jpg",
    )


def _check_range(request: AnalysisRequest, stream: VideoStream, now: datetime) -> None:
    start, end = request.start_timestamp, request.end_timestamp
    if end < start:
        raise InvertedRangeError(f"EndTimestamp {_iso(end)} lies before StartTimestamp {_iso(start)}: swap them")
    if stream.retention_hours == 0:
        raise NoRetentionError(
            f"{stream.name} keeps nothing (DataRetentionInHours is 0): raise its retention with "
            "UpdateDataRetention, then record"
        )
    oldest = now - timedelta(hours=stream.retention_hours)
    if end < oldest and request.image_selector_type == "SERVER_TIMESTAMP":
        raise RangeExpiredError(
            f"{stream.name} keeps {stream.retention_hours} hours, so nothing before {_iso(oldest)} is left: "
            "choose a later range"
        )


def _iso(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
