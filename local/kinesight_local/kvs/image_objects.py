"""Pictures as S3 objects: name, metadata, delivery (developer guide, "Amazon KVS image generation")."""

import re
import uuid
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from kinesight_local.kvs.fragment import IMAGE_PREFIX, IngestedFragment
from kinesight_local.kvs.store import StoredFragment

_MAXIMUM_METADATA_BYTES = 2048  # S3 takes no more user metadata than this
_HEADER_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # RFC 9110
_TYPES = {"JPEG": ("jpg", "image/jpeg"), "PNG": ("png", "image/png")}


@dataclass(frozen=True, slots=True)
class Picture:
    """An encoded frame, `offset_ms` after its fragment's start; `timecode_ms` is epoch milliseconds."""

    data: bytes
    offset_ms: Fraction
    timecode_ms: int


def put_picture(
    s3: Any, configuration: dict[str, Any], owner: str, fragment: tuple[IngestedFragment, StoredFragment], one: Picture
) -> None:
    """`owner`: account number and stream name, as they stand in the object's name. Raises what boto3 raises."""
    ingested, stored = fragment
    bucket, _, folder = configuration["DestinationConfig"]["Uri"].removeprefix("s3://").partition("/")
    extension, content_type = _TYPES[configuration["Format"]]
    prefix = ingested.value(IMAGE_PREFIX)
    name = f"{owner}_{one.timecode_ms}_{uuid.uuid4()}.{extension}"
    told = {
        "aws_kinesisvideo_producer_timestamp": str(round(stored.producer_ms + one.offset_ms)),
        "aws_kinesisvideo_server_timestamp": str(round(stored.server_ms + one.offset_ms)),
        "aws_kinesisvideo_fragment_number": stored.number,
    }
    s3.put_object(
        Bucket=bucket,
        Key="/".join(part for part in (folder.rstrip("/"), f"{prefix}_{name}" if prefix else name) if part),
        Body=one.data,
        ContentType=content_type,
        Metadata=metadata(told, ingested.custom_tags()),
    )


def metadata(told: dict[str, str], custom: dict[str, str]) -> dict[str, str]:
    """`told`, and the producer's own tags as far as they are legal in HTTP headers and S3's limit leaves room.

    What KVS does beyond either is not documented; leaving a tag out loses least.
    """
    kept = dict(told)
    for name, value in custom.items():
        legal = _HEADER_TOKEN.fullmatch(name) is not None and value.isascii() and value.isprintable()
        candidate = kept | {name.lower(): value} if name.lower() not in told else kept
        size = sum(len(key) + len(text) for key, text in candidate.items())
        if legal and size <= _MAXIMUM_METADATA_BYTES:
            kept = candidate
    return kept
