"""Each port's promises, on its fake and on its adapter over moto."""

import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from kinesight.adapters.dynamodb.ledger import PowertoolsLedger
from kinesight.adapters.kvs.stream_directory import KvsStreamDirectory
from kinesight.adapters.messages.kinesis_results import KinesisResultSink
from kinesight.adapters.messages.sns_alerts import SnsAlertChannel
from kinesight.adapters.messages.sqs_dead_letters import SqsDeadLetters
from kinesight.adapters.s3.evidence_store import S3EvidenceStore
from kinesight.adapters.s3.image_store import S3ImageStore
from kinesight.domain.analysis.stream_arns import StreamArns
from kinesight.domain.errors import ImageMissingError, InvalidEventError, StillInProgressError
from kinesight.domain.model import ImageReference
from kinesight.domain.ports import Alert, EvidenceStore, ImageStore, Ledger
from moto import mock_aws

from tests.fakes import FakeEvidenceStore, FakeImageStore, FakeLedger


@pytest.fixture
def aws() -> Iterator[None]:
    with mock_aws():
        yield


def an_idempotency_table() -> Any:
    client = boto3.client("dynamodb")
    client.create_table(
        TableName="idempotency",
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
    )
    return client


@pytest.fixture(params=["fake", "powertools"])
def ledger(request: pytest.FixtureRequest, aws: None) -> Ledger:
    if request.param == "fake":
        return FakeLedger()
    return PowertoolsLedger(
        an_idempotency_table(), "idempotency", name="f", kept_seconds=60, remaining_ms=lambda: 60_000
    )


class TestLedger:
    """Work has the effect of once."""

    def test_done_is_done(self, ledger: Ledger) -> None:
        assert ledger.begin("key")
        ledger.finish("key")
        assert not ledger.begin("key")
        assert ledger.begin("another")

    def test_work_in_progress_belongs_to_one(self, ledger: Ledger) -> None:
        ledger.begin("key")
        with pytest.raises(StillInProgressError):
            ledger.begin("key")

    def test_work_given_back_is_done_by_the_next(self, ledger: Ledger) -> None:
        ledger.begin("key")
        ledger.release("key")
        assert ledger.begin("key")

    def test_of_many_at_once_one_begins(self, ledger: Ledger) -> None:
        gate = threading.Barrier(8)

        def attempt(_: int) -> bool:
            gate.wait()
            try:
                return ledger.begin("key")
            except StillInProgressError:
                return False

        with ThreadPoolExecutor(8) as pool:
            assert sum(pool.map(attempt, range(8))) == 1


def test_work_of_an_invocation_that_ran_out_of_time_is_free_again(aws: None) -> None:
    ledger = PowertoolsLedger(an_idempotency_table(), "idempotency", name="f", kept_seconds=60, remaining_ms=lambda: -1)
    assert ledger.begin("key")
    assert ledger.begin("key")


def test_functions_share_the_ledger_of_a_name(aws: None, monkeypatch: pytest.MonkeyPatch) -> None:
    table, begun = an_idempotency_table(), []
    for function in ("analyze", "detect"):
        monkeypatch.setenv("AWS_LAMBDA_FUNCTION_NAME", function)
        ledger = PowertoolsLedger(table, "idempotency", name="pictures", kept_seconds=60, remaining_ms=lambda: 60_000)
        begun.append(ledger.begin("key"))
        ledger.finish("key")
    assert begun == [True, False]


@pytest.fixture(params=["fake", "s3"])
def store(request: pytest.FixtureRequest, aws: None) -> EvidenceStore:
    if request.param == "fake":
        return FakeEvidenceStore()
    client = boto3.client("s3")
    client.create_bucket(Bucket="evidence")
    return S3EvidenceStore(client, "evidence", link_seconds=60)


class TestEvidenceStore:
    """The first writer of a key wins."""

    def test_a_key_is_written_once(self, store: EvidenceStore) -> None:
        assert not store.exists("a/b.json")
        assert store.write_once("a/b.json", b"first", "application/json")
        assert not store.write_once("a/b.json", b"second", "application/json")
        assert store.exists("a/b.json")

    def test_a_link_names_the_key(self, store: EvidenceStore) -> None:
        assert "a/b.json" in store.link("a/b.json")


@pytest.fixture(params=["fake", "s3"])
def images(request: pytest.FixtureRequest, aws: None) -> ImageStore:
    if request.param == "fake":
        fake = FakeImageStore()
        fake.add("pictures", "a.jpg", b"body", place="porch")
        return fake
    client = boto3.client("s3")
    client.create_bucket(Bucket="pictures")
    client.put_object(
        Bucket="pictures", Key="a.jpg", Body=b"body", ContentType="image/jpeg", Metadata={"Place": "porch"}
    )
    return S3ImageStore(client)


class TestImageStore:
    """Pictures and what KVS said of them."""

    def test_an_object_is_described_and_read(self, images: ImageStore) -> None:
        stored = images.describe("pictures", "a.jpg")

        assert stored.image == ImageReference(bucket="pictures", key="a.jpg", content_type="image/jpeg", size_bytes=4)
        assert stored.metadata == {"place": "porch"}
        assert images.read(stored.image) == b"body"

    def test_what_is_gone_is_missing(self, images: ImageStore) -> None:
        with pytest.raises(ImageMissingError):
            images.describe("pictures", "gone.jpg")


class FlakyKinesis:
    """PutRecords that refuses some records some times, as the service does under load."""

    def __init__(self, *refusals: set[int]) -> None:
        self.refusals = list(refusals)
        self.taken: list[bytes] = []
        self.calls: list[int] = []

    def put_records(self, *, StreamName: str, Records: list[dict[str, Any]]) -> dict[str, Any]:  # noqa: N803 - boto3's
        self.calls.append(len(Records))
        refused = self.refusals.pop(0) if self.refusals else set()
        if -1 in refused:
            raise ClientError({"Error": {"Code": "InternalFailure"}}, "PutRecords")
        self.taken += [record["Data"] for index, record in enumerate(Records) if index not in refused]
        throttled = {"ErrorCode": "ProvisionedThroughputExceededException", "ErrorMessage": StreamName}
        return {"Records": [throttled if index in refused else {} for index in range(len(Records))]}


def sink(client: Any) -> KinesisResultSink:
    return KinesisResultSink(client, "results", sleep=lambda _: None)


class TestResultSink:
    """Only what was refused is sent again."""

    def test_refused_records_are_sent_again_alone(self) -> None:
        client = FlakyKinesis({1, 3}, {0})

        assert sink(client).put([("cam", str(n).encode()) for n in range(5)]) == {}
        assert client.calls == [5, 2, 1]
        assert sorted(client.taken) == [b"0", b"1", b"2", b"3", b"4"]

    def test_a_call_that_fails_is_made_again(self) -> None:
        assert sink(FlakyKinesis({-1})).put([("cam", b"x")]) == {}

    def test_what_never_goes_through_is_told_with_its_reason(self) -> None:
        refused = sink(FlakyKinesis(*[{0}] * 9)).put([("cam", b"x"), ("cam", b"y")])

        assert list(refused) == [0]
        assert "ProvisionedThroughputExceeded" in refused[0]

    def test_calls_hold_at_most_500_records_and_five_megabytes(self) -> None:
        client = FlakyKinesis()
        sink(client).put([("cam", b"x")] * 1200)
        sink(client).put([("cam", b"x" * 900_000)] * 12)
        sink(client).put([])

        assert client.calls == [500, 500, 200, 5, 5, 2]


def test_dead_letters_keep_the_body_and_the_reason(aws: None) -> None:
    client = boto3.client("sqs")
    url = client.create_queue(QueueName="dead")["QueueUrl"]
    for body in ("plain", "\x00control", "", "ü" * 300_000):
        SqsDeadLetters(client, url, source="test").send_to_dead_letters(body, InvalidEventError("because\x01"))

    messages = [
        message
        for _ in range(4)
        for message in client.receive_message(QueueUrl=url, MessageAttributeNames=["All"])["Messages"]
    ]
    bodies = [message["Body"] for message in messages]
    assert sorted(bodies, key=len)[:3] == ['""', "plain", "\\x00control"]
    assert len(max(bodies, key=len).encode()) <= 256 * 1024
    assert messages[0]["MessageAttributes"]["errorType"]["StringValue"] == "InvalidEventError"
    assert messages[0]["MessageAttributes"]["errorMessage"]["StringValue"] == "because\\x01"


def test_an_alert_is_json_for_machines(aws: None) -> None:
    sns, sqs = boto3.client("sns"), boto3.client("sqs")
    topic = sns.create_topic(Name="alerts")["TopicArn"]
    url = sqs.create_queue(QueueName="alerts")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)

    SnsAlertChannel(sns, topic).send(Alert("subject", "text", {"resultId": "1"}, {"streamName": "cam"}))

    envelope = json.loads(sqs.receive_message(QueueUrl=url)["Messages"][0]["Body"])
    assert envelope["Subject"] == "subject"
    assert json.loads(envelope["Message"]) == {"resultId": "1"}
    assert envelope["MessageAttributes"]["streamName"]["Value"] == "cam"


class TestStreamArns:
    """An ARN is cached, and a failure to read it as well."""

    def test_a_stream_is_described_once_in_ten_minutes(self) -> None:
        class Client:
            asked = 0

            def describe_stream(self, **_: Any) -> Any:
                self.asked += 1
                if self.asked == 1:
                    raise ClientError({"Error": {"Code": "ResourceNotFoundException"}}, "DescribeStream")
                return {"StreamInfo": {"StreamName": "cam", "StreamARN": "arn"}}

        now = [0.0]
        client = Client()
        directory = KvsStreamDirectory(client, describe_attempts=1)  # type: ignore[arg-type]  # a part of one
        arns = StreamArns(directory, monotonic_s=lambda: now[0])

        assert [arns.arn_of("cam") for _ in range(2)] == [None, None]
        now[0] = 601
        assert [arns.arn_of("cam") for _ in range(2)] == ["arn", "arn"]
        assert client.asked == 2
