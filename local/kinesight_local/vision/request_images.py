"""The image of a Rekognition request, inline or in S3, within Rekognition's limits."""

import base64
import binascii
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from kinesight_local.vision import request_fields as fields
from kinesight_local.vision.decoding import JPEG_OR_PNG, decoded
from kinesight_local.vision.detection import Pixels
from kinesight_local.vision.errors import VisionError
from kinesight_local.vision.s3_objects import s3

Parameters = dict[str, Any]

_MAXIMUM_S3_BYTES = 15 * 1024 * 1024
_MAXIMUM_INLINE_BYTES = 5 * 1024 * 1024
_SIDES_PX = (80, 10_000)


def image_of(request: Parameters, sides_px: tuple[int, int] = _SIDES_PX) -> Pixels:
    """The decoded image. `sides_px`: minimum and maximum of width and height. Raises VisionError."""
    return decode_image(body_of(request), sides_px)


def body_of(request: Parameters) -> bytes:
    """The image's bytes. Raises VisionError."""
    image = fields.structure(request, "Image")
    address = fields.structure(image, "S3Object")
    return _from_s3(address) if address else _inline(image.get("Bytes"))


def decode_image(body: bytes, sides_px: tuple[int, int] = _SIDES_PX) -> Pixels:
    """Like `image_of`, from bytes."""
    image = decoded(body) if body.startswith(JPEG_OR_PNG) else None
    if image is None:
        raise VisionError("InvalidImageFormatException", "Request has invalid image format")
    least, most = sides_px
    height, width = image.shape[:2]
    if min(height, width) < least:
        raise VisionError("InvalidParameterException", f"The image is under {least} pixels.")
    if max(height, width) > most:
        raise VisionError("InvalidParameterException", f"The image is over {most} pixels.")
    return image


def _from_s3(address: Parameters) -> bytes:
    unreadable = VisionError(
        "InvalidS3ObjectException",
        "Unable to get object metadata from S3. Check object key, region and/or access permissions.",
    )
    try:
        response = s3().get_object(Bucket=address["Bucket"], Key=address["Name"])
        if response["ContentLength"] > _MAXIMUM_S3_BYTES:
            raise VisionError("ImageTooLargeException", f"The object has more than {_MAXIMUM_S3_BYTES} bytes.")
        body: bytes = response["Body"].read()
    except (ClientError, BotoCoreError, KeyError) as error:
        raise unreadable from error
    return body


def _inline(encoded: Any) -> bytes:
    try:
        body = base64.b64decode(encoded or "", validate=True)
    except (binascii.Error, TypeError) as error:
        raise VisionError("InvalidParameterException", "Image.Bytes is not base64.") from error
    if not body:
        raise VisionError("InvalidParameterException", "Image requires Bytes or S3Object.")
    if len(body) > _MAXIMUM_INLINE_BYTES:
        raise VisionError("ImageTooLargeException", f"Image.Bytes has more than {_MAXIMUM_INLINE_BYTES} bytes.")
    return body
