"""Valid by default; override the one thing a test is about."""

import json
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote_plus
from uuid import UUID

from kinesight.domain.analysis.result_records import result_id
from kinesight.domain.model import (
    BoundingBox,
    Detection,
    DetectorInfo,
    Frame,
    FrameSource,
    ImageReference,
    ResultRecord,
    from_epoch_ms,
)

ACCOUNT = "111122223333"
BUCKET = "kinesight-images-test"
NOON_MS = 1_767_268_800_000
"""2026-01-01T12:00:00Z"""


def a_fragment_number(counter: int = 1, server_ms: int = NOON_MS) -> str:
    """47 digits, as KVS numbers fragments."""
    return str(2**156 + counter * 2**92 + server_ms * 2**28 + 7)


def an_image_key(stream_name: str = "front-door", epoch_ms: int = NOON_MS, prefix: str = "images/") -> str:
    """As KVS names images; the random part is derived, so that two calls agree."""
    guid = UUID(int=(hash((stream_name, epoch_ms, prefix)) % 2**128))
    return f"{prefix}{ACCOUNT}_{stream_name}_{epoch_ms}_{guid}.jpg"


def an_s3_event(*keys: str, bucket: str = BUCKET) -> str:
    """The body of an SQS message that announces new objects."""
    records = [
        {
            "eventVersion": "2.1",
            "eventSource": "aws:s3",
            "awsRegion": "us-east-1",
            "eventTime": "2026-01-01T12:00:01.000Z",
            "eventName": "ObjectCreated:Put",
            "s3": {
                "s3SchemaVersion": "1.0",
                "bucket": {"name": bucket, "arn": f"arn:aws:s3:::{bucket}"},
                "object": {"key": quote_plus(key, safe="/"), "size": 1024, "eTag": "0" * 32},
            },
        }
        for key in keys
    ]
    return json.dumps({"Records": records})


def a_frame(**overrides: Any) -> Frame:
    """An image of the front door at noon."""
    fields: dict[str, Any] = {
        "source": FrameSource.IMAGE_GENERATION,
        "stream_name": "front-door",
        "fragment_number": a_fragment_number(),
        "image_timestamp": datetime(2026, 1, 1, 12, tzinfo=UTC),
        "producer_timestamp": from_epoch_ms(NOON_MS),
        "server_timestamp": from_epoch_ms(NOON_MS + 500),
        "image": ImageReference(bucket=BUCKET, key=an_image_key(), content_type="image/jpeg", size_bytes=1024),
        "tags": {"place": "porch"},
    }
    return Frame(**(fields | overrides))


def a_detection(**overrides: Any) -> Detection:
    """A person in the middle."""
    fields: dict[str, Any] = {
        "label": "Person",
        "confidence": 97.5,
        "bounding_box": BoundingBox(left=0.25, top=0.25, width=0.5, height=0.5),
    }
    return Detection(**(fields | overrides))


def a_record(frame: Frame | None = None, **overrides: Any) -> ResultRecord:
    """A matched record."""
    shown = frame or a_frame()
    fields: dict[str, Any] = {
        "result_id": result_id(shown, "fake/detector"),
        "frame": shown,
        "detector": DetectorInfo(type="fake", operation="detector", latency_ms=12),
        "detections": (a_detection(),),
        "matched": True,
        "matched_labels": ("Person",),
    }
    return ResultRecord(**(fields | overrides))
