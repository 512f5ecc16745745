"""A month of a stack: its flows, what stands whether anything happens or not, and what is stored."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from kinesight.metric_catalogue import Metric

from kinesight_cli.cost import flows
from kinesight_cli.cost.flows import Flow, Visits
from kinesight_cli.cost.lines import Item, Items, Line, Work, read_units
from kinesight_cli.cost.prices import DETECTORS
from kinesight_cli.cost.shape import Shape, interval_s
from kinesight_cli.cost.workload import MONTH_S, Workload

_HOURS = MONTH_S / 3600
_POLLERS = 5
_LONG_POLL_S = 20.0
"""Lambda begins with five long polls of 20 s a queue ("Using Lambda with Amazon SQS")."""
_ROLLS_S = 10.0
"""Pre-roll and post-roll of a session's video, unless the rules document says otherwise."""
_EVIDENCE_WINDOW_S = 1.0
_TRACED_SHARE = 0.05
"""Lambda traces the first request of a second, and so many of the others ("Using AWS X-Ray with Lambda")."""
_KNOWN_KILOBYTES = 0.2
"""Of a camera, in the coordination table: how it was configured, and when it had a picture."""
_SECONDS_PER_RUN = {"configure_streams": 1.0, "track_sessions": 0.1, "conduct_live": 1.0, "sweep_streams": 1.0}


@dataclass(frozen=True, slots=True)
class Source:
    """A source's flow, the milliseconds between its pictures, and its lines."""

    flow: Flow
    interval_ms: float
    items: tuple[Item, ...]


def lines_of(parameters: Mapping[str, str], workload: Workload, shape: Shape) -> list[Line]:
    """Every line of a month, of all cameras together."""
    sources = list(_sources(parameters, workload))
    items: list[Item] = [item for source in sources for item in source.items]
    items += _after(sources, parameters, workload, shape)
    items += stack_items(parameters, workload, shape)
    return [line for item in items for line in _worked(item, parameters, workload, shape) if line.units > 0]


def detector_calls(parameters: Mapping[str, str], workload: Workload) -> float:
    """Of Detector alone, in a month of all cameras together."""
    return sum(source.flow.sent for source in _sources(parameters, workload))


def _sources(parameters: Mapping[str, str], workload: Workload) -> Iterator[Source]:
    if parameters["ImageGenerationStatus"] == "ENABLED":
        interval_ms = float(parameters["SamplingInterval"])
        flow = flow_of(workload.active_s * workload.tagged_share, interval_ms, parameters, workload)
        yield Source(flow, interval_ms, tuple(flows.image_events(flow, parameters, workload)))
    if parameters["LiveStatus"] == "ENABLED":
        yield _live(parameters, workload)
    if parameters["SweepSchedule"]:
        runs = workload.cameras * MONTH_S / interval_s(parameters["SweepSchedule"])
        yield _ranges(runs, workload.active_s, parameters, workload)
    if parameters["NotificationStatus"] == "ENABLED":
        runs = workload.cameras * 30 * workload.sessions_per_day
        notified_s = workload.active_s * workload.notified_share
        rolls_s = sum(float(parameters[f"Notification{one}RollSeconds"]) for one in ("Pre", "Post"))
        found = _ranges(runs, notified_s + runs * rolls_s, parameters, workload)
        told = flows.notifications(notified_s / workload.fragment_seconds, runs)
        yield Source(found.flow, found.interval_ms, (*found.items, *told))


def _live(parameters: Mapping[str, str], workload: Workload) -> Source:
    """A consumer works whether its cameras send or not."""
    keyframe_ms = 1000 * workload.fragment_seconds
    every = int(parameters["LiveInferenceInterval"])
    interval_ms = every * keyframe_ms if every else max(keyframe_ms, float(parameters["LiveSamplingInterval"]))
    flow = flow_of(workload.active_s, interval_ms, parameters, workload)
    consumers_s = math.ceil(workload.cameras / int(parameters["LiveStreamsPerConsumer"])) * MONTH_S
    flow = Flow(flow.made, flow.sent, flow.matched, flow.chained, flow.fragments, consumers_s)
    return Source(flow, interval_ms, tuple(flows.live(flow, parameters, workload, workload.active_s)))


def _ranges(runs: float, range_s: float, parameters: Mapping[str, str], workload: Workload) -> Source:
    """A person's gate does not hold back what was asked for."""
    interval_ms = float(parameters["AnalysisSamplingInterval"])
    flow = flow_of(range_s, interval_ms, {**parameters, "FrameGate": "OFF"}, workload)
    return Source(flow, interval_ms, tuple(flows.on_demand(flow, parameters, workload, runs, range_s)))


def flow_of(seconds: float, interval_ms: float, parameters: Mapping[str, str], workload: Workload) -> Flow:
    """So many seconds of video, a picture of it every `interval_ms`."""
    made = seconds * 1000 / interval_ms
    matched = made * workload.matched_share
    sent = made * _sent_share(interval_ms, parameters, workload)
    chained = made * workload.chained_share * (workload.crops if parameters["ThenOn"] == "CROP" else 1)
    return Flow(
        made=made,
        sent=sent,
        matched=min(matched, sent),
        chained=chained if parameters["ThenDetector"] != "NONE" else 0.0,
        fragments=min(matched, sent) / max(1.0, 1000 * workload.fragment_seconds / interval_ms),
        analyses=made / workload.pictures_per_invocation,
    )


def _sent_share(interval_ms: float, parameters: Mapping[str, str], workload: Workload) -> float:
    """What has changed, but one in GateMaximumIntervalSeconds at least, one in GateMinimumInterval... at most."""
    if parameters["FrameGate"] != "ON":
        return 1.0
    least = interval_ms / (1000 * float(parameters["GateMaximumIntervalSeconds"]))
    slowest_ms = float(parameters["GateMinimumIntervalMilliseconds"])
    most = min(1.0, interval_ms / slowest_ms) if slowest_ms else 1.0
    return min(most, max(least, workload.changed_share))


def _after(sources: list[Source], parameters: Mapping[str, str], workload: Workload, shape: Shape) -> Items:
    """Behind the results stream, for all sources together."""
    records = sum(one.flow.sent for one in sources)
    matched = sum(one.flow.matched for one in sources)
    fragments = sum(one.flow.fragments for one in sources)
    everything = Flow(records, records, matched, 0.0, fragments, 0.0)
    a_second = records / MONTH_S / shape.shards
    waits = MONTH_S * shape.shards * a_second / (1 + a_second * _EVIDENCE_WINDOW_S)
    yield from flows.evidence(everything, parameters, workload, waits)
    # Lambda looks into each shard once a second ("Using Lambda with Kinesis").
    batches = MONTH_S * shape.shards * (1 - math.exp(-a_second))
    count = workload.cameras * 30 * workload.sessions_per_day if matched else 0.0
    seen_s = workload.matched_share * sum(one.flow.made * one.interval_ms / 1000 for one in sources)
    listed = (seen_s + count * _ROLLS_S) / workload.fragment_seconds + count
    visits = Visits(
        count=count,
        fragments=max(0.0, listed - fragments),
        known=fragments,
        hits=matched * min(1.0, batches / records) if records else 0.0,
        batches=batches,
        passes=workload.cameras * shape.runs.get("track_sessions", 0.0),
    )
    yield from flows.sessions(visits, parameters, workload)


def stack_items(parameters: Mapping[str, str], workload: Workload, shape: Shape) -> Items:
    """What stands whether anything happens or not, and what is stored."""
    yield from _standing(parameters, workload, shape)
    yield from _stored(list(_sources(parameters, workload)), parameters, workload)


def _standing(parameters: Mapping[str, str], workload: Workload, shape: Shape) -> Items:
    yield Line("kinesis.shard", shape.shards, "every hour of each shard", each=_HOURS)
    if shape.results_retention_hours > 24:
        yield Line("kinesis.retention", shape.shards, "every hour of each shard, for its retention", each=_HOURS)
    polls = _POLLERS * MONTH_S / _LONG_POLL_S
    yield Line("sqs.request", shape.queue_sources * polls, "five long polls of 20 s at each queue, all the time")
    yield Line("cloudwatch.alarm", shape.alarms, "each of the template")
    yield Line("cloudwatch.dashboard", shape.dashboards, "each of the template")
    yield Line("cloudwatch.metric", workload.stack_metrics, "of the stack, those that have values all the time")
    if parameters["LiveStatus"] == "ENABLED":
        yield Line("cloudwatch.metric", workload.live_metrics, "of live consumers")
    if parameters["MetricsPerStream"] == "ENABLED":
        each = sum(_metrics_per_stream(verb) for verb in _analyzing(parameters))
        yield Line("cloudwatch.metric", workload.cameras, "each camera, with MetricsPerStream", each=each)
    looks = 2 * shape.runs.get("configure_streams", 0.0)
    known = read_units(_KNOWN_KILOBYTES * workload.cameras)
    yield Line("dynamodb.read", looks, "what is known of all cameras, each time they are looked through", each=known)
    secrets = [name for name in ("HttpAuthSecretArn", "WebhookSecretArn") if parameters[name]]
    yield Line("secrets.secret", len(secrets), "each that a parameter names")
    yield Line("secrets.request", len(secrets), "read every five minutes", each=MONTH_S / 300)
    yield Line("kms.key", int(bool(parameters["KmsKeyArn"])), "KmsKeyArn")
    for function, runs in shape.runs.items():
        yield Work(function, runs, runs * _SECONDS_PER_RUN.get(function, 1.0))
    for name in ("Detector", "ThenDetector"):
        price = DETECTORS.get(parameters[name])
        if price in ("sagemaker.instance", "rekognition.custom_labels"):
            count = workload.endpoint_instances if price == "sagemaker.instance" else 1.0
            yield Line(price, count, f"every hour of {name}'s model", each=_HOURS)


def _analyzing(parameters: Mapping[str, str]) -> Iterator[str]:
    """The functions that pictures come to."""
    if parameters["ImageGenerationStatus"] == "ENABLED":
        yield "analyze_images"
    if parameters["LiveStatus"] == "ENABLED":
        yield "consume_live"
    if parameters["SweepSchedule"] or parameters["NotificationStatus"] == "ENABLED":
        yield "detect_objects"


def _metrics_per_stream(verb: str) -> int:
    return sum(one.value.per_stream and verb in one.value.services for one in Metric)


def _stored(sources: list[Source], parameters: Mapping[str, str], workload: Workload) -> Items:
    yield Line("kvs.ingest", workload.gigabytes, "all of the video")
    kept = workload.retention_hours / _HOURS
    yield Line("kvs.storage", workload.gigabytes, "of the video, what its retention keeps", each=kept)
    made = sum(one.flow.made for one in sources)
    images = made * workload.picture_kilobytes / 1e6
    days = float(parameters["ImageRetentionDays"]) / 30
    yield Line("s3.storage", images, "pictures, as long as ImageRetentionDays", each=days)
    matched = sum(one.flow.matched for one in sources)
    fragments = sum(one.flow.fragments for one in sources)
    kilobytes = matched * (workload.record_kilobytes + workload.picture_kilobytes)
    video = fragments * workload.fragment_seconds * workload.megabits_per_second / 8_000
    days = float(parameters["EvidenceRetentionDays"]) / 30
    yield Line("s3.storage", kilobytes / 1e6 + video, "evidence, as long as EvidenceRetentionDays", each=days)


def _worked(item: Item, parameters: Mapping[str, str], workload: Workload, shape: Shape) -> Iterator[Line]:
    """A function's work as lines; a line as itself."""
    if isinstance(item, Line):
        yield item
        return
    name, count = item.function, item.invocations
    memory_gb = shape.memory_mb[name] / 1024
    yield Line("lambda.request", count, f"{name}'s invocations")
    price = f"lambda.gb_second.{parameters['Architecture']}"
    yield Line(price, item.seconds, f"{name}'s seconds × its memory", each=memory_gb)
    logs = count * workload.log_kilobytes_per_invocation + item.pictures * workload.log_kilobytes_per_picture
    yield Line("cloudwatch.logs", logs / 1e6, f"what {name} writes")
    firsts = min(count, MONTH_S)
    yield Line("xray.trace", firsts + _TRACED_SHARE * (count - firsts), f"traced invocations of {name}")
