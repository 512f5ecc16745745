"""The detector on a Bedrock model: what is sent, what it reports, errors by what to do."""

from collections.abc import Iterator
from io import BytesIO
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from kinesight.adapters.detectors.bedrock import LARGEST_BYTES, LONGEST_SIDE, BedrockDetector
from kinesight.adapters.media import pillow_images
from kinesight.domain.detectors.call_prices import MOST_TOKENS_READ
from kinesight.domain.detectors.image_fit import ANY_CONTENT_TYPE, ImageForm
from kinesight.domain.detectors.label_map import LabelMap
from kinesight.domain.detectors.output_presets import output_mapping
from kinesight.domain.detectors.output_reader import OutputReader
from kinesight.domain.errors import (
    DetectorBusyError,
    DetectorRejectedError,
    ModelOutputError,
    UnsupportedImageError,
)
from kinesight_local.vision.server import VisionServer
from PIL import Image

from tests.builders import a_frame
from tests.fakes import FakeImageStore
from tests.functional.test_vision import photograph


@pytest.fixture(scope="module")
def vision() -> Iterator[VisionServer]:
    with VisionServer() as server:
        yield server


def bedrock(client: Any, body: bytes, content_type: str = "image/jpeg") -> Any:
    images = FakeImageStore()
    frame = a_frame()
    frame = frame.model_copy(update={"image": frame.image.model_copy(update={"content_type": content_type})})
    images.objects[frame.image.bucket, frame.image.key] = (body, content_type, {})
    limits = ImageForm(ANY_CONTENT_TYPE, largest_bytes=LARGEST_BYTES, longest_side=LONGEST_SIDE)
    return BedrockDetector(
        client,
        images,
        pillow_images.prepare,
        OutputReader(output_mapping("BEDROCK"), LabelMap(), 60),
        form=limits,
        model_id="local.eyes-v1:0",
        prompt="What is there?",
        max_tokens=500,
    ).detect(frame)


def test_bedrock(vision: VisionServer) -> None:
    output = bedrock(boto3.client("bedrock-runtime", endpoint_url=vision.url), photograph("astronaut.png"))

    (face,) = [one for one in output.detections if one.label == "Face"]
    assert face.bounding_box is not None
    assert face.bounding_box.left == pytest.approx(0.34, abs=0.05)
    assert (output.info.type, output.info.operation) == ("bedrock", "local.eyes-v1:0")
    assert "objects" in output.raw_output
    assert output.tokens is not None
    assert 512 * 512 // 750 < output.tokens.read < MOST_TOKENS_READ
    assert 0 < output.tokens.written < 500


def test_images_for_bedrock_are_within_its_limits(vision: VisionServer) -> None:
    noise = Image.effect_noise((2200, 2200), 90).convert("RGB")
    target = BytesIO()
    noise.save(target, "PNG")
    assert len(target.getvalue()) > LARGEST_BYTES

    output = bedrock(boto3.client("bedrock-runtime", endpoint_url=vision.url), target.getvalue(), "image/png")

    assert output.raw_output["objects"] is not None


class Talking:
    """A Bedrock client that returns a given output or raises an error."""

    def __init__(self, output: Any = None, code: str = "", status: int = 400, **more: Any) -> None:
        self._output = output
        self._error: Any = {"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": status}, **more}

    def converse(self, **_: Any) -> Any:
        if self._output is None:
            raise ClientError(self._error, "Converse")
        return self._output


def said(stop: str, *content: Any) -> Any:
    return {"stopReason": stop, "output": {"message": {"role": "assistant", "content": list(content)}}}


def used(document: Any) -> Any:
    return {"toolUse": {"toolUseId": "1", "name": "report_objects", "input": document}}


@pytest.mark.parametrize(
    ("client", "expected", "complaint"),
    [
        (Talking(code="ThrottlingException", status=429), DetectorBusyError, "Throttling"),
        (Talking(code="ModelNotReadyException", status=429), DetectorBusyError, "ModelNotReady"),
        (Talking(code="ModelTimeoutException", status=408), DetectorBusyError, "ModelTimeout"),
        (Talking(code="ServiceUnavailableException", status=503), DetectorBusyError, "ServiceUnavailable"),
        (Talking(code="ModelErrorException", status=424), DetectorBusyError, "ModelError"),
        (Talking(code="ModelErrorException", status=424, originalStatusCode=400), DetectorRejectedError, "ModelError"),
        (Talking(code="ValidationException"), DetectorRejectedError, "Validation"),
        (Talking(code="AccessDeniedException", status=403), DetectorRejectedError, "AccessDenied"),
        (Talking(said("guardrail_intervened")), DetectorRejectedError, "guardrail"),
        (Talking(said("max_tokens", used({}))), ModelOutputError, "bedrockMaxTokens"),
        (Talking(said("end_turn", {"text": "A cat."})), ModelOutputError, "did not call report_objects"),
        (Talking(said("tool_use", used({}))), ModelOutputError, "rows 'objects': not there"),
        (Talking(said("tool_use", used({"objects": [{"label": "a"}]}))), ModelOutputError, "score 'confidence'"),
    ],
)
def test_bedrocks_errors_are_classified(client: Any, expected: type[Exception], complaint: str) -> None:
    with pytest.raises(expected, match=complaint):
        bedrock(client, photograph("astronaut.png"))


def test_images_that_bedrock_rejects_are_not_sent() -> None:
    with pytest.raises(UnsupportedImageError, match="Bedrock accepts"):
        bedrock(Talking(), photograph("astronaut.png", "BMP"), "image/bmp")
