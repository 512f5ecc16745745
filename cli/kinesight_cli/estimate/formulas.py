"""Formulas from numbers of images to numbers of calls. Each names the module that makes the calls.

A flow is what happens to the images of one source in one period: a month, or a demo run.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

from kinesight.domain.detectors import catalogue

from kinesight_cli.estimate.batches import ImageBatch
from kinesight_cli.estimate.lines import Items, Line, Work, read_units, write_units
from kinesight_cli.estimate.prices import DETECTORS
from kinesight_cli.estimate.settings import NO_DETECTOR, detector_type, has_own_price
from kinesight_cli.estimate.workload import Workload

LEDGER = "IdempotencyTable"
_GATE_KILOBYTES = 3.5
_REKOGNITION = "REKOGNITION_"
_PUT_UNIT_KILOBYTES = 25.0
"""API_PutRecords; "Amazon Kinesis Data Streams pricing"."""
_TRACKER_INTERVAL_S = 300.0
"""domain/streams/missing_images.py."""
_CHECKPOINT_S = 4.0
"""domain/live/checkpoints.py."""
_TRANSITIONS_PER_RUN = 6
_TRANSITIONS_PER_WINDOW = 3
_IMAGES_PER_REQUEST = 25
_LONGEST_REQUEST_S = 300.0
_REQUESTS_PER_WINDOW = 10
"""domain/on_demand/windows.py."""
_MESSAGES_PER_RECEIVE = 10


@dataclass(frozen=True, slots=True)
class Flow:
    """Numbers of one source: `made` images, of which the gate `passed` some, the detector analyzed those `sent` to it,
    and `matched` by the rules; `chained` calls of followUp.detector (one per crop); `fragments` with a matched image,
    `sent_fragments` with one that was sent; `analyses`: invocations that analyze; `receives`: of the images queue."""

    made: float
    passed: float
    sent: float
    matched: float
    chained: float
    fragments: float
    sent_fragments: float
    analyses: float
    receives: float = 0.0

    @property
    def over_budget(self) -> float:
        """Images that the gate passed and the budget did not."""
        return self.passed - self.sent

    def within(self, share: float) -> "Flow":
        """Returns this flow if the budget has a call for this share of what the gate passed."""
        return replace(
            self,
            sent=self.passed * share,
            matched=self.matched * share,
            chained=self.chained * share,
            fragments=self.fragments * share,
            sent_fragments=self.sent_fragments * share,
        )

    def batch(self, images: float, parameters: Mapping[str, str]) -> ImageBatch:
        """Returns an invocation that analyzes this many of the images."""
        calls = max(1.0, self.chained / self.matched) if parameters["followUp.on"] == "CROP" and self.matched else 1.0
        each = 1 / self.made if self.made else 0.0
        at_once = int(parameters["limits.concurrentDetections"])
        return ImageBatch(images, at_once, self.sent * each, self.chained * each / calls, calls)


def image_events(flow: Flow, parameters: Mapping[str, str], workload: Workload) -> Items:
    """Images that KVS generates (domain/analysis/analyze_images.py)."""
    caller = "analyze_images"
    batch = flow.batch(flow.made / flow.analyses if flow.analyses else 0.0, parameters)
    yield Line("kvs.image", flow.made, "one per generated image")
    yield Line("s3.put", flow.made, "one per image, by KVS", "KVS s3:PutObject images", of_images=True)
    yield Line(
        "sqs.request", flow.made, "one message per image, by S3", "S3 sqs:SendMessage ImagesQueue", of_images=True
    )
    yield Line(
        "sqs.request",
        flow.receives,
        "one receive per invocation, per image with a batching window; at least the long polls",
    )
    yield Line("sqs.request", flow.analyses, "one deletion per invocation", "Lambda sqs:DeleteMessageBatch ImagesQueue")
    yield Line("s3.get", flow.made, "one HEAD per image", f"{caller} s3:HeadObject images", of_images=True)
    updates = workload.active_s / _TRACKER_INTERVAL_S
    yield Line("dynamodb.read", updates, "every five minutes and camera, the time of its last image")
    yield Line("dynamodb.write", updates, "every five minutes and camera, the time of its last image")
    duration_s = flow.analyses * batch.seconds(workload)
    yield Work(caller, flow.analyses, duration_s, flow.made - flow.over_budget, flow.over_budget)
    if parameters["Detector"] == NO_DETECTOR:
        return
    if parameters["gate.mode"] != "OFF":
        yield from _gate(caller, flow, "images")
    yield from _pipeline(caller, "images", flow, parameters, workload)


def live(flow: Flow, parameters: Mapping[str, str], workload: Workload, active_s: float) -> Items:
    """Keyframes of live consumers (domain/live/live_stream.py). `flow.analyses`: consumer run time, s; there is one
    consumer per limits.liveStreamsPerConsumer streams."""
    caller = "consume_live"
    fragments = active_s / workload.fragment_seconds
    yield Line("kvs.consume", active_s * workload.megabits_per_second / 8_000, "all of the video, by GetMedia")
    yield Line("s3.put", flow.made, "one per sampled keyframe", f"{caller} s3:PutObject live", of_images=True)
    yield Line(
        "dynamodb.write",
        min(fragments, active_s / _CHECKPOINT_S),
        "one checkpoint per fragment, at most every 4 s",
        f"{caller} dynamodb:PutItem CoordinationTable",
    )
    yield Line("dynamodb.write", flow.analyses / 10, "one heartbeat every 10 s per consumer")
    yield Line("dynamodb.read", flow.analyses / 10, "its slot, read before each heartbeat")
    yield Line("dynamodb.read", flow.analyses / 4.5, "its streams, read every 4.5 s")
    # A consumer runs 15 minutes; its successor starts 75 s before it ends (domain/live/conduct_live.py).
    yield Work(caller, flow.analyses / 780, flow.analyses * 1.1, flow.made - flow.over_budget, flow.over_budget)
    if parameters["gate.mode"] != "OFF":
        yield from _gate(caller, flow, "live")
    yield from _pipeline(caller, "live", flow, parameters, workload)


def on_demand(flow: Flow, parameters: Mapping[str, str], workload: Workload, runs: float, range_s: float) -> Items:
    """Ranges that a notification or a sweep starts (statemachines/analyze_range.asl.yaml). `range_s`: total length."""
    requests = max(flow.made / _IMAGES_PER_REQUEST, range_s / _LONGEST_REQUEST_S)
    windows = max(requests / _REQUESTS_PER_WINDOW, min(runs, requests))
    images_s = flow.batch(flow.made / requests if requests else 0.0, parameters).seconds(workload)
    yield Line("kvs.image", flow.made, "one per image of GetImages")
    yield Line("stepfunctions.transition", runs, "six per execution", each=_TRANSITIONS_PER_RUN)
    yield Line(
        "stepfunctions.transition",
        windows,
        "three per window of up to 250 images, at least one per execution",
        each=_TRANSITIONS_PER_WINDOW,
    )
    yield Line("s3.put", flow.made, "one per image", "extract_images s3:PutObject on-demand", of_images=True)
    yield Line("s3.put", windows, "a manifest and a report per window", each=2)
    yield Line(
        "s3.get", windows, "both are read before, the manifest by the next function, and both for the summary", each=5
    )
    yield Line("s3.put", runs, "plan and summary of each execution", each=2)
    yield Work("plan_windows", runs, runs, runs)
    yield Work("extract_images", windows, windows + 2 * requests, windows)
    lines = windows + flow.made - flow.over_budget
    yield Work("detect_objects", windows, 0.3 * windows + requests * images_s, lines, flow.over_budget)
    yield Work("summarize_range", runs, runs, runs)
    yield from _pipeline("detect_objects", "on-demand", flow, parameters, workload)


def notifications(fragments: float, runs: float, invocations: float) -> Items:
    """Notifications before a range is started (domain/on_demand/start_analysis.py)."""
    yield Line("sns.publish", fragments, "one per notified fragment, by KVS")
    yield Line("sqs.request", fragments, "one message per notified fragment")
    receives = max(invocations, fragments / _MESSAGES_PER_RECEIVE)
    yield Line("sqs.request", receives, "received and deleted, up to ten messages at once", each=2)
    yield Line("dynamodb.write", fragments, "the burst is stored", "start_analysis dynamodb:PutItem CoordinationTable")
    yield Line(
        "dynamodb.read", fragments, "the burst is read before", "start_analysis dynamodb:GetItem CoordinationTable"
    )
    yield Work("start_analysis", invocations, 0.1 * invocations, fragments + runs)


def _gate(caller: str, flow: Flow, place: str) -> Items:
    """The gate (domain/gate/frame_gate.py): it reads each image, and stores each that it passes on."""
    yield Line("s3.get", flow.made, "one GET per image, by the gate", f"{caller} s3:GetObject {place}", of_images=True)
    yield Line(
        "dynamodb.read",
        flow.made,
        "the last sent image, small and grey",
        f"{caller} dynamodb:GetItem CoordinationTable",
        read_units(_GATE_KILOBYTES),
        of_images=True,
    )
    yield Line(
        "dynamodb.write",
        flow.passed,
        "one per image that the gate passes on",
        f"{caller} dynamodb:PutItem CoordinationTable",
        write_units(_GATE_KILOBYTES),
    )


def _pipeline(caller: str, place: str, flow: Flow, parameters: Mapping[str, str], workload: Workload) -> Items:
    """The pipeline (domain/analysis/pipeline.py): ledger → detector → results stream."""
    yield Line(
        "dynamodb.write", flow.made, "started in the ledger", f"{caller} dynamodb:PutItem {LEDGER}", of_images=True
    )
    yield Line(
        "dynamodb.write",
        flow.made,
        "completed in the ledger",
        f"{caller} dynamodb:UpdateItem {LEDGER}",
        of_images=True,
    )
    yield from _detector(caller, place, detector_type(parameters, parameters["Detector"]), flow.sent, workload)
    yield from _reservations(caller, flow, parameters)
    second = parameters["followUp.detector"]
    if second != NO_DETECTOR:
        yield from _detector(caller, place, detector_type(parameters, second), flow.chained, workload)
        if parameters["followUp.on"] == "CROP":
            yield Line("s3.get", flow.chained, "the image of each crop")
            yield Line("s3.put", flow.chained, "each crop", f"{caller} s3:PutObject crops")
    units = max(1.0, math.ceil(workload.record_kilobytes / _PUT_UNIT_KILOBYTES))
    yield Line(
        "kinesis.put",
        flow.sent,
        "one record per image that was sent",
        f"{caller} kinesis:Record ResultsStream",
        units,
        True,
    )


def _reservations(caller: str, flow: Flow, parameters: Mapping[str, str]) -> Items:
    """The budget (domain/detectors/budget.py): one write per limit and call that has a price."""
    limits = sum(bool(parameters[name]) for name in ("DailyBudgetUsd", "dailyBudgetUsd"))
    counts = {"Detector": flow.passed, "followUp.detector": flow.chained}
    paid = sum(count for name, count in counts.items() if is_paid_by_call(parameters[name], parameters))
    if limits:
        call = f"{caller} dynamodb:UpdateItem CoordinationTable"
        yield Line("dynamodb.write", limits * paid, "one per paid call and limit of the budget", call, of_images=True)


def is_paid_by_call(detector: str, parameters: Mapping[str, str]) -> bool:
    price = DETECTORS.get(detector_type(parameters, detector), "")
    return price.startswith(("rekognition.image", "bedrock")) or has_own_price(parameters, detector)


def _detector(caller: str, place: str, detector: str, calls: float, workload: Workload) -> Items:
    """Calls of a detector (adapters/detectors/). Models that are paid by the hour are part of the fixed items."""
    price = DETECTORS[detector]
    if detector.startswith(_REKOGNITION):
        name = f"{caller} {catalogue.DETECTORS[detector].actions[0]}"
        # Custom Labels is paid by the hour.
        yield Line(
            price, calls, "one per image that is sent", name, 0.0 if detector.endswith("CUSTOM_LABELS") else 1.0, True
        )
        yield Line("s3.get", calls, "Rekognition reads the image")
        return
    yield Line("s3.get", calls, "the image, for the model", f"{caller} s3:GetObject {place}")
    if detector == "SAGEMAKER_ASYNC":
        yield Line("s3.put", calls, "the model output, by SageMaker")
        yield Line(
            "s3.get", calls, "polling until the model output exists", each=math.ceil(2 + workload.detector_seconds)
        )
    if price.endswith(".call"):
        yield Line(price, calls, "one per image that is sent")
