"""The dashboard: its rows, graphs and metrics. `make generate` writes it into template.yaml.

Each row that KIT's dashboard had (kinesisvideostreams developer guide, "Monitoring the Application", until 2023) names
itself in `kit`.
"""

from collections.abc import Callable, Sequence
from pathlib import Path

from kinesight.metric_catalogue import Metric, MetricFacts

from scripts.operations.alarm_table import ALWAYS
from scripts.operations.widgets import Alarms, Graph, Line, Row, Search, Text, of_all, of_aws, of_each, own

HEADING = Text(
    "# Kinesight: ${AWS::StackName}\n"
    "What each alarm means, how to check it, how to fix it: docs/runbook.md. What each graph shows: docs/operations.md."
)

FUNCTIONS = tuple(
    "".join(word.capitalize() for word in path.parent.name.split("_"))
    for path in sorted(Path(__file__).resolve().parents[2].glob("functions/*/app.py"))
)
QUEUES = ("Images", "Notifications", "SessionClips")
DEAD_LETTERS = ("Images", "Evidence", "Sessions", "SessionClips", "Notifications", "Live", "Consumer")
SOURCES = {"analyze_images": "image generation", "detect_objects": "on demand", "consume_live": "live"}


def _by_source(metric: Metric, *stats: str) -> list[Line]:
    return [own(metric, service, stat, f"{source} {stat}") for service, source in SOURCES.items() for stat in stats]


def _functions(metric: str, stat: str) -> list[Line]:
    return [of_aws("AWS/Lambda", metric, stat, name, FunctionName=f"${{{name}Function}}") for name in FUNCTIONS]


def _queues(metric: str, names: Sequence[str], suffix: str) -> list[Line]:
    return [of_aws("AWS/SQS", metric, "Maximum", name, QueueName=f"${{{name}{suffix}.QueueName}}") for name in names]


def _results_stream(*metrics: tuple[str, str]) -> list[Line]:
    return [of_aws("AWS/Kinesis", name, stat, StreamName="${ResultsStream}") for name, stat in metrics]


def _endpoint(name: str, stat: str) -> Search:
    """Whatever its variants are called."""
    given = (("EndpointName", "${Endpoint}"),)
    return Search("AWS/SageMaker", name, ("EndpointName", "VariantName"), given, stat, name)


def _rekognition(name: str, stat: str) -> Search:
    return Search("AWS/Rekognition", name, ("Operation",), (), stat, f"{name} ${{!PROP('Dim.Operation')}}")


def _bedrock(name: str, stat: str) -> Line:
    return of_aws("AWS/Bedrock", name, stat, ModelId="${BedrockModel}")


def _viewer(name: str, stat: str) -> Line:
    return of_aws("AWS/ApiGateway", name, stat, f"{name} {stat}", ApiId="${ViewerApi}")


def _of(service: str) -> Callable[..., Line]:
    def line(metric: Metric, stat: str = "Sum") -> Line:
        return own(metric, service, stat, f"{metric.value.name} {stat}" if stat != "Sum" else "")

    return line


_conductor, _consumer = _of("conduct_live"), _of("consume_live")
_extract, _evidence, _sessions = _of("extract_images"), _of("keep_evidence"), _of("track_sessions")
_videos, _streams, _notified = _of("archive_session"), _of("configure_streams"), _of("start_analysis")
_sweeps, _images, _budget = _of("sweep_streams"), _of("analyze_images"), _of("budget")

ROWS = (
    Row("Alarms", [Alarms("Alarms", ALWAYS)]),
    Row(
        "Frames",
        [
            Graph("Frames in, by source", _by_source(Metric.FRAMES_IN, "Sum"), stacked=True),
            Graph(
                "Outcomes of frames, all sources",
                [
                    of_all(Metric.FRAMES_ANALYZED),
                    of_all(Metric.FRAMES_DETECTED),
                    of_all(Metric.FRAMES_MATCHED),
                    of_all(Metric.FRAMES_GATED),
                    of_all(Metric.DUPLICATE_IMAGES),
                    of_all(Metric.FRAMES_OVER_BUDGET),
                ],
                kit="Frame Metrics",
            ),
            Graph(
                "Frame gate",
                [
                    of_all(Metric.FRAMES_GATED),
                    of_all(Metric.FRAMES_WOULD_BE_GATED),
                    of_all(Metric.GATE_FAILED_OPEN),
                ],
            ),
        ],
    ),
    Row(
        "Time",
        [
            Graph(
                "Frame age at its result (ms)",
                [
                    own(Metric.FRAME_AGE, service, stat, f"{SOURCES[service]} {stat}")
                    for service in ("analyze_images", "consume_live")
                    for stat in ("p50", "p90", "Maximum")
                ],
                kit="IngestToProcessLatency",
            ),
            Graph("Detector latency (ms)", _by_source(Metric.DETECTOR_LATENCY, "p50", "p99")),
            Graph(
                "Detector errors, by kind; dropped rows",
                [of_each(Metric.DETECTOR_ERRORS, "Kind"), of_all(Metric.ROWS_DROPPED)],
            ),
        ],
    ),
    Row(
        "Live: leases and consumers",
        [
            Graph(
                "Leases", [_conductor(Metric.LEASES_HELD), _conductor(Metric.LIVE_STREAMS)], kit="Current Lease Total"
            ),
            Graph(
                "Lease sync",
                [
                    _conductor(Metric.LEASE_SYNC_TIME, "p90"),
                    _conductor(Metric.LEASE_SYNC_TIME, "SampleCount"),
                    _conductor(Metric.LEASES_ADDED),
                    _conductor(Metric.LEASES_RETIRED),
                ],
                kit="Lease Sync Metrics",
            ),
            Graph(
                "Leases per consumer",
                [_conductor(Metric.LEASES_PER_CONSUMER, stat) for stat in ("Minimum", "Average", "Maximum")],
                kit="LeaseCount per Worker",
            ),
            Graph(
                "Consumers",
                [
                    _conductor(Metric.LIVE_CONSUMERS_ACTIVE),
                    _conductor(Metric.LIVE_CONSUMERS),
                    _conductor(Metric.LIVE_CONSUMERS_STARTED),
                ],
                kit="Number of Workers",
            ),
        ],
    ),
    Row(
        "Live: reading",
        [
            Graph(
                "Keyframes",
                [
                    _consumer(metric)
                    for metric in (Metric.LIVE_KEYFRAMES, Metric.LIVE_SAMPLED, Metric.LIVE_RETRIED, Metric.LIVE_DROPPED)
                ]
                + [_consumer(Metric.LIVE_DEAD_LETTERED)],
            ),
            Graph("Lag of the slowest stream (ms)", [_consumer(Metric.LIVE_LAG, "Maximum")]),
            Graph(
                "Checkpoints, leases that changed hands",
                [
                    _consumer(metric)
                    for metric in (
                        Metric.LIVE_CHECKPOINTS,
                        Metric.LEASES_TAKEN,
                        Metric.LEASES_STOLEN,
                        Metric.LEASES_RENEWED,
                        Metric.LEASES_LOST,
                        Metric.LEASES_RELEASED,
                    )
                ],
            ),
        ],
    ),
    Row(
        "Functions",
        [
            Graph("Runs at once", _functions("ConcurrentExecutions", "Maximum"), kit="ECS Service Utilization"),
            Graph("Duration, p90 (ms)", _functions("Duration", "p90")),
            Graph("Errors", _functions("Errors", "Sum")),
            Graph("Throttles", _functions("Throttles", "Sum")),
        ],
    ),
    Row(
        "Results",
        [
            Graph(
                "Results stream",
                _results_stream(
                    ("IncomingRecords", "Sum"),
                    ("IncomingBytes", "Sum"),
                    ("GetRecords.Records", "Sum"),
                    ("WriteProvisionedThroughputExceeded", "Sum"),
                    ("ReadProvisionedThroughputExceeded", "Sum"),
                ),
                kit="KinesisDataStream",
            ),
            Graph(
                "Consumers of the results stream",
                [
                    of_aws("AWS/Lambda", metric, stat, f"{name} {metric}", FunctionName=f"${{{name}Function}}")
                    for name in ("KeepEvidence", "TrackSessions")
                    for metric, stat in (("Invocations", "Sum"), ("Duration", "Average"), ("IteratorAge", "Maximum"))
                ],
                kit="Lambda",
            ),
            Graph(
                "Alerts and sessions",
                [
                    _evidence(Metric.ALERTS_SENT),
                    own(Metric.ALERTS_SENT, "track_sessions", label="AlertsSent of sessions"),
                    _sessions(Metric.SESSIONS_OPENED),
                    _sessions(Metric.SESSIONS_ENDED),
                    _sessions(Metric.CHANNEL_REFUSALS),
                ],
            ),
        ],
    ),
    Row(
        "The detector's service",
        [
            Graph(
                "SageMaker endpoint",
                [
                    _endpoint("Invocations", "Sum"),
                    _endpoint("ModelLatency", "p90"),
                    _endpoint("OverheadLatency", "p90"),
                    _endpoint("Invocation4XXErrors", "Sum"),
                    _endpoint("Invocation5XXErrors", "Sum"),
                ],
                kit="SageMaker",
            ),
            Graph(
                "Rekognition (of the whole account)",
                [
                    _rekognition("SuccessfulRequestCount", "Sum"),
                    _rekognition("ThrottledCount", "Sum"),
                    _rekognition("ServerErrorCount", "Sum"),
                    _rekognition("UserErrorCount", "Sum"),
                ],
            ),
            Graph(
                "Bedrock (of the whole account)",
                [
                    _bedrock("Invocations", "Sum"),
                    _bedrock("InvocationLatency", "p90"),
                    _bedrock("InvocationThrottles", "Sum"),
                    _bedrock("InvocationServerErrors", "Sum"),
                ],
            ),
        ],
    ),
    Row(
        "Budget",
        [
            Graph("Estimated dollars", [_budget(Metric.ESTIMATED_USD)], period_s=3600),
            Graph("Paid calls", [_budget(Metric.CALLS_PAID), _budget(Metric.CALLS_OVER_BUDGET)]),
            Graph(
                "Budget limits",
                [
                    _budget(Metric.BUDGET_SOFT_REACHED),
                    _budget(Metric.BUDGET_HARD_REACHED),
                    _budget(Metric.BUDGET_RESERVATION_FAILED),
                ],
            ),
        ],
    ),
    Row(
        "Evidence",
        [
            Graph(
                "Kept",
                [
                    _evidence(Metric.FRAMES_KEPT),
                    _evidence(Metric.FRAGMENTS_ARCHIVED),
                    _videos(Metric.SESSION_FRAGMENTS_ARCHIVED),
                    _videos(Metric.SESSION_CLIPS_COMPLETED),
                    _videos(Metric.SESSION_CLIPS_CONTINUED),
                    _evidence(Metric.EVIDENCE_MISSING),
                ],
            ),
            Graph(
                "Archived (bytes)",
                [
                    own(Metric.BYTES_ARCHIVED, "keep_evidence", label="of frames"),
                    own(Metric.BYTES_ARCHIVED, "archive_session", label="of sessions"),
                ],
                stacked=True,
            ),
            Graph(
                "Size of the buckets, once a day (bytes)",
                [
                    of_aws(
                        "AWS/S3",
                        "BucketSizeBytes",
                        "Average",
                        name,
                        BucketName=f"${{{name}Bucket}}",
                        StorageType="StandardStorage",
                    )
                    for name in ("Evidence", "Images")
                ],
                period_s=86_400,
            ),
        ],
    ),
    Row(
        "Queues",
        [
            Graph("Messages waiting", _queues("ApproximateNumberOfMessagesVisible", QUEUES, "Queue")),
            Graph("Oldest message (s)", _queues("ApproximateAgeOfOldestMessage", QUEUES, "Queue")),
            Graph("Dead letters", _queues("ApproximateNumberOfMessagesVisible", DEAD_LETTERS, "DeadLetterQueue")),
            Graph(
                "Dead-lettered and retried",
                [
                    _images(Metric.IMAGES_DEAD_LETTERED),
                    _images(Metric.IMAGES_RETRIED),
                    _evidence(Metric.RECORDS_DEAD_LETTERED),
                    _evidence(Metric.RECORDS_RETRIED),
                    own(Metric.RECORDS_DEAD_LETTERED, "track_sessions", label="RecordsDeadLettered of sessions"),
                    _sessions(Metric.ACTIVITIES_RETRIED),
                    _videos(Metric.SESSION_CLIPS_DEAD_LETTERED),
                    _videos(Metric.SESSION_CLIPS_RETRIED),
                    _notified(Metric.NOTIFICATIONS_DEAD_LETTERED),
                    _notified(Metric.NOTIFICATIONS_RETRIED),
                ],
            ),
        ],
    ),
    Row(
        "On demand, notifications, sweeps",
        [
            Graph(
                "Executions",
                [
                    of_aws("AWS/States", name, "Sum", StateMachineArn="${AnalyzeRange}")
                    for name in ("ExecutionsStarted", "ExecutionsSucceeded", "ExecutionsFailed", "ExecutionsTimedOut")
                ]
                + [own(Metric.WINDOWS_PLANNED, "plan_windows"), own(Metric.TIMELAPSE_FRAMES, "render_timelapse")],
            ),
            Graph(
                "GetImages",
                [
                    _extract(metric)
                    for metric in (
                        Metric.GET_IMAGES_SLOTS,
                        Metric.IMAGES_EXTRACTED,
                        Metric.IMAGES_DECODED,
                        Metric.IMAGES_MISSING,
                    )
                ],
            ),
            Graph("GetImages errors, by code", [of_each(Metric.GET_IMAGES_ERRORS, "Kind")]),
            Graph(
                "Notifications and sweeps",
                [
                    _notified(Metric.FRAGMENTS_NOTIFIED),
                    _notified(Metric.ANALYSES_STARTED),
                    _sweeps(Metric.SWEEPS_STARTED),
                    _sweeps(Metric.SWEEPS_RESTARTED),
                    _sweeps(Metric.STREAMS_NOT_SWEPT),
                    _sweeps(Metric.SWEEP_LAG_SECONDS, "Maximum"),
                ],
            ),
        ],
    ),
    Row(
        "Viewer",
        [
            Graph(
                "Requests",
                [
                    _viewer("Count", "Sum"),
                    own(Metric.VIEWER_REQUESTS, "serve_viewer"),
                    _viewer("4xx", "Sum"),
                    _viewer("5xx", "Sum"),
                ],
            ),
            Graph("Time to answer (ms)", [_viewer("Latency", stat) for stat in ("p50", "p90", "Maximum")]),
        ],
    ),
    Row(
        "Streams",
        [
            Graph(
                "Streams",
                [
                    _streams(Metric.STREAMS_SELECTED, "Maximum"),
                    _streams(Metric.STREAMS_WITHOUT_IMAGES, "Maximum"),
                    _streams(Metric.STREAMS_WITHOUT_RETENTION, "Maximum"),
                    _streams(Metric.STREAMS_FAILED),
                    _streams(Metric.STREAMS_UPDATED),
                ],
                period_s=300,
            ),
            Graph("Frames in, by stream (metricsPerStream)", [of_each(Metric.FRAMES_IN, "StreamName")]),
            Graph(
                "Frame age by stream, p90 (ms) (metricsPerStream)",
                [of_each(Metric.FRAME_AGE, "StreamName", stat="p90")],
            ),
            Graph(
                "Lag by stream (ms) (metricsPerStream)",
                [of_each(Metric.LIVE_LAG, "StreamName", "consume_live", "Maximum")],
            ),
        ],
    ),
)


def graphs() -> list[Graph]:
    """Every graph, from top to bottom."""
    return [widget for row in ROWS for widget in row.widgets if isinstance(widget, Graph)]


def drawn() -> set[tuple[str, MetricFacts]]:
    """(service, metric) of our own that a graph shows; of a search, every service that emits it."""
    found = set()
    for line in (line for graph in graphs() for line in graph.lines):
        if line.metric is not None:
            named = dict(line.dimensions if isinstance(line, Line) else line.given).get("service")
            services = [named] if named else line.metric.value.services
            found |= {(service, line.metric.value) for service in services}
    return found
