"""Estimates the same cameras on KIT and on Rekognition Streaming Video, as far as their use is documented.

KIT: at least one Fargate task of 1 vCPU and 2 GB, three shards with a retention of 48 hours, an endpoint, a function
that receives single records, and every sixth keyframe analyzed (its template, and "Amazon SageMaker AI" in the KVS
Developer Guide).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from kinesight_cli.estimate.bill import Bill, bill_of
from kinesight_cli.estimate.lines import Line
from kinesight_cli.estimate.prices import Prices
from kinesight_cli.estimate.workload import MONTH_S, Workload

_HOURS = MONTH_S / 3600
_KIT_SHARDS = 3
_KIT_INFERENCE_INTERVAL = 6
_LEASE_RENEWAL_S = 10 / 3
"""A third of KCL 1's fail-over time of 10 s; KIT does not document its own."""

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
    """A column of the comparison. `notes`: what its figures leave out or assume."""

    name: str
    bill: Bill
    notes: tuple[str, ...]


KIT_EQUIVALENT: Mapping[str, str] = {
    "SweepSchedule": "",
    "LiveStatus": "ENABLED",
    "SageMakerEndpointName": "the-same",
    "imageGeneration.status": "DISABLED",
    "notifications.status": "DISABLED",
    "live.inferenceInterval": str(_KIT_INFERENCE_INTERVAL),
    "detector": "SAGEMAKER",
    "followUp.detector": "NONE",
    "gate.mode": "OFF",
    "DailyBudgetUsd": "",
    "dailyBudgetUsd": "",
}
"""Kinesight's parameters and settings for KIT's defaults (kinesight migrate kit). Paths override any document."""


def kit(workload: Workload, prices: Prices) -> Column:
    """Returns the cost of KIT at its smallest size."""
    notes = (
        "one task for all cameras, the minimum; KIT does not document how many cameras a task can read",
        f"endpoint instances: {workload.endpoint_instances:g}; 1 of 6 keyframes; no evidence, sessions or alerts",
        "without the duration of its function, its logs and its network",
        f"a lease renewal every {_LEASE_RENEWAL_S:.1f} s per camera, KCL's default",
    )
    return Column("KIT", bill_of(_kit(workload), prices, workload.cameras), notes)


def _kit(workload: Workload) -> Iterator[Line]:
    yield from _video(workload)
    yield Line("kvs.consume", workload.gigabytes, "all of the video, by GetMedia")
    yield Line("fargate.vcpu", 1, "one task, continuously", each=_HOURS)
    yield Line("fargate.gb", 2, "one task, continuously", each=_HOURS)
    yield Line("sagemaker.instance", workload.endpoint_instances, "the endpoint, continuously", each=_HOURS)
    yield Line("kinesis.shard", _KIT_SHARDS, "continuously", each=_HOURS)
    yield Line("kinesis.retention", _KIT_SHARDS, "retention of 48 hours", each=_HOURS)
    images = workload.active_s / workload.fragment_seconds / _KIT_INFERENCE_INTERVAL
    yield Line("kinesis.put", images, "one record per image")
    yield Line("lambda.request", images, "its function receives one record per invocation")
    yield Line("dynamodb.write", workload.cameras * MONTH_S / _LEASE_RENEWAL_S, "lease renewals")


def rekognition_streaming(workload: Workload, prices: Prices) -> Column:
    """Returns the cost of label detection stream processors."""
    notes = (
        "closed to new customers since 2026-04-30; people, pets and packages only",
        "a processor session has at most 120 seconds, so motion detection has to start it",
        "without its notifications, its images in S3 and what it reads from KVS",
    )
    return Column("Rekognition Streaming", bill_of(_streaming(workload), prices, workload.cameras), notes)


def _streaming(workload: Workload) -> Iterator[Line]:
    yield from _video(workload)
    yield Line("rekognition.streaming_labels", workload.active_s / 60, "every minute of video")


def _video(workload: Workload) -> Iterator[Line]:
    yield Line("kvs.ingest", workload.gigabytes, "all of the video")
    yield Line(
        "kvs.storage", workload.gigabytes, "the video within its retention", each=workload.retention_hours / _HOURS
    )
