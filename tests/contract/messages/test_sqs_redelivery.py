"""SqsRedelivery over moto."""

import boto3
import pytest
from kinesight.adapters.messages.sqs_redelivery import SqsRedelivery
from kinesight.domain.errors import DeliveryError


def test_messages_are_delivered_again_after_their_own_timeouts(aws: None) -> None:
    client = boto3.client("sqs")
    url = client.create_queue(QueueName="images", Attributes={"VisibilityTimeout": "540"})["QueueUrl"]
    for number in range(23):
        client.send_message(QueueUrl=url, MessageBody=str(number))
    handles: dict[str, str] = {}
    while messages := client.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
        handles |= {message["Body"]: message["ReceiptHandle"] for message in messages}

    SqsRedelivery(client, url).delay({handle: 0 if int(body) % 2 else 900 for body, handle in handles.items()})

    again: set[str] = set()
    while messages := client.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
        again |= {message["Body"] for message in messages}
    assert again == {str(number) for number in range(1, 23, 2)}


def test_a_message_that_is_gone_is_an_error(aws: None) -> None:
    client = boto3.client("sqs")
    url = client.create_queue(QueueName="images")["QueueUrl"]

    with pytest.raises(DeliveryError, match="1 messages keep"):
        SqsRedelivery(client, url).delay({"gone": 30})


def test_a_queue_that_is_gone_is_an_error(aws: None) -> None:
    client = boto3.client("sqs")
    url = client.create_queue(QueueName="images")["QueueUrl"]
    client.delete_queue(QueueUrl=url)

    with pytest.raises(DeliveryError, match="change the visibility"):
        SqsRedelivery(client, url).delay({"any": 30})
