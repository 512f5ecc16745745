"""Detectors against the vision service: limits before the call, answers as detections, errors by what to do."""

from collections.abc import Iterator
from typing import Any, Literal

import boto3
import pytest
from botocore.exceptions import ClientError
from kinesight.adapters.detectors.rekognition_faces import RekognitionFaces
from kinesight.adapters.detectors.rekognition_labels import RekognitionLabels
from kinesight.adapters.detectors.sagemaker import SageMakerEndpoint
from kinesight.adapters.media import pillow_images
from kinesight.adapters.s3.bucket import S3Bucket
from kinesight.adapters.s3.crops import S3Crops
from kinesight.adapters.s3.image_store import S3ImageStore
from kinesight.domain.detectors.budgeted_detector import BudgetedDetector
from kinesight.domain.detectors.call_prices import CallPrice
from kinesight.domain.detectors.chained_detector import ChainedDetector, ChainRules
from kinesight.domain.detectors.image_fit import Endpoint, ImageForm
from kinesight.domain.detectors.label_map import LabelMap
from kinesight.domain.detectors.output_presets import output_mapping
from kinesight.domain.detectors.output_reader import OutputReader
from kinesight.domain.detectors.spend import FrameSpend
from kinesight.domain.errors import DetectorBusyError, DetectorRejectedError, UnsupportedImageError
from kinesight.domain.model import Frame, ImageReference
from kinesight.domain.sessions.stationary_objects import intersection_over_union
from kinesight_local.vision.server import VisionServer

from tests.builders import a_detection, a_frame
from tests.fakes import FakeImageStore
from tests.functional.test_vision import photograph


@pytest.fixture(scope="module")
def vision() -> Iterator[VisionServer]:
    with VisionServer() as server:
        yield server


@pytest.fixture
def portrait(moto: str) -> Frame:
    return an_image(photograph("astronaut.png"))


def an_image(body: bytes, content_type: str = "image/jpeg") -> Frame:
    s3 = boto3.client("s3")
    s3.create_bucket(Bucket="images")
    s3.put_object(Bucket="images", Key="a.jpg", Body=body)
    return a_frame(image=ImageReference(bucket="images", key="a.jpg", content_type=content_type, size_bytes=len(body)))


def rekognition(vision: VisionServer) -> Any:
    return boto3.client("rekognition", endpoint_url=vision.url)


def test_labels(vision: VisionServer, portrait: Frame) -> None:
    output = RekognitionLabels(rekognition(vision), minimum_confidence=80, max_labels=10).detect(portrait)

    assert {found.label for found in output.detections} == {"Face", "Person"}
    assert output.info.operation == "DetectLabels"
    assert output.info.model_version
    assert "Labels" in output.raw_output


@pytest.mark.parametrize("on", ["FRAME", "CROP"])
def test_a_chain_detects_the_same_face_in_the_image_and_in_a_crop(
    vision: VisionServer, portrait: Frame, on: Literal["FRAME", "CROP"]
) -> None:
    s3 = boto3.client("s3")
    labels = RekognitionLabels(rekognition(vision), minimum_confidence=80, max_labels=10)
    faces = RekognitionFaces(rekognition(vision), minimum_confidence=80)
    crops = S3Crops(S3ImageStore(s3), S3Bucket(s3, "images"), pillow_images.cropped)
    (alone,) = faces.detect(portrait).detections

    first, second = (BudgetedDetector(one, one.fingerprint, CallPrice(0), None) for one in (labels, faces))
    chain = ChainedDetector(first, second, ChainRules.of(["face"], 80, on), crops)
    output = chain.detect(portrait, FrameSpend())

    (closer,) = [found for found in output.detections if found.attributes.get("detector") == faces.fingerprint]
    assert closer.bounding_box is not None
    assert alone.bounding_box is not None
    assert intersection_over_union(closer.bounding_box, alone.bounding_box) > 0.6
    written = [one["Key"] for one in s3.list_objects_v2(Bucket="images", Prefix="crops/").get("Contents", [])]
    assert len(written) == (on == "CROP")


def test_faces(vision: VisionServer, portrait: Frame) -> None:
    (face,) = RekognitionFaces(rekognition(vision), minimum_confidence=80).detect(portrait).detections

    assert face.label == "Face"
    assert face.bounding_box is not None


@pytest.mark.parametrize(
    ("size", "content_type"), [(0, "image/jpeg"), (15 * 1024 * 1024 + 1, "image/jpeg"), (1000, "image/gif")]
)
def test_images_that_rekognition_rejects_are_not_sent(vision: VisionServer, size: int, content_type: str) -> None:
    image = ImageReference(bucket="images", key="a", content_type=content_type, size_bytes=size)
    before = dict(vision.calls)

    with pytest.raises(UnsupportedImageError, match=r"Rekognition|empty"):
        RekognitionFaces(rekognition(vision), minimum_confidence=80).detect(a_frame(image=image))
    assert dict(vision.calls) == before


def test_an_undecodable_image_is_a_permanent_error(vision: VisionServer, moto: str) -> None:
    with pytest.raises(UnsupportedImageError, match="InvalidImageFormat"):
        RekognitionFaces(rekognition(vision), minimum_confidence=80).detect(an_image(b"hello"))


class Failing:
    """A Rekognition or SageMaker client that answers with an error."""

    def __init__(self, code: str, status: int = 400, **more: Any) -> None:
        self._response: Any = {"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": status}, **more}

    def detect_faces(self, **_: Any) -> Any:
        raise ClientError(self._response, "DetectFaces")

    def invoke_endpoint(self, **_: Any) -> Any:
        raise ClientError(self._response, "InvokeEndpoint")


@pytest.mark.parametrize(
    ("code", "status", "expected"),
    [
        ("ThrottlingException", 400, DetectorBusyError),
        ("ProvisionedThroughputExceededException", 400, DetectorBusyError),
        ("InternalServerError", 500, DetectorBusyError),
        ("AccessDeniedException", 400, DetectorBusyError),
        ("ImageTooLargeException", 400, UnsupportedImageError),
        ("HumanLoopQuotaExceededException", 400, DetectorRejectedError),
    ],
)
def test_rekognitions_errors_are_classified(code: str, status: int, expected: type[Exception]) -> None:
    client: Any = Failing(code, status)

    with pytest.raises(expected, match=code):
        RekognitionFaces(client, minimum_confidence=80).detect(a_frame())


def sagemaker(client: Any, body: bytes, **settings: str) -> Any:
    images = FakeImageStore()
    frame = a_frame()
    images.objects[frame.image.bucket, frame.image.key] = (body, "image/jpeg", {})
    detector = SageMakerEndpoint(
        client,
        images,
        pillow_images.prepare,
        OutputReader(output_mapping("BUILT_IN_OBJECT_DETECTION"), LabelMap.of(["Person", "Face"]), 80),
        Endpoint(
            "model",
            ImageForm(settings.get("content_type", "image/jpeg")),
            settings.get("accept", "application/json"),
        ),
        timeout_ms=10_000,
    )
    return detector.detect(frame)


@pytest.mark.parametrize("content_type", ["image/jpeg", "image/png", "image/bmp", "image/gif", "application/x-image"])
@pytest.mark.parametrize("accept", ["application/json", "application/json;annotation=1"])
def test_the_endpoint_with_every_content_type_and_both_output_formats(
    vision: VisionServer, content_type: str, accept: str
) -> None:
    client = boto3.client("sagemaker-runtime", endpoint_url=vision.url)

    output = sagemaker(client, photograph("astronaut.png"), content_type=content_type, accept=accept)

    (face,) = output.detections
    assert face.label == "Face"
    assert face.bounding_box.left == pytest.approx(0.34, abs=0.05)


@pytest.mark.parametrize(
    ("code", "status", "more", "expected"),
    [
        ("ModelError", 424, {"OriginalStatusCode": 400}, DetectorRejectedError),
        ("ModelError", 424, {"OriginalStatusCode": 500}, DetectorBusyError),
        ("ModelNotReadyException", 429, {}, DetectorBusyError),
        ("ServiceUnavailable", 503, {}, DetectorBusyError),
        ("ValidationError", 400, {}, DetectorRejectedError),
    ],
)
def test_sagemakers_errors_are_classified(code: str, status: int, more: Any, expected: type[Exception]) -> None:
    with pytest.raises(expected):
        sagemaker(Failing(code, status, **more), photograph("astronaut.png"))


def test_an_image_over_the_endpoints_limit_is_not_sent() -> None:
    with pytest.raises(UnsupportedImageError, match="6291456"):
        sagemaker(Failing("none"), bytes(7_000_000))


def test_an_annotated_image_keeps_its_size_and_has_its_boxes() -> None:
    from io import BytesIO

    from PIL import Image

    image = photograph("coffee.png")
    odd = a_detection(bounding_box={"left": -0.2, "top": 0.9, "width": 2.0, "height": 2.0}, label="Ünïcode")

    drawn = pillow_images.PillowAnnotator().annotate(image, [a_detection(), odd, a_detection(bounding_box=None)])

    with Image.open(BytesIO(drawn)) as after, Image.open(BytesIO(image)) as before:
        assert (after.size, after.format) == (before.size, "JPEG")
        assert after.tobytes() != before.tobytes()


@pytest.mark.parametrize("body", [b"", b"hello", photograph("coffee.png")[:500]])
def test_an_undecodable_image_cannot_be_annotated(body: bytes) -> None:
    with pytest.raises(UnsupportedImageError):
        pillow_images.PillowAnnotator().annotate(body, [])
