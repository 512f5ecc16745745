"""The proxy through boto3: each service's own errors, lost responses, and rejected items."""

import json
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from kinesight.adapters.aws.errors import is_retryable
from kinesight_local.fault_injection.error_responses import Call
from kinesight_local.fault_injection.proxy import FaultKind, FaultProxy, FaultRule, FaultRules
from moto.server import ThreadedMotoServer

from tests.functional.kvs_producer import reset_moto
from tests.raw_http import half_a_put

ONCE = Config(retries={"total_max_attempts": 1}, s3={"addressing_style": "path"})
CALLS: dict[str, tuple[str, dict[str, Any]]] = {
    "dynamodb": ("list_tables", {}),
    "events": ("list_rules", {}),
    "kinesis": ("list_streams", {}),
    "rekognition": ("list_collections", {}),
    "s3": ("list_buckets", {}),
    "sns": ("list_topics", {}),
    "sqs": ("list_queues", {}),
    "stepfunctions": ("list_state_machines", {}),
}


@pytest.fixture
def upstream() -> Iterator[str]:
    moto = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    moto.start()
    host, port = moto.get_host_and_port()
    reset_moto(f"http://{host}:{port}")
    yield f"http://{host}:{port}"
    moto.stop()


@pytest.fixture
def fault_rules() -> FaultRules:
    return FaultRules(seed=1)


@pytest.fixture
def proxy(upstream: str, fault_rules: FaultRules) -> Iterator[str]:
    with FaultProxy(upstream, fault_rules) as proxy:
        yield proxy.url


def client(service: str, url: str) -> Any:
    return boto3.client(  # type: ignore[call-overload]  # any service
        service, endpoint_url=url, region_name="us-east-1", config=ONCE
    )


@pytest.mark.parametrize("service", CALLS)
def test_throttles_and_failures_have_the_services_format(service: str, proxy: str, fault_rules: FaultRules) -> None:
    name, arguments = CALLS[service]
    call = getattr(client(service, proxy), name)

    fault_rules.replace([FaultRule(FaultKind.THROTTLED)])
    with pytest.raises(ClientError) as throttled:
        call(**arguments)
    fault_rules.replace([FaultRule(FaultKind.FAILING)])
    with pytest.raises(ClientError) as failed:
        call(**arguments)

    assert is_retryable(throttled.value)
    assert failed.value.response["ResponseMetadata"]["HTTPStatusCode"] == 500
    assert failed.value.response["Error"]["Code"].startswith("Internal")


def test_a_cut_call_is_never_carried_out_and_a_lost_one_is(proxy: str, fault_rules: FaultRules) -> None:
    sqs = client("sqs", proxy)
    queue = sqs.create_queue(QueueName="letters")["QueueUrl"]

    for kind in (FaultKind.CUT, FaultKind.LOST):
        fault_rules.replace([FaultRule(kind, "sqs", "SendMessage")])
        with pytest.raises(BotoCoreError):
            sqs.send_message(QueueUrl=queue, MessageBody=kind)

    messages = sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10)["Messages"]
    assert [message["Body"] for message in messages] == ["lost"]
    assert fault_rules.used == {("sqs", FaultKind.CUT): 1, ("sqs", FaultKind.LOST): 1}
    assert fault_rules.lost == {("sqs", "SendMessage"): 1}


def test_some_records_are_rejected_and_the_others_are_stored(proxy: str, fault_rules: FaultRules) -> None:
    kinesis = client("kinesis", proxy)
    kinesis.create_stream(StreamName="results", ShardCount=1)
    fault_rules.replace([FaultRule(FaultKind.PARTIAL, "kinesis")])

    response = kinesis.put_records(
        StreamName="results", Records=[{"Data": str(n).encode(), "PartitionKey": "cam"} for n in range(10)]
    )

    stored = [str(n).encode() for n, one in enumerate(response["Records"]) if "SequenceNumber" in one]
    (shard,) = kinesis.describe_stream(StreamName="results")["StreamDescription"]["Shards"]
    place = kinesis.get_shard_iterator(
        StreamName="results", ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON"
    )["ShardIterator"]
    assert [one["Data"] for one in kinesis.get_records(ShardIterator=place)["Records"]] == stored
    assert response["FailedRecordCount"] == 10 - len(stored) > 0
    assert {one["ErrorCode"] for one in response["Records"] if "ErrorCode" in one} == {
        "ProvisionedThroughputExceededException"
    }


def test_an_event_is_rejected_with_status_200(proxy: str, fault_rules: FaultRules) -> None:
    events = client("events", proxy)
    fault_rules.replace([FaultRule(FaultKind.PARTIAL, "events")])

    response = events.put_events(Entries=[{"Source": "kinesight", "DetailType": "x", "Detail": json.dumps({})}])

    assert response["FailedEntryCount"] == 1


def test_objects_are_unchanged_and_only_the_named_operation_fails(proxy: str, fault_rules: FaultRules) -> None:
    s3 = client("s3", proxy)
    s3.create_bucket(Bucket="images")
    fault_rules.replace([FaultRule(FaultKind.THROTTLED, "s3", "GetObject")])
    body = bytes(range(256)) * 1000

    s3.put_object(Bucket="images", Key="a/ü.jpg", Body=body, Metadata={"place": "porch"})

    assert s3.head_object(Bucket="images", Key="a/ü.jpg")["ContentLength"] == len(body)
    with pytest.raises(ClientError, match="SlowDown"):
        s3.get_object(Bucket="images", Key="a/ü.jpg")
    fault_rules.replace([])
    assert s3.get_object(Bucket="images", Key="a/ü.jpg")["Body"].read() == body


def test_an_incomplete_request_is_not_forwarded(proxy: str) -> None:
    s3 = client("s3", proxy)
    s3.create_bucket(Bucket="work")

    half_a_put(proxy, "/work/report.json", b'{"frames": 12}')

    assert s3.list_objects_v2(Bucket="work")["KeyCount"] == 0


def test_the_seed_determines_which_calls_fail() -> None:
    def failed_calls(seed: int) -> list[bool]:
        book = FaultRules(seed)
        book.replace([FaultRule(FaultKind.CUT, probability=0.5)])
        return [book.draw(Call("s3", "GetObject")) is not None for _ in range(50)]

    assert failed_calls(1) == failed_calls(1)
    assert failed_calls(1) != failed_calls(2)
