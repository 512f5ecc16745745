"""Detector on a Bedrock model that supports images and tools ("API_runtime_Converse", Bedrock API reference).

The request forces the model to call one tool, whose input is the model output: a list of objects by a JSON schema.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from kinesight.adapters.aws.errors import AWS_ERRORS
from kinesight.adapters.detectors.model_errors import translate_model_error
from kinesight.domain.detectors.image_fit import ImageForm, Preparer, SentImage
from kinesight.domain.detectors.output_reader import OutputReader
from kinesight.domain.detectors.ports import ModelOutput, TokenUsage
from kinesight.domain.errors import DetectorRejectedError, ModelOutputError, UnsupportedImageError, maybe_billed
from kinesight.domain.model import DetectorInfo, Frame
from kinesight.domain.ports import ImageStore

if TYPE_CHECKING:
    from mypy_boto3_bedrock_runtime import BedrockRuntimeClient
    from mypy_boto3_bedrock_runtime.literals import ImageFormatType
    from mypy_boto3_bedrock_runtime.type_defs import MessageTypeDef, ToolConfigurationTypeDef

LARGEST_BYTES = 3_750_000
"""Maximum of an image: 3.75 MB, and 8,000 pixels per side ("Message" in the Bedrock API reference)."""
LONGEST_SIDE = 8000

_FORMATS: dict[str, ImageFormatType] = {"image/jpeg": "jpeg", "image/png": "png", "image/gif": "gif"}
_TOOL = "report_objects"
_REFUSED_STOPS = frozenset({"guardrail_intervened", "content_filtered"})


def _ratio(what: str) -> dict[str, Any]:
    return {"type": "number", "minimum": 0, "maximum": 1, "description": what}


_SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["objects"],
    "properties": {
        "objects": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["label", "confidence"],
                "properties": {
                    "label": {"type": "string", "description": "One singular noun with a capital: Person, Car, Dog"},
                    "confidence": {
                        "type": "number",
                        "minimum": 0,
                        "maximum": 100,
                        "description": "How sure it is that the object is there, in percent",
                    },
                    "box": {
                        "type": "object",
                        "description": "Where it is; left out if that is unclear",
                        "required": ["left", "top", "width", "height"],
                        "properties": {
                            "left": _ratio("left edge, as a ratio of the image's width"),
                            "top": _ratio("top edge, as a ratio of the image's height"),
                            "width": _ratio("as a ratio of the image's width"),
                            "height": _ratio("as a ratio of the image's height"),
                        },
                    },
                },
            },
        }
    },
}
_TOOLS: ToolConfigurationTypeDef = {
    "tools": [
        {
            "toolSpec": {
                "name": _TOOL,
                "description": "Takes every object that the image shows; an empty list if it shows none.",
                "inputSchema": {"json": _SCHEMA},
            }
        }
    ],
    "toolChoice": {"tool": {"name": _TOOL}},
}


class BedrockDetector:
    """`reader` uses the mapping BEDROCK. `form` contains Bedrock's limits; larger images are shrunk to them."""

    def __init__(
        self,
        client: BedrockRuntimeClient,
        images: ImageStore,
        prepare: Preparer,
        reader: OutputReader,
        *,
        form: ImageForm,
        model_id: str,
        prompt: str,
        max_tokens: int,
    ) -> None:
        self._client = client
        self._images = images
        self._prepare = prepare
        self._reader = reader
        self._form = form
        self._model_id = model_id
        self._prompt = prompt
        self._max_tokens = max_tokens

    @property
    def fingerprint(self) -> str:
        """Service and model."""
        return f"bedrock/{self._model_id}"

    def detect(self, frame: Frame) -> ModelOutput:
        """Calls GetObject and Converse."""
        sent = self._sent(frame)
        started = time.monotonic()
        response = self._converse(sent, frame.image.key)
        latency_ms = round(1000 * (time.monotonic() - started))
        info = DetectorInfo(type="bedrock", operation=self._model_id, latency_ms=latency_ms)
        reported = self._reported(response)
        usage = response.get("usage", {})
        tokens = TokenUsage(usage["inputTokens"], usage["outputTokens"]) if usage else None
        read = self._reader.interpret(reported, sent)
        return ModelOutput(info, read.detections, reported, tokens=tokens, dropped_rows=read.dropped_rows)

    def _sent(self, frame: Frame) -> SentImage:
        sent = self._prepare(self._form, self._images.read(frame.image), frame.image.content_type)
        if sent.content_type not in _FORMATS or not 0 < len(sent.body) <= LARGEST_BYTES:
            raise UnsupportedImageError(
                f"{frame.image.key} is {sent.content_type} of {len(sent.body)} bytes; Bedrock accepts "
                f"{', '.join(_FORMATS)} of 1 to {LARGEST_BYTES}"
            )
        return sent

    def _converse(self, sent: SentImage, key: str) -> Any:
        message: MessageTypeDef = {
            "role": "user",
            "content": [
                {"image": {"format": _FORMATS[sent.content_type], "source": {"bytes": sent.body}}},
                {"text": self._prompt},
            ],
        }
        try:
            return self._client.converse(
                modelId=self._model_id,
                messages=[message],
                inferenceConfig={"maxTokens": self._max_tokens},
                toolConfig=_TOOLS,
            )
        except AWS_ERRORS as error:
            raise translate_model_error(error, f"Converse {self._model_id} for {key}") from error

    def _reported(self, response: Any) -> Any:
        """Returns the input of the tool call."""
        stop = response.get("stopReason", "unknown")
        if stop in _REFUSED_STOPS:
            raise maybe_billed(DetectorRejectedError(f"{self._model_id} rejected this image: {stop}"))
        if stop == "max_tokens":
            raise ModelOutputError(f"the output of {self._model_id} exceeds bedrockMaxTokens ({self._max_tokens})")
        for block in response.get("output", {}).get("message", {}).get("content", []):
            if block.get("toolUse", {}).get("name") == _TOOL:
                return block["toolUse"]["input"]
        raise ModelOutputError(
            f"{self._model_id} did not call {_TOOL}: {stop}; check that it supports tools and images"
        )
