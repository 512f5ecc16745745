"""What SNS is told of a fragment that carries AWS_KINESISVIDEO_NOTIFICATION (developer guide, "Notifications").

AWS's sample shows the timestamps as bare numbers without a unit; here they are epoch milliseconds.
"""

import json
from typing import Any

from kinesight_local.kvs.fragment import IngestedFragment
from kinesight_local.kvs.store import StoredFragment

_SUBJECT = "Kinesis Video Streams Notification"


def publish(sns: Any, topic_arn: str, stream_arn: str, fragment: tuple[IngestedFragment, StoredFragment]) -> None:
    """Raises what boto3 raises."""
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
