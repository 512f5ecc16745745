"""Detector on DetectProtectiveEquipment: people without required equipment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from kinesight.adapters.detectors.rekognition_operation import RekognitionOperation
from kinesight.domain.detectors.protective_equipment import Equipment, detections_of_equipment
from kinesight.domain.model import Detection

if TYPE_CHECKING:
    from mypy_boto3_rekognition import RekognitionClient
    from mypy_boto3_rekognition.type_defs import ImageTypeDef


class RekognitionProtectiveEquipment(RekognitionOperation):
    """DetectProtectiveEquipment (API_DetectProtectiveEquipment): up to 15 people."""

    operation = "DetectProtectiveEquipment"
    version_field = "ProtectiveEquipmentModelVersion"
    sides_px = (64, 4096)

    def __init__(self, client: RekognitionClient, *, minimum_confidence: float, required: Sequence[Equipment]) -> None:
        super().__init__(client, minimum_confidence=minimum_confidence)
        self._required = tuple(sorted(set(required)))

    @property
    def fingerprint(self) -> str:
        """Includes the required equipment, because the detections depend on it."""
        return f"{super().fingerprint}/{'+'.join(self._required)}"

    def _call(self, image: ImageTypeDef) -> Mapping[str, Any]:
        # Rekognition's own summary does not name the missing equipment, so it is not requested.
        return self._client.detect_protective_equipment(Image=image)

    def _detections(self, raw: Mapping[str, Any]) -> tuple[Detection, ...]:
        return detections_of_equipment(raw.get("Persons", ()), self._required, self._minimum_confidence)
