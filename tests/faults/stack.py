"""The stack under faults: deployed with its functions behind the proxies, and seen from outside without them."""

import json
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote_plus

from kinesight.adapters.dynamodb.documents import DynamoDbDocuments
from kinesight.domain.live.leases import all_leases
from kinesight_local.cloud import LocalCloud
from kinesight_local.fault_injection.proxy import FaultProxy, FaultRules
from kinesight_local.moto_support.patches import install
from moto.sqs.models import SQSBackend

ROOT = Path(__file__).resolve().parents[2]
RECORDED = "recorded"
"""A stream that is not attached: its images are analyzed on demand."""

PARAMETERS = {
    "StreamNames": "cam-*",
    "SamplingInterval": "1500",
    "Detector": "REKOGNITION_FACES",
    "Labels": "Face",
    "NotificationStatus": "ENABLED",
    "LiveStatus": "ENABLED",
}
DOCUMENT = {
    "schemaVersion": 1,
    "defaults": {"minimumConfidence": 70, "analysis": {"quietSeconds": 4, "preRollSeconds": 0, "postRollSeconds": 0}},
    "alerts": {"per": "IMAGE"},
    "cameras": [
        {
            "streams": ["*"],
            "rules": [{"name": "a face", "labels": ["Face"], "minimumConfidence": 70}],
            "sessions": {"quietSeconds": 10, "preRollSeconds": 0, "postRollSeconds": 0, "clipSettleSeconds": 2},
            "stationary": {"enabled": False},
        }
    ],
}
_SESSION_EVENTS = {"source": ["kinesight"], "detail-type": ["Session NEW", "Session UPDATE", "Session END"]}
_TIMEOUTS_S = {
    "AnalyzeImagesFunction": 15,
    "KeepEvidenceFunction": 30,
    "TrackSessionsFunction": 20,
    "ArchiveSessionFunction": 60,
    "StartAnalysisFunction": 15,
    "PlanWindowsFunction": 30,
    "ExtractImagesFunction": 30,
    "DetectObjectsFunction": 30,
}
_VISIBILITY_S = {"ImagesQueue": 20, "NotificationsQueue": 20, "SessionClipsQueue": 65}
"""Both far below the template's, so that minutes hold what else takes hours. The number of tries is the template's."""

DEAD_LETTERS = {
    "images": "ImagesDeadLetterQueue",
    "evidence": "EvidenceDeadLetterQueue",
    "sessions": "SessionsDeadLetterQueue",
    "notifications": "NotificationsDeadLetterQueue",
    "videos": "SessionClipsDeadLetterQueue",
    "live": "LiveDeadLetterQueue",
}


@dataclass(frozen=True, slots=True)
class Letter:
    """A dead letter. `reason` is its errorType; empty for a message without one."""

    place: str
    reason: str
    body: str


@dataclass(frozen=True, slots=True)
class Arrival:
    """A record of the results stream, and when it came; epoch milliseconds."""

    at_ms: int
    data: bytes


@dataclass(slots=True)
class Seen:
    """What has come out so far; queues are emptied into it. `alert_messages` are those of SNS that held `alerts`."""

    arrivals: list[Arrival] = field(default_factory=list)
    alerts: list[dict[str, Any]] = field(default_factory=list)
    alert_messages: list[dict[str, Any]] = field(default_factory=list)
    events: list[dict[str, Any]] = field(default_factory=list)
    letters: list[Letter] = field(default_factory=list)


class FaultyStack:
    """`fault_rules` are those of moto and of the vision service; the KVS emulator has its own."""

    def __init__(self, cloud: LocalCloud, fault_rules: FaultRules) -> None:
        self.cloud = cloud
        self.fault_rules = fault_rules
        self.seen = Seen()
        self._clients: dict[str, Any] = {}
        self._queue_urls: dict[str, str] = {}
        self._place: str | None = None
        self._lock = threading.Lock()

    def client(self, service: str) -> Any:
        if service not in self._clients:
            self._clients[service] = self.cloud.client(service)
        return self._clients[service]

    def physical_id(self, logical_id: str) -> str:
        assert self.cloud.stack is not None
        return self.cloud.stack.physical_id(logical_id)

    def function(self, logical_id: str) -> str:
        assert self.cloud.stack is not None
        return self.cloud.stack.function_name(logical_id)

    def queue_url(self, logical_id: str) -> str:
        if logical_id not in self._queue_urls:
            name = self.physical_id(logical_id).rpartition("/")[2]
            self._queue_urls[logical_id] = str(self.client("sqs").get_queue_url(QueueName=name)["QueueUrl"])
        return self._queue_urls[logical_id]

    # -- what goes in ----------------------------------------------------------------------------------------------

    def announce(self, key: str) -> None:
        """An S3 event for an object, as S3 sends it."""
        bucket = {"name": self.cloud.outputs["ImagesBucketName"]}
        record = {"eventName": "ObjectCreated:Put", "s3": {"bucket": bucket, "object": {"key": quote_plus(key, "/")}}}
        self.say("ImagesQueue", json.dumps({"Records": [record]}))

    def say(self, queue: str, body: str) -> None:
        self.client("sqs").send_message(QueueUrl=self.queue_url(queue), MessageBody=body)

    def publish(self, data: bytes, partition_key: str) -> None:
        self.client("kinesis").put_record(
            StreamName=self.cloud.outputs["ResultsStreamName"], PartitionKey=partition_key, Data=data
        )

    def analyze(self, start_ms: int, end_ms: int) -> str:
        """An execution over a range of the recorded stream; its ARN."""
        document = {
            "StreamName": RECORDED,
            "StartTimestamp": start_ms / 1000,
            "EndTimestamp": end_ms / 1000,
            "SamplingInterval": 1000,
            "ToleratedFailurePercentage": 0,
        }
        response = self.client("stepfunctions").start_execution(
            stateMachineArn=self.cloud.outputs["AnalyzeRangeArn"],
            name=f"asked-{start_ms}",
            input=json.dumps(document),
        )
        return str(response["executionArn"])

    def tick(self, *logical_ids: str) -> None:
        """What a schedule does every minute; the answer is not waited for."""
        event = json.dumps({"source": "aws.events", "detail-type": "Scheduled Event"})
        for one in logical_ids:
            name = self.function(one)
            self.client("lambda").invoke(FunctionName=name, InvocationType="Event", Payload=event)

    # -- what comes out --------------------------------------------------------------------------------------------

    def read(self) -> Seen:
        """Adds everything new since the last call, and returns it all."""
        with self._lock:
            self._read_results()
            messages = [json.loads(one["Body"]) for one in self._drained(self._own_queue("alerts"))]
            self.seen.alert_messages += messages
            self.seen.alerts += [json.loads(one["Message"]) for one in messages]
            self.seen.events += [json.loads(one["Body"]) for one in self._drained(self._own_queue("session-events"))]
            for place, queue in DEAD_LETTERS.items():
                self.seen.letters += [_letter(place, one) for one in self._drained(self.queue_url(queue))]
        return self.seen

    def objects(self) -> list[str]:
        """Keys of the evidence bucket, once per version."""
        pages = self.client("s3").get_paginator("list_object_versions")
        found = pages.paginate(Bucket=self.cloud.outputs["EvidenceBucketName"])
        return [one["Key"] for page in found for one in page.get("Versions", [])]

    def images(self) -> list[str]:
        """Keys that KVS wrote."""
        pages = self.client("s3").get_paginator("list_objects_v2")
        found = pages.paginate(Bucket=self.cloud.outputs["ImagesBucketName"], Prefix="images/")
        return [one["Key"] for page in found for one in page.get("Contents", [])]

    def waiting(self) -> dict[str, int]:
        """Messages by queue, delayed ones and those in work too."""
        names = [f"ApproximateNumberOfMessages{kind}" for kind in ("", "NotVisible", "Delayed")]
        found = {}
        for queue in _VISIBILITY_S:
            response = self.client("sqs").get_queue_attributes(QueueUrl=self.queue_url(queue), AttributeNames=names)
            found[queue] = sum(int(value) for value in response["Attributes"].values())
        return found

    def executions(self) -> list[dict[str, Any]]:
        """Each with its status, input and output."""
        states, machine = self.client("stepfunctions"), self.cloud.outputs["AnalyzeRangeArn"]
        pages = states.get_paginator("list_executions").paginate(stateMachineArn=machine)
        arns = [one["executionArn"] for page in pages for one in page["executions"]]
        return [states.describe_execution(executionArn=arn) for arn in arns]

    def sessions(self) -> tuple[list[dict[str, Any]], set[str]]:
        """Their documents, and the ids of those whose whole video is archived."""
        pages = (
            self.client("dynamodb").get_paginator("scan").paginate(TableName=self.cloud.outputs["SessionsTableName"])
        )
        items = [item for page in pages for item in page["Items"]]
        videos = {one["id"]["S"].partition("#")[2]: json.loads(one["video"]["S"]) for one in items if "video" in one}
        filmed = {identity for identity, video in videos.items() if video["complete"]}
        return [json.loads(item["document"]["S"]) for item in items], filmed

    def _read_results(self) -> None:
        kinesis, name = self.client("kinesis"), self.cloud.outputs["ResultsStreamName"]
        if self._place is None:
            (shard,) = kinesis.describe_stream(StreamName=name)["StreamDescription"]["Shards"]
            self._place = kinesis.get_shard_iterator(
                StreamName=name, ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON"
            )["ShardIterator"]
        response = kinesis.get_records(ShardIterator=self._place, Limit=10_000)
        self._place = response["NextShardIterator"]
        for one in response["Records"]:
            at_ms = round(one["ApproximateArrivalTimestamp"].timestamp() * 1000)
            self.seen.arrivals.append(Arrival(at_ms, one["Data"]))

    def _own_queue(self, name: str) -> str:
        return str(self.client("sqs").get_queue_url(QueueName=name)["QueueUrl"])

    def _drained(self, queue: str) -> list[dict[str, Any]]:
        sqs, found = self.client("sqs"), []
        while messages := sqs.receive_message(
            QueueUrl=queue, MaxNumberOfMessages=10, MessageAttributeNames=["All"]
        ).get("Messages"):
            for message in messages:
                found.append(message)
                sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
        return found


def _letter(place: str, message: dict[str, Any]) -> Letter:
    reason = message.get("MessageAttributes", {}).get("errorType", {}).get("StringValue", "")
    return Letter(place, reason, message["Body"])


@contextmanager
def faulty_stack(
    streams: list[str],
    seed: int,
    folder: Path,
    parameters: Mapping[str, str] = PARAMETERS,
    document: Mapping[str, Any] = DOCUMENT,
) -> Iterator[FaultyStack]:
    """Deployed while all is well; the environment is the local cloud's until the end."""
    fault_rules = FaultRules(seed)
    with (
        _short_delays(),
        ExitStack() as proxies,
        LocalCloud(ROOT, folder, dict(parameters), configuration=document) as cloud,
    ):
        behind = {url: proxies.enter_context(FaultProxy(url, fault_rules)).url for url in _faulty(cloud)}
        cloud.function_endpoints = {name: behind.get(url, url) for name, url in cloud.endpoints.items()}
        for name in streams:
            cloud.ensure_stream(name)
        cloud.deploy()
        stack = FaultyStack(cloud, fault_rules)
        _prepare(stack)
        yield stack


@contextmanager
def _short_delays() -> Iterator[None]:
    """No message waits for its next try longer than the queue's visibility timeout here."""
    change = SQSBackend.change_message_visibility

    def shortened(backend: SQSBackend, queue_name: str, receipt_handle: str, visibility_timeout: int) -> None:
        longest_s = backend.get_queue(queue_name).visibility_timeout  # type: ignore[attr-defined]  # moto sets it by name
        change(backend, queue_name, receipt_handle, min(int(visibility_timeout), int(longest_s or 0)))

    restore = install((SQSBackend, "change_message_visibility", shortened))
    try:
        yield
    finally:
        restore()


def _faulty(cloud: LocalCloud) -> list[str]:
    return [cloud.endpoints["AWS_ENDPOINT_URL"], cloud.endpoints["AWS_ENDPOINT_URL_REKOGNITION"]]


def _prepare(stack: FaultyStack) -> None:
    for logical_id, timeout_s in _TIMEOUTS_S.items():
        stack.client("lambda").update_function_configuration(FunctionName=stack.function(logical_id), Timeout=timeout_s)
    sqs = stack.client("sqs")
    for logical_id, visible_s in _VISIBILITY_S.items():
        attributes = {"VisibilityTimeout": str(visible_s)}
        sqs.set_queue_attributes(QueueUrl=stack.queue_url(logical_id), Attributes=attributes)
    arns = {}
    for name in ("alerts", "session-events"):
        url = sqs.create_queue(QueueName=name)["QueueUrl"]
        attributes = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]
        arns[name] = attributes["QueueArn"]
    stack.client("sns").subscribe(
        TopicArn=stack.cloud.outputs["AlertTopicArn"], Protocol="sqs", Endpoint=arns["alerts"]
    )
    bus = stack.client("events")
    bus.put_rule(Name="sessions", EventPattern=json.dumps(_SESSION_EVENTS))
    bus.put_targets(Rule="sessions", Targets=[{"Id": "queue", "Arn": arns["session-events"]}])
    stack.tick("ConductLiveFunction")
    deadline_s = time.monotonic() + 60
    while not _leased(stack):
        if time.monotonic() > deadline_s:
            raise RuntimeError("no live consumer took a stream within a minute")
        time.sleep(0.5)


def _leased(stack: FaultyStack) -> bool:
    """Whether every attached stream is read."""
    leases = DynamoDbDocuments(stack.client("dynamodb"), stack.physical_id("CoordinationTable"), kind="leases")
    known = all_leases(leases).values()
    return bool(known) and all(lease.owner for lease, _ in known)
