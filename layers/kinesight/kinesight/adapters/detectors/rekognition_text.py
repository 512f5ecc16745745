"""Detector on DetectText: lines, words and licence plates."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from kinesight.adapters.detectors.rekognition_operation import RekognitionOperation
from kinesight.domain.detectors.licence_plates import PlateRules
from kinesight.domain.detectors.rekognition_text import detections_of_texts
from kinesight.domain.model import Detection

if TYPE_CHECKING:
    from mypy_boto3_rekognition import RekognitionClient
    from mypy_boto3_rekognition.type_defs import ImageTypeDef


class RekognitionText(RekognitionOperation):
    """DetectText (API_DetectText): up to 100 words."""

    operation = "DetectText"
    version_field = "TextModelVersion"

    def __init__(self, client: RekognitionClient, *, minimum_confidence: float, plates: PlateRules) -> None:
        super().__init__(client, minimum_confidence=minimum_confidence)
        self._plates = plates

    @property
    def fingerprint(self) -> str:
        """Includes the plate rules, because the detections depend on them."""
        if not self._plates.is_set:
            return super().fingerprint
        pattern = self._plates.pattern.pattern if self._plates.pattern else ""
        rules = repr((self._plates.known, pattern, self._plates.tolerance))
        return f"{super().fingerprint}/plates-{hashlib.sha256(rules.encode()).hexdigest()[:12]}"

    def _call(self, image: ImageTypeDef) -> Mapping[str, Any]:
        # By default, Rekognition omits words with a confidence below 80 %.
        return self._client.detect_text(
            Image=image, Filters={"WordFilter": {"MinConfidence": self._minimum_confidence}}
        )

    def _detections(self, raw: Mapping[str, Any]) -> tuple[Detection, ...]:
        return detections_of_texts(raw.get("TextDetections", ()), self._plates, self._minimum_confidence)
