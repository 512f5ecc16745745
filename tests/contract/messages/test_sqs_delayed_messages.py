"""SqsDelayedMessages over moto."""

from typing import Any

import boto3
import pytest
from kinesight.adapters.messages.sqs_delayed_messages import SqsDelayedMessages
from kinesight.domain.errors import DeliveryError
from moto import mock_aws


def test_a_reminder_comes_after_its_delay() -> None:
    with mock_aws():
        client: Any = boto3.client("sqs")
        queue = client.create_queue(QueueName="mine")["QueueUrl"]
        SqsDelayedMessages(client, queue).send_later("look", 900)

        delayed = client.get_queue_attributes(QueueUrl=queue, AttributeNames=["ApproximateNumberOfMessagesDelayed"])[
            "Attributes"
        ]
        assert delayed == {"ApproximateNumberOfMessagesDelayed": "1"}

        client.delete_queue(QueueUrl=queue)
        with pytest.raises(DeliveryError):
            SqsDelayedMessages(client, queue).send_later("look", 1)
