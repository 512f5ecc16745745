"""AlertChannel on SNS: text for e-mail, a line for phones, JSON for other protocols, attributes for filter policies."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from kinesight.adapters.aws.errors import AWS_ERRORS, translate
from kinesight.domain.errors import DeliveryError
from kinesight.domain.ports import Alert

if TYPE_CHECKING:
    from mypy_boto3_sns import SNSClient
    from mypy_boto3_sns.type_defs import MessageAttributeValueTypeDef


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
                Message=json.dumps(_messages(alert)),
                MessageStructure="json",
                MessageAttributes={name: _attribute(value) for name, value in alert.attributes.items()},
            )
        except AWS_ERRORS as error:
            raise translate(error, "publish the alert", transient=DeliveryError, permanent=DeliveryError) from error


def _messages(alert: Alert) -> dict[str, str]:
    """By protocol. Phones get the first line: an SMS has no room for links, and a push service takes 4 KB.

    https://docs.aws.amazon.com/sns/latest/dg/sns-send-custom-platform-specific-payloads-mobile-devices.html
    """
    line = alert.text.partition("\n")[0]
    content = {"title": alert.subject, "body": line}
    apple = json.dumps({"aps": {"alert": content}})
    google = json.dumps({"fcmV1Message": {"message": {"notification": content}}})
    phones = {"sms": line, "APNS": apple, "APNS_SANDBOX": apple, "GCM": google}
    return {"default": json.dumps(alert.body), "email": alert.text, **phones}


def _attribute(value: str | tuple[str, ...]) -> MessageAttributeValueTypeDef:
    """A filter policy matches an array if one of its elements does."""
    if isinstance(value, str):
        return {"DataType": "String", "StringValue": value}
    return {"DataType": "String.Array", "StringValue": json.dumps(value)}
