"""The detectors that need a collection, a model or people, against the vision service that really looks."""

from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from kinesight.adapters.detectors.rekognition_custom_labels import RekognitionCustomLabels
from kinesight.adapters.detectors.rekognition_face_search import RekognitionFaceSearch
from kinesight.adapters.detectors.rekognition_moderation import RekognitionModeration
from kinesight.adapters.detectors.rekognition_protective_equipment import RekognitionProtectiveEquipment
from kinesight.adapters.detectors.rekognition_text import RekognitionText
from kinesight.domain.detectors.licence_plates import PlateRules
from kinesight.domain.detectors.protective_equipment import Equipment
from kinesight.domain.errors import DetectorBusyError, UnsupportedImageError
from kinesight_local.vision.server import VisionServer

from tests.contract.detectors.test_detectors import an_image
from tests.functional.test_vision import photograph
from tests.functional.test_vision_operations import MODEL, portraits, two_people


@pytest.fixture(scope="module")
def vision() -> Iterator[VisionServer]:
    with VisionServer() as server:
        yield server


@pytest.fixture
def rekognition(vision: VisionServer, moto: str) -> Any:
    return boto3.client("rekognition", endpoint_url=vision.url)


@pytest.fixture
def face_search(rekognition: Any) -> Iterator[RekognitionFaceSearch]:
    rekognition.create_collection(CollectionId="staff")
    rekognition.index_faces(
        CollectionId="staff", Image={"Bytes": photograph("astronaut.png")}, ExternalImageId="eileen"
    )
    yield RekognitionFaceSearch(rekognition, minimum_confidence=70, collection_id="staff", match_threshold=80)
    rekognition.delete_collection(CollectionId="staff")


def test_a_known_face_has_its_name(face_search: RekognitionFaceSearch) -> None:
    (face,) = face_search.detect(an_image(photograph("astronaut.png", size=(400, 400)))).detections

    assert (face.label, face.attributes["known"], face.attributes["externalImageId"]) == ("Face", True, "eileen")
    assert face.attributes["similarity"] >= 80


def test_an_unknown_face_has_a_box_and_no_name(face_search: RekognitionFaceSearch) -> None:
    (stranger,) = portraits(1)

    (face,) = face_search.detect(an_image(stranger)).detections

    assert face.attributes == {"known": False}
    assert face.bounding_box is not None


def test_an_image_without_a_face_is_a_result(face_search: RekognitionFaceSearch) -> None:
    assert face_search.detect(an_image(photograph("coffee.png"))).detections == ()


def test_an_image_that_is_too_small_is_unsupported(face_search: RekognitionFaceSearch) -> None:
    with pytest.raises(UnsupportedImageError, match="under 80 pixels"):
        face_search.detect(an_image(photograph("astronaut.png", size=(79, 79))))


def test_a_missing_collection_is_a_transient_error(rekognition: Any) -> None:
    search = RekognitionFaceSearch(rekognition, minimum_confidence=70, collection_id="none", match_threshold=80)

    with pytest.raises(DetectorBusyError, match="none does not exist"):
        search.detect(an_image(photograph("astronaut.png")))


def test_protective_equipment_is_indeterminate(rekognition: Any) -> None:
    detector = RekognitionProtectiveEquipment(
        rekognition, minimum_confidence=70, required=[Equipment.HEAD_COVER, Equipment.HAND_COVER]
    )

    seen = detector.detect(an_image(two_people())).detections

    assert [one.label for one in seen] == ["Person", "Person"]
    assert seen[0].attributes["undetermined"] == ["HAND_COVER", "HEAD_COVER"]


def test_a_stopped_model_explains_how_to_start_it(rekognition: Any) -> None:
    detector = RekognitionCustomLabels(rekognition, minimum_confidence=70, max_labels=10, project_version_arn=MODEL)
    image = an_image(photograph("astronaut.png"))
    with pytest.raises(DetectorBusyError, match="does not exist"):
        detector.detect(image)
    rekognition.start_project_version(ProjectVersionArn=MODEL, MinInferenceUnits=1)
    assert detector.detect(image).detections == ()
    rekognition.stop_project_version(ProjectVersionArn=MODEL)

    with pytest.raises(DetectorBusyError, match="start-project-version"):
        detector.detect(image)


def test_unsupported_results_are_empty(rekognition: Any) -> None:
    image = an_image(photograph("page.png"))
    detectors = [
        RekognitionModeration(rekognition, minimum_confidence=70),
        RekognitionText(rekognition, minimum_confidence=70, plates=PlateRules.of([], "[A-Z]+", 0)),
    ]

    assert [detector.detect(image).detections for detector in detectors] == [(), ()]
