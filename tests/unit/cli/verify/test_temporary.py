"""What a run has made is removed: all of it, nothing else, and again without an error."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import boto3
import pytest
from kinesight_cli.verify.deployment import Deployment
from kinesight_cli.verify.temporary import Removal, TemporaryQueue, leftovers, make_queue, subscribe
from kinesight_cli.verify.temporary_stream import MARK
from moto import mock_aws

from tests.unit.cli.verify.runs import ACCOUNT, RESOURCES, STREAM, a_deployment

OTHER = f"{STREAM}-2"


class _NotFoundError(Exception):
    pass


@dataclass
class FakeStreams:
    """Streams by name with their tags, as a client of Kinesis Video Streams."""

    tags: dict[str, dict[str, str]]

    class exceptions:  # noqa: N801  # as a client of boto3 has it
        ResourceNotFoundException = _NotFoundError

    def describe_stream(self, **named: str) -> Any:
        if named["StreamName"] not in self.tags:
            raise _NotFoundError
        return {"StreamInfo": {"StreamARN": named["StreamName"]}}

    def list_tags_for_stream(self, **named: str) -> Any:
        return {"Tags": self.tags[named["StreamARN"]]}

    def delete_stream(self, **named: str) -> None:
        del self.tags[named["StreamARN"]]


@dataclass
class FakeWorkflow:
    """Executions by name: their input, and whether they run."""

    inputs: dict[str, str]
    running: set[str] = field(default_factory=set)

    def get_paginator(self, _: str) -> Any:
        return self

    def paginate(self, **_: Any) -> Any:
        statuses = {name: "RUNNING" if name in self.running else "SUCCEEDED" for name in self.inputs}
        yield {"executions": [{"executionArn": f"arn:{name}", "status": status} for name, status in statuses.items()]}

    def describe_execution(self, **named: str) -> Any:
        return {"input": self.inputs[named["executionArn"].removeprefix("arn:")]}

    def list_map_runs(self, **named: str) -> Any:
        return {
            "mapRuns": [{"mapRunArn": f"arn:aws:states:us-east-1:1:mapRun:range/map:{named['executionArn'][4:]}-map"}]
        }

    def stop_execution(self, **named: str) -> None:
        self.running.remove(named["executionArn"].removeprefix("arn:"))


class FakeLambda:
    """Every invocation succeeds."""

    def invoke(self, **_: Any) -> Any:
        return {}


OWN = (
    ("ImagesBucket", f"images/{ACCOUNT}_{STREAM}_1_a.jpg"),
    ("ImagesBucket", f"images//{ACCOUNT}_{STREAM}_2_a.jpg"),
    ("ImagesBucket", f"images{ACCOUNT}_{STREAM}_3_a.jpg"),
    ("ImagesBucket", f"live/{STREAM}/1_2.jpg"),
    ("ImagesBucket", "on-demand/own/plan.json"),
    ("ImagesBucket", "on-demand/map/own-map/manifest.json"),
    ("EvidenceBucket", f"results/stream={STREAM}/date=2026-01-01/1.json"),
    ("EvidenceBucket", f"results/unmatched/stream={STREAM}/date=2026-01-01/1.json"),
    ("EvidenceBucket", f"annotated/stream={STREAM}/date=2026-01-01/1.jpg"),
    ("EvidenceBucket", f"archive/stream={STREAM}/date=2026-01-01/1.mkv"),
)
OTHERS = (
    ("ImagesBucket", f"images/{ACCOUNT}_{OTHER}_1_a.jpg"),
    ("ImagesBucket", "on-demand/other/plan.json"),
    ("ImagesBucket", "on-demand/map/other-map/manifest.json"),
    ("EvidenceBucket", f"results/stream={OTHER}/date=2026-01-01/1.json"),
    ("EvidenceBucket", "configuration/kinesight.json"),
)
STATE = (
    STREAM,
    f"arn:aws:kinesisvideo:us-east-1:{ACCOUNT}:stream/{STREAM}/1",
    f"images#{STREAM}",
    f"{STREAM}|on-demand",
)


@pytest.fixture
def deployment() -> Iterator[Deployment]:
    with mock_aws():
        s3, dynamodb = boto3.client("s3"), boto3.client("dynamodb")
        boto3.client("sns").create_topic(Name="alerts")
        for bucket in ("ImagesBucket", "EvidenceBucket"):
            s3.create_bucket(Bucket=RESOURCES[bucket])
        versioned: Any = {"Status": "Enabled"}
        s3.put_bucket_versioning(Bucket=RESOURCES["EvidenceBucket"], VersioningConfiguration=versioned)
        for bucket, key in (*OWN, *OTHERS, *OWN):
            s3.put_object(Bucket=RESOURCES[bucket], Key=key, Body=b"")
        for table, names in (("SessionsTable", ("stream", "id")), ("CoordinationTable", ("pk", "sk"))):
            keys: Any = [
                {"AttributeName": name, "KeyType": kind} for name, kind in zip(names, ("HASH", "RANGE"), strict=True)
            ]
            attributes: Any = [{"AttributeName": name, "AttributeType": "S"} for name in names]
            dynamodb.create_table(
                TableName=RESOURCES[table],
                KeySchema=keys,
                AttributeDefinitions=attributes,
                BillingMode="PAY_PER_REQUEST",
            )
        for stream in (STREAM, OTHER):
            dynamodb.put_item(TableName="sessions", Item={"stream": {"S": stream}, "id": {"S": "1#a"}})
        for key in (*STATE, *(one.replace(STREAM, OTHER) for one in STATE)):
            dynamodb.put_item(TableName="coordination", Item={"pk": {"S": "kind"}, "sk": {"S": key}})
        inputs = {"own": json.dumps({"StreamName": STREAM}), "other": json.dumps({})}
        clients = {
            "kinesisvideo": FakeStreams({STREAM: {MARK: "kinesight"}, OTHER: {}}),
            "stepfunctions": FakeWorkflow(inputs, {"own"}),
            "lambda": FakeLambda(),
        }
        yield a_deployment(clients=clients)


def objects() -> set[tuple[str, str]]:
    """Keys of all versions."""
    s3 = boto3.client("s3")
    return {
        (bucket, one["Key"])
        for bucket in ("ImagesBucket", "EvidenceBucket")
        for page in s3.get_paginator("list_object_versions").paginate(Bucket=RESOURCES[bucket])
        for one in [*page.get("Versions", []), *page.get("DeleteMarkers", [])]
    }


def items(table: str) -> list[str]:
    found = boto3.client("dynamodb").scan(TableName=table)["Items"]
    return sorted(value["S"] for one in found for name, value in one.items() if name in ("stream", "sk"))


def removed(deployment: Deployment, queue: TemporaryQueue) -> list[str]:
    return Removal(deployment, queue, settle=lambda: None).run()


def test_everything_of_the_stream_is_removed_and_nothing_else(deployment: Deployment) -> None:
    queue = make_queue(deployment)
    subscribe(deployment, queue.arn)

    left = removed(deployment, queue)

    assert left == []
    assert objects() == set(OTHERS)
    assert items("sessions") == [OTHER]
    assert items("coordination") == sorted(one.replace(STREAM, OTHER) for one in STATE)
    assert deployment.clients("kinesisvideo").tags == {OTHER: {}}
    assert deployment.clients("stepfunctions").running == set()
    assert boto3.client("sns").list_subscriptions()["Subscriptions"] == []
    assert "QueueUrls" not in boto3.client("sqs").list_queues()


def test_removing_again_is_no_error(deployment: Deployment) -> None:
    queue = make_queue(deployment)
    removed(deployment, queue)

    assert removed(deployment, queue) == []


def test_data_that_arrives_during_the_removal_is_removed(deployment: Deployment) -> None:
    queue, late = make_queue(deployment), iter([True])

    def settle() -> None:
        if next(late, False):
            boto3.client("s3").put_object(Bucket="evidence-bucket", Key=f"archive/stream={STREAM}/late", Body=b"")

    Removal(deployment, queue, settle).run()

    assert objects() == set(OTHERS)


def test_a_stream_that_no_run_has_created_stays(deployment: Deployment) -> None:
    deployment.clients("kinesisvideo").tags[STREAM] = {}

    removed(deployment, make_queue(deployment))

    assert STREAM in deployment.clients("kinesisvideo").tags


def test_what_cannot_be_removed_is_reported_and_the_rest_is_removed(deployment: Deployment) -> None:
    queue = make_queue(deployment)
    client, before = deployment.clients("s3"), deployment.clients("s3").delete_objects

    def refused(**_: Any) -> None:
        before(Bucket="no-such-bucket-here", Delete={"Objects": []})

    client.delete_objects = refused
    left = removed(deployment, queue)

    assert len(left) == 2  # images and evidence
    assert items("sessions") == [OTHER]
    assert [one.url for one in leftovers(deployment.clients, "kinesight")] == [queue.url]
    client.delete_objects = before
    assert removed(deployment, queue) == []


def test_a_missing_table_leaves_nothing(deployment: Deployment) -> None:
    boto3.client("dynamodb").delete_table(TableName="sessions")

    assert removed(deployment, make_queue(deployment)) == []


def test_what_a_run_left_is_found_by_its_queue(deployment: Deployment) -> None:
    queue = make_queue(deployment)
    boto3.client("sqs").create_queue(QueueName=f"{MARK}-of-another-stack", tags={f"{MARK}:stack": "other"})

    assert leftovers(deployment.clients, "kinesight") == [queue]
    assert leftovers(deployment.clients, "none") == []
