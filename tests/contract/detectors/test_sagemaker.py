"""Detectors on models of one's own, against the vision service: what is sent, what comes back, errors by what to do."""

import threading
from collections.abc import Iterator
from io import BytesIO
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from kinesight.adapters.aws import clients as aws_clients
from kinesight.adapters.detectors.sagemaker import SageMakerEndpoint
from kinesight.adapters.detectors.sagemaker_async import SageMakerAsyncEndpoint
from kinesight.adapters.media import pillow_images
from kinesight.adapters.s3.image_store import S3ImageStore
from kinesight.adapters.s3.objects import S3Objects
from kinesight.detection_settings import DetectionSettings
from kinesight.domain.configuration.document import ConfigurationDocument
from kinesight.domain.detectors.image_fit import ANY_CONTENT_TYPE, Endpoint, ImageForm, Resize
from kinesight.domain.detectors.label_map import LabelMap
from kinesight.domain.detectors.output_presets import output_mapping
from kinesight.domain.detectors.output_reader import OutputReader
from kinesight.domain.detectors.spend import FrameSpend
from kinesight.domain.errors import (
    DetectorBusyError,
    DetectorRejectedError,
    InvalidConfigurationError,
    UnsupportedImageError,
)
from kinesight.domain.model import Detection, Frame, ImageReference
from kinesight_local.vision.model_outputs import CLASSES
from kinesight_local.vision.server import VisionServer
from PIL import Image

from tests.builders import a_frame
from tests.functional.test_vision import photograph
from tests.wired_detectors import wired_detector


@pytest.fixture(scope="module")
def vision() -> Iterator[VisionServer]:
    with VisionServer() as server:
        yield server


def an_image(body: bytes, content_type: str = "image/jpeg") -> Frame:
    s3 = boto3.client("s3")
    s3.create_bucket(Bucket="images")
    s3.put_object(Bucket="images", Key="images/a.jpg", Body=body)
    image = ImageReference(bucket="images", key="images/a.jpg", content_type=content_type, size_bytes=len(body))
    return a_frame(image=image)


def reader(mapping: str) -> OutputReader:
    return OutputReader(output_mapping(mapping), LabelMap.of(CLASSES), 60)


def the_face(found: tuple[Detection, ...]) -> tuple[float, float]:
    (face,) = [one for one in found if one.label == "Face"]
    assert face.bounding_box is not None
    return face.bounding_box.left, face.bounding_box.top


WHERE = pytest.approx((0.34, 0.13), abs=0.06)


@pytest.mark.parametrize("resize", ["LETTERBOX", "STRETCH"])
@pytest.mark.parametrize("mapping", ["COCO", "YOLO", "HUGGING_FACE", "BUILT_IN_OBJECT_DETECTION"])
def test_boxes_of_a_resized_image_keep_their_position(
    vision: VisionServer, moto: str, mapping: str, resize: Resize
) -> None:
    form = ImageForm("image/png", (640, 520), resize=resize, size_matters=output_mapping(mapping).needs_sent_size)
    endpoint = Endpoint(f"m-{mapping.lower().replace('_', '-')}", form, "application/json")
    client = boto3.client("sagemaker-runtime", endpoint_url=vision.url)
    images = S3ImageStore(boto3.client("s3"))

    frame = an_image(photograph("astronaut.png"))
    output = SageMakerEndpoint(
        client, images, pillow_images.prepare, reader(mapping), endpoint, timeout_ms=10_000
    ).detect(frame)

    assert the_face(output.detections) == WHERE
    assert output.info.operation == endpoint.name


def prepared_size(form: ImageForm, body: bytes, content_type: str = "image/jpeg") -> tuple[int, int]:
    with Image.open(BytesIO(pillow_images.prepare(form, body, content_type).body)) as image:
        return image.size


def test_an_image_within_the_limits_is_sent_unchanged() -> None:
    body = photograph("astronaut.png")

    for form in (
        ImageForm("image/jpeg"),
        ImageForm(ANY_CONTENT_TYPE),
        ImageForm("image/jpeg", (512, 512), size_matters=True),
        ImageForm("image/jpeg", largest_bytes=len(body), longest_side=512),
    ):
        assert pillow_images.prepare(form, body, "image/jpeg").body is body


def test_an_image_is_shrunk_to_the_limits() -> None:
    body = photograph("astronaut.png", "PNG")

    small = pillow_images.prepare(ImageForm(ANY_CONTENT_TYPE, largest_bytes=60_000), body, "image/png")

    assert len(small.body) <= 60_000
    assert small.content_type == "image/png"
    assert prepared_size(ImageForm("image/jpeg", longest_side=100), body, "image/png") == (100, 100)


@pytest.mark.parametrize("body", [b"", b"hello", photograph("coffee.png")[:500]])
def test_an_undecodable_image_cannot_be_resized(body: bytes) -> None:
    with pytest.raises(UnsupportedImageError):
        pillow_images.prepare(ImageForm("image/jpeg", (64, 64)), body, "image/jpeg")


class Clock:
    """Time that passes only in sleep, while the vision service really works."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def sleep(self, seconds: float) -> None:
        self.now_s += seconds
        threading.Event().wait(0.05)


class RealClock(Clock):
    """For an endpoint that answers: its time is the time that passes."""

    def sleep(self, seconds: float) -> None:
        super().sleep(0.05)


def asynchronous(client: Any, form: ImageForm, clock: Clock, name: str = "m-coco") -> SageMakerAsyncEndpoint:
    s3 = boto3.client("s3")
    return SageMakerAsyncEndpoint(
        client,
        S3ImageStore(s3),
        S3Objects(s3),
        pillow_images.prepare,
        reader("COCO"),
        Endpoint(name, form, "application/json"),
        timeout_ms=60_000,
        sleep=clock.sleep,
        monotonic_s=lambda: clock.now_s,
    )


@pytest.mark.parametrize(
    ("form", "inputs"),
    [
        (ImageForm("image/jpeg", size_matters=True), set()),
        (ImageForm("image/png", size_matters=True), {"model-input/images/a.jpg"}),
        (ImageForm("image/jpeg", (640, 640), size_matters=True), {"model-input/images/a.jpg"}),
    ],
)
def test_an_asynchronous_endpoint_reads_the_image_from_its_location(
    vision: VisionServer, moto: str, form: ImageForm, inputs: set[str]
) -> None:
    client = boto3.client("sagemaker-runtime", endpoint_url=vision.url)

    output = asynchronous(client, form, RealClock()).detect(an_image(photograph("astronaut.png")))

    keys = {one["Key"] for one in boto3.client("s3").list_objects_v2(Bucket="images")["Contents"]}
    assert the_face(output.detections) == WHERE
    assert {key for key in keys if key.startswith("model-input/")} == inputs


def test_an_asynchronous_failure_is_an_error(vision: VisionServer, moto: str) -> None:
    client = boto3.client("sagemaker-runtime", endpoint_url=vision.url)

    with pytest.raises(DetectorRejectedError, match=r"m-coco failed: .*400"):
        asynchronous(client, ImageForm("image/jpeg"), RealClock()).detect(an_image(b"hello"))


class Silent:
    """An asynchronous endpoint that never writes, or fails, or refuses."""

    def __init__(self, failure: bytes | None = None, code: str = "", status: int = 400) -> None:
        self._failure = failure
        self._response: Any = {"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": status}}

    def invoke_endpoint_async(self, **request: Any) -> Any:
        assert (request["RequestTTLSeconds"], request["InvocationTimeoutSeconds"]) == (60, 60)
        if self._response["Error"]["Code"]:
            raise ClientError(self._response, "InvokeEndpointAsync")
        if self._failure is not None:
            boto3.client("s3").put_object(Bucket="images", Key="f", Body=self._failure)
        return {"OutputLocation": "s3://images/o", "FailureLocation": "s3://images/f"}


@pytest.mark.parametrize(
    ("client", "expected", "complaint"),
    [
        (Silent(), DetectorBusyError, "no output to s3://images/o in 60 s"),
        (Silent(b"Received server error (500) from primary"), DetectorBusyError, "500"),
        (Silent(b"Received client error (415) from primary"), DetectorRejectedError, "415"),
        (Silent(b"something else"), DetectorBusyError, "something else"),
        (Silent(code="ValidationError"), DetectorRejectedError, "ValidationError"),
        (Silent(code="ServiceUnavailable", status=503), DetectorBusyError, "ServiceUnavailable"),
    ],
)
def test_asynchronous_errors_are_classified(moto: str, client: Any, expected: type[Exception], complaint: str) -> None:
    frame = an_image(photograph("astronaut.png"))

    with pytest.raises(expected, match=complaint):
        asynchronous(client, ImageForm("image/jpeg"), Clock()).detect(frame)


def settings(**options: Any) -> DetectionSettings:
    return DetectionSettings(
        results_stream_name="results",
        configuration_bucket="bucket",
        crops_bucket="bucket",
        idempotency_table="table",
        coordination_table="table",
        **options,
    )


@pytest.mark.parametrize(
    ("options", "fingerprint"),
    [
        ({"detector": "REKOGNITION_LABELS"}, "rekognition/DetectLabels"),
        ({"detector": "SAGEMAKER", "sagemaker_endpoint_name": "m"}, "sagemaker/m"),
        (
            {"detector": "SAGEMAKER_ASYNC", "sagemaker_endpoint_name": "m", "sagemaker_async_output_bucket": "o"},
            "sagemaker-async/m",
        ),
        ({"detector": "HTTP", "http_model_url": "https://m/see?key=1"}, "http/https://m/see"),
        ({"detector": "BEDROCK", "bedrock_model_id": "m"}, "bedrock/m"),
    ],
)
def test_every_detector_is_built_from_its_settings(options: Any, fingerprint: str) -> None:
    assert wired_detector(settings(**options)).fingerprint.startswith(fingerprint)


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"detector": "SAGEMAKER"}, "SageMakerEndpointName"),
        ({"detector": "HTTP"}, "HttpModelUrl"),
        ({"detector": "HTTP", "http_model_url": "http://example.com"}, "not a private address"),
        ({"detector": "BEDROCK"}, "BedrockModelId"),
    ],
)
def test_invalid_settings_are_explained(options: Any, complaint: str) -> None:
    with pytest.raises(InvalidConfigurationError, match=complaint):
        wired_detector(settings(**options))


@pytest.fixture
def fresh_clients() -> Iterator[None]:
    """Clients that know this test's endpoints, and that no later test meets."""
    made = (aws_clients.s3, aws_clients.sagemaker_runtime)
    for one in made:
        one.cache_clear()
    yield
    for one in made:
        one.cache_clear()


def test_class_names_come_from_the_document(
    moto: str, vision: VisionServer, monkeypatch: pytest.MonkeyPatch, fresh_clients: None
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME", vision.url)
    frame = an_image(photograph("astronaut.png"))
    stack = settings(detector="SAGEMAKER", sagemaker_endpoint_name="m")
    names = ["", "Visage", *(f"thing {number}" for number in range(2, 1000))]
    document, _ = ConfigurationDocument.check(
        {
            "schemaVersion": 1,
            "detectors": {"mine": {"type": "SAGEMAKER", "classNames": names}},
            "defaults": {"detector": "mine"},
        }
    )

    named = wired_detector(stack, document)

    assert "Visage" in {found.label for found in named.detect(frame, FrameSpend()).detections}
