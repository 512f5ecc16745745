"""The picture of a Rekognition request, inline or in S3, with Rekognition's limits."""

import base64
import binascii
import os
from functools import cache
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from kinesight_local.vision import request_fields as fields
from kinesight_local.vision.errors import VisionError
from kinesight_local.vision.looking import Pixels
from kinesight_local.vision.pictures import JPEG_OR_PNG, decoded

Parameters = dict[str, Any]

_MAXIMUM_S3_BYTES = 15 * 1024 * 1024
_MAXIMUM_INLINE_BYTES = 5 * 1024 * 1024
_SIDES_PX = (80, 10_000)


def picture_of(wanted: Parameters, sides_px: tuple[int, int] = _SIDES_PX) -> Pixels:
    """`sides_px`: the least and most of width and height. Reads S3 through the standard endpoint variables.

    Raises VisionError.
    """
    return read_picture(body_of(wanted), sides_px)


def body_of(wanted: Parameters) -> bytes:
    """The picture's bytes. Raises VisionError."""
    image = fields.structure(wanted, "Image")
    address = fields.structure(image, "S3Object")
    return _from_s3(address) if address else _inline(image.get("Bytes"))


def read_picture(body: bytes, sides_px: tuple[int, int] = _SIDES_PX) -> Pixels:
    """As `picture_of`, of bytes at hand."""
    picture = decoded(body) if body.startswith(JPEG_OR_PNG) else None
    if picture is None:
        raise VisionError("InvalidImageFormatException", "Request has invalid image format")
    least, most = sides_px
    height, width = picture.shape[:2]
    if min(height, width) < least:
        raise VisionError("InvalidParameterException", f"The picture is under {least} pixels.")
    if max(height, width) > most:
        raise VisionError("InvalidParameterException", f"The picture is over {most} pixels.")
    return picture


def _from_s3(address: Parameters) -> bytes:
    unreadable = VisionError(
        "InvalidS3ObjectException",
        "Unable to get object metadata from S3. Check object key, region and/or access permissions.",
    )
    try:
        answer = _s3(os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL")).get_object(
            Bucket=address["Bucket"], Key=address["Name"]
        )
        if answer["ContentLength"] > _MAXIMUM_S3_BYTES:
            raise VisionError("ImageTooLargeException", f"The object passes {_MAXIMUM_S3_BYTES} bytes.")
        body: bytes = answer["Body"].read()
    except (ClientError, BotoCoreError, KeyError) as error:
        raise unreadable from error
    return body


@cache
def _s3(endpoint: str | None) -> Any:
    """Making a client takes longer than looking for a face."""
    return boto3.client("s3", endpoint_url=endpoint, config=Config(connect_timeout=5, read_timeout=20))


def _inline(encoded: Any) -> bytes:
    try:
        body = base64.b64decode(encoded or "", validate=True)
    except (binascii.Error, TypeError) as error:
        raise VisionError("InvalidParameterException", "Image.Bytes is not base64.") from error
    if not body:
        raise VisionError("InvalidParameterException", "Image needs Bytes or S3Object.")
    if len(body) > _MAXIMUM_INLINE_BYTES:
        raise VisionError("ImageTooLargeException", f"Image.Bytes passes {_MAXIMUM_INLINE_BYTES} bytes.")
    return body
