"""Every metric that the functions emit: its name, unit, who emits it, and what it means.

`observability` takes nothing else, the dashboard is drawn from it, and docs/operations.md prints it. The namespace is
`Kinesight`. Every metric has the dimensions `Stack` (the stack's name) and `service` (the function's verb; `budget` is
all that detect), so that stacks of one account stay apart. One with a `split` is there once more for each value of it,
under `Kind` as well; one that is `per_stream` for each stream under `StreamName`, where the parameter MetricsPerStream
says so. One that is both has them together then.
"""

from dataclasses import dataclass
from enum import Enum, StrEnum

NAMESPACE = "Kinesight"


class Unit(StrEnum):
    """CloudWatch's own names (API_MetricDatum)."""

    COUNT = "Count"
    MILLISECONDS = "Milliseconds"
    SECONDS = "Seconds"
    BYTES = "Bytes"
    NONE = "None"


@dataclass(frozen=True, slots=True)
class MetricFacts:
    """`services` emit it. `split`: what tells its kinds apart, if it has any."""

    name: str
    unit: Unit
    services: tuple[str, ...]
    meaning: str
    split: str | None = None
    per_stream: bool = False


_ROADS = ("analyze_images", "detect_objects", "consume_live")
"""Where frames are analyzed; which one it is tells the source: image generation, on demand, live."""


_ARRIVING = ("analyze_images", "consume_live")
"""Where frames are analyzed as they arrive, and where the frame gate stands."""


def _frames(name: str, meaning: str, unit: Unit = Unit.COUNT, services: tuple[str, ...] = _ROADS) -> MetricFacts:
    return MetricFacts(name, unit, services, meaning, per_stream=True)


def _count(name: str, service: str, meaning: str, *, split: str | None = None, per_stream: bool = False) -> MetricFacts:
    return MetricFacts(name, Unit.COUNT, (service,), meaning, split, per_stream)


class Metric(Enum):
    """The catalogue."""

    FRAMES_IN = _frames("FramesIn", "frames whose fate is settled: analyzed, held back, known already or given up")
    FRAMES_ANALYZED = _frames("FramesAnalyzed", "frames whose record is in the results stream")
    FRAMES_DETECTED = _frames("FramesDetected", "of the analyzed ones, those in which the detector saw anything")
    FRAMES_MATCHED = _frames("FramesMatched", "of the analyzed ones, those that passed the rules")
    FRAMES_GATED = _frames("FramesGated", "frames that the frame gate held back", services=_ARRIVING)
    FRAMES_WOULD_BE_GATED = _frames(
        "FramesWouldBeGated", "frames that FrameGate=ON would have held back (OBSERVE)", services=_ARRIVING
    )
    GATE_FAILED_OPEN = _frames(
        "GateFailedOpen", "frames that the gate could not compare, and let through", services=_ARRIVING
    )
    DUPLICATE_IMAGES = _frames("DuplicateImages", "frames that were already analyzed")
    FRAMES_OVER_BUDGET = _frames("FramesOverBudget", "frames that the budget held back")
    DETECTOR_LATENCY = _frames("DetectorLatency", "time that the detector took for a frame", Unit.MILLISECONDS)
    DETECTOR_ERRORS = MetricFacts(
        "DetectorErrors", Unit.COUNT, _ROADS, "calls of the detector that failed", split="class of the error"
    )
    FRAME_AGE = _frames(
        "FrameAge",
        "from the frame's server timestamp to its result in the results stream; by the producer's clock where KVS gave "
        "no server timestamp",
        Unit.MILLISECONDS,
        _ARRIVING,
    )

    IMAGES_DEAD_LETTERED = _count("ImagesDeadLettered", "analyze_images", "dead-lettered images")
    IMAGES_RETRIED = _count("ImagesRetried", "analyze_images", "pictures that come again")

    GET_IMAGES_SLOTS = _count("GetImagesSlots", "extract_images", "moments that GetImages was asked for")
    GET_IMAGES_ERRORS = _count(
        "GetImagesErrors", "extract_images", "moments without a picture from GetImages", split="error code, as NO_MEDIA"
    )
    IMAGES_EXTRACTED = _count("ImagesExtracted", "extract_images", "moments that got a picture, one way or the other")
    IMAGES_DECODED = _count("ImagesDecoded", "extract_images", "of them, those decoded from the fragment instead")
    IMAGES_MISSING = _count("ImagesMissing", "extract_images", "moments that got none")
    WINDOWS_PLANNED = _count("WindowsPlanned", "plan_windows", "windows of executions")
    TIMELAPSE_FRAMES = _count("TimelapseFrames", "render_timelapse", "pictures put into videos")

    FRAMES_KEPT = _count("FramesKept", "keep_evidence", "matched frames whose evidence is kept")
    FRAGMENTS_ARCHIVED = _count("FragmentsArchived", "keep_evidence", "fragments of matched frames that were archived")
    BYTES_ARCHIVED = MetricFacts(
        "BytesArchived", Unit.BYTES, ("keep_evidence", "archive_session"), "video that was archived"
    )
    EVIDENCE_MISSING = _count("EvidenceMissing", "keep_evidence", "pieces of evidence that can't be had any more")
    ALERTS_SENT = MetricFacts(
        "AlertsSent", Unit.COUNT, ("keep_evidence", "track_sessions"), "alerts of pictures, and of sessions"
    )
    RECORDS_DEAD_LETTERED = MetricFacts(
        "RecordsDeadLettered", Unit.COUNT, ("keep_evidence", "track_sessions"), "dead-lettered results"
    )
    RECORDS_RETRIED = _count("RecordsRetried", "keep_evidence", "results that come again")
    SESSIONS_OPENED = _count("SessionsOpened", "track_sessions", "sessions that began")
    SESSIONS_ENDED = _count("SessionsEnded", "track_sessions", "sessions that ended")
    ACTIVITIES_RETRIED = _count("ActivitiesRetried", "track_sessions", "streams whose results come again")
    CHANNEL_REFUSALS = _count("ChannelRefusals", "track_sessions", "messages that a channel will never take")
    SESSION_FRAGMENTS_ARCHIVED = _count("SessionFragmentsArchived", "archive_session", "fragments of sessions archived")
    SESSION_CLIPS_COMPLETED = _count("SessionClipsCompleted", "archive_session", "sessions whose video is complete")
    SESSION_CLIPS_CONTINUED = _count("SessionClipsContinued", "archive_session", "orders that took a further run")
    SESSION_CLIPS_DEAD_LETTERED = _count("SessionClipsDeadLettered", "archive_session", "dead-lettered orders")
    SESSION_CLIPS_RETRIED = _count("SessionClipsRetried", "archive_session", "orders that come again")

    STREAMS_SELECTED = _count("StreamsSelected", "configure_streams", "streams that the stack is to attach")
    STREAMS_UPDATED = _count("StreamsUpdated", "configure_streams", "configurations put on streams")
    STREAMS_WITHOUT_RETENTION = _count(
        "StreamsWithoutRetention",
        "configure_streams",
        "configurations that a selected stream can't have, because it keeps no media: pictures and notifications each",
    )
    STREAMS_FAILED = _count("StreamsFailed", "configure_streams", "configurations that could not be put on streams")
    STREAMS_WITHOUT_PICTURES = _count(
        "StreamsWithoutPictures", "configure_streams", "streams whose fragments arrive, but no pictures of them"
    )

    LIVE_STREAMS = _count("LiveStreams", "conduct_live", "streams that are to be read live")
    LIVE_CONSUMERS = _count("LiveConsumers", "conduct_live", "consumers that these streams need")
    LIVE_CONSUMERS_ACTIVE = _count("LiveConsumersActive", "conduct_live", "consumers that were heard of within 45 s")
    LIVE_CONSUMERS_STARTED = _count("LiveConsumersStarted", "conduct_live", "consumers that were started")
    LEASES_HELD = _count("LeasesHeld", "conduct_live", "leases that a consumer holds now")
    LEASES_PER_CONSUMER = _count("LeasesPerConsumer", "conduct_live", "leases of each consumer, one value each")
    LEASE_SYNC_TIME = MetricFacts(
        "LeaseSyncTime", Unit.MILLISECONDS, ("conduct_live",), "time to bring the leases in step with the streams"
    )
    LEASES_ADDED = _count("LeasesAdded", "conduct_live", "leases made for streams that came")
    LEASES_RETIRED = _count("LeasesRetired", "conduct_live", "leases ended of streams that left")

    LEASES_TAKEN = _count("LeasesTaken", "consume_live", "leases that consumers took")
    LEASES_STOLEN = _count("LeasesStolen", "consume_live", "of them, those that ran out on another consumer")
    LEASES_RENEWED = _count("LeasesRenewed", "consume_live", "renewals, beside those by checkpoints")
    LEASES_LOST = _count("LeasesLost", "consume_live", "leases lost to another consumer")
    LEASES_RELEASED = _count("LeasesReleased", "consume_live", "leases given back in good order")
    LIVE_KEYFRAMES = _count("LiveKeyframes", "consume_live", "keyframes that were read", per_stream=True)
    LIVE_SAMPLED = _count("LiveSampled", "consume_live", "keyframes that were to be analyzed", per_stream=True)
    LIVE_DROPPED = _count("LiveDropped", "consume_live", "keyframes passed over as too old", per_stream=True)
    LIVE_DEAD_LETTERED = _count("LiveDeadLettered", "consume_live", "dead-lettered keyframes", per_stream=True)
    LIVE_RETRIED = _count("LiveRetried", "consume_live", "attempts at a keyframe that failed for now", per_stream=True)
    LIVE_CHECKPOINTS = _count("LiveCheckpoints", "consume_live", "checkpoints that were moved", per_stream=True)
    LIVE_LAG = MetricFacts(
        "LiveLag",
        Unit.MILLISECONDS,
        ("consume_live",),
        "how far reading is behind the stream's newest media (KVS's MILLIS_BEHIND_NOW), at its largest",
        per_stream=True,
    )

    VIEWER_REQUESTS = _count("ViewerRequests", "serve_viewer", "requests of the viewer's page")
    ESTIMATED_USD = MetricFacts(
        "EstimatedUsd",
        Unit.NONE,
        ("budget",),
        "US dollars that detectors cost, by their list prices or the stack's own",
        split="detector",
        per_stream=True,
    )
    CALLS_PAID = _count("CallsPaid", "budget", "calls of detectors that have to be paid, or may have to be")
    CALLS_OVER_BUDGET = _count("CallsOverBudget", "budget", "calls that the budget held back")
    BUDGET_SOFT_REACHED = _count("BudgetSoftReached", "budget", "of them, those that were held back to spread the rest")
    BUDGET_HARD_REACHED = _count("BudgetHardReached", "budget", "of them, those for which nothing was left")
    BUDGET_RESERVATION_FAILED = _count(
        "BudgetReservationFailed", "budget", "accounts that could not be kept, so that frames come again"
    )

    FRAGMENTS_NOTIFIED = _count("FragmentsNotified", "start_analysis", "fragments that KVS notified of")
    ANALYSES_STARTED = _count("AnalysesStarted", "start_analysis", "executions started for notified bursts")
    NOTIFICATIONS_DEAD_LETTERED = _count("NotificationsDeadLettered", "start_analysis", "dead-lettered notifications")
    NOTIFICATIONS_RETRIED = _count("NotificationsRetried", "start_analysis", "notifications that come again")
    SWEEPS_STARTED = _count("SweepsStarted", "sweep_streams", "executions started")
    SWEEPS_RESTARTED = _count("SweepsRestarted", "sweep_streams", "executions started again after a failure")
    STREAMS_NOT_SWEPT = _count("StreamsNotSwept", "sweep_streams", "streams that failed, or lost media to retention")
    SWEEP_LAG_SECONDS = MetricFacts(
        "SweepLagSeconds", Unit.SECONDS, ("sweep_streams",), "how far the slowest stream is behind"
    )
