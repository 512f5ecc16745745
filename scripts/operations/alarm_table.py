"""The alarms, in the order in which the dashboard shows them. `make generate` writes them into template.yaml."""

from dataclasses import replace

from kinesight.metric_catalogue import Metric

from scripts.operations.alarms import Alarm, Feature, Math
from scripts.operations.widgets import Line, of_aws, own

DETECTING = ("analyze_images", "detect_objects", "consume_live")
THROTTLED = (
    "AnalyzeImages",
    "ArchiveSession",
    "ConfigureStreams",
    "DetectObjects",
    "ExtractImages",
    "KeepEvidence",
    "PlanWindows",
    "StartAnalysis",
    "TrackSessions",
)
"""Functions whose throttles one alarm watches; an alarm takes ten metrics."""
SELF_TRIGGERED = ("ArchiveSession", "StartAnalysis")
"""Functions that send messages to their own queue: the template sets their RecursiveLoop to Allow."""
PUBLISHED = {
    "AnalyzeImages": Feature.ANALYZE,
    "KeepEvidence": Feature.EVIDENCE,
    "TrackSessions": Feature.SESSIONS,
    "ArchiveSession": Feature.SESSIONS,
    "PlanWindows": Feature.ON_DEMAND,
    "ExtractImages": Feature.ON_DEMAND,
    "DetectObjects": Feature.ON_DEMAND,
    "SummarizeRange": Feature.ON_DEMAND,
    "RenderTimelapse": Feature.ON_DEMAND,
    "StartAnalysis": Feature.NOTIFICATIONS,
    "ConsumeLive": Feature.LIVE,
}
"""Functions with an alias, which CodeDeploy moves to a new version."""


def _dead_letters(name: str, feature: Feature, description: str, condition: str = "") -> Alarm:
    watched = of_aws(
        "AWS/SQS",
        "ApproximateNumberOfMessagesVisible",
        "Maximum",
        QueueName=f"${{{name}DeadLetterQueue.QueueName}}",
    )
    return Alarm(f"{name}DeadLetterAlarm", feature, description, "dead letters", watched, condition=condition)


def _oldest_message(queue: str) -> Line:
    return of_aws("AWS/SQS", "ApproximateAgeOfOldestMessage", "Maximum", QueueName=f"${{{queue}.QueueName}}")


def _function(name: str, metric: str, stat: str) -> Line:
    return of_aws("AWS/Lambda", metric, stat, FunctionName=f"${{{name}Function}}")


def _version(name: str, feature: Feature) -> Alarm:
    function = f"{name}Function"
    watched = of_aws(
        "AWS/Lambda",
        "Errors",
        "Sum",
        FunctionName=f"${{{function}}}",
        Resource=f"${{{function}}}:live",
        ExecutedVersion=f"${{{function}.Version.Version}}",
    )
    is_apart = name == "StartAnalysis"
    return Alarm(
        f"{name}VersionAlarm",
        feature,
        f"The new version of {_verb(name)} fails, and is taken back.",
        "an update is taken back",
        watched,
        period_s=60,
        condition="HasSafeUpdates",
        reason="The alias waits for its alarm, and so for the right to move it." if is_apart else "",
        depends_on="StartAnalysisDeployment" if is_apart else "",
        shared="version_alarm",
    )


def _verb(name: str) -> str:
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name).removeprefix("_")


ALARMS = (
    _dead_letters("Images", Feature.ANALYZE, "Images could not be analyzed."),
    _dead_letters("Evidence", Feature.EVIDENCE, "Evidence of matched results could not be kept."),
    _dead_letters("Sessions", Feature.SESSIONS, "Results could not be made into sessions."),
    _dead_letters("SessionClips", Feature.SESSIONS, "Videos of sessions could not be archived."),
    _dead_letters("Notifications", Feature.NOTIFICATIONS, "Notifications could not start an analysis."),
    Alarm(
        "ImagesWaitingAlarm",
        Feature.ANALYZE,
        "Images wait over 15 minutes to be analyzed.",
        "images wait",
        _oldest_message("ImagesQueue"),
        threshold=900,
        periods=2,
    ),
    Alarm(
        "ResultsWaitingAlarm",
        Feature.EVIDENCE,
        "Results wait over 15 minutes for their evidence.",
        "results wait",
        _function("KeepEvidence", "IteratorAge", "Maximum"),
        threshold=900_000,
        periods=2,
    ),
    Alarm(
        "SessionsWaitingAlarm",
        Feature.SESSIONS,
        "Results wait over 5 minutes to be made into sessions, and so do alerts.",
        "sessions wait",
        _function("TrackSessions", "IteratorAge", "Maximum"),
        threshold=300_000,
    ),
    Alarm(
        "SessionClipsWaitingAlarm",
        Feature.SESSIONS,
        "Videos of sessions wait over an hour to be archived, and may expire.",
        "session videos wait",
        _oldest_message("SessionClipsQueue"),
        threshold=3600,
        periods=2,
    ),
    Alarm(
        "ConfigureStreamsAlarm",
        Feature.STREAMS,
        "Streams are not being configured.",
        "configuration fails",
        _function("ConfigureStreams", "Errors", "Sum"),
        threshold=1,
        period_s=900,
    ),
    Alarm(
        "AnalyzeRangeAlarm",
        Feature.ON_DEMAND,
        "An analysis of a time range failed.",
        "a range fails",
        of_aws("AWS/States", "ExecutionsFailed", "Sum", StateMachineArn="${AnalyzeRange}"),
    ),
    Alarm(
        "ChannelRefusalsAlarm",
        Feature.SESSIONS,
        "A channel will never take an alert or event that it was sent.",
        "a channel refuses",
        own(Metric.CHANNEL_REFUSALS, "track_sessions"),
    ),
    Alarm(
        "FrameAgeAlarm",
        Feature.ANALYZE,
        "A tenth of the images are over 5 minutes old when their result is there.",
        "frames are old",
        own(Metric.FRAME_AGE, "analyze_images", "p90"),
        threshold=300_000,
        periods=2,
    ),
    Alarm(
        "NoImagesAlarm",
        Feature.STREAMS,
        "Fragments of a stream arrive, but no images of it.",
        "no images",
        own(Metric.STREAMS_WITHOUT_IMAGES, "configure_streams", "Maximum"),
        periods=2,
        period_s=900,
        reason="A run of configure_streams may fall between the return of a camera and its first image.",
    ),
    Alarm(
        "NoMediaAlarm",
        Feature.ON_DEMAND,
        "GetImages has no media for over half of the requested moments.",
        "no media",
        Math(
            "rate",
            "IF(requested >= 20, 100 * absent / requested, 0)",
            "percent",
            {
                "requested": own(Metric.GET_IMAGES_SLOTS, "extract_images"),
                "absent": replace(
                    own(Metric.GET_IMAGES_ERRORS, "extract_images"),
                    dimensions=(
                        *own(Metric.GET_IMAGES_ERRORS, "extract_images").dimensions,
                        ("Kind", "NO_MEDIA"),
                    ),
                ),
            },
        ),
        threshold=50,
        period_s=900,
        reason="A rate of fewer than 20 moments means little.",
    ),
    Alarm(
        "DetectorErrorsAlarm",
        Feature.ANALYZE,
        "Over a fifth of the detector's calls have failed for 15 minutes.",
        "the detector fails",
        Math(
            "rate",
            "IF(calls >= 10, 100 * failed / calls, 0)",
            "percent",
            {"failed": "SUM([e1, e2, e3])", "calls": "SUM([e1, e2, e3, a1, a2, a3])"}
            | {f"e{number}": own(Metric.DETECTOR_ERRORS, one) for number, one in enumerate(DETECTING, 1)}
            | {f"a{number}": own(Metric.FRAMES_ANALYZED, one) for number, one in enumerate(DETECTING, 1)},
        ),
        threshold=20,
        periods=3,
        reason="SUM skips a metric without data; with a plus there would be no value then.",
    ),
    Alarm(
        "FunctionThrottlesAlarm",
        Feature.OPERATIONS,
        "Lambda has refused runs of the functions for 15 minutes.",
        "throttles",
        Math(
            "all",
            "SUM(METRICS())",
            "throttles",
            {f"t{number}": _function(one, "Throttles", "Sum") for number, one in enumerate(THROTTLED, 1)},
        ),
        threshold=10,
        periods=3,
    ),
    Alarm(
        "RecursionAlarm",
        Feature.OPERATIONS,
        "Lambda has dropped runs of a function that sends messages to its own queue.",
        "runs are dropped as a loop",
        Math(
            "all",
            "SUM(METRICS())",
            "dropped runs",
            {
                f"r{number}": _function(one, "RecursiveInvocationsDropped", "Sum")
                for number, one in enumerate(SELF_TRIGGERED, 1)
            },
        ),
    ),
    Alarm(
        "ResultsThrottlesAlarm",
        Feature.STORAGE,
        "The results stream has refused records for 15 minutes.",
        "throttles",
        of_aws("AWS/Kinesis", "WriteProvisionedThroughputExceeded", "Sum", StreamName="${ResultsStream}"),
        periods=3,
    ),
    _dead_letters("Live", Feature.LIVE, "Keyframes could not be analyzed.", condition="IsLive"),
    Alarm(
        "LiveConsumersAlarm",
        Feature.LIVE,
        "Live consumers fail.",
        "live consumers fail",
        _function("ConsumeLive", "Errors", "Sum"),
        threshold=2,
        period_s=900,
        condition="IsLive",
    ),
    Alarm(
        "LiveConductorAlarm",
        Feature.LIVE,
        "ConductLive fails, so live consumers are not started again.",
        "live consumers fail",
        _function("ConductLive", "Errors", "Sum"),
        threshold=2,
        condition="IsLive",
    ),
    Alarm(
        "LiveFrameAgeAlarm",
        Feature.LIVE,
        "A tenth of the live keyframes are over a minute old when their result is there.",
        "frames are old",
        own(Metric.FRAME_AGE, "consume_live", "p90"),
        threshold=60_000,
        periods=2,
        condition="IsLive",
    ),
    _dead_letters(
        "Consumer", Feature.CONSUMER, "Your own consumer could not process results.", condition="HasConsumer"
    ),
    Alarm(
        "SweepStreamsAlarm",
        Feature.NOTIFICATIONS,
        "Streams are not being swept.",
        "a sweep fails",
        _function("SweepStreams", "Errors", "Sum"),
        period_s=900,
        condition="HasSweep",
    ),
    Alarm(
        "ViewerErrorsAlarm",
        Feature.VIEWER,
        "The viewer's API has failed for 15 minutes.",
        "the viewer fails",
        of_aws("AWS/ApiGateway", "5xx", "Sum", ApiId="${ViewerApi}"),
        threshold=2,
        periods=3,
        condition="HasViewer",
    ),
    Alarm(
        "BudgetSoftAlarm",
        Feature.ANALYZE,
        "Detector calls are limited to spread the day's budget.",
        "the budget is reached",
        own(Metric.BUDGET_SOFT_REACHED, "budget"),
        condition="HasBudget",
    ),
    Alarm(
        "BudgetHardAlarm",
        Feature.ANALYZE,
        "The day's budget is spent, and no paid detector is called.",
        "the budget is reached",
        own(Metric.BUDGET_HARD_REACHED, "budget"),
        condition="HasBudget",
    ),
    Alarm(
        "BudgetUnaccountedAlarm",
        Feature.ANALYZE,
        "Spend cannot be read or reserved, so images wait.",
        "the budget is reached",
        own(Metric.BUDGET_RESERVATION_FAILED, "budget"),
        threshold=20,
        condition="HasBudget",
        reason="A single failure is a correction that failed, or an image that is retried.",
    ),
    *(_version(name, feature) for name, feature in PUBLISHED.items()),
)

ALWAYS = tuple(one.name for one in ALARMS if not one.condition)
CONDITIONS = tuple(dict.fromkeys(one.condition for one in ALARMS if one.condition))
"""The template's conditions under which there are further alarms."""


def under(condition: str) -> tuple[str, ...]:
    """The alarms that exist under a condition of the template."""
    return tuple(one.name for one in ALARMS if one.condition == condition)
