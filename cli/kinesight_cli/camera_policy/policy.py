"""The IAM policy of one camera: what PutMedia needs, and what KVS does with the rights of PutMedia's caller
(https://docs.aws.amazon.com/kinesisvideostreams/latest/dg/s3-real-time-image-create.html and notifications.html)."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

Statement = dict[str, Any]


@dataclass(frozen=True, slots=True)
class CameraStack:
    """Where a camera's video, images and notifications go. Without images or notifications the bucket's or the topic's
    name is empty; without a key of the stack, so is the key's ARN."""

    partition: str
    region: str
    account_id: str
    images_bucket: str
    topic_arn: str
    key_arn: str


def camera_policy(stream_name: str, stack: CameraStack) -> dict[str, Any]:
    """Returns a policy document for the credentials of one camera. A stream name has no characters that are special in
    the resources of policies."""
    return {"Version": "2012-10-17", "Statement": list(_statements(stream_name, stack))}


def _statements(stream_name: str, stack: CameraStack) -> Iterator[Statement]:
    yield _allow(
        "Stream",
        ["kinesisvideo:DescribeStream", "kinesisvideo:GetDataEndpoint", "kinesisvideo:PutMedia"],
        # What follows is the stream's creation time, which changes if it is created again.
        f"arn:{stack.partition}:kinesisvideo:{stack.region}:{stack.account_id}:stream/{stream_name}/*",
    )
    if stack.images_bucket:
        keys = f"images*{stack.account_id}_{stream_name}_*"
        yield _allow("Images", ["s3:PutObject"], f"arn:{stack.partition}:s3:::{stack.images_bucket}/{keys}")
    if stack.topic_arn:
        yield _allow("Notifications", ["sns:Publish"], stack.topic_arn)
    if stack.key_arn:
        yield _allow("Key", ["kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey"], stack.key_arn)


def _allow(sid: str, actions: list[str], resource: str) -> Statement:
    return {"Sid": sid, "Effect": "Allow", "Action": actions, "Resource": resource}
