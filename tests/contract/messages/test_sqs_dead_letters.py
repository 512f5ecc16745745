"""SqsDeadLetters over moto."""

import boto3
from kinesight.adapters.messages.sqs_dead_letters import SqsDeadLetters
from kinesight.domain.errors import InvalidEventError


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
