"""Every detector of the catalogue, as the functions build it: what is below the minimum confidence is not reported.

The clients return what the services may: Rekognition applies a minimum to labels and words, not to instances and lines.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from kinesight.domain.configuration.document import ConfigurationDocument
from kinesight.domain.detectors.catalogue import DETECTORS
from kinesight.domain.detectors.checked_detector import CheckedDetector
from kinesight.domain.detectors.ports import ModelOutput
from kinesight.domain.detectors.spend import FrameSpend
from kinesight.domain.errors import ModelOutputError
from kinesight.domain.model import BoundingBox, Detection, DetectorInfo, Frame
from kinesight.wiring.detectors import _FACTORIES

from tests.builders import a_frame
from tests.unit.test_wiring_detectors import WHOLE, settings
from tests.wired_detectors import wired_detector

CASE = Path(__file__).parents[2] / "field_cases/06-instance-below-minimum/detect-labels.json"
BOX = {"Left": 0.1, "Top": 0.1, "Width": 0.2, "Height": 0.2}


class Rekognition:
    """Returns one response to every call."""

    def __init__(self, response: Any) -> None:
        self._response = response

    def __getattr__(self, operation: str) -> Callable[..., Any]:
        return lambda **_: self._response


def pair(name: str, **more: Any) -> list[dict[str, Any]]:
    """Two findings, above and below 80 %."""
    return [{name: "Thing", "Confidence": confidence, **more} for confidence in (98.4, 52.3)]


RESPONSES: dict[str, Any] = {
    "REKOGNITION_LABELS": json.loads(CASE.read_text()),
    "REKOGNITION_FACES": {"FaceDetails": pair("x", BoundingBox=BOX)},
    "REKOGNITION_MODERATION": {"ModerationLabels": pair("Name")},
    "REKOGNITION_TEXT": {"TextDetections": pair("DetectedText", Type="LINE") + pair("DetectedText", Type="WORD")},
    "REKOGNITION_PROTECTIVE_EQUIPMENT": {"Persons": pair("x", BoundingBox=BOX)},
    "REKOGNITION_CUSTOM_LABELS": {"CustomLabels": pair("Name", Geometry={"BoundingBox": BOX})},
    "REKOGNITION_FACE_SEARCH": {"SearchedFaceBoundingBox": BOX, "SearchedFaceConfidence": 52.3, "FaceMatches": []},
}


def detected(monkeypatch: pytest.MonkeyPatch, kind: str, document: ConfigurationDocument | None = None) -> list[float]:
    monkeypatch.setattr("kinesight.adapters.aws.clients.rekognition", lambda: Rekognition(RESPONSES[kind]))
    found = wired_detector(settings(kind, **WHOLE), document).detect(a_frame(), FrameSpend())
    return [one.confidence for one in found.detections]


def test_every_operation_has_a_response() -> None:
    assert set(RESPONSES) == {kind for kind in DETECTORS if kind.startswith("REKOGNITION")}


@pytest.mark.parametrize("kind", RESPONSES)
def test_the_minimum_holds_for_all_that_an_operation_returns(monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    least = ConfigurationDocument.parse('{"schemaVersion": 1, "defaults": {"minimumConfidence": 50}}')

    assert set(detected(monkeypatch, kind)) <= {98.4}
    assert 52.3 in detected(monkeypatch, kind, least)


def test_the_instance_below_the_minimum_is_not_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    assert detected(monkeypatch, "REKOGNITION_LABELS") == [98.4]


class Model:
    """Any detector."""

    fingerprint = "any/model"

    def __init__(self, make: Callable[[], list[Detection]], raw: Any = None) -> None:
        self._make = make
        self._raw = raw

    def detect(self, frame: Frame) -> ModelOutput:
        return ModelOutput(DetectorInfo(type="t", operation="o", latency_ms=1), tuple(self._make()), self._raw)


@pytest.mark.parametrize("kind", DETECTORS)
def test_the_minimum_holds_for_every_detector_of_the_catalogue(monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    model = Model(lambda: [Detection(label="a", confidence=one) for one in (79.99, 80, 100)])
    monkeypatch.setitem(_FACTORIES, kind, lambda _: model)

    found = wired_detector(settings(kind, **WHOLE)).detect(a_frame(), FrameSpend())

    assert [one.confidence for one in found.detections] == [80, 100]


@pytest.mark.parametrize(
    "make",
    [
        lambda: Detection(label="a", confidence=float("nan")),
        lambda: Detection(label="a", confidence=float("inf")),
        lambda: Detection(label="a", confidence=130),
        lambda: Detection(label="", confidence=90),
        lambda: Detection(
            label="a", confidence=90, bounding_box=BoundingBox(left=0, top=0, width=float("inf"), height=1)
        ),
        lambda: Detection(label="a", confidence=90, bounding_box=BoundingBox(left=0, top=0, width=-1, height=1)),
        lambda: Detection(label="a", confidence=90, bounding_box=BoundingBox(left=1e9, top=0, width=1, height=1)),
    ],
)
def test_a_detection_that_cannot_be_stored_is_a_permanent_error(make: Callable[[], Detection]) -> None:
    detector = CheckedDetector(Model(lambda: [make()]), 80)

    with pytest.raises(ModelOutputError, match="any/model returned an invalid detection") as raised:
        detector.detect(a_frame())
    assert raised.value.may_be_billed
