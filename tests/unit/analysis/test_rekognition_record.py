"""Records for consumers of face search stream processors: the documented fields, from what the image API answers."""

import json
from datetime import timedelta
from typing import Any

import botocore.session
import pytest
from botocore.validate import ParamValidator
from kinesight.domain.analysis.rekognition_record import face_record_fields, offset_in_fragment_ms
from kinesight.domain.analysis.result_records import Matches, encode_record, make_record
from kinesight.domain.detectors.ports import ModelOutput
from kinesight.domain.model import DetectorInfo, ResultRecord, from_epoch_ms

from tests.builders import NOON_MS, a_frame

INFO = DetectorInfo(type="rekognition", operation="SearchFacesByImage", latency_ms=1)
BOX = {"Width": 0.1, "Height": 0.2, "Left": 0.3, "Top": 0.4}
FACE = {
    "FaceId": "ed1b560f-d6af-5158-989a-ff586c931545",
    "BoundingBox": BOX,
    "ImageId": "70e09693-2114-57e1-807c-50b6d61fa4dc",
    "ExternalImageId": "ada.jpeg",
    "Confidence": 99.5,
}
SEARCHED = {
    "SearchedFaceBoundingBox": BOX,
    "SearchedFaceConfidence": 99.25,
    "FaceMatches": [{"Similarity": 88.5, "Face": FACE | {"IndexFacesModelVersion": "7.0", "UserId": "ada"}}],
    "FaceModelVersion": "7.0",
}
ARN = "arn:aws:kinesisvideo:us-east-1:111122223333:stream/front-door/1700000000000"


def fields(raw: Any) -> dict[str, Any]:
    frame = a_frame(stream_arn=ARN, image_timestamp=from_epoch_ms(NOON_MS) + timedelta(milliseconds=1250))
    return face_record_fields(frame, ModelOutput(INFO, (), raw))


def test_the_samples_match_the_image_api_response() -> None:
    model = botocore.session.get_session().get_service_model("rekognition")

    report = ParamValidator().validate(SEARCHED, model.shape_for("SearchFacesByImageResponse"))

    assert not report.has_errors(), report.generate_report()


def test_a_searched_face_is_the_documented_record() -> None:
    assert fields(SEARCHED) == {
        "InputInformation": {
            "KinesisVideo": {
                "StreamArn": ARN,
                "FragmentNumber": a_frame().fragment_number,
                "ServerTimestamp": 1767268800.5,
                "ProducerTimestamp": 1767268800.0,
                "FrameOffsetInSeconds": 1.25,
            }
        },
        "StreamProcessorInformation": {"Status": "RUNNING"},
        "FaceSearchResponse": [
            {
                "DetectedFace": {"BoundingBox": BOX, "Confidence": 99.25, "Landmarks": []},
                "MatchedFaces": [{"Similarity": 88.5, "Face": FACE}],
            }
        ],
    }


def test_a_stranger_is_a_face_without_matches() -> None:
    (face,) = fields(SEARCHED | {"FaceMatches": []})["FaceSearchResponse"]

    assert face["MatchedFaces"] == []


def test_detected_faces_bring_landmarks_pose_and_quality() -> None:
    landmark = {"Type": "eyeLeft", "X": 0.4, "Y": 0.5}
    detail = {
        "BoundingBox": BOX,
        "Confidence": 99.0,
        "Landmarks": [landmark],
        "Pose": {"Roll": 1.0, "Yaw": 2.0, "Pitch": 3.0},
        "Quality": {"Brightness": 40.0, "Sharpness": 96.0},
    }

    (face,) = fields({"FaceDetails": [detail | {"Smile": {"Value": True, "Confidence": 90.0}}]})["FaceSearchResponse"]

    assert face == {"DetectedFace": detail, "MatchedFaces": []}


def test_of_a_chain_the_first_detector_counts() -> None:
    assert fields({"first": SEARCHED, "second": [{"FaceDetails": [{"BoundingBox": BOX}]}]}) == fields(SEARCHED)


@pytest.mark.parametrize("raw", [{}, {"Labels": []}, "text", None, [], {"FaceDetails": None}])
def test_any_other_output_has_no_face(raw: Any) -> None:
    assert fields(raw)["FaceSearchResponse"] == []


def test_our_own_consumers_read_the_record_too() -> None:
    frame, output = a_frame(), ModelOutput(INFO, (), SEARCHED)
    record = make_record(frame, output, "rekognition/SearchFacesByImage", Matches((), (), ()), include_raw=False)

    encoded = encode_record(record, face_record_fields(frame, output))

    assert ResultRecord.model_validate_json(encoded) == record
    assert json.loads(encoded)["FaceSearchResponse"]


@pytest.mark.parametrize(
    ("image_ms", "producer_ms", "server_ms", "offset_ms"),
    [
        (NOON_MS + 500, NOON_MS, None, 500),
        (NOON_MS + 500, NOON_MS - 3_600_000, NOON_MS, 500),
        (NOON_MS, NOON_MS + 1, NOON_MS + 1, 0),
        (NOON_MS, None, None, 0),
        (NOON_MS + 20_000, NOON_MS, NOON_MS + 1, 20_000),
        (NOON_MS + 20_001, NOON_MS, None, 0),
    ],
)
def test_offsets_are_those_of_the_clock_that_timed_the_image(
    image_ms: int, producer_ms: int | None, server_ms: int | None, offset_ms: int
) -> None:
    assert offset_in_fragment_ms(image_ms, producer_ms, server_ms) == offset_ms
