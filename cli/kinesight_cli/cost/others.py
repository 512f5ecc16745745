"""The same cameras on KIT and on Rekognition Streaming Video, as far as their documents say what they use.

KIT: one Fargate task of 1 vCPU and 2 GB at least, three shards for 48 hours, an endpoint, a function that takes records
one by one, one of six keyframes analyzed (its template, and "Amazon SageMaker AI" in the KVS Developer Guide).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from kinesight_cli.cost.bill import Bill, bill_of
from kinesight_cli.cost.lines import Line
from kinesight_cli.cost.prices import Prices
from kinesight_cli.cost.workload import MONTH_S, Workload

_HOURS = MONTH_S / 3600
_KIT_SHARDS = 3
_KIT_INFERENCE_INTERVAL = 6
_LEASE_RENEWAL_S = 10 / 3
"""A third of KCL 1's fail-over time of 10 s; KIT's own was not found."""

GROUPS: Mapping[str, tuple[str, ...]] = {
    "KVS": ("kvs.",),
    "detector": ("rekognition.", "sagemaker.", "bedrock.", "http."),
    "compute": ("lambda.", "fargate.", "stepfunctions."),
    "results stream": ("kinesis.",),
    "S3, SQS, DynamoDB": ("s3.", "sqs.", "dynamodb."),
    "logs, traces, metrics, alerts": ("cloudwatch.", "xray.", "sns.", "eventbridge.", "iot.", "secrets.", "kms."),
}


@dataclass(frozen=True, slots=True)
class Column:
    """A side of the comparison. `notes`: what its figures leave out, or take for granted."""

    name: str
    bill: Bill
    notes: tuple[str, ...]


KIT_EQUIVALENT: Mapping[str, str] = {
    "ImageGenerationStatus": "DISABLED",
    "NotificationStatus": "DISABLED",
    "SweepSchedule": "",
    "LiveStatus": "ENABLED",
    "LiveInferenceInterval": str(_KIT_INFERENCE_INTERVAL),
    "Detector": "SAGEMAKER",
    "SageMakerEndpointName": "the-same",
    "ThenDetector": "NONE",
    "FrameGate": "OFF",
}
"""Our parameters for what KIT does by default (kinesight migrate kit)."""


def kit(workload: Workload, prices: Prices) -> Column:
    """KIT at its smallest."""
    notes = (
        "one task for all cameras, KIT's least; its documents don't say how many a task can follow",
        f"one endpoint instance × {workload.endpoint_instances:g}, 1 of 6 keyframes, no evidence, sessions or alerts",
        "its function's seconds, its logs and its network are left out",
        f"a lease renewal every {_LEASE_RENEWAL_S:.1f} s and camera, by KCL's default",
    )
    return Column("KIT", bill_of(_kit(workload), prices, workload.cameras), notes)


def _kit(workload: Workload) -> Iterator[Line]:
    yield from _video(workload)
    yield Line("kvs.consume", workload.gigabytes, "all of the video, by GetMedia")
    yield Line("fargate.vcpu", 1, "one task, all the time", each=_HOURS)
    yield Line("fargate.gb", 2, "one task, all the time", each=_HOURS)
    yield Line("sagemaker.instance", workload.endpoint_instances, "the endpoint, all the time", each=_HOURS)
    yield Line("kinesis.shard", _KIT_SHARDS, "all the time", each=_HOURS)
    yield Line("kinesis.retention", _KIT_SHARDS, "48 hours", each=_HOURS)
    pictures = workload.active_s / workload.fragment_seconds / _KIT_INFERENCE_INTERVAL
    yield Line("kinesis.put", pictures, "a record each")
    yield Line("lambda.request", pictures, "its function takes one record at a time")
    yield Line("dynamodb.write", workload.cameras * MONTH_S / _LEASE_RENEWAL_S, "lease renewals")


def rekognition_streaming(workload: Workload, prices: Prices) -> Column:
    """Label detection stream processors."""
    notes = (
        "closed to new customers since 2026-04-30; people, pets and packages alone",
        "one processor session has at most 120 seconds, so something has to start it when something moves",
        "its notifications, pictures in S3 and what it reads of KVS are left out",
    )
    return Column("Rekognition Streaming", bill_of(_streaming(workload), prices, workload.cameras), notes)


def _streaming(workload: Workload) -> Iterator[Line]:
    yield from _video(workload)
    yield Line("rekognition.streaming_labels", workload.active_s / 60, "every minute of video")


def _video(workload: Workload) -> Iterator[Line]:
    yield Line("kvs.ingest", workload.gigabytes, "all of the video")
    yield Line("kvs.storage", workload.gigabytes, "what its retention keeps", each=workload.retention_hours / _HOURS)
