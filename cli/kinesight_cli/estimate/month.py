"""Lines of a month of a stack: its flows, fixed items and storage."""

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import chain

from kinesight.domain.parameters import permitted_names
from kinesight.metric_catalogue import Metric

from kinesight_cli.estimate import downstream, formulas
from kinesight_cli.estimate.batches import QUEUE_POLLERS, with_any
from kinesight_cli.estimate.budget import Budget, Demand, budget_of
from kinesight_cli.estimate.downstream import SessionCounts
from kinesight_cli.estimate.formulas import Flow
from kinesight_cli.estimate.lines import Item, Items, Line, Work, read_units
from kinesight_cli.estimate.prices import DETECTORS
from kinesight_cli.estimate.settings import NO_DETECTOR, detector_type
from kinesight_cli.estimate.template_shape import Shape, interval_s
from kinesight_cli.estimate.workload import MONTH_S, Workload

_HOURS = MONTH_S / 3600
_LONG_POLL_S = 20.0
"""Of each poller ("Using Lambda with Amazon SQS")."""
_SESSIONS_WINDOW_S = 5.0
"""MaximumBatchingWindowInSeconds of track_sessions, with BatchingWindowSeconds."""
_TRACED_SHARE = 0.05
"""Lambda traces the first request per second, and this share of the others ("Using AWS X-Ray with Lambda")."""
_CAMERA_STATE_KILOBYTES = 0.2
"""State of a camera in the coordination table: its configuration, and the time of its last image."""
_LIVE_PARTITIONS = 32 / 2 + 1 + 8 + 8
"""Read units of conduct_live's queries, at least: of leases eventually consistent, of previous leases, slots and
assignments (adapters/dynamodb/documents.py)."""
_LEASE_KILOBYTES = 0.6
_SECONDS_PER_RUN = {"configure_streams": 1.0, "track_sessions": 0.1, "conduct_live": 1.0, "sweep_streams": 1.0}
_SILENT_RUNS = frozenset({"track_sessions"})
"""Functions without a log line per scheduled run."""


@dataclass(frozen=True, slots=True)
class Source:
    """The flow of a source, the milliseconds between its images, and its lines for a flow."""

    flow: Flow
    interval_ms: float
    items_of: Callable[[Flow], Items]


def lines_of(parameters: Mapping[str, str], workload: Workload, shape: Shape) -> list[Line]:
    """Returns all lines of a month, of all cameras together."""
    sources = _within_budget(parameters, workload, shape)
    items: list[Item] = [item for source in sources for item in source.items_of(source.flow)]
    items += _downstream(sources, parameters, workload, shape)
    items += _fixed(parameters, workload, shape)
    items += _stored(sources, parameters, workload)
    return [line for item in items for line in _to_lines(item, parameters, workload, shape) if line.units > 0]


def detector_calls(parameters: Mapping[str, str], workload: Workload, shape: Shape) -> float:
    """Returns the calls of Detector per month, of all cameras together, without those of followUp.detector."""
    return sum(source.flow.sent for source in _within_budget(parameters, workload, shape))


def budget(parameters: Mapping[str, str], workload: Workload, shape: Shape) -> Budget:
    """Returns the budget, and the calls that are made without it."""
    flows = [source.flow for source in _sources(parameters, workload, shape)]
    demand = Demand(sum(one.passed for one in flows), sum(one.chained for one in flows), workload.cameras)
    return budget_of(demand, parameters)


def _within_budget(parameters: Mapping[str, str], workload: Workload, shape: Shape) -> list[Source]:
    share = budget(parameters, workload, shape).share
    return [replace(one, flow=one.flow.within(share)) for one in _sources(parameters, workload, shape)]


def _sources(parameters: Mapping[str, str], workload: Workload, shape: Shape) -> Iterator[Source]:
    if parameters["ImageGenerationStatus"] == "ENABLED":
        yield _images(parameters, workload, shape)
    if parameters["Detector"] == NO_DETECTOR:
        return
    if parameters["LiveStatus"] == "ENABLED":
        yield _live(parameters, workload)
    if parameters["SweepSchedule"]:
        runs = workload.cameras * MONTH_S / interval_s(parameters["SweepSchedule"])
        yield _ranges(runs, workload.active_s, parameters, workload)
    if parameters["NotificationStatus"] == "ENABLED":
        runs = workload.cameras * 30 * workload.sessions_per_day
        notified_s = workload.active_s * workload.notified_share
        rolls_s = _rolls_s("analysis", parameters)
        found = _ranges(runs, notified_s + runs * rolls_s, parameters, workload)
        fragments = notified_s / workload.fragment_seconds
        invocations = shape.batches["start_analysis"].invocations(fragments + runs)
        notified = tuple(formulas.notifications(fragments, runs, invocations))
        yield replace(found, items_of=lambda flow: chain(found.items_of(flow), notified))


def _images(parameters: Mapping[str, str], workload: Workload, shape: Shape) -> Source:
    interval_ms = float(parameters["SamplingInterval"])
    flow = flow_of(workload.active_s * workload.tagged_share, interval_ms, parameters, workload)
    queue = replace(shape.batches["analyze_images"], window_s=float(parameters["BatchingWindowSeconds"]))
    a_second = flow.made / workload.active_s * workload.cameras if flow.made else 0.0
    at_once = max(1.0, 1000 * workload.fragment_seconds / interval_ms)
    images = workload.images_per_invocation or max(at_once, queue.gathered(a_second))
    batch = flow.batch(images, parameters)
    if not workload.images_per_invocation and flow.made:
        batch = batch.keeping_up(a_second, queue, int(parameters["MaximumConcurrency"]), workload)
    # While a poller gathers, each message that arrives ends a receive; without messages, 20 s do.
    receives = max(flow.made / (at_once if queue.window_s else batch.images), QUEUE_POLLERS * MONTH_S / _LONG_POLL_S)
    flow = replace(flow, analyses=flow.made / batch.images, receives=receives)
    return Source(flow, interval_ms, lambda within: formulas.image_events(within, parameters, workload))


def _live(parameters: Mapping[str, str], workload: Workload) -> Source:
    """Live consumers run whether their cameras send or not."""
    keyframe_ms = 1000 * workload.fragment_seconds
    every = int(parameters["live.inferenceInterval"])
    interval_ms = every * keyframe_ms if every else max(keyframe_ms, float(parameters["live.samplingInterval"]))
    flow = flow_of(workload.active_s, interval_ms, parameters, workload)
    consumers_s = math.ceil(workload.cameras / int(parameters["limits.liveStreamsPerConsumer"])) * MONTH_S
    flow = replace(flow, analyses=float(consumers_s))
    return Source(flow, interval_ms, lambda within: formulas.live(within, parameters, workload, workload.active_s))


def _ranges(runs: float, range_s: float, parameters: Mapping[str, str], workload: Workload) -> Source:
    """On-demand analysis does not use the gate."""
    interval_ms = float(parameters["analysis.samplingInterval"])
    flow = flow_of(range_s, interval_ms, {**parameters, "gate.mode": "OFF"}, workload)
    return Source(flow, interval_ms, lambda within: formulas.on_demand(within, parameters, workload, runs, range_s))


def flow_of(seconds: float, interval_ms: float, parameters: Mapping[str, str], workload: Workload) -> Flow:
    """Returns the flow of `seconds` of video with an image every `interval_ms`, without a budget, and with one image
    per invocation."""
    made = seconds * 1000 / interval_ms
    matched = made * workload.matched_share
    sent = made * _sent_share(interval_ms, parameters, workload)
    of_a_fragment = max(1.0, 1000 * workload.fragment_seconds / interval_ms)
    chained = made * workload.chained_share * (workload.crops if parameters["followUp.on"] == "CROP" else 1)
    return Flow(
        made=made,
        passed=sent,
        sent=sent,
        matched=min(matched, sent),
        chained=chained if sent and parameters["followUp.detector"] != NO_DETECTOR else 0.0,
        fragments=min(matched, sent) / of_a_fragment,
        sent_fragments=sent / of_a_fragment,
        analyses=made,
    )


def _sent_share(interval_ms: float, parameters: Mapping[str, str], workload: Workload) -> float:
    """Returns the share that the gate passes on: changed images, and of the others one per maximum interval; all of
    them at most one per minimum interval (domain/gate/decision.py)."""
    if parameters["Detector"] == NO_DETECTOR:
        return 0.0
    if parameters["gate.mode"] != "ON":
        return 1.0
    due = min(1.0, interval_ms / (1000 * float(parameters["gate.maximumIntervalSeconds"])))
    passed = workload.changed_share + (1 - workload.changed_share) * due
    slowest_ms = float(parameters["gate.minimumIntervalMilliseconds"])
    most = min(1.0, interval_ms / slowest_ms) if slowest_ms else 1.0
    return min(most, passed)


def _downstream(sources: list[Source], parameters: Mapping[str, str], workload: Workload, shape: Shape) -> Items:
    """Consumers of the results stream, for all sources together."""
    records = sum(one.flow.sent for one in sources)
    matched = sum(one.flow.matched for one in sources)
    fragments = sum(one.flow.fragments for one in sources)
    everything = Flow(
        made=records,
        passed=records,
        sent=records,
        matched=matched,
        chained=0.0,
        fragments=fragments,
        sent_fragments=sum(one.flow.sent_fragments for one in sources),
        analyses=0.0,
    )
    results = shape.batches["keep_evidence"]
    results = replace(results, window_s=float(parameters["BatchingWindowSeconds"]) or results.window_s)
    invocations = results.invocations(records, shape.shards)
    yield from downstream.evidence(everything, parameters, workload, invocations)
    a_second = records / MONTH_S / shape.shards
    # Lambda polls each shard once a second ("Using Lambda with Kinesis").
    every_s = _SESSIONS_WINDOW_S if float(parameters["BatchingWindowSeconds"]) else 1.0
    batches = MONTH_S / every_s * shape.shards * (1 - math.exp(-a_second * every_s))
    count = workload.cameras * 30 * workload.sessions_per_day if matched else 0.0
    matched_s = workload.matched_share * sum(one.flow.made * one.interval_ms / 1000 for one in sources)
    listed = (matched_s + count * _rolls_s("sessions", parameters)) / workload.fragment_seconds + count
    counts = SessionCounts(
        count=count,
        fragments=max(0.0, listed - fragments),
        known=fragments,
        hits=with_any(batches, workload.cameras, matched),
        batches=batches,
        passes=workload.cameras * shape.runs.get("track_sessions", 0.0),
    )
    yield from downstream.sessions(counts, parameters, workload)


def stack_items(parameters: Mapping[str, str], workload: Workload, shape: Shape) -> Items:
    """Items that do not depend on the number of images, and storage."""
    yield from _fixed(parameters, workload, shape)
    yield from _stored(_within_budget(parameters, workload, shape), parameters, workload)


def _fixed(parameters: Mapping[str, str], workload: Workload, shape: Shape) -> Items:
    yield Line("kinesis.shard", shape.shards, "per shard and hour", each=_HOURS)
    if shape.results_retention_hours > 24:
        yield Line("kinesis.retention", shape.shards, "per shard and hour, for its retention", each=_HOURS)
    polls = QUEUE_POLLERS * MONTH_S / _LONG_POLL_S
    idle = shape.queue_sources - (parameters["ImageGenerationStatus"] == "ENABLED" and workload.hours_per_day > 0)
    yield Line("sqs.request", idle * polls, "five long polls of 20 s per queue that is empty, continuously")
    yield Line("cloudwatch.alarm", shape.alarms, "those of the template")
    yield Line("cloudwatch.dashboard", shape.dashboards, "those of the template")
    yield Line("cloudwatch.metric", workload.stack_metrics, "of the stack, those that always have values")
    if parameters["LiveStatus"] == "ENABLED":
        yield Line("cloudwatch.metric", workload.live_metrics, "of live consumers")
    if parameters["metricsPerStream"] == "true":
        each = sum(_metrics_per_stream(verb) for verb in _analyzing(parameters))
        yield Line("cloudwatch.metric", workload.cameras, "per camera, with metricsPerStream", each=each)
    reads = 2 * shape.runs.get("configure_streams", 0.0)
    units = read_units(_CAMERA_STATE_KILOBYTES * workload.cameras)
    yield Line("dynamodb.read", reads, "the state of all cameras, per run of configure_streams", each=units)
    units = _LIVE_PARTITIONS + _LEASE_KILOBYTES / 4 / 2 * workload.cameras
    conducted = shape.runs.get("conduct_live", 0.0)
    yield Line("dynamodb.read", conducted, "leases and consumers, per run of conduct_live", each=units)
    secrets = sum(len(permitted_names(parameters[name])) for name in ("HttpAuthSecretArn", "WebhookSecretArn"))
    yield Line("secrets.secret", secrets, "those that parameters name")
    yield Line("secrets.request", secrets, "read every five minutes", each=MONTH_S / 300)
    yield Line("kms.key", int(bool(parameters["KmsKeyArn"])), "KmsKeyArn")
    for function, runs in shape.runs.items():
        lines = 0.0 if function in _SILENT_RUNS else runs
        yield Work(function, runs, runs * _SECONDS_PER_RUN.get(function, 1.0), lines, measured=lines)
    models = {detector_type(parameters, parameters[name]): name for name in ("followUp.detector", "Detector")}
    for kind, name in models.items():
        price = DETECTORS.get(kind)
        if price in ("sagemaker.instance", "rekognition.custom_labels"):
            count = workload.endpoint_instances if price == "sagemaker.instance" else 1.0
            yield Line(price, count, f"per hour of the model of {name}", each=_HOURS)


def _analyzing(parameters: Mapping[str, str]) -> Iterator[str]:
    """Yields the functions that analyze images."""
    if parameters["ImageGenerationStatus"] == "ENABLED":
        yield "analyze_images"
    if parameters["LiveStatus"] == "ENABLED":
        yield "consume_live"
    if parameters["SweepSchedule"] or parameters["NotificationStatus"] == "ENABLED":
        yield "detect_objects"


def _rolls_s(name: str, parameters: Mapping[str, str]) -> float:
    """Returns the pre-roll and post-roll of `sessions`, or of `analysis`."""
    return sum(float(parameters[f"{name}.{one}RollSeconds"]) for one in ("pre", "post"))


def _metrics_per_stream(verb: str) -> int:
    return sum(one.value.per_stream and verb in one.value.services for one in Metric)


def _stored(sources: list[Source], parameters: Mapping[str, str], workload: Workload) -> Items:
    yield Line("kvs.ingest", workload.gigabytes, "all of the video")
    kept = workload.retention_hours / _HOURS
    yield Line("kvs.storage", workload.gigabytes, "the video within its retention", each=kept)
    made = sum(one.flow.made for one in sources)
    images = made * workload.image_kilobytes / 1e6
    if parameters["ImagesBucketName"]:
        yield Line("s3.storage", images, "images of one month, in a bucket of yours, which alone deletes them")
    else:
        days = float(parameters["ImageRetentionDays"]) / 30
        yield Line("s3.storage", images, "images, for ImageRetentionDays", each=days)
    matched = sum(one.flow.matched for one in sources)
    records = sum(downstream.kept_records(one.flow, parameters) for one in sources)
    fragments = sum(downstream.kept_fragments(one.flow, parameters) for one in sources)
    kilobytes = records * workload.record_kilobytes + matched * workload.image_kilobytes
    video = fragments * workload.fragment_seconds * workload.megabits_per_second / 8_000
    days = float(parameters["EvidenceRetentionDays"]) / 30
    yield Line("s3.storage", kilobytes / 1e6 + video, "evidence, for EvidenceRetentionDays", each=days)


def _to_lines(item: Item, parameters: Mapping[str, str], workload: Workload, shape: Shape) -> Iterator[Line]:
    """Converts the work of a function into lines; yields a line unchanged."""
    if isinstance(item, Line):
        yield item
        return
    name, count = item.function, item.invocations
    memory_gb = shape.memory_mb[name] / 1024
    yield Line("lambda.request", count, f"invocations of {name}")
    price = f"lambda.gb_second.{parameters['Architecture']}"
    yield Line(price, item.seconds, f"duration of {name} × its memory", each=memory_gb)
    written = _written(item, parameters["LogLevel"]) * workload.log_kilobytes_per_line
    measured = count if item.measured is None else item.measured
    of_metrics = measured * workload.metric_kilobytes_per_invocation
    logs = count * workload.log_kilobytes_per_invocation + of_metrics + written
    yield Line("cloudwatch.logs", logs / 1e6, f"logs of {name}")
    if parameters["TracingStatus"] == "ENABLED":
        firsts = min(count, MONTH_S)
        yield Line("xray.trace", firsts + _TRACED_SHARE * (count - firsts), f"traced invocations of {name}")


def _written(work: Work, log_level: str) -> float:
    """Returns the lines that are written. Functions log nothing at DEBUG, so that it writes what INFO writes."""
    warnings = 0.0 if log_level == "ERROR" else work.log_warnings
    return warnings + (work.log_lines if log_level in ("DEBUG", "INFO") else 0.0)
