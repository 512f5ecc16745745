"""Records of every format stay byte-identical: consumers written for KIT or for Rekognition parse them.

The files in golden/ were written by commit 0b1a1e9. A change that makes this test fail changes a public format.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from kinesight.domain.analysis.kit_record import kit_fields
from kinesight.domain.analysis.pipeline import DetectionPorts, ExtraFields, FrameAnalysis, PipelineSettings, analyze
from kinesight.domain.analysis.rekognition_record import face_record_fields
from kinesight.domain.configuration.configuration import Configuration
from kinesight.domain.detectors.chained_detector import ChainedDetector, ChainRules
from kinesight.domain.detectors.image_fit import SentImage
from kinesight.domain.detectors.label_map import LabelMap
from kinesight.domain.detectors.licence_plates import PlateRules
from kinesight.domain.detectors.output_presets import output_mapping
from kinesight.domain.detectors.output_reader import OutputReader
from kinesight.domain.detectors.ports import ModelOutput, SpendingDetector
from kinesight.domain.detectors.protective_equipment import Equipment, detections_of_equipment
from kinesight.domain.detectors.rekognition_output import (
    detections_of_custom_labels,
    detections_of_face_search,
    detections_of_faces,
    detections_of_labels,
    detections_of_moderation,
)
from kinesight.domain.detectors.rekognition_text import detections_of_texts
from kinesight.domain.model import BoundingBox, Detection, DetectorInfo, Frame, FrameSource, ImageReference

from tests.builders import BUCKET, NOON_MS, a_fragment_number, a_frame
from tests.fakes import EveryStream, FakeLedger, FakeSink

GOLDEN = Path(__file__).parent / "golden"
FORMATS: Mapping[str, ExtraFields | None] = {
    "KINESIGHT": None,
    "KIT": kit_fields,
    "REKOGNITION": face_record_fields,
}


def _image(key: str) -> ImageReference:
    return ImageReference(bucket=BUCKET, key=key, content_type="image/jpeg", size_bytes=1024, width=640, height=360)


FRAMES: Mapping[str, Frame] = {
    "generated": a_frame(
        stream_arn="arn:aws:kinesisvideo:us-east-1:111122223333:stream/front-door/1700000000000",
        image=_image("images/111122223333_front-door_1767268800000_0.jpg"),
    ),
    "on demand": a_frame(
        source=FrameSource.ON_DEMAND,
        producer_timestamp=None,
        image=_image("on-demand/run/images/1767268800000.jpg"),
        tags={},
    ),
    "live": a_frame(
        source=FrameSource.LIVE,
        fragment_number=a_fragment_number(2),
        image=_image(f"live/Garage_2.east/{a_fragment_number(2)}_{NOON_MS}.jpg"),
        stream_name="Garage_2.east",
        tags={"Ort": "Straße 5", "empty": ""},
    ),
    "bare": a_frame(
        fragment_number=None, producer_timestamp=None, server_timestamp=None, image=_image("images/bare.jpg"), tags={}
    ),
}

BOX = {"Left": 0.25, "Top": 0.125, "Width": 0.5, "Height": 0.375}
LABELS = [
    {
        "Name": "Person",
        "Confidence": 98.5,
        "Instances": [{"BoundingBox": BOX, "Confidence": 97.25}, {"BoundingBox": BOX}],
        "Parents": [],
    },
    {"Name": "Café", "Confidence": 61.0, "Instances": [], "Parents": [{"Name": "Building"}]},
]
FACE = {"BoundingBox": BOX, "Confidence": 99.5, "Landmarks": [{"Type": "nose", "X": 0.5, "Y": 0.5}]}
FACES = {"FaceDetails": [FACE | {"Pose": {"Roll": 1.5}, "Quality": {"Sharpness": 80.0}, "Smile": {"Value": True}}]}
SEARCHED = {
    "SearchedFaceBoundingBox": BOX,
    "SearchedFaceConfidence": 99.25,
    "FaceMatches": [
        {
            "Similarity": 98.75,
            "Face": {
                "FaceId": "11111111-2222-3333-4444-555555555555",
                "BoundingBox": BOX,
                "ImageId": "99999999-2222-3333-4444-555555555555",
                "ExternalImageId": "Zoë",
                "Confidence": 99.75,
            },
        },
        {"Similarity": 81.0, "Face": {"FaceId": "22222222-2222-3333-4444-555555555555"}},
    ],
    "FaceModelVersion": "7.0",
}
MODERATION = [{"Name": "Violence", "Confidence": 88.0, "ParentName": "", "TaxonomyLevel": 1}]
TEXTS = [
    {"Type": "LINE", "Id": 0, "DetectedText": "K-TP 1234", "Confidence": 95.5, "Geometry": {"BoundingBox": BOX}},
    {"Type": "WORD", "Id": 1, "ParentId": 0, "DetectedText": "1234", "Confidence": 95.5},
]
HEAD = {
    "Name": "HEAD",
    "Confidence": 99.0,
    "EquipmentDetections": [{"Type": "HEAD_COVER", "Confidence": 90.0, "CoversBodyPart": {"Value": True}}],
}
PERSONS = [
    {"Id": 0, "Confidence": 97.0, "BoundingBox": BOX, "BodyParts": [HEAD]},
    {"Id": 1, "Confidence": 96.0, "BodyParts": [HEAD | {"EquipmentDetections": []}]},
]
CUSTOM = [{"Name": "forklift", "Confidence": 72.5, "Geometry": {"BoundingBox": BOX}}]
ENDPOINT = b'{"prediction": [[1.0, 0.875, 0.25, 0.125, 0.75, 0.5], [0, 0.5, 0.0, 0.0, 1.0, 1.0]]}'
REPORTED = {
    "objects": [{"label": "dog", "confidence": 90, "box": {"left": 0.25, "top": 0.125, "width": 0.5, "height": 0.375}}]
}
SENT = SentImage(b"", "image/jpeg")


def _read(mapping: str) -> OutputReader:
    return OutputReader(output_mapping(mapping), LabelMap.of(["cat", "dog"]), 30)


def _info(operation: str, model_version: str | None = None) -> DetectorInfo:
    return DetectorInfo(type="golden", operation=operation, model_version=model_version, latency_ms=12)


def _rekognition(operation: str, detections: tuple[Detection, ...], raw: Mapping[str, Any]) -> ModelOutput:
    return ModelOutput(_info(operation, "3.0"), detections, raw)


def _endpoint() -> ModelOutput:
    return ModelOutput(
        _info("m"), _read("BUILT_IN_OBJECT_DETECTION").read(ENDPOINT, SENT).detections, ENDPOINT.decode(), ENDPOINT
    )


def _text() -> ModelOutput:
    plates = PlateRules.of(["KTP 1235"], "[A-Z]{3}[0-9]{4}", 1)
    return _rekognition("DetectText", detections_of_texts(TEXTS, plates, 50), {"TextDetections": TEXTS})


def _equipment() -> ModelOutput:
    found = detections_of_equipment(PERSONS, [Equipment.HEAD_COVER], 50)
    return _rekognition("DetectProtectiveEquipment", found, {"Persons": PERSONS})


MODEL_OUTPUTS: Mapping[str, Callable[[], ModelOutput]] = {
    "labels": lambda: _rekognition("DetectLabels", detections_of_labels(LABELS), {"Labels": LABELS}),
    "faces": lambda: _rekognition("DetectFaces", detections_of_faces(FACES["FaceDetails"]), FACES),
    "face search": lambda: _rekognition("SearchFacesByImage", detections_of_face_search(SEARCHED), SEARCHED),
    "moderation": lambda: _rekognition(
        "DetectModerationLabels", detections_of_moderation(MODERATION), {"ModerationLabels": MODERATION}
    ),
    "text": _text,
    "equipment": _equipment,
    "custom labels": lambda: _rekognition(
        "DetectCustomLabels", detections_of_custom_labels(CUSTOM), {"CustomLabels": CUSTOM}
    ),
    "endpoint": _endpoint,
    "bedrock": lambda: ModelOutput(_info("converse"), _read("BEDROCK").interpret(REPORTED, SENT).detections, REPORTED),
    "nothing": lambda: _rekognition("DetectFaces", (), {"FaceDetails": []}),
}


@dataclass
class Canned:
    """A detector with one model output."""

    name: str

    @property
    def fingerprint(self) -> str:
        return f"golden/{self.name}"

    def detect(self, _frame: Frame, _spend: object = None) -> ModelOutput:
        return MODEL_OUTPUTS[self.name]()


class Crops:
    """Each crop is the right lower quarter of its frame."""

    def crop(self, frame: Frame, _: BoundingBox) -> tuple[Frame, BoundingBox]:
        return frame, BoundingBox(left=0.5, top=0.5, width=0.5, height=0.5)


def _chain(on: Any) -> SpendingDetector:
    return ChainedDetector(Canned("labels"), Canned("face search"), ChainRules.of(["person"], 90, on), Crops())


DETECTORS: Mapping[str, SpendingDetector] = {
    **{name: Canned(name) for name in MODEL_OUTPUTS},
    "chain on the frame": _chain("FRAME"),
    "chain on crops": _chain("CROP"),
}


def _record(frame: Frame, detector: SpendingDetector, extra: ExtraFields | None, *, raw: bool) -> str:
    sink = FakeSink()
    settings = PipelineSettings(lambda: Configuration.of(["person", "dog", "Face"], 60), raw, extra_fields=extra)
    ports = DetectionPorts(EveryStream(detector), sink, FakeLedger(), lambda: NOON_MS)
    analyze([FrameAnalysis("golden", lambda: frame)], ports, settings)
    ((partition_key, body),) = sink.records
    return f"{partition_key} {body.decode()}"


def records(result_format: str) -> dict[str, str]:
    """By detector and frame: the partition key and the bytes on the results stream; one frame with raw output."""
    extra = FORMATS[result_format]
    return {
        f"{name}, {place}": _record(frame, detector, extra, raw=place == "generated")
        for name, detector in DETECTORS.items()
        for place, frame in FRAMES.items()
    }


@pytest.mark.parametrize("result_format", FORMATS)
def test_records_are_byte_identical_to_those_of_0b1a1e9(result_format: str) -> None:
    golden: dict[str, str] = json.loads((GOLDEN / f"{result_format.lower()}.json").read_text())

    assert records(result_format) == golden
    assert len(golden) == len(DETECTORS) * len(FRAMES)
