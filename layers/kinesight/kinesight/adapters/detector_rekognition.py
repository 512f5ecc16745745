"""Detectors on Rekognition's own models that need nothing of ours: labels, faces, moderation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from kinesight.adapters.rekognition_operation import RekognitionOperation
from kinesight.domain.detectors.rekognition_output import (
    detections_of_faces,
    detections_of_labels,
    detections_of_moderation,
)
from kinesight.domain.model import Detection

if TYPE_CHECKING:
    from mypy_boto3_rekognition import RekognitionClient
    from mypy_boto3_rekognition.type_defs import ImageTypeDef


class RekognitionLabels(RekognitionOperation):
    """DetectLabels: objects, scenes, concepts."""

    operation = "DetectLabels"
    version_field = "LabelModelVersion"

    def __init__(self, client: RekognitionClient, *, minimum_confidence: float, max_labels: int) -> None:
        """`max_labels`: 1 to 1000, the most confident ones."""
        super().__init__(client, minimum_confidence=minimum_confidence)
        self._max_labels = max_labels

    def _call(self, image: ImageTypeDef) -> Mapping[str, Any]:
        return self._client.detect_labels(
            Image=image, MaxLabels=self._max_labels, MinConfidence=self._minimum_confidence
        )

    def _detections(self, raw: Mapping[str, Any]) -> tuple[Detection, ...]:
        return detections_of_labels(raw.get("Labels", ()))


class RekognitionFaces(RekognitionOperation):
    """DetectFaces: where faces are, not whose."""

    operation = "DetectFaces"

    def _call(self, image: ImageTypeDef) -> Mapping[str, Any]:
        return self._client.detect_faces(Image=image, Attributes=["DEFAULT"])

    def _detections(self, raw: Mapping[str, Any]) -> tuple[Detection, ...]:
        return self._sure(detections_of_faces(raw.get("FaceDetails", ())))


class RekognitionModeration(RekognitionOperation):
    """DetectModerationLabels: what not everybody should have to see, by Rekognition's taxonomy of three levels."""

    operation = "DetectModerationLabels"
    version_field = "ModerationModelVersion"

    def _call(self, image: ImageTypeDef) -> Mapping[str, Any]:
        return self._client.detect_moderation_labels(Image=image, MinConfidence=self._minimum_confidence)

    def _detections(self, raw: Mapping[str, Any]) -> tuple[Detection, ...]:
        return detections_of_moderation(raw.get("ModerationLabels", ()))
