"""Images as S3 objects: key, metadata, upload (developer guide, "Amazon KVS image generation")."""

import re
import uuid
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from kinesight_local.kvs.media.fragment import IMAGE_PREFIX, IngestedFragment
from kinesight_local.kvs.storage.stored_fragment import StoredFragment
from kinesight_local.kvs.undocumented import ImageJoin, joined

_MAXIMUM_METADATA_BYTES = 2048  # S3's limit for user metadata
_HEADER_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # RFC 9110
_TYPES = {"JPEG": ("jpg", "image/jpeg"), "PNG": ("png", "image/png")}


@dataclass(frozen=True, slots=True)
class Image:
    """An encoded frame, `offset_ms` after its fragment's start; `timecode_ms` is epoch milliseconds."""

    data: bytes
    offset_ms: Fraction
    timecode_ms: int


def put_image(
    s3: Any,
    configuration: dict[str, Any],
    owner: str,
    fragment: tuple[IngestedFragment, StoredFragment],
    image: Image,
    join: ImageJoin,
) -> None:
    """Uploads one image. `owner`: `<account>_<stream>`, part of the object's key. Raises ClientError, BotoCoreError."""
    ingested, stored = fragment
    bucket, _, folder = configuration["DestinationConfig"]["Uri"].removeprefix("s3://").partition("/")
    extension, content_type = _TYPES[configuration["Format"]]
    prefix = ingested.value(IMAGE_PREFIX)
    name = f"{owner}_{image.timecode_ms}_{uuid.uuid4()}.{extension}"
    standard = {
        "aws_kinesisvideo_producer_timestamp": str(round(stored.producer_ms + image.offset_ms)),
        "aws_kinesisvideo_server_timestamp": str(round(stored.server_ms + image.offset_ms)),
        "aws_kinesisvideo_fragment_number": stored.number,
    }
    s3.put_object(
        Bucket=bucket,
        Key=joined(join, folder, f"{prefix}_{name}" if prefix else name),
        Body=image.data,
        ContentType=content_type,
        Metadata=metadata(standard, ingested.custom_tags()),
    )


def metadata(standard: dict[str, str], custom: dict[str, str]) -> dict[str, str]:
    """`standard`, and the producer's `custom` tags that are valid in HTTP headers and fit into S3's limit.

    AWS does not document how it handles other tags; here they are omitted.
    """
    kept = dict(standard)
    for name, value in custom.items():
        is_valid = _HEADER_TOKEN.fullmatch(name) is not None and value.isascii() and value.isprintable()
        candidate = kept | {name.lower(): value} if name.lower() not in standard else kept
        size = sum(len(key) + len(text) for key, text in candidate.items())
        if is_valid and size <= _MAXIMUM_METADATA_BYTES:
            kept = candidate
    return kept
