"""What Rekognition says, as detections."""

from typing import Any

import pytest
from kinesight.domain.detectors.licence_plates import PlateRules
from kinesight.domain.detectors.protective_equipment import Equipment, detections_of_equipment
from kinesight.domain.detectors.rekognition_output import (
    detections_of_custom_labels,
    detections_of_face_search,
    detections_of_moderation,
)
from kinesight.domain.detectors.rekognition_text import detections_of_texts
from kinesight.domain.model import Detection

BOX = {"Left": 0.1, "Top": 0.2, "Width": 0.3, "Height": 0.4}
HEAD, FACE, HAND = Equipment.HEAD_COVER, Equipment.FACE_COVER, Equipment.HAND_COVER


def a_part(name: str, *items: str, covers: bool = True, confidence: float = 99.0) -> dict[str, Any]:
    worn = [
        {"Type": item, "Confidence": confidence, "CoversBodyPart": {"Value": covers, "Confidence": 90.0}}
        for item in items
    ]
    return {"Name": name, "Confidence": 99.0, "EquipmentDetections": worn}


def one_person(required: list[Equipment], *parts: dict[str, Any], least: float = 80) -> Detection:
    person = {"Id": 3, "Confidence": 98.0, "BoundingBox": BOX, "BodyParts": list(parts)}
    (found,) = detections_of_equipment([person], required, least)
    return found


@pytest.mark.parametrize(
    ("required", "parts", "label", "missing"),
    [
        ([HEAD], [a_part("HEAD", "HEAD_COVER")], "Person with Required Equipment", []),
        ([HEAD], [a_part("HEAD")], "Person without Required Equipment", ["HEAD_COVER"]),
        ([HEAD], [a_part("HEAD", "HEAD_COVER", covers=False)], "Person without Required Equipment", ["HEAD_COVER"]),
        ([HEAD], [a_part("HEAD", "HEAD_COVER", confidence=50)], "Person without Required Equipment", ["HEAD_COVER"]),
        ([HEAD], [a_part("FACE", "FACE_COVER")], "Person", []),
        ([HEAD], [], "Person", []),
        ([HEAD, FACE], [a_part("HEAD", "HEAD_COVER")], "Person", []),
        ([HEAD, FACE], [a_part("FACE")], "Person without Required Equipment", ["FACE_COVER"]),
        ([HAND], [a_part("LEFT_HAND", "HAND_COVER")], "Person with Required Equipment", []),
        (
            [HAND],
            [a_part("LEFT_HAND", "HAND_COVER"), a_part("RIGHT_HAND")],
            "Person without Required Equipment",
            ["HAND_COVER"],
        ),
    ],
)
def test_who_lacks_what(required: list[Equipment], parts: list[dict[str, Any]], label: str, missing: list[str]) -> None:
    found = one_person(required, *parts)

    assert (found.label, found.attributes["missing"]) == (label, missing)
    assert found.bounding_box is not None


def test_every_required_item_is_in_one_list() -> None:
    found = one_person([HEAD, FACE, HAND], a_part("HEAD", "HEAD_COVER"), a_part("FACE"))

    assert found.attributes == {
        "missing": ["FACE_COVER"],
        "worn": ["HEAD_COVER"],
        "undetermined": ["HAND_COVER"],
        "personId": 3,
    }


def test_people_and_parts_that_are_unsure_do_not_count() -> None:
    unsure = a_part("HEAD") | {"Confidence": 60.0}

    assert one_person([HEAD], unsure).label == "Person"
    assert detections_of_equipment([{"Confidence": 60.0}], [HEAD], 80) == ()


def a_text(identity: int, text: str, parent: int | None = None, confidence: float = 99.0) -> dict[str, Any]:
    more = {} if parent is None else {"ParentId": parent}
    return {
        "DetectedText": text,
        "Type": "LINE" if parent is None else "WORD",
        "Id": identity,
        "Confidence": confidence,
        "Geometry": {"BoundingBox": BOX},
        **more,
    }


def test_a_plate_of_two_words_is_one_plate() -> None:
    texts = [a_text(0, "K TP 1234"), a_text(1, "K TP", 0), a_text(2, "1234", 0)]

    found = detections_of_texts(texts, PlateRules.of(["KTP1234"], "[0-9]{4}", 0), 80)

    assert [one.label for one in found] == ["Text Line", "Text Word", "Text Word", "License Plate"]
    assert found[3].attributes == {"text": "KTP1234", "knownPlate": "KTP1234", "distance": 0}
    assert found[1].attributes == {"text": "K TP", "id": 1, "parentId": 0}


def test_a_plate_among_other_words_is_found_by_its_word() -> None:
    texts = [a_text(1, "KTP1234", 0), a_text(0, "TAXI KTP1234"), a_text(2, "TAXI", 0, confidence=40)]

    found = detections_of_texts(texts, PlateRules.of([], "[A-Z]{3}[0-9]{4}", 0), 80)

    assert [one.label for one in found] == ["Text Word", "Text Line", "License Plate"]
    assert found[2].attributes == {"text": "KTP1234", "knownPlate": None, "distance": None}


def a_match(name: str, similarity: float) -> dict[str, Any]:
    return {"Similarity": similarity, "Face": {"FaceId": f"id-{name}", "ExternalImageId": name}}


def test_the_best_match_identifies_the_face() -> None:
    response = {
        "SearchedFaceBoundingBox": BOX,
        "SearchedFaceConfidence": 99.0,
        "FaceMatches": [a_match("ada", 97.0), a_match("bob", 81.0)],
    }

    (found,) = detections_of_face_search(response)

    assert found.attributes == {
        "known": True,
        "faceId": "id-ada",
        "externalImageId": "ada",
        "similarity": 97.0,
        "otherMatches": [{"faceId": "id-bob", "externalImageId": "bob", "similarity": 81.0}],
    }


def test_a_stranger_is_a_face_too() -> None:
    (found,) = detections_of_face_search({"SearchedFaceBoundingBox": BOX, "SearchedFaceConfidence": 99.0})

    assert (found.label, found.attributes) == ("Face", {"known": False})
    assert found.bounding_box is not None


def test_labels_of_the_whole_image_have_no_box() -> None:
    (top, below) = detections_of_moderation(
        [
            {"Name": "Violence", "ParentName": "", "Confidence": 90.0, "TaxonomyLevel": 1},
            {"Name": "Weapons", "ParentName": "Violence", "Confidence": 88.0, "TaxonomyLevel": 2},
        ]
    )
    (scene, part) = detections_of_custom_labels(
        [{"Name": "rust", "Confidence": 90.0}, {"Name": "crack", "Confidence": 91.0, "Geometry": {"BoundingBox": BOX}}]
    )

    assert top.attributes == {"parents": [], "taxonomyLevel": 1}
    assert below.attributes == {"parents": ["Violence"], "taxonomyLevel": 2}
    assert scene.bounding_box is None
    assert part.bounding_box is not None
