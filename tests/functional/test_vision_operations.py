"""The vision service's other Rekognition operations: face search, plates, and empty results."""

from collections.abc import Callable, Iterator
from io import BytesIO
from typing import Any

import boto3
import botocore.session
import numpy as np
import pytest
from botocore.validate import ParamValidator
from kinesight_local.vision.rekognition import Rekognition
from kinesight_local.vision.server import VisionServer
from PIL import Image, ImageDraw, ImageEnhance, ImageFilter, ImageFont

from tests.functional.test_vision import PHOTOGRAPHS, changed, code, photograph

MODEL = "arn:aws:rekognition:us-east-1:111122223333:project/parts/version/v1/1767268800000"
ASTRONAUT = photograph("astronaut.png")


@pytest.fixture(scope="module")
def vision() -> Iterator[VisionServer]:
    with VisionServer() as server:
        yield server


@pytest.fixture
def rekognition(vision: VisionServer) -> Any:
    return boto3.client("rekognition", endpoint_url=vision.url)


@pytest.fixture
def staff(rekognition: Any) -> Iterator[str]:
    rekognition.create_collection(CollectionId="staff")
    yield "staff"
    rekognition.delete_collection(CollectionId="staff")


def searched(rekognition: Any, image: bytes, collection: str = "staff", **more: Any) -> Any:
    return rekognition.search_faces_by_image(CollectionId=collection, Image={"Bytes": image}, **more)


@pytest.mark.parametrize(
    "how",
    [
        lambda image: image,
        lambda image: image.resize((300, 300)),
        lambda image: image.crop((60, 20, 460, 420)),
        lambda image: image.filter(ImageFilter.GaussianBlur(1.5)),
        lambda image: image.rotate(4),
        lambda image: ImageEnhance.Brightness(image).enhance(0.6),
    ],
    ids=["same", "smaller", "cropped", "blurred", "turned", "darker"],
)
def test_a_face_is_recognized(rekognition: Any, staff: str, how: Callable[[Image.Image], Image.Image]) -> None:
    indexed = rekognition.index_faces(CollectionId=staff, Image={"Bytes": ASTRONAUT}, ExternalImageId="eileen")

    response = searched(rekognition, changed("astronaut.png", how))

    (match,) = response["FaceMatches"]
    assert match["Similarity"] >= 80
    assert match["Face"]["ExternalImageId"] == "eileen"
    assert match["Face"]["FaceId"] == indexed["FaceRecords"][0]["Face"]["FaceId"]
    assert response["SearchedFaceConfidence"] > 80


def portraits(count: int) -> Iterator[bytes]:
    """Faces of different people, 25 pixels wide and enlarged; the cascade does not detect the fifth."""
    faces = np.delete(np.load(PHOTOGRAPHS / "lfw_subset.npy"), 4, axis=0)
    for face in faces[:count]:
        grey = Image.fromarray((face * 255).astype(np.uint8))
        canvas = Image.new("L", (320, 320), int(face.mean() * 255))
        canvas.paste(grey.resize((200, 200), Image.Resampling.BICUBIC), (60, 60))
        target = BytesIO()
        canvas.convert("RGB").save(target, "JPEG", quality=95)
        yield target.getvalue()


def test_different_people_rarely_match(rekognition: Any, staff: str) -> None:
    rekognition.index_faces(CollectionId=staff, Image={"Bytes": ASTRONAUT}, ExternalImageId="eileen")
    people = list(portraits(20))
    for number, image in enumerate(people[:10]):
        rekognition.index_faces(CollectionId=staff, Image={"Bytes": image}, ExternalImageId=f"person-{number}")

    strangers = [searched(rekognition, image)["FaceMatches"] for image in people[10:]]
    matched = [searched(rekognition, image)["FaceMatches"] for image in people[:10]]

    assert sum(bool(matches) for matches in strangers) <= 1
    assert [matches[0]["Face"]["ExternalImageId"] for matches in matched] == [f"person-{n}" for n in range(10)]


def test_the_threshold_decides(rekognition: Any, staff: str) -> None:
    rekognition.index_faces(CollectionId=staff, Image={"Bytes": ASTRONAUT})
    (stranger,) = portraits(1)

    loose = searched(rekognition, stranger, FaceMatchThreshold=0, MaxFaces=1)
    strict = searched(rekognition, stranger)

    assert len(loose["FaceMatches"]) == 1
    assert "ExternalImageId" not in loose["FaceMatches"][0]["Face"]
    assert strict["FaceMatches"] == []
    assert strict["SearchedFaceBoundingBox"]


def test_an_image_without_a_face_is_an_invalid_parameter(rekognition: Any, staff: str) -> None:
    with pytest.raises(rekognition.exceptions.InvalidParameterException, match="There are no faces in the image"):
        searched(rekognition, photograph("coffee.png"))


def test_the_same_image_is_not_indexed_twice(rekognition: Any, staff: str) -> None:
    for name in ("eileen", "eileen", "collins"):
        rekognition.index_faces(CollectionId=staff, Image={"Bytes": ASTRONAUT}, ExternalImageId=name)

    faces = rekognition.list_faces(CollectionId=staff)["Faces"]

    assert [face["ExternalImageId"] for face in faces] == ["eileen", "collins"]


def test_faces_are_listed_by_pages_and_deleted(rekognition: Any, staff: str) -> None:
    for image in portraits(3):
        rekognition.index_faces(CollectionId=staff, Image={"Bytes": image})
    paginator = rekognition.get_paginator("list_faces")
    pages = [page["Faces"] for page in paginator.paginate(CollectionId=staff, PaginationConfig={"PageSize": 2})]
    unknown = "00000000-0000-0000-0000-000000000000"

    deleted = rekognition.delete_faces(CollectionId=staff, FaceIds=[pages[0][0]["FaceId"], unknown])

    assert [len(page) for page in pages] == [2, 1]
    assert deleted["DeletedFaces"] == [pages[0][0]["FaceId"]]
    assert deleted["UnsuccessfulFaceDeletions"] == [{"FaceId": unknown, "Reasons": ["FACE_NOT_FOUND"]}]
    assert len(rekognition.list_faces(CollectionId=staff)["Faces"]) == 2
    assert code(rekognition.list_faces, CollectionId=staff, NextToken="x") == "InvalidPaginationTokenException"


def test_collections_are_created_and_deleted(rekognition: Any, staff: str) -> None:
    assert rekognition.list_collections()["CollectionIds"] == ["staff"]
    assert code(rekognition.create_collection, CollectionId="staff") == "ResourceAlreadyExistsException"
    assert code(rekognition.create_collection, CollectionId="my staff") == "InvalidParameterException"
    for call in (rekognition.delete_collection, rekognition.list_faces):
        assert code(call, CollectionId="guests") == "ResourceNotFoundException"
    assert code(searched, rekognition=rekognition, image=ASTRONAUT, collection="guests") == (
        "ResourceNotFoundException"
    )


def a_car(plate: str) -> bytes:
    """A drawing of a car's dark back with its plate."""
    image = Image.new("RGB", (640, 480), (90, 90, 90))
    draw = ImageDraw.Draw(image)
    draw.rectangle((120, 120, 520, 400), fill=(30, 40, 60))
    draw.rectangle((230, 290, 430, 336), fill=(245, 245, 245), outline=(10, 10, 10), width=2)
    draw.text((238, 290), plate, fill=(15, 15, 15), font=ImageFont.load_default(38), stroke_width=1)
    target = BytesIO()
    image.filter(ImageFilter.GaussianBlur(1)).save(target, "JPEG")
    return target.getvalue()


def test_a_licence_plate_is_detected_at_its_position(rekognition: Any) -> None:
    response = rekognition.detect_labels(Image={"Bytes": a_car("A123BC77")}, MinConfidence=80)

    (label,) = response["Labels"]
    (instance,) = label["Instances"]
    box = instance["BoundingBox"]
    assert label["Name"] == "License Plate"
    assert box["Left"] + box["Width"] / 2 == pytest.approx(330 / 640, abs=0.05)
    assert box["Top"] + box["Height"] / 2 == pytest.approx(313 / 480, abs=0.05)


@pytest.mark.parametrize("name", ["motorcycle_left.png", "phantom.png", "page.png", "grass.png"])
def test_an_image_without_a_plate_has_no_detection(rekognition: Any, name: str) -> None:
    labels = rekognition.detect_labels(Image={"Bytes": photograph(name)}, MinConfidence=0)["Labels"]

    assert "License Plate" not in {label["Name"] for label in labels}


def two_people() -> bytes:
    """Two silhouettes next to each other."""
    image = Image.new("RGB", (640, 480), (190, 195, 190))
    draw = ImageDraw.Draw(image)
    for x, top, height in ((200, 120, 300), (460, 140, 280)):
        _draw_person(draw, x, top, height)
    target = BytesIO()
    image.filter(ImageFilter.GaussianBlur(1)).save(target, "JPEG")
    return target.getvalue()


def _draw_person(draw: ImageDraw.ImageDraw, x: int, top: int, height: int) -> None:
    def at(*points: tuple[float, float]) -> list[tuple[float, float]]:
        return [(x + across * height, top + down * height) for across, down in points]

    draw.ellipse(at((-0.075, 0), (0.075, 0.15)), fill=(40, 35, 45))
    draw.polygon(at((-0.13, 0.17), (0.13, 0.17), (0.1, 0.52), (-0.1, 0.52)), fill=(40, 35, 45))
    for side in (-1, 1):
        leg = at((side * 0.1, 0.5), (side * 0.005, 0.5), (side * 0.05, 1), (side * 0.11, 1))
        arm = at((side * 0.13, 0.18), (side * 0.17, 0.48), (side * 0.13, 0.48), (side * 0.09, 0.2))
        draw.polygon(leg, fill=(40, 35, 45))
        draw.polygon(arm, fill=(40, 35, 45))


def test_people_have_no_equipment(rekognition: Any) -> None:
    request = {"MinConfidence": 50, "RequiredEquipmentTypes": ["HEAD_COVER"]}

    response = rekognition.detect_protective_equipment(Image={"Bytes": two_people()}, SummarizationAttributes=request)

    assert [person["Id"] for person in response["Persons"]] == [0, 1]
    assert sorted(round(person["BoundingBox"]["Left"], 1) for person in response["Persons"]) == [0.2, 0.6]
    assert all(person["BodyParts"] == [] for person in response["Persons"])
    assert response["Summary"]["PersonsIndeterminate"] == [0, 1]
    assert response["Summary"]["PersonsWithoutRequiredEquipment"] == []


def test_results_that_opencv_cannot_compute_are_empty(rekognition: Any) -> None:
    page = {"Bytes": photograph("page.png")}

    assert rekognition.detect_text(Image=page)["TextDetections"] == []
    assert rekognition.detect_moderation_labels(Image=page)["ModerationLabels"] == []
    assert code(rekognition.detect_text, Image={"Bytes": b"hello"}) == "InvalidImageFormatException"
    assert code(rekognition.detect_moderation_labels, Image={"Bytes": b"hello"}) == "InvalidImageFormatException"


def test_a_custom_model_does_not_exist_then_runs_then_is_stopped(rekognition: Any) -> None:
    request = {"ProjectVersionArn": MODEL, "Image": {"Bytes": ASTRONAUT}}

    assert code(rekognition.detect_custom_labels, **request) == "ResourceNotFoundException"
    assert code(rekognition.stop_project_version, ProjectVersionArn=MODEL) == "ResourceNotFoundException"
    assert rekognition.start_project_version(ProjectVersionArn=MODEL, MinInferenceUnits=1)["Status"] == "RUNNING"
    assert rekognition.detect_custom_labels(**request)["CustomLabels"] == []
    again = code(rekognition.start_project_version, ProjectVersionArn=MODEL, MinInferenceUnits=1)
    assert again == "ResourceInUseException"
    (project,) = rekognition.describe_projects(ProjectNames=["parts"])["ProjectDescriptions"]
    versions = rekognition.describe_project_versions(ProjectArn=project["ProjectArn"], VersionNames=["v1"])
    assert [(one["ProjectVersionArn"], one["Status"]) for one in versions["ProjectVersionDescriptions"]] == [
        (MODEL, "RUNNING")
    ]
    assert rekognition.describe_projects(ProjectNames=["other"])["ProjectDescriptions"] == []
    assert rekognition.stop_project_version(ProjectVersionArn=MODEL)["Status"] == "STOPPED"
    assert code(rekognition.detect_custom_labels, **request) == "ResourceNotReadyException"


def test_every_response_has_the_service_models_shape(moto: str) -> None:
    """The raw response: boto3 drops unknown members."""
    service = Rekognition()
    s3 = boto3.client("s3")
    s3.create_bucket(Bucket="images")
    s3.put_object(Bucket="images", Key="a.jpg", Body=ASTRONAUT)
    image = {"Image": {"S3Object": {"Bucket": "images", "Name": "a.jpg"}}}
    staff = {"CollectionId": "staff"}
    required = {"MinConfidence": 50, "RequiredEquipmentTypes": ["HAND_COVER"]}
    calls: list[tuple[str, dict[str, Any]]] = [
        ("CreateCollection", staff),
        ("IndexFaces", {**staff, **image, "ExternalImageId": "eileen"}),
        ("DescribeCollection", staff),
        ("ListCollections", {}),
        ("ListFaces", {**staff, "MaxResults": 1}),
        ("SearchFacesByImage", {**staff, **image}),
        ("DetectLabels", image),
        ("DetectFaces", image),
        ("DetectProtectiveEquipment", {**image, "SummarizationAttributes": required}),
        ("DetectModerationLabels", image),
        ("DetectText", image),
        ("StartProjectVersion", {"ProjectVersionArn": MODEL, "MinInferenceUnits": 1}),
        ("DetectCustomLabels", {**image, "ProjectVersionArn": MODEL}),
        ("DescribeProjects", {}),
        ("DescribeProjectVersions", {"ProjectArn": f"{MODEL.partition('/version/')[0]}/1"}),
        ("StopProjectVersion", {"ProjectVersionArn": MODEL}),
    ]
    for operation, parameters in calls:
        checked(operation, service.call(operation, parameters))
    (face,) = service.call("ListFaces", staff)["Faces"]
    checked("DeleteFaces", service.call("DeleteFaces", {**staff, "FaceIds": [face["FaceId"], "unknown"]}))
    checked("DeleteCollection", service.call("DeleteCollection", staff))


def checked(operation: str, response: dict[str, Any]) -> None:
    shape = botocore.session.get_session().get_service_model("rekognition").operation_model(operation).output_shape
    assert shape is not None
    report = ParamValidator().validate(response, shape)
    assert not report.has_errors(), f"{operation}: {report.generate_report()}"
