"""Every metric that the functions emit: its name, unit, services and meaning.

`observability` emits no others, the dashboard is generated from it, and docs/operations.md lists it. The namespace is
`Kinesight`. Every metric has the dimensions `Stack` (the stack's name) and `service` (the function's verb; `budget` is
all functions that detect), so that stacks of one account stay apart. A metric with a `split` is also emitted for each
of its values, under `Kind`; one that is `per_stream` under `StreamName`, for each stream with `metricsPerStream` in the
configuration document. One that is both has both dimensions then.
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
    """`services` emit it. `split`: what its kinds are, if it has any."""

    name: str
    unit: Unit
    services: tuple[str, ...]
    meaning: str
    split: str | None = None
    per_stream: bool = False


_PIPELINES = ("analyze_images", "detect_objects", "consume_live")
"""Functions that analyze frames, one for each source: image generation, on demand, live."""


_ARRIVING = ("analyze_images", "consume_live")
"""Functions that analyze frames as they arrive, behind the frame gate."""


def _frames(name: str, meaning: str, unit: Unit = Unit.COUNT, services: tuple[str, ...] = _PIPELINES) -> MetricFacts:
    return MetricFacts(name, unit, services, meaning, per_stream=True)


def _count(name: str, service: str, meaning: str, *, split: str | None = None, per_stream: bool = False) -> MetricFacts:
    return MetricFacts(name, Unit.COUNT, (service,), meaning, split, per_stream)


class Metric(Enum):
    """The catalogue."""

    FRAMES_IN = _frames(
        "FramesIn", "frames that are done with: analyzed, gated, over budget, already analyzed or dead-lettered"
    )
    FRAMES_ANALYZED = _frames("FramesAnalyzed", "frames whose record was published to the results stream")
    FRAMES_DETECTED = _frames("FramesDetected", "of the analyzed ones, those with any detection")
    FRAMES_MATCHED = _frames("FramesMatched", "of the analyzed ones, those that matched a rule")
    FRAMES_GATED = _frames("FramesGated", "frames that the frame gate dropped", services=_ARRIVING)
    FRAMES_WOULD_BE_GATED = _frames(
        "FramesWouldBeGated", "frames that the gate would have dropped (OBSERVE)", services=_ARRIVING
    )
    GATE_FAILED_OPEN = _frames(
        "GateFailedOpen", "frames that the gate could not compare and passed on", services=_ARRIVING
    )
    DUPLICATE_IMAGES = _frames("DuplicateImages", "frames that were already analyzed")
    FRAMES_OVER_BUDGET = _frames("FramesOverBudget", "frames that were not analyzed because the budget was reached")
    ROWS_DROPPED = _frames("RowsDropped", "rows of model outputs that are no detection: padding and unreadable ones")
    DETECTOR_LATENCY = _frames("DetectorLatency", "time that the detector took for a frame", Unit.MILLISECONDS)
    DETECTOR_ERRORS = MetricFacts(
        "DetectorErrors", Unit.COUNT, _PIPELINES, "detector calls that failed", split="class of the error"
    )
    FRAME_AGE = _frames(
        "FrameAge",
        "from the frame's server timestamp to its result in the results stream; by the producer's clock where KVS gave "
        "no server timestamp",
        Unit.MILLISECONDS,
        _ARRIVING,
    )

    IMAGES_DEAD_LETTERED = _count("ImagesDeadLettered", "analyze_images", "images sent to the dead-letter queue")
    IMAGES_RETRIED = _count("ImagesRetried", "analyze_images", "images that are retried")

    GET_IMAGES_SLOTS = _count("GetImagesSlots", "extract_images", "moments requested from GetImages")
    GET_IMAGES_ERRORS = _count(
        "GetImagesErrors",
        "extract_images",
        "moments for which GetImages returned no image",
        split="error code, as NO_MEDIA",
    )
    IMAGES_EXTRACTED = _count("ImagesExtracted", "extract_images", "moments with an image from either way")
    IMAGES_DECODED = _count("ImagesDecoded", "extract_images", "of them, those decoded from the fragment instead")
    IMAGES_MISSING = _count("ImagesMissing", "extract_images", "moments without an image")
    WINDOWS_PLANNED = _count("WindowsPlanned", "plan_windows", "windows of executions")
    TIMELAPSE_FRAMES = _count("TimelapseFrames", "render_timelapse", "images encoded into videos")

    FRAMES_KEPT = _count("FramesKept", "keep_evidence", "frames of which evidence is kept")
    FRAGMENTS_ARCHIVED = _count("FragmentsArchived", "keep_evidence", "fragments of such frames that were archived")
    BYTES_ARCHIVED = MetricFacts(
        "BytesArchived", Unit.BYTES, ("keep_evidence", "archive_session"), "video that was archived"
    )
    EVIDENCE_MISSING = _count("EvidenceMissing", "keep_evidence", "pieces of evidence that are no longer available")
    ALERTS_SENT = MetricFacts(
        "AlertsSent", Unit.COUNT, ("keep_evidence", "track_sessions"), "alerts of images, and of sessions"
    )
    RECORDS_DEAD_LETTERED = MetricFacts(
        "RecordsDeadLettered", Unit.COUNT, ("keep_evidence", "track_sessions"), "results sent to the dead-letter queue"
    )
    RECORDS_RETRIED = _count("RecordsRetried", "keep_evidence", "results that are retried")
    SESSIONS_OPENED = _count("SessionsOpened", "track_sessions", "sessions that began")
    SESSIONS_ENDED = _count("SessionsEnded", "track_sessions", "sessions that ended")
    ACTIVITIES_RETRIED = _count("ActivitiesRetried", "track_sessions", "streams whose results are retried")
    CHANNEL_REFUSALS = _count("ChannelRefusals", "track_sessions", "messages that a channel rejects permanently")
    SESSION_FRAGMENTS_ARCHIVED = _count("SessionFragmentsArchived", "archive_session", "fragments of sessions archived")
    SESSION_CLIPS_COMPLETED = _count("SessionClipsCompleted", "archive_session", "sessions whose video is complete")
    SESSION_CLIPS_CONTINUED = _count("SessionClipsContinued", "archive_session", "requests that needed another run")
    SESSION_CLIPS_DEAD_LETTERED = _count(
        "SessionClipsDeadLettered", "archive_session", "requests sent to the dead-letter queue"
    )
    SESSION_CLIPS_RETRIED = _count("SessionClipsRetried", "archive_session", "requests that are retried")

    STREAMS_SELECTED = _count("StreamsSelected", "configure_streams", "streams that the stack selects")
    STREAMS_UPDATED = _count("StreamsUpdated", "configure_streams", "settings written to streams")
    STREAMS_WITHOUT_RETENTION = _count(
        "StreamsWithoutRetention",
        "configure_streams",
        "settings that a selected stream cannot have because it retains no media: images and notifications each",
    )
    STREAMS_FAILED = _count("StreamsFailed", "configure_streams", "settings that could not be written to streams")
    STREAMS_WITHOUT_IMAGES = _count(
        "StreamsWithoutImages", "configure_streams", "streams whose fragments arrive, but no images of them"
    )

    LIVE_STREAMS = _count("LiveStreams", "conduct_live", "streams to be read live")
    LIVE_CONSUMERS = _count("LiveConsumers", "conduct_live", "consumers that these streams need")
    LIVE_CONSUMERS_ACTIVE = _count("LiveConsumersActive", "conduct_live", "consumers that were active within 45 s")
    LIVE_CONSUMERS_STARTED = _count("LiveConsumersStarted", "conduct_live", "consumers that were started")
    LEASES_HELD = _count("LeasesHeld", "conduct_live", "leases that a consumer holds now")
    LEASES_PER_CONSUMER = _count("LeasesPerConsumer", "conduct_live", "leases of each consumer, one value each")
    LEASE_SYNC_TIME = MetricFacts(
        "LeaseSyncTime", Unit.MILLISECONDS, ("conduct_live",), "time to synchronize the leases with the streams"
    )
    LEASES_ADDED = _count("LeasesAdded", "conduct_live", "leases created for new streams")
    LEASES_RETIRED = _count("LeasesRetired", "conduct_live", "leases of removed streams that were retired")

    LEASES_TAKEN = _count("LeasesTaken", "consume_live", "leases that consumers took")
    LEASES_STOLEN = _count("LeasesStolen", "consume_live", "of them, those that had expired on another consumer")
    LEASES_RENEWED = _count("LeasesRenewed", "consume_live", "renewals besides those by checkpoints")
    LEASES_LOST = _count("LeasesLost", "consume_live", "leases lost to another consumer")
    LEASES_RELEASED = _count("LeasesReleased", "consume_live", "leases released at the end")
    LIVE_KEYFRAMES = _count("LiveKeyframes", "consume_live", "keyframes that were read", per_stream=True)
    LIVE_SAMPLED = _count("LiveSampled", "consume_live", "keyframes that were sampled for analysis", per_stream=True)
    LIVE_DROPPED = _count("LiveDropped", "consume_live", "keyframes dropped as too old", per_stream=True)
    LIVE_DEAD_LETTERED = _count(
        "LiveDeadLettered", "consume_live", "keyframes sent to the dead-letter queue", per_stream=True
    )
    LIVE_RETRIED = _count(
        "LiveRetried", "consume_live", "attempts at a keyframe that failed transiently", per_stream=True
    )
    LIVE_CHECKPOINTS = _count("LiveCheckpoints", "consume_live", "checkpoints that were moved", per_stream=True)
    LIVE_LAG = MetricFacts(
        "LiveLag",
        Unit.MILLISECONDS,
        ("consume_live",),
        "largest distance from the live edge (KVS's MILLIS_BEHIND_NOW)",
        per_stream=True,
    )

    VIEWER_REQUESTS = _count("ViewerRequests", "serve_viewer", "requests of the viewer's page")
    ESTIMATED_USD = MetricFacts(
        "EstimatedUsd",
        Unit.NONE,
        ("budget",),
        "US dollars that detectors cost, by list prices or the stack's own",
        split="detector",
        per_stream=True,
    )
    CALLS_PAID = _count("CallsPaid", "budget", "detector calls that are paid, or may be")
    CALLS_OVER_BUDGET = _count("CallsOverBudget", "budget", "calls that were not made because the budget was reached")
    BUDGET_SOFT_REACHED = _count(
        "BudgetSoftReached", "budget", "of them, those that were not made to spread the rest over the day"
    )
    BUDGET_HARD_REACHED = _count("BudgetHardReached", "budget", "of them, those for which no budget was left")
    BUDGET_RESERVATION_FAILED = _count(
        "BudgetReservationFailed", "budget", "reservations that failed, so that frames are retried"
    )

    FRAGMENTS_NOTIFIED = _count("FragmentsNotified", "start_analysis", "fragments in KVS notifications")
    ANALYSES_STARTED = _count("AnalysesStarted", "start_analysis", "executions started for notified bursts")
    NOTIFICATIONS_DEAD_LETTERED = _count(
        "NotificationsDeadLettered", "start_analysis", "notifications sent to the dead-letter queue"
    )
    NOTIFICATIONS_RETRIED = _count("NotificationsRetried", "start_analysis", "notifications that are retried")
    SWEEPS_STARTED = _count("SweepsStarted", "sweep_streams", "executions started")
    SWEEPS_RESTARTED = _count("SweepsRestarted", "sweep_streams", "executions restarted after a failure")
    STREAMS_NOT_SWEPT = _count(
        "StreamsNotSwept", "sweep_streams", "streams that failed, skipped a range, or lost media to retention"
    )
    SWEEP_LAG_SECONDS = MetricFacts(
        "SweepLagSeconds", Unit.SECONDS, ("sweep_streams",), "how far the slowest stream is behind"
    )
