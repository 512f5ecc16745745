"""The vision service, driven by boto3, on real photographs."""

import base64
import json
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import boto3
import numpy as np
import pytest
import skimage
from botocore.exceptions import ClientError
from kinesight.domain.detectors.image_fit import Fit, SentImage
from kinesight.domain.detectors.label_map import LabelMap
from kinesight.domain.detectors.output_presets import PRESETS, output_mapping
from kinesight.domain.detectors.output_reader import OutputReader
from kinesight_local.vision import detection
from kinesight_local.vision.model_outputs import CLASSES
from kinesight_local.vision.server import VisionServer
from numpy.typing import NDArray
from PIL import Image

PHOTOGRAPHS = Path(skimage.__file__).parent / "data"


@pytest.fixture(scope="module")
def vision() -> Iterator[VisionServer]:
    with VisionServer() as server:
        yield server


@pytest.fixture
def rekognition(vision: VisionServer) -> Any:
    return boto3.client("rekognition", endpoint_url=vision.url)


@pytest.fixture
def runtime(vision: VisionServer) -> Any:
    return boto3.client("sagemaker-runtime", endpoint_url=vision.url)


def photograph(name: str, image_format: str = "JPEG", size: tuple[int, int] | None = None) -> bytes:
    with Image.open(PHOTOGRAPHS / name) as file:
        image = file.convert("RGB")
    target = BytesIO()
    (image.resize(size) if size else image).save(target, image_format)
    return target.getvalue()


def changed(name: str, how: Callable[[Image.Image], Image.Image]) -> bytes:
    """A slightly altered photograph."""
    target = BytesIO()
    with Image.open(PHOTOGRAPHS / name) as image:
        how(image.convert("RGB")).save(target, "JPEG")
    return target.getvalue()


def code(call: Any, **parameters: Any) -> str:
    with pytest.raises(ClientError) as caught:
        call(**parameters)
    return str(caught.value.response["Error"]["Code"])


def test_the_astronauts_face_is_detected_at_its_position(rekognition: Any) -> None:
    (face,) = rekognition.detect_faces(Image={"Bytes": photograph("astronaut.png")})["FaceDetails"]

    assert face["Confidence"] > 80
    assert face["BoundingBox"]["Left"] == pytest.approx(0.34, abs=0.05)
    assert face["BoundingBox"]["Top"] == pytest.approx(0.13, abs=0.05)


def test_a_face_implies_a_person(rekognition: Any) -> None:
    response = rekognition.detect_labels(Image={"Bytes": photograph("astronaut.png")}, MinConfidence=80)

    labels = {label["Name"]: label for label in response["Labels"]}
    assert set(labels) == {"Face", "Person"}
    assert len(labels["Face"]["Instances"]) == 1
    assert labels["Person"]["Instances"] == []


@pytest.mark.parametrize("name", ["coffee.png", "grass.png", "gravel.png", "brick.png"])
def test_an_image_without_people_has_no_detections(rekognition: Any, name: str) -> None:
    assert rekognition.detect_labels(Image={"Bytes": photograph(name)}, MinConfidence=70)["Labels"] == []


def test_images_are_read_from_s3(moto: str, rekognition: Any) -> None:
    s3 = boto3.client("s3")
    s3.create_bucket(Bucket="images")
    s3.put_object(Bucket="images", Key="a b/ü+%.jpg", Body=photograph("astronaut.png"))
    here, missing = ({"S3Object": {"Bucket": "images", "Name": name}} for name in ("a b/ü+%.jpg", "gone.jpg"))

    assert len(rekognition.detect_faces(Image=here)["FaceDetails"]) == 1
    assert code(rekognition.detect_faces, Image=missing) == "InvalidS3ObjectException"


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"hello", "InvalidImageFormatException"),
        (photograph("astronaut.png", "BMP"), "InvalidImageFormatException"),
        (photograph("astronaut.png")[:2000], "InvalidImageFormatException"),
        (photograph("astronaut.png", size=(79, 200)), "InvalidParameterException"),
        (b"\xff\xd8\xff" + bytes(5 * 1024 * 1024), "ImageTooLargeException"),
    ],
)
def test_rekognitions_limits_are_enforced(rekognition: Any, body: bytes, expected: str) -> None:
    found = code(rekognition.detect_labels, Image={"Bytes": body})

    assert found == expected


def test_unsupported_operations_return_an_error(rekognition: Any) -> None:
    assert (
        code(rekognition.recognize_celebrities, Image={"Bytes": photograph("page.png")}) == "UnknownOperationException"
    )


@pytest.mark.parametrize(
    ("content_type", "image_format"),
    [("image/jpeg", "JPEG"), ("image/png", "PNG"), ("image/bmp", "BMP"), ("application/x-image", "JPEG")],
)
def test_the_endpoint_returns_corners(runtime: Any, content_type: str, image_format: str) -> None:
    response = runtime.invoke_endpoint(
        EndpointName="detector", Body=photograph("astronaut.png", image_format), ContentType=content_type
    )

    rows = json.loads(response["Body"].read())["prediction"]
    class_index, score, left, top, right, bottom = rows[0]
    assert (class_index, score > 0.8) == (1.0, True)
    assert 0 < left < right < 1
    assert 0 < top < bottom < 1


def test_a_consumer_may_read_five_rows_of_an_image_without_objects(runtime: Any) -> None:
    """As the example consumer of KIT does: SSD models return improbable rows, too."""
    image = BytesIO()
    Image.new("RGB", (320, 240), "grey").save(image, "JPEG")
    response = runtime.invoke_endpoint(EndpointName="detector", Body=image.getvalue(), ContentType="image/jpeg")

    lines = []
    for index, score, *corners in json.loads(response["Body"].read())["prediction"][:5]:
        lines.append(f"{int(index)} {score:.3f} " + " ".join(f"{one:.1f}" for one in corners))

    assert lines == [
        "0 0.050 0.0 0.0 0.1 0.1",
        "1 0.025 0.1 0.0 0.2 0.1",
        "2 0.017 0.2 0.0 0.3 0.1",
        "0 0.013 0.3 0.0 0.4 0.1",
        "1 0.010 0.4 0.0 0.5 0.1",
    ]


def test_the_endpoint_returns_pixels(runtime: Any) -> None:
    response = runtime.invoke_endpoint(
        EndpointName="detector",
        Body=photograph("astronaut.png"),
        ContentType="image/jpeg",
        Accept="application/json;annotation=1",
    )

    document = json.loads(response["Body"].read())
    assert document["image_size"] == [{"width": 512, "height": 512, "depth": 3}]
    assert document["annotations"][0]["class_id"] == 1
    assert document["annotations"][0]["left"] == pytest.approx(175, abs=25)


def test_the_endpoint_rejects_undecodable_images(runtime: Any) -> None:
    for body, content_type in ((b"hello", "image/jpeg"), (photograph("astronaut.png"), "text/plain")):
        assert code(runtime.invoke_endpoint, EndpointName="d", Body=body, ContentType=content_type) == "ModelError"


@pytest.mark.parametrize(
    ("ending", "mapping"), [(name.lower().replace("_", "-"), name) for name in PRESETS if name != "BEDROCK"]
)
def test_an_endpoint_returns_the_format_that_its_name_ends_with(runtime: Any, ending: str, mapping: str) -> None:
    body = photograph("astronaut.png", size=(560, 480))
    response = runtime.invoke_endpoint(EndpointName=f"local-{ending}", Body=body, ContentType="image/jpeg")
    sent = SentImage(body, "image/jpeg", Fit.whole((560, 480)))

    seen = (
        OutputReader(output_mapping(mapping), LabelMap.of(CLASSES), 60).read(response["Body"].read(), sent).detections
    )

    (face,) = [one for one in seen if one.label == "Face"]
    if mapping != "BUILT_IN_IMAGE_CLASSIFICATION":
        assert face.bounding_box is not None
        assert face.bounding_box.left == pytest.approx(0.34, abs=0.06)
        assert face.bounding_box.top == pytest.approx(0.13, abs=0.06)


def test_an_asynchronous_endpoint_writes_its_output_or_its_failure(moto: str, runtime: Any) -> None:
    s3 = boto3.client("s3")
    s3.create_bucket(Bucket="images")
    s3.put_object(Bucket="images", Key="a b.jpg", Body=photograph("astronaut.png"))
    s3.put_object(Bucket="images", Key="bad.jpg", Body=b"hello")

    good, bad, missing = (
        runtime.invoke_endpoint_async(
            EndpointName="m", InputLocation=f"s3://images/{key}", ContentType="image/jpeg", Accept="application/json"
        )
        for key in ("a b.jpg", "bad.jpg", "gone.jpg")
    )

    assert json.loads(object_at(good["OutputLocation"]))["prediction"]
    assert b"client error (400)" in object_at(bad["FailureLocation"])
    assert b"Unable to read" in object_at(missing["FailureLocation"])
    assert code(runtime.invoke_endpoint_async, EndpointName="m", InputLocation="https://a/b") == "ValidationError"


def object_at(uri: str) -> bytes:
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    boto3.client("s3").get_waiter("object_exists").wait(
        Bucket=bucket, Key=key, WaiterConfig={"Delay": 1, "MaxAttempts": 20}
    )
    body: bytes = boto3.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read()
    return body


def conversation(image: bytes, **changed: Any) -> dict[str, Any]:
    schema = {"type": "object", "properties": {"objects": {"type": "array"}}}
    return {
        "modelId": "local.eyes-v1:0",
        "messages": [{"role": "user", "content": [{"image": {"format": "jpeg", "source": {"bytes": image}}}]}],
        "toolConfig": {
            "tools": [{"toolSpec": {"name": "see", "inputSchema": {"json": schema}}}],
            "toolChoice": {"tool": {"name": "see"}},
        },
        **changed,
    }


def test_a_bedrock_model_calls_the_tool_with_its_detections(vision: VisionServer) -> None:
    bedrock = boto3.client("bedrock-runtime", endpoint_url=vision.url)

    response = bedrock.converse(**conversation(photograph("astronaut.png")))

    (block,) = response["output"]["message"]["content"]
    (face,) = [one for one in block["toolUse"]["input"]["objects"] if one["label"] == "Face"]
    assert (response["stopReason"], block["toolUse"]["name"]) == ("tool_use", "see")
    assert face["box"]["left"] == pytest.approx(0.34, abs=0.05)


def test_a_bedrock_model_rejects_unsupported_requests(vision: VisionServer) -> None:
    bedrock = boto3.client("bedrock-runtime", endpoint_url=vision.url)
    image = photograph("astronaut.png")
    auto = conversation(image)["toolConfig"] | {"toolChoice": {"auto": {}}}
    without = [{"role": "user", "content": [{"text": "hello"}]}]

    for request in (
        conversation(b"hello"),
        conversation(bytes(3_750_001)),
        conversation(image, toolConfig=auto),
        conversation(image, messages=without),
    ):
        assert code(bedrock.converse, **request) == "ValidationException"


def test_a_self_hosted_model_takes_bytes_or_json(vision: VisionServer) -> None:
    import httpx

    image = photograph("astronaut.png")
    document = {"instances": [{"b64": base64.b64encode(image).decode(), "id": "1"}]}

    by_bytes = httpx.post(f"{vision.url}/models/coco", content=image, headers={"Content-Type": "image/jpeg"})
    by_json = httpx.post(f"{vision.url}/models/coco", json=document)

    assert by_bytes.json() == by_json.json()
    assert by_bytes.json()[0]["category_id"] in (0, 1)
    for body, content_type in ((b"hello", "image/jpeg"), (b"{", "application/json"), (b"{}", "application/json")):
        assert httpx.post(f"{vision.url}/models/coco", content=body, headers={"Content-Type": content_type}).is_error


def test_invalid_base64_is_an_error(vision: VisionServer) -> None:
    import httpx

    headers = {"X-Amz-Target": "RekognitionService.DetectFaces"}
    for body in (b"{", b"[]", b'{"Image": {"Bytes": "!"}}', b'{"Image": [1]}', base64.b64encode(b"x")):
        assert httpx.post(vision.url, content=body, headers=headers).status_code == 400


def test_the_same_pixels_are_analyzed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    analyzed = 0
    faces = detection.faces

    def counting(grey: NDArray[Any]) -> list[detection.Detection]:
        nonlocal analyzed
        analyzed += 1
        return faces(grey)

    monkeypatch.setattr(detection, "faces", counting)
    for detector in (detection.detect, detection.detect_faces):
        monkeypatch.setattr(detector, "cache", {})
    image = np.random.default_rng(1).integers(0, 256, (160, 120, 3), np.uint8)
    changed = image.copy()
    changed[7, 7, 1] ^= 1

    assert detection.detect(image) == detection.detect(image.copy())
    assert analyzed == 1
    detection.detect(changed)
    detection.detect(image.reshape(120, 160, 3))
    assert analyzed == 3
    detection.detect_faces(image)
    assert analyzed == 4
