"""Rekognition's detectors against botocore's shapes: what is sent, what is answered, what the errors mean.

The stub refuses requests and answers that are not of the service model's shape.
"""

from collections.abc import Callable, Mapping
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber
from kinesight.adapters.detectors.rekognition_custom_labels import RekognitionCustomLabels
from kinesight.adapters.detectors.rekognition_face_search import RekognitionFaceSearch
from kinesight.adapters.detectors.rekognition_faces import RekognitionFaces
from kinesight.adapters.detectors.rekognition_labels import RekognitionLabels
from kinesight.adapters.detectors.rekognition_moderation import RekognitionModeration
from kinesight.adapters.detectors.rekognition_operation import RekognitionOperation
from kinesight.adapters.detectors.rekognition_protective_equipment import RekognitionProtectiveEquipment
from kinesight.adapters.detectors.rekognition_text import RekognitionText
from kinesight.domain.detectors.licence_plates import PlateRules
from kinesight.domain.detectors.ports import ModelOutput
from kinesight.domain.detectors.protective_equipment import Equipment
from kinesight.domain.errors import DetectorBusyError, DetectorRejectedError, UnsupportedImageError
from kinesight.domain.model import ImageReference

from tests.builders import a_frame

MODEL = "arn:aws:rekognition:us-east-1:111122223333:project/parts/version/parts.2026-01-01T12.00.00/1767268800000"
FACE_ID = "11111111-2222-3333-4444-555555555555"
BOX = {"Left": 0.1, "Top": 0.2, "Width": 0.3, "Height": 0.4}
FRAME = a_frame()
IMAGE = {"S3Object": {"Bucket": FRAME.image.bucket, "Name": FRAME.image.key}}

Builder = Callable[[Any], RekognitionOperation]


def face_search(client: Any, **more: Any) -> RekognitionFaceSearch:
    options: dict[str, Any] = {"collection_id": "staff", "match_threshold": 85.0}
    return RekognitionFaceSearch(client, minimum_confidence=80, **(options | more))


def text(client: Any, plates: PlateRules = PlateRules()) -> RekognitionText:  # noqa: B008 - a frozen value
    return RekognitionText(client, minimum_confidence=80, plates=plates)


def equipment(client: Any, *required: Equipment) -> RekognitionProtectiveEquipment:
    return RekognitionProtectiveEquipment(client, minimum_confidence=80, required=required or (Equipment.HEAD_COVER,))


def custom_labels(client: Any, model: str = MODEL) -> RekognitionCustomLabels:
    return RekognitionCustomLabels(client, minimum_confidence=80, max_labels=10, project_version_arn=model)


def moderation(client: Any) -> RekognitionModeration:
    return RekognitionModeration(client, minimum_confidence=80)


BUILDERS: dict[str, Builder] = {
    "search_faces_by_image": face_search,
    "detect_moderation_labels": moderation,
    "detect_text": text,
    "detect_protective_equipment": equipment,
    "detect_custom_labels": custom_labels,
}


def output_for(build: Builder, method: str, sent: Mapping[str, Any], response: Mapping[str, Any]) -> ModelOutput:
    client = boto3.client("rekognition")
    with Stubber(client) as stub:
        stub.add_response(method, dict(response), {"Image": IMAGE, **sent})
        seen = build(client).detect(FRAME)
        stub.assert_no_pending_responses()
    return seen


def refused(build: Builder, method: str, code: str, message: str = "no", status: int = 400) -> ModelOutput:
    client = boto3.client("rekognition")
    with Stubber(client) as stub:
        stub.add_client_error(method, code, message, status)
        return build(client).detect(FRAME)


SEARCH = {"CollectionId": "staff", "FaceMatchThreshold": 85.0, "MaxFaces": 5}


def test_a_known_face() -> None:
    match = {"Similarity": 98.5, "Face": {"FaceId": FACE_ID, "ExternalImageId": "ada", "Confidence": 99.0}}
    response = {
        "SearchedFaceBoundingBox": BOX,
        "SearchedFaceConfidence": 99.5,
        "FaceMatches": [match],
        "FaceModelVersion": "7.0",
    }

    seen = output_for(face_search, "search_faces_by_image", SEARCH, response)

    (face,) = seen.detections
    assert face.label == "Face"
    assert face.attributes == {"known": True, "faceId": FACE_ID, "externalImageId": "ada", "similarity": 98.5}
    assert (seen.info.operation, seen.info.model_version) == ("SearchFacesByImage", "7.0")


def test_no_face_is_a_result() -> None:
    words = "There are no faces in the image. Should be at least 1."

    seen = refused(face_search, "search_faces_by_image", "InvalidParameterException", words)

    assert seen.detections == ()
    assert seen.info.operation == "SearchFacesByImage"


def test_another_wrong_parameter_of_a_search_is_an_error() -> None:
    with pytest.raises(UnsupportedImageError, match="too small"):
        refused(face_search, "search_faces_by_image", "InvalidParameterException", "The image is too small.")


def test_moderation() -> None:
    label = {"Name": "Weapons", "ParentName": "Violence", "Confidence": 91.0, "TaxonomyLevel": 2}

    seen = output_for(
        moderation,
        "detect_moderation_labels",
        {"MinConfidence": 80},
        {"ModerationLabels": [label], "ModerationModelVersion": "7.0", "ContentTypes": []},
    )

    assert [(one.label, one.confidence) for one in seen.detections] == [("Weapons", 91.0)]
    assert seen.info.model_version == "7.0"


def test_text_and_plates() -> None:
    line = {
        "DetectedText": "K TP 1Z34",
        "Type": "LINE",
        "Id": 0,
        "Confidence": 95.0,
        "Geometry": {"BoundingBox": BOX, "Polygon": [{"X": 0.1, "Y": 0.2}]},
    }
    rules = PlateRules.of(["K-TP 1234"], None, 1)

    seen = output_for(
        lambda client: text(client, rules),
        "detect_text",
        {"Filters": {"WordFilter": {"MinConfidence": 80}}},
        {"TextDetections": [line], "TextModelVersion": "3.0"},
    )

    assert [one.label for one in seen.detections] == ["Text Line", "License Plate"]
    assert seen.detections[1].attributes == {"text": "KTP1Z34", "knownPlate": "K-TP 1234", "distance": 1}
    assert seen.info.model_version == "3.0"


def test_protective_equipment() -> None:
    covered = {"Type": "HEAD_COVER", "Confidence": 99.0, "CoversBodyPart": {"Value": True, "Confidence": 99.0}}
    people = [
        {
            "Id": identity,
            "Confidence": 99.0,
            "BoundingBox": BOX,
            "BodyParts": [{"Name": "HEAD", "Confidence": 99.0, "EquipmentDetections": worn}],
        }
        for identity, worn in enumerate(([covered], []))
    ]

    seen = output_for(
        equipment,
        "detect_protective_equipment",
        {},
        {"Persons": people, "ProtectiveEquipmentModelVersion": "1.0"},
    )

    assert [one.label for one in seen.detections] == [
        "Person with Required Equipment",
        "Person without Required Equipment",
    ]
    assert seen.detections[1].attributes["missing"] == ["HEAD_COVER"]


def test_custom_labels() -> None:
    seen = output_for(
        custom_labels,
        "detect_custom_labels",
        {"ProjectVersionArn": MODEL, "MaxResults": 10, "MinConfidence": 80},
        {"CustomLabels": [{"Name": "crack", "Confidence": 91.0, "Geometry": {"BoundingBox": BOX}}]},
    )

    assert [one.label for one in seen.detections] == ["crack"]
    assert seen.info.model_version == "parts.2026-01-01T12.00.00"


def test_the_error_of_a_stopped_model_contains_the_start_command() -> None:
    with pytest.raises(DetectorBusyError, match=r"start-project-version --project-version-arn arn:aws:rekognition"):
        refused(custom_labels, "detect_custom_labels", "ResourceNotReadyException")


@pytest.mark.parametrize("method", BUILDERS)
@pytest.mark.parametrize(
    ("code", "status", "expected"),
    [
        ("ThrottlingException", 400, DetectorBusyError),
        ("InternalServerError", 500, DetectorBusyError),
        ("AccessDeniedException", 400, DetectorBusyError),
        ("ResourceNotFoundException", 400, DetectorBusyError),
        ("LimitExceededException", 400, DetectorBusyError),
        ("ImageTooLargeException", 400, UnsupportedImageError),
        ("InvalidParameterException", 400, UnsupportedImageError),
        ("HumanLoopQuotaExceededException", 400, DetectorRejectedError),
    ],
)
def test_errors_by_reaction(method: str, code: str, status: int, expected: type[Exception]) -> None:
    with pytest.raises(expected, match=code):
        refused(BUILDERS[method], method, code, status=status)


@pytest.mark.parametrize("method", BUILDERS)
@pytest.mark.parametrize(
    "wrong", [{"content_type": "image/gif"}, {"size_bytes": 0}, {"size_bytes": 15 * 1024 * 1024 + 1}, {"width": 63}]
)
def test_images_that_rekognition_rejects_are_not_sent(method: str, wrong: dict[str, Any]) -> None:
    image = ImageReference.model_validate(
        {"bucket": "images", "key": "a", "content_type": "image/jpeg", "size_bytes": 9, "height": 480} | wrong
    )
    client = boto3.client("rekognition")

    # A stub without answers refuses every call with another error.
    with Stubber(client), pytest.raises(UnsupportedImageError):
        BUILDERS[method](client).detect(a_frame(image=image))


@pytest.mark.parametrize(
    ("method", "side_px", "fits"),
    [
        ("detect_protective_equipment", 4096, True),
        ("detect_protective_equipment", 4097, False),
        ("detect_custom_labels", 64, True),
        ("detect_moderation_labels", 79, False),
        ("detect_moderation_labels", 10_000, True),
    ],
)
def test_sides_are_limited_by_operation(method: str, side_px: int, fits: bool) -> None:
    image = ImageReference(
        bucket="images", key="a", content_type="image/jpeg", size_bytes=9, width=side_px, height=side_px
    )
    client = boto3.client("rekognition")
    with Stubber(client) as stub:
        stub.add_response(method, {})
        detector = BUILDERS[method](client)
        if fits:
            assert detector.detect(a_frame(image=image)).detections == ()
        else:
            with pytest.raises(UnsupportedImageError, match=f"{side_px}x{side_px}"):
                detector.detect(a_frame(image=image))


def test_fingerprints_differ_if_model_outputs_differ() -> None:
    client = boto3.client("rekognition")
    plates = [PlateRules.of(known, None, 1) for known in (["AB12"], ["AB13"])]
    detectors = [
        RekognitionLabels(client, minimum_confidence=80, max_labels=10),
        RekognitionFaces(client, minimum_confidence=80),
        moderation(client),
        face_search(client),
        face_search(client, collection_id="guests"),
        face_search(client, match_threshold=99.0),
        text(client),
        *(text(client, rules) for rules in plates),
        equipment(client),
        equipment(client, Equipment.HEAD_COVER, Equipment.HAND_COVER),
        custom_labels(client),
        custom_labels(client, MODEL[:-1] + "1"),
    ]

    assert len({detector.fingerprint for detector in detectors}) == len(detectors)
    assert equipment(client, Equipment.HEAD_COVER, Equipment.HAND_COVER).fingerprint == (
        equipment(client, Equipment.HAND_COVER, Equipment.HEAD_COVER).fingerprint
    )
    assert detectors[0].fingerprint == "rekognition/DetectLabels"
