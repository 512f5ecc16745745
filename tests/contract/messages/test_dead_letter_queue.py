"""Dead letters on SQS: invisible while collected, available after release, gone when deleted."""

from collections.abc import Iterator

import boto3
import pytest
from kinesight.adapters.messages.sqs_dead_letters import SqsDeadLetters
from kinesight.domain.errors import DetectorRejectedError
from kinesight_cli.shared.dead_letters import ATTEMPTS_EXHAUSTED, DeadLetterQueue
from moto import mock_aws


@pytest.fixture
def url() -> Iterator[str]:
    with mock_aws():
        yield str(boto3.client("sqs").create_queue(QueueName="dead-letters")["QueueUrl"])


def test_a_message_has_its_source_and_reason(url: str) -> None:
    sqs = boto3.client("sqs")
    SqsDeadLetters(sqs, url, source="analyze_images").send_to_dead_letters(
        '{"a": 1}', DetectorRejectedError("no such model")
    )
    sqs.send_message(QueueUrl=url, MessageBody="not JSON")

    rejected, given_up = DeadLetterQueue(sqs, url).collect(10)

    assert (rejected.reason, rejected.explanation, rejected.source, rejected.document()) == (
        "DetectorRejectedError",
        "no such model",
        "analyze_images",
        {"a": 1},
    )
    assert rejected.sent is not None
    assert (given_up.reason, given_up.document()) == (ATTEMPTS_EXHAUSTED, {})


def test_collected_messages_are_invisible_until_they_are_released(url: str) -> None:
    sqs = boto3.client("sqs")
    for number in range(25):
        sqs.send_message(QueueUrl=url, MessageBody=str(number))
    mine, theirs = DeadLetterQueue(sqs, url), DeadLetterQueue(sqs, url)

    first = mine.collect(12)
    second = theirs.collect(100)
    assert (len(first), len(second)) == (12, 13)
    assert {one.message_id for one in first}.isdisjoint(one.message_id for one in second)

    mine.delete(first[0])
    mine.release(first[1:])
    assert {one.message_id for one in theirs.collect(100)} == {one.message_id for one in first[1:]}
