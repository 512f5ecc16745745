"""The formulas: pictures in, calls out. Each follows the code that makes the calls, which its comment names.

A flow is what happens to the pictures of one source in one period, a month or a demo run.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from kinesight.domain.detectors import catalogue

from kinesight_cli.cost.lines import Items, Line, Work, read_units, write_units
from kinesight_cli.cost.prices import DETECTORS
from kinesight_cli.cost.workload import Workload

_LEDGER = "IdempotencyTable"
_GATE_KILOBYTES = 3.5
_REKOGNITION = "REKOGNITION_"
_PUT_UNIT_KILOBYTES = 25.0
"""API_PutRecords; "Amazon Kinesis Data Streams pricing"."""
_NOTE_EVERY_S = 300.0
"""domain/streams/missing_images.py."""
_TRANSITIONS_PER_RUN = 6
_TRANSITIONS_PER_WINDOW = 3
_PICTURES_PER_WINDOW = 25
_LONGEST_WINDOW_S = 300.0


@dataclass(frozen=True, slots=True)
class Flow:
    """`made`: pictures; `sent`: to the detector; `matched`: by the rules; `chained`: looked at by ThenDetector, each
    crop for itself; `fragments`: those that show a matched picture. `analyses`: invocations that look at pictures."""

    made: float
    sent: float
    matched: float
    chained: float
    fragments: float
    analyses: float


def image_events(flow: Flow, parameters: Mapping[str, str], workload: Workload) -> Items:
    """Pictures that KVS generates (domain/analysis/analyze_images.py)."""
    caller, seconds = "analyze_images", 0.1 * flow.analyses + workload.detector_seconds * (flow.sent + flow.chained)
    yield Line("kvs.image", flow.made, "one per generated picture")
    yield Line("s3.put", flow.made, "one per picture, by KVS", "KVS s3:PutObject images", of_pictures=True)
    yield Line(
        "sqs.request", flow.made, "one message per picture, by S3", "S3 sqs:SendMessage ImagesQueue", of_pictures=True
    )
    yield Line("sqs.request", flow.analyses, "one receipt per invocation")
    yield Line("sqs.request", flow.analyses, "one deletion per invocation", "Lambda sqs:DeleteMessageBatch ImagesQueue")
    yield Line("s3.get", flow.made, "one HEAD per picture", f"{caller} s3:HeadObject images", of_pictures=True)
    notes = workload.active_s / _NOTE_EVERY_S
    yield Line("dynamodb.read", notes, "every five minutes and camera, when its last picture was noted")
    yield Line("dynamodb.write", notes, "every five minutes and camera, that it has pictures")
    yield Work(caller, flow.analyses, seconds, flow.made)
    if parameters["FrameGate"] != "OFF":
        yield from _gate(caller, flow, "images")
    yield from _road(caller, "images", flow, parameters, workload)


def live(flow: Flow, parameters: Mapping[str, str], workload: Workload, active_s: float) -> Items:
    """Live consumers (domain/live/live_stream.py). `flow.analyses`: the seconds that consumers work, of which
    there is one per LiveStreamsPerConsumer streams."""
    caller = "consume_live"
    fragments = active_s / workload.fragment_seconds
    yield Line("kvs.consume", active_s * workload.megabits_per_second / 8_000, "all of the video, by GetMedia")
    yield Line("s3.put", flow.made, "one per sampled keyframe", f"{caller} s3:PutObject live", of_pictures=True)
    yield Line(
        "dynamodb.write", fragments, "one checkpoint per fragment", f"{caller} dynamodb:PutItem CoordinationTable"
    )
    yield Line("dynamodb.write", flow.analyses / 10, "each consumer says every 10 s that it is alive")
    yield Line("dynamodb.read", flow.analyses / 10, "and reads its slot before")
    # A successor begins 75 s before each end, 15 minutes apart (domain/live/conduct_live.py).
    yield Work(caller, flow.analyses / 780, flow.analyses * 1.1, flow.made)
    if parameters["FrameGate"] != "OFF":
        yield from _gate(caller, flow, "live")
    yield from _road(caller, "live", flow, parameters, workload)


def on_demand(flow: Flow, parameters: Mapping[str, str], workload: Workload, runs: float, range_s: float) -> Items:
    """Ranges that a notification or a sweep starts (statemachines/analyze_range.asl.yaml). `range_s`: of all ranges."""
    windows = max(flow.made / _PICTURES_PER_WINDOW, range_s / _LONGEST_WINDOW_S)
    each = int(parameters["ConcurrentDetections"])
    yield Line("kvs.image", flow.made, "one per picture of GetImages")
    yield Line("stepfunctions.transition", runs, "six per execution", each=_TRANSITIONS_PER_RUN)
    yield Line("stepfunctions.transition", windows, "three per window of 25 pictures", each=_TRANSITIONS_PER_WINDOW)
    yield Line("s3.put", flow.made, "one per picture", "extract_images s3:PutObject on-demand", of_pictures=True)
    yield Line("s3.put", windows, "a manifest and a report per window", each=2)
    yield Line("s3.get", windows, "both are read, and read again for the summary", each=4)
    yield Line("s3.put", runs, "plan and summary of each execution", each=2)
    yield Work("plan_windows", runs, runs)
    yield Work("extract_images", windows, 3 * windows)
    detecting_s = 0.3 * windows + workload.detector_seconds * (flow.sent + flow.chained) / each
    yield Work("detect_objects", windows, detecting_s, flow.made)
    yield Work("summarize_range", runs, runs)
    yield from _road("detect_objects", "on-demand", flow, parameters, workload)


def notifications(fragments: float, runs: float) -> Items:
    """What comes before a notified range (domain/on_demand/start_analysis.py)."""
    yield Line("sns.publish", fragments, "one per notified fragment, by KVS")
    yield Line("sqs.request", fragments, "sent, received and deleted once", each=3)
    yield Line(
        "dynamodb.write", fragments, "the burst is remembered", "start_analysis dynamodb:PutItem CoordinationTable"
    )
    yield Line("dynamodb.read", fragments, "and read before", "start_analysis dynamodb:GetItem CoordinationTable")
    yield Work("start_analysis", fragments + runs, 0.1 * (fragments + runs))


def _gate(caller: str, flow: Flow, place: str) -> Items:
    """domain/gate/frame_gate.py: what is compared is read, what is sent is remembered."""
    yield Line(
        "s3.get", flow.made, "one GET per picture, by the gate", f"{caller} s3:GetObject {place}", of_pictures=True
    )
    yield Line(
        "dynamodb.read",
        flow.made,
        "the last sent picture, small and grey",
        f"{caller} dynamodb:GetItem CoordinationTable",
        read_units(_GATE_KILOBYTES),
        of_pictures=True,
    )
    yield Line(
        "dynamodb.write",
        flow.sent,
        "one per picture that the gate lets through",
        f"{caller} dynamodb:PutItem CoordinationTable",
        write_units(_GATE_KILOBYTES),
    )


def _road(caller: str, place: str, flow: Flow, parameters: Mapping[str, str], workload: Workload) -> Items:
    """domain/analysis/pipeline.py: ledger → detector → results stream."""
    yield Line(
        "dynamodb.write", flow.made, "begun in the ledger", f"{caller} dynamodb:PutItem {_LEDGER}", of_pictures=True
    )
    yield Line("dynamodb.write", flow.made, "ended in it", f"{caller} dynamodb:UpdateItem {_LEDGER}", of_pictures=True)
    yield from _detector(caller, place, parameters["Detector"], flow.sent, workload)
    yield from _reservations(caller, flow, parameters)
    if parameters["ThenDetector"] != "NONE":
        yield from _detector(caller, place, parameters["ThenDetector"], flow.chained, workload)
        if parameters["ThenOn"] == "CROP":
            yield Line("s3.get", flow.chained, "the picture of each crop")
            yield Line("s3.put", flow.chained, "each crop", f"{caller} s3:PutObject crops")
    units = max(1.0, math.ceil(workload.record_kilobytes / _PUT_UNIT_KILOBYTES))
    yield Line(
        "kinesis.put",
        flow.sent,
        "one record per picture that was sent",
        f"{caller} kinesis:Record ResultsStream",
        units,
        True,
    )


def _reservations(caller: str, flow: Flow, parameters: Mapping[str, str]) -> Items:
    """domain/detectors/budget.py: one write for each limit and each call that has a price."""
    limits = sum(bool(parameters[name]) for name in ("DailyBudgetUsd", "DailyBudgetUsdPerStream"))
    counts = {"Detector": flow.sent, "ThenDetector": flow.chained}
    paid = sum(count for name, count in counts.items() if is_paid_by_call(name, parameters))
    if limits:
        call = f"{caller} dynamodb:UpdateItem CoordinationTable"
        yield Line("dynamodb.write", limits * paid, "one per paid call and limit of the budget", call, of_pictures=True)


def is_paid_by_call(name: str, parameters: Mapping[str, str]) -> bool:
    """`name`: Detector or ThenDetector."""
    price = DETECTORS.get(parameters[name], "")
    return price.startswith(("rekognition.image", "bedrock")) or bool(parameters[f"{name}UsdPerThousandCalls"])


def _detector(caller: str, place: str, detector: str, calls: float, workload: Workload) -> Items:
    """adapters/detectors/. Models by the hour are on the stack's account (`standing`)."""
    price = DETECTORS[detector]
    if detector.startswith(_REKOGNITION):
        name = f"{caller} {catalogue.DETECTORS[detector].actions[0]}"
        # Custom Labels is paid for by the hour.
        yield Line(
            price, calls, "one per picture that is sent", name, 0.0 if detector.endswith("CUSTOM_LABELS") else 1.0, True
        )
        yield Line("s3.get", calls, "Rekognition reads the picture")
        return
    yield Line("s3.get", calls, "the picture, for the model", f"{caller} s3:GetObject {place}")
    if detector == "SAGEMAKER_ASYNC":
        yield Line("s3.put", calls, "its answer, by SageMaker")
        yield Line(
            "s3.get", calls, "looking for the answer until it is there", each=math.ceil(2 + workload.detector_seconds)
        )
    if price.endswith(".call"):
        yield Line(price, calls, "one per picture that is sent")


def evidence(flow: Flow, parameters: Mapping[str, str], workload: Workload, invocations: float) -> Items:
    """domain/evidence/keep_evidence.py."""
    caller = "keep_evidence"
    of_picture = (
        ("s3.put", "the record, as JSON", "s3:PutObject results"),
        ("s3.get", "is it annotated already?", "s3:HeadObject annotated"),
        ("s3.get", "the picture, to draw on", "s3:GetObject images"),
        ("s3.put", "the annotated picture", "s3:PutObject annotated"),
    )
    for price, why, call in of_picture:
        yield Line(price, flow.matched, f"per matched picture: {why}", f"{caller} {call}", of_pictures=True)
    yield Line(
        "s3.get", flow.fragments, "per matched fragment: is it archived already?", f"{caller} s3:HeadObject archive"
    )
    yield Line(
        "s3.put", flow.fragments, "per matched fragment: its video", f"{caller} s3:PutObject archive", of_pictures=True
    )
    yield Line("kvs.consume", flow.fragments, "per matched fragment: its bytes", each=_fragment_gb(workload))
    if parameters["AlertPer"] == "PICTURE":
        yield from _alerts(caller, flow.matched, parameters, "per matched picture")
    yield Work(caller, invocations, 0.05 * invocations + 0.4 * flow.matched)


def _alerts(caller: str, alerts: float, parameters: Mapping[str, str], per: str) -> Items:
    """On the topic, each once by the ledger."""
    yield Line(
        "dynamodb.write",
        alerts,
        f"{per}: its alert begun in the ledger",
        f"{caller} dynamodb:PutItem {_LEDGER}",
        of_pictures=True,
    )
    yield Line(
        "dynamodb.write", alerts, f"{per}: and ended", f"{caller} dynamodb:UpdateItem {_LEDGER}", of_pictures=True
    )
    yield Line("sns.publish", alerts, f"{per}: its alert", f"{caller} sns:Publish", of_pictures=True)
    if parameters["AlertEmail"]:
        yield Line("sns.email", alerts, f"{per}: a mail")


@dataclass(frozen=True, slots=True)
class Visits:
    """`count`: sessions; `fragments`: that their videos hold beside those of matched pictures, `known`: those; `hits`:
    batches of results in which something matched; `batches`: all; `passes`: cameras looked at by the minute's run."""

    count: float
    fragments: float
    known: float
    hits: float
    batches: float
    passes: float


def sessions(visits: Visits, parameters: Mapping[str, str], workload: Workload) -> Items:
    """domain/sessions/track_sessions.py, domain/sessions/outbox.py."""
    caller, told = "track_sessions", visits.count * (2 + workload.updates_per_session)
    activity = f"{caller} dynamodb:{{}} CoordinationTable"
    reads, writes = read_units(workload.activity_kilobytes), write_units(workload.activity_kilobytes)
    yield Line(
        "dynamodb.read", visits.hits, "the camera's activity, per batch with a match", activity.format("GetItem"), reads
    )
    yield Line("dynamodb.read", visits.passes, "every camera's activity, every minute", activity.format("Query"), reads)
    yield Line(
        "dynamodb.write",
        visits.hits + told,
        "it is saved, and again when all was told",
        activity.format("PutItem"),
        writes,
    )
    yield Line(
        "dynamodb.write",
        told,
        "a session's state when it begins, changes, ends",
        f"{caller} dynamodb:UpdateItem EventsTable",
        2,
    )
    if parameters["SessionEventBus"]:
        yield Line("eventbridge.event", told, "an event each time", f"{caller} events:PutEvents")
    if parameters["IotTopic"]:
        yield Line("iot.message", told + visits.count, "a message each time, and the alert")
    if parameters["AlertPer"] == "SESSION":
        yield from _alerts(caller, visits.count, parameters, "per session")
    others = bool(parameters["IotTopic"]) + bool(parameters["WebhookSecretArn"])
    yield Line("dynamodb.write", visits.count * others, "per session: the ledger of the other channels", each=2)
    yield Work(caller, visits.batches, 0.03 * visits.batches + 0.05 * visits.hits)
    if parameters["SessionClip"] == "ENABLED":
        yield from _videos(visits, workload)


def _videos(visits: Visits, workload: Workload) -> Items:
    """domain/sessions/archive_session.py."""
    caller = "archive_session"
    listed = visits.fragments + visits.known
    yield Line("sqs.request", visits.count, "ordered, received and deleted", each=3)
    yield Line(
        "s3.get", listed, "per fragment of a session: is it archived already?", f"{caller} s3:HeadObject archive"
    )
    yield Line(
        "s3.put", visits.fragments, "per fragment around the matches: its video", f"{caller} s3:PutObject archive"
    )
    yield Line(
        "kvs.consume", visits.fragments, "per fragment around the matches: its bytes", each=_fragment_gb(workload)
    )
    yield Line("dynamodb.read", visits.count, "the list that is there", f"{caller} dynamodb:GetItem EventsTable")
    # 140 bytes a fragment (MOST_FRAGMENTS), beside the session itself.
    kilobytes = 2 + 0.14 * listed / visits.count if visits.count else 0
    yield Line(
        "dynamodb.write",
        visits.count,
        "the session with its list",
        f"{caller} dynamodb:UpdateItem EventsTable",
        write_units(kilobytes),
    )
    yield Work(caller, visits.count, 2 * visits.count)


def _fragment_gb(workload: Workload) -> float:
    return workload.fragment_seconds * workload.megabits_per_second / 8_000
