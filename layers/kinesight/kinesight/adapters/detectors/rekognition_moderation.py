"""Detector on DetectModerationLabels."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from kinesight.adapters.detectors.rekognition_operation import RekognitionOperation
from kinesight.domain.detectors.rekognition_output import detections_of_moderation
from kinesight.domain.model import Detection

if TYPE_CHECKING:
    from mypy_boto3_rekognition.type_defs import ImageTypeDef


class RekognitionModeration(RekognitionOperation):
    """DetectModerationLabels: inappropriate content, in Rekognition's three-level taxonomy."""

    operation = "DetectModerationLabels"
    version_field = "ModerationModelVersion"

    def _call(self, image: ImageTypeDef) -> Mapping[str, Any]:
        return self._client.detect_moderation_labels(Image=image, MinConfidence=self._minimum_confidence)

    def _detections(self, raw: Mapping[str, Any]) -> tuple[Detection, ...]:
        return detections_of_moderation(raw.get("ModerationLabels", ()))
