"""SNS messages for fragments tagged AWS_KINESISVIDEO_NOTIFICATION (developer guide, "Notifications").

AWS's sample has timestamps without a unit; here they are epoch milliseconds.
"""

import json
from typing import Any

from kinesight_local.kvs.media.fragment import IngestedFragment
from kinesight_local.kvs.storage.stored_fragment import StoredFragment

_SUBJECT = "Kinesis Video Streams Notification"


def publish(sns: Any, topic_arn: str, stream_arn: str, fragment: tuple[IngestedFragment, StoredFragment]) -> None:
    """Publishes one message. Raises ClientError, BotoCoreError."""
    ingested, stored = fragment
    message = {
        "StreamArn": stream_arn,
        "FragmentNumber": stored.number,
        "FragmentStartProducerTimestamp": stored.producer_ms,
        "FragmentStartServerTimestamp": stored.server_ms,
        "NotificationType": "PERSISTED",
        "NotificationPayload": ingested.custom_tags(),
    }
    sns.publish(TopicArn=topic_arn, Subject=_SUBJECT, Message=json.dumps(message))
