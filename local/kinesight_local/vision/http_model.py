"""A self-hosted model as one might be: a picture by POST, its bytes or base64 in JSON, and an answer in JSON."""

import base64
import binascii
import json
from typing import Any

from kinesight_local.vision.errors import VisionError
from kinesight_local.vision.looking import look
from kinesight_local.vision.model_forms import answer
from kinesight_local.vision.pictures import decoded


def ask(form: str, body: bytes, content_type: str) -> Any:
    """The answer, in the form that model_forms.py knows by this name. Raises VisionError."""
    picture = decoded(_from_json(body) if content_type == "application/json" else body)
    if picture is None:
        raise VisionError("BadRequest", "unable to decode the picture")
    height, width = picture.shape[:2]
    return answer(form, "", look(picture), (width, height))


def _from_json(body: bytes) -> bytes:
    """The longest text in the document is the picture, wherever it is."""
    try:
        return base64.b64decode(max(_texts(json.loads(body)), key=len, default=""), validate=True)
    except (ValueError, binascii.Error) as error:
        raise VisionError("BadRequest", "no base64 in JSON") from error


def _texts(node: Any) -> list[str]:
    if isinstance(node, str):
        return [node]
    children = node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
    return [text for child in children for text in _texts(child)]
