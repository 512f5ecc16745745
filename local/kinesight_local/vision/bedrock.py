"""Converse with one forced tool that takes `objects`, as the Bedrock detector asks; any model id exists.

It reads neither the prompt nor anything else of the conversation: it looks at the picture, and calls the tool with what
it found.
"""

import base64
import binascii
import json
import time
import uuid
from typing import Any

from kinesight_local.vision.errors import VisionError
from kinesight_local.vision.looking import Found, Pixels, look
from kinesight_local.vision.pictures import decoded

_MAXIMUM_BYTES = 3_750_000
_MAXIMUM_SIDE = 8000
_MOST_PIXELS = 1_200_000
_FORMATS = frozenset({"png", "jpeg", "gif", "webp"})


def availability(model: str) -> dict[str, Any]:
    """GetFoundationModelAvailability: everybody here may use any model."""
    return {
        "modelId": model,
        "agreementAvailability": {"status": "AVAILABLE"},
        "authorizationStatus": "AUTHORIZED",
        "entitlementAvailability": "AVAILABLE",
        "regionAvailability": "AVAILABLE",
    }


def profile(identifier: str) -> dict[str, Any]:
    """GetInferenceProfile, of one model."""
    model = f"arn:aws:bedrock:us-east-1::foundation-model/{identifier.partition('.')[2] or identifier}"
    return {"inferenceProfileId": identifier, "status": "ACTIVE", "models": [{"modelArn": model}]}


def converse(request: dict[str, Any]) -> dict[str, Any]:
    """Raises VisionError."""
    started = time.monotonic()
    tool = _forced_tool(request)
    picture = _picture(request)
    objects = [_object(one) for one in look(picture)]
    block = {"toolUse": {"toolUseId": f"tooluse_{uuid.uuid4().hex}", "name": tool, "input": {"objects": objects}}}
    return {
        "output": {"message": {"role": "assistant", "content": [block]}},
        "stopReason": "tool_use",
        "usage": _usage(request, picture, objects),
        "metrics": {"latencyMs": round(1000 * (time.monotonic() - started))},
    }


def _usage(request: dict[str, Any], picture: Pixels, objects: list[dict[str, Any]]) -> dict[str, int]:
    """Tokens as models count them, roughly: 750 pixels each, of a picture shrunk to 1.2 megapixels, and four characters
    of text."""
    height, width = picture.shape[:2]
    texts = [block.get("text", "") for message in request["messages"] for block in message["content"]]
    asked = len("".join(texts)) + len(json.dumps(request["toolConfig"]))
    read = min(height * width, _MOST_PIXELS) // 750 + asked // 4
    written = len(json.dumps(objects)) // 4
    return {"inputTokens": read, "outputTokens": written, "totalTokens": read + written}


def _refusal(message: str) -> VisionError:
    return VisionError("ValidationException", message)


def _forced_tool(request: dict[str, Any]) -> str:
    tools = request.get("toolConfig", {})
    name = tools.get("toolChoice", {}).get("tool", {}).get("name")
    for one in tools.get("tools", []):
        spec = one.get("toolSpec", {})
        if spec.get("name") == name and "objects" in spec["inputSchema"]["json"].get("properties", {}):
            return str(name)
    raise _refusal("The local vision service calls a tool that it is made to call, one that takes objects.")


def _picture(request: dict[str, Any]) -> Pixels:
    blocks = [block for message in request.get("messages", []) for block in message.get("content", [])]
    images = [block["image"] for block in blocks if "image" in block]
    if len(images) != 1 or images[0].get("format") not in _FORMATS:
        raise _refusal("The local vision service takes one picture: png, jpeg, gif or webp.")
    try:
        body = base64.b64decode(images[0]["source"]["bytes"], validate=True)
    except (KeyError, binascii.Error, TypeError) as error:
        raise _refusal("The picture is not base64.") from error
    if len(body) > _MAXIMUM_BYTES:
        raise _refusal(f"The picture passes {_MAXIMUM_BYTES} bytes.")
    picture = decoded(body)
    if picture is None or max(picture.shape[:2]) > _MAXIMUM_SIDE:
        raise _refusal(f"The picture can't be read, or passes {_MAXIMUM_SIDE} pixels.")
    return picture


def _object(found: Found) -> dict[str, Any]:
    box = dict(zip(("left", "top", "width", "height"), found.box, strict=True))
    return {"label": found.label, "confidence": found.confidence, "box": box}
