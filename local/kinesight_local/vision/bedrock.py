"""Converse with one forced tool that takes `objects`, as the Bedrock detector calls it. Every model id exists.

It ignores the prompt and the rest of the conversation: it calls the tool with the detections in the image.
"""

import base64
import binascii
import json
import time
import uuid
from typing import Any

from kinesight_local.vision.decoding import decoded
from kinesight_local.vision.detection import Detection, Pixels, detect
from kinesight_local.vision.errors import VisionError

_MAXIMUM_BYTES = 3_750_000
_MAXIMUM_SIDE = 8000
_MOST_PIXELS = 1_200_000
_FORMATS = frozenset({"png", "jpeg", "gif", "webp"})


def availability(model: str) -> dict[str, Any]:
    """GetFoundationModelAvailability: every model is available."""
    return {
        "modelId": model,
        "agreementAvailability": {"status": "AVAILABLE"},
        "authorizationStatus": "AUTHORIZED",
        "entitlementAvailability": "AVAILABLE",
        "regionAvailability": "AVAILABLE",
    }


def profile(identifier: str) -> dict[str, Any]:
    """GetInferenceProfile: a profile with one model."""
    model = f"arn:aws:bedrock:us-east-1::foundation-model/{identifier.partition('.')[2] or identifier}"
    return {"inferenceProfileId": identifier, "status": "ACTIVE", "models": [{"modelArn": model}]}


def converse(request: dict[str, Any]) -> dict[str, Any]:
    """The response. Raises VisionError."""
    started = time.monotonic()
    tool = _forced_tool(request)
    image = _image(request)
    objects = [_object(one) for one in detect(image)]
    block = {"toolUse": {"toolUseId": f"tooluse_{uuid.uuid4().hex}", "name": tool, "input": {"objects": objects}}}
    return {
        "output": {"message": {"role": "assistant", "content": [block]}},
        "stopReason": "tool_use",
        "usage": _usage(request, image, objects),
        "metrics": {"latencyMs": round(1000 * (time.monotonic() - started))},
    }


def _usage(request: dict[str, Any], image: Pixels, objects: list[dict[str, Any]]) -> dict[str, int]:
    """Approximate tokens: one per 750 pixels of an image of at most 1.2 megapixels, and one per four characters of
    text."""
    height, width = image.shape[:2]
    texts = [block.get("text", "") for message in request["messages"] for block in message["content"]]
    prompt = len("".join(texts)) + len(json.dumps(request["toolConfig"]))
    read = min(height * width, _MOST_PIXELS) // 750 + prompt // 4
    written = len(json.dumps(objects)) // 4
    return {"inputTokens": read, "outputTokens": written, "totalTokens": read + written}


def _validation_error(message: str) -> VisionError:
    return VisionError("ValidationException", message)


def _forced_tool(request: dict[str, Any]) -> str:
    tools = request.get("toolConfig", {})
    name = tools.get("toolChoice", {}).get("tool", {}).get("name")
    for one in tools.get("tools", []):
        spec = one.get("toolSpec", {})
        if spec.get("name") == name and "objects" in spec["inputSchema"]["json"].get("properties", {}):
            return str(name)
    raise _validation_error("The local vision service requires toolChoice to name a tool with the property `objects`.")


def _image(request: dict[str, Any]) -> Pixels:
    blocks = [block for message in request.get("messages", []) for block in message.get("content", [])]
    images = [block["image"] for block in blocks if "image" in block]
    if len(images) != 1 or images[0].get("format") not in _FORMATS:
        raise _validation_error("The local vision service requires exactly one image: png, jpeg, gif or webp.")
    try:
        body = base64.b64decode(images[0]["source"]["bytes"], validate=True)
    except (KeyError, binascii.Error, TypeError) as error:
        raise _validation_error("The image is not base64.") from error
    if len(body) > _MAXIMUM_BYTES:
        raise _validation_error(f"The image has more than {_MAXIMUM_BYTES} bytes.")
    image = decoded(body)
    if image is None or max(image.shape[:2]) > _MAXIMUM_SIDE:
        raise _validation_error(f"The image cannot be decoded, or is larger than {_MAXIMUM_SIDE} pixels.")
    return image


def _object(found: Detection) -> dict[str, Any]:
    box = dict(zip(("left", "top", "width", "height"), found.box, strict=True))
    return {"label": found.label, "confidence": found.confidence, "box": box}
