"""A self-hosted model: takes an image by POST, as bytes or as base64 in JSON, and returns JSON."""

import base64
import binascii
import json
from typing import Any

from kinesight_local.vision.decoding import decoded
from kinesight_local.vision.detection import detect
from kinesight_local.vision.errors import VisionError
from kinesight_local.vision.model_outputs import output


def invoke(output_format: str, body: bytes, content_type: str) -> Any:
    """The model's output, in a format of model_outputs.py. Raises VisionError."""
    image = decoded(_from_json(body) if content_type == "application/json" else body)
    if image is None:
        raise VisionError("BadRequest", "unable to decode the image")
    height, width = image.shape[:2]
    return output(output_format, "", detect(image), (width, height))


def _from_json(body: bytes) -> bytes:
    """The image is the longest string in the document."""
    try:
        return base64.b64decode(max(_strings(json.loads(body)), key=len, default=""), validate=True)
    except (ValueError, binascii.Error) as error:
        raise VisionError("BadRequest", "the JSON contains no base64") from error


def _strings(node: Any) -> list[str]:
    if isinstance(node, str):
        return [node]
    children = node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
    return [text for child in children for text in _strings(child)]
