"""Detector on DetectLabels."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from kinesight.adapters.detectors.rekognition_operation import RekognitionOperation
from kinesight.domain.detectors.rekognition_output import detections_of_labels
from kinesight.domain.model import Detection

if TYPE_CHECKING:
    from mypy_boto3_rekognition import RekognitionClient
    from mypy_boto3_rekognition.type_defs import ImageTypeDef


class RekognitionLabels(RekognitionOperation):
    """DetectLabels: objects, scenes, concepts."""

    operation = "DetectLabels"
    version_field = "LabelModelVersion"

    def __init__(self, client: RekognitionClient, *, minimum_confidence: float, max_labels: int) -> None:
        """`max_labels` is 1 to 1000; Rekognition returns the most confident labels."""
        super().__init__(client, minimum_confidence=minimum_confidence)
        self._max_labels = max_labels

    def _call(self, image: ImageTypeDef) -> Mapping[str, Any]:
        return self._client.detect_labels(
            Image=image, MaxLabels=self._max_labels, MinConfidence=self._minimum_confidence
        )

    def _detections(self, raw: Mapping[str, Any]) -> tuple[Detection, ...]:
        return detections_of_labels(raw.get("Labels", ()))
