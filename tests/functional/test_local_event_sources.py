"""Event sources with Lambda's semantics, against moto."""

import base64
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from threading import Event
from typing import Any

import boto3
import pytest
from kinesight_local.event_sources.poller import EndedError, Poller, Switch
from kinesight_local.event_sources.queues import QueueSource
from kinesight_local.event_sources.streams import ShardReader, StreamSource
from kinesight_local.lambdas import InvocationResult
from kinesight_local.moto_support.arrivals import has_messages, newest_number
from kinesight_local.moto_support.hooks import route_invocations
from kinesight_local.schedules import Schedule, interval_s
from moto.awslambda.models import LambdaFunction
from moto.kinesis.models import kinesis_backends

Handler = Callable[[Any], Any]


class Function:
    """A function that records its batches. It returns what `handler` returns, and fails if `handler` raises."""

    def __init__(self, handler: Handler) -> None:
        self.handler = handler
        self.batches: list[list[str]] = []

    def __call__(self, event: Any) -> InvocationResult:
        records = event["Records"]
        self.batches.append(
            [r["body"] if "body" in r else base64.b64decode(r["kinesis"]["data"]).decode() for r in records]
        )
        try:
            return InvocationResult(json.dumps(self.handler(records)).encode(), failed=False)
        except ValueError as error:
            return InvocationResult(
                json.dumps({"errorType": "ValueError", "errorMessage": str(error)}).encode(), failed=True
            )


def failures(*ids: str) -> dict[str, Any]:
    return {"batchItemFailures": [{"itemIdentifier": one} for one in ids]}


@pytest.fixture
def sqs(moto: str) -> Any:
    return boto3.client("sqs")


def a_queue(sqs: Any, *bodies: str) -> QueueSource:
    url = sqs.create_queue(QueueName="work", Attributes={"VisibilityTimeout": "0"})["QueueUrl"]
    for body in bodies:
        sqs.send_message(QueueUrl=url, MessageBody=body)
    return QueueSource(url, "arn:aws:sqs:us-east-1:123456789012:work", "us-east-1", 10, True)


def left(sqs: Any, source: QueueSource) -> set[str]:
    messages = sqs.receive_message(QueueUrl=source.queue_url, MaxNumberOfMessages=10).get("Messages", [])
    return {message["Body"] for message in messages}


def test_an_empty_queue_invokes_no_function(sqs: Any) -> None:
    function = Function(lambda _: None)

    assert not a_queue(sqs).poll(sqs, function)
    assert function.batches == []


@pytest.mark.parametrize(
    ("handler", "expected"),
    [
        (lambda _: None, set()),
        (lambda _: failures(), set()),
        (lambda records: failures(*(r["messageId"] for r in records if r["body"] == "b")), {"b"}),
        (lambda _: failures("unknown"), {"a", "b", "c"}),
        (lambda _: {"batchItemFailures": ["unknown"]}, {"a", "b", "c"}),
        (lambda _: {"batchItemFailures": [{"id": "unknown"}]}, {"a", "b", "c"}),
        (lambda _: {"batchItemFailures": [{"itemIdentifier": ["unknown"]}]}, {"a", "b", "c"}),
        (lambda _: {"batchItemFailures": 1}, {"a", "b", "c"}),
        (lambda _: ["unknown"], set()),
    ],
)
def test_only_failed_messages_stay_in_the_queue(sqs: Any, handler: Handler, expected: set[str]) -> None:
    source = a_queue(sqs, "a", "b", "c")

    assert source.poll(sqs, Function(handler))

    assert left(sqs, source) == expected


def test_a_window_gathers_until_the_batch_is_full_or_the_window_ends(sqs: Any) -> None:
    function, source = Function(lambda _: None), replace(a_queue(sqs, "a"), batch_size=3, window_s=600)
    sqs.set_queue_attributes(QueueUrl=source.queue_url, Attributes={"VisibilityTimeout": "60"})
    arriving = iter(["b", "c", "d"])

    def wait(_: float) -> None:
        for body in arriving:
            sqs.send_message(QueueUrl=source.queue_url, MessageBody=body)
            return

    assert source.poll(sqs, function, wait)
    for body in arriving:
        sqs.send_message(QueueUrl=source.queue_url, MessageBody=body)
    assert replace(source, window_s=0.01).poll(sqs, function, wait)

    assert function.batches == [["a", "b", "c"], ["d"]]


def test_a_failed_function_keeps_the_whole_batch_in_the_queue(sqs: Any) -> None:
    def handler(_: Any) -> Any:
        raise ValueError

    source = a_queue(sqs, "a", "b")
    source.poll(sqs, Function(handler))

    assert left(sqs, source) == {"a", "b"}


def test_a_source_is_polled_again_after_an_error() -> None:
    switch, polled_again = Switch(), Event()
    errors = iter([KeyError("of moto")])

    def step() -> bool:
        for error in errors:
            raise error
        polled_again.set()
        return False

    poller = Poller("source", step, switch)
    try:
        assert polled_again.wait(timeout=10)
    finally:
        switch.end()
        poller.join()


def test_the_end_of_a_wait_within_a_step_is_no_error(caplog: pytest.LogCaptureFixture) -> None:
    switch, waits = Switch(), Event()

    def step() -> bool:
        waits.set()
        switch.wait(60)
        return True

    poller = Poller("source", step, switch)
    assert waits.wait(timeout=10)
    switch.end()
    poller.join()

    assert caplog.records == []


def test_a_schedule_goes_on_after_an_error() -> None:
    invoked_again = Event()
    errors = iter([KeyError("of moto")])

    def invoke(_: Any) -> None:
        for error in errors:
            raise error
        invoked_again.set()

    schedule = Schedule("often", 0.01, invoke)
    try:
        assert invoked_again.wait(timeout=10)
    finally:
        schedule.stop()


STREAM_ARN = "arn:aws:kinesis:us-east-1:123456789012:stream/results"


def a_source(sqs: Any, **settings: Any) -> StreamSource:
    sqs.create_queue(QueueName="failed")
    return StreamSource(
        stream_name="results",
        stream_arn=STREAM_ARN,
        function_arn="arn:aws:lambda:us-east-1:123456789012:function:f",
        region="us-east-1",
        **{
            "retries": 2,
            "bisects": True,
            "reports_failures": True,
            "failure_arn": "arn:aws:sqs:us-east-1:123456789012:failed",
            **settings,
        },
    )


def a_shard(sqs: Any, function: Function, newest: Any = object, **settings: Any) -> ShardReader:
    kinesis = boto3.client("kinesis")
    kinesis.create_stream(StreamName="results", ShardCount=1)
    source = a_source(sqs, **settings)
    (shard,) = kinesis.describe_stream(StreamName="results")["StreamDescription"]["Shards"]
    for data in "abcd":
        kinesis.put_record(StreamName="results", PartitionKey="cam", Data=data.encode())

    def client(service: str) -> Any:
        return kinesis if service == "kinesis" else boto3.client(service)  # type: ignore[call-overload]  # any service

    return ShardReader(lambda: source, shard["ShardId"], client, function, Switch(), newest)


def given_up(sqs: Any) -> list[dict[str, Any]]:
    url = sqs.get_queue_url(QueueName="failed")["QueueUrl"]
    return [
        json.loads(m["Body"]) for m in sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", [])
    ]


def test_a_successful_batch_is_read_once(sqs: Any) -> None:
    function = Function(lambda _: failures())
    reader = a_shard(sqs, function)

    assert reader.poll()
    assert not reader.poll()
    assert function.batches == [["a", "b", "c", "d"]]


def test_a_batch_is_retried_from_the_failed_record_on(sqs: Any) -> None:
    seen: list[str] = []

    def handler(records: Any) -> Any:
        for record in records:
            data = base64.b64decode(record["kinesis"]["data"]).decode()
            if data == "c" and "c" not in seen:
                seen.append(data)
                return failures(record["kinesis"]["sequenceNumber"])
        return failures()

    function = Function(handler)
    a_shard(sqs, function).poll()

    assert function.batches == [["a", "b", "c", "d"], ["c", "d"]]
    assert given_up(sqs) == []


def test_a_poison_record_is_isolated_and_dead_lettered(sqs: Any) -> None:
    done: list[str] = []

    def handler(records: Any) -> Any:
        batch = [base64.b64decode(record["kinesis"]["data"]).decode() for record in records]
        if "c" in batch:
            raise ValueError("poison")
        done.extend(batch)

    a_shard(sqs, Function(handler)).poll()

    assert sorted(done) == ["a", "b", "d"]
    (letter,) = given_up(sqs)
    assert letter["KinesisBatchInfo"]["batchSize"] == 1
    assert letter["requestContext"]["condition"] == "RetryAttemptsExhausted"


def test_a_permanent_failure_is_given_up_after_the_last_attempt(sqs: Any) -> None:
    function = Function(lambda records: failures(records[0]["kinesis"]["sequenceNumber"]))
    a_shard(sqs, function, retries=2, bisects=False).poll()

    assert len(function.batches) == 3
    assert given_up(sqs)[0]["KinesisBatchInfo"]["batchSize"] == 4


def test_splitting_does_not_consume_the_retries(sqs: Any) -> None:
    """ "Splitting batches doesn't consume the retry quota" (kinesis-on-failure-destination)."""

    def handler(records: Any) -> Any:
        if any(base64.b64decode(one["kinesis"]["data"]) == b"c" for one in records):
            raise ValueError("poison")

    function = Function(handler)
    a_shard(sqs, function, retries=1).poll()

    assert function.batches == [["a", "b", "c", "d"], ["a", "b"], ["c", "d"], ["c"], ["c"], ["d"]]
    (given,) = given_up(sqs)
    assert given["requestContext"]["approximateInvokeCount"] == 2
    assert given["responseContext"]["functionError"] == "Unhandled"


def test_records_that_are_too_old_are_given_up_and_others_are_not(sqs: Any) -> None:
    function = Function(lambda _: None)
    reader = a_shard(sqs, function, oldest_s=60)
    shard = kinesis_backends["123456789012"]["us-east-1"].streams["results"].shards[reader.shard_id]
    for record in list(shard.records.values())[:2]:
        record.created_at_datetime -= timedelta(hours=1)

    reader.poll()

    assert function.batches == [["c", "d"]]
    (given,) = given_up(sqs)
    assert given["requestContext"]["condition"] == "RecordAgeExceeded"
    assert given["responseContext"] is None
    assert given["KinesisBatchInfo"]["batchSize"] == 2


def test_failures_are_published_to_a_topic(sqs: Any) -> None:
    sns, url = boto3.client("sns"), sqs.create_queue(QueueName="of-topic")["QueueUrl"]
    topic = sns.create_topic(Name="failed")["TopicArn"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint="arn:aws:sqs:us-east-1:123456789012:of-topic")
    function = Function(lambda records: failures(records[0]["kinesis"]["sequenceNumber"]))

    a_shard(sqs, function, retries=0, failure_arn=topic).poll()

    (message,) = sqs.receive_message(QueueUrl=url)["Messages"]
    given = json.loads(json.loads(message["Body"])["Message"])
    assert given["requestContext"]["condition"] == "RetryAttemptsExhausted"
    assert "functionError" not in given["responseContext"]


def test_retries_without_a_limit_end_with_their_mapping(sqs: Any) -> None:
    reader = a_shard(sqs, Function(lambda records: failures(records[0]["kinesis"]["sequenceNumber"])), retries=None)
    reader._switch.end()

    with pytest.raises(EndedError):
        reader.poll()


def test_reading_may_start_with_the_next_record(sqs: Any) -> None:
    function = Function(lambda _: None)
    reader = a_shard(sqs, function, starts_at="LATEST")

    assert not reader.poll()
    boto3.client("kinesis").put_record(StreamName="results", PartitionKey="cam", Data=b"e")
    assert reader.poll()
    assert function.batches == [["e"]]


def test_a_queue_has_messages_while_one_is_visible(sqs: Any) -> None:
    source = a_queue(sqs)
    check = has_messages(source.queue_arn)
    assert not check()

    sqs.send_message(QueueUrl=source.queue_url, MessageBody="delayed", DelaySeconds=60)
    assert not check()

    sqs.send_message(QueueUrl=source.queue_url, MessageBody="a")
    assert check()

    sqs.receive_message(QueueUrl=source.queue_url, VisibilityTimeout=60)
    assert not check()

    sqs.delete_queue(QueueUrl=source.queue_url)
    assert check()  # so that the poll fails as it does on AWS


def test_a_shard_is_read_only_when_it_has_new_records(sqs: Any) -> None:
    function = Function(lambda _: None)
    reads: list[str] = []
    newest: list[Callable[[], object]] = []
    reader = a_shard(sqs, function, lambda: newest[0]())
    newest.append(newest_number(STREAM_ARN, reader.shard_id))
    kinesis = reader._client("kinesis")
    kinesis.meta.events.register("before-call.kinesis.GetRecords", lambda **_: reads.append("read"))

    assert [reader.poll() for _ in range(4)] == [True, False, False, False]
    assert len(reads) == 2  # one for the records, one that found no more

    kinesis.put_record(StreamName="results", PartitionKey="k", Data=b"e")
    assert reader.poll()
    assert function.batches == [["a", "b", "c", "d"], ["e"]]


@pytest.mark.parametrize(
    ("expression", "seconds"), [("rate(5 minutes)", 300), ("rate(1 hour)", 3600), ("cron(0 12 * * ? *)", None)]
)
def test_rates_are_parsed(expression: str, seconds: float | None) -> None:
    assert interval_s(expression) == seconds


def test_motos_private_invoke_method_exists(moto: str) -> None:
    """If this fails, moto has moved `LambdaFunction._invoke_lambda`: adapt kinesight_local/moto_support/hooks.py."""
    assert callable(LambdaFunction._invoke_lambda)
    heard: list[Any] = []

    def invoke(function: LambdaFunction, event: Any) -> InvocationResult:
        heard.append((function.function_name, event))
        return InvocationResult(b'{"hello": "world"}', failed=False)

    restore = route_invocations(invoke)
    try:
        role = "arn:aws:iam::123456789012:role/any"
        boto3.client("iam").create_role(RoleName="any", AssumeRolePolicyDocument="{}")
        client = boto3.client("lambda")
        client.create_function(FunctionName="f", Runtime="python3.13", Role=role, Handler="a.b", Code={"ZipFile": b"x"})
        response = client.invoke(FunctionName="f", Payload=b'{"a": 1}')
    finally:
        restore()

    assert json.loads(response["Payload"].read()) == {"hello": "world"}
    assert heard == [("f", {"a": 1})]
    later = client.invoke(FunctionName="f", Payload=b'{"a": 2}')
    assert "FunctionError" in later
    assert json.loads(later["Payload"].read())["errorMessage"] == "The stack of function f is not running."
    assert heard == [("f", {"a": 1})]
