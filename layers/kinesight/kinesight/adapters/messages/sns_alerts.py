"""AlertChannel on SNS: text for e-mail, JSON for other protocols, attributes for filter policies."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from kinesight.adapters.aws.errors import AWS_ERRORS, translate
from kinesight.domain.errors import DeliveryError
from kinesight.domain.ports import Alert

if TYPE_CHECKING:
    from mypy_boto3_sns import SNSClient


class SnsAlertChannel:
    """One topic."""

    def __init__(self, client: SNSClient, topic_arn: str) -> None:
        self._client = client
        self._topic_arn = topic_arn

    def send(self, alert: Alert) -> None:
        """Calls Publish."""
        try:
            self._client.publish(
                TopicArn=self._topic_arn,
                Subject=alert.subject,
                Message=json.dumps({"default": json.dumps(alert.body), "email": alert.text}),
                MessageStructure="json",
                MessageAttributes={
                    name: {"DataType": "String", "StringValue": value} for name, value in alert.attributes.items()
                },
            )
        except AWS_ERRORS as error:
            raise translate(error, "publish the alert", transient=DeliveryError, permanent=DeliveryError) from error
