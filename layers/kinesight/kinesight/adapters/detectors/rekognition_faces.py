"""Detector on DetectFaces."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from kinesight.adapters.detectors.rekognition_operation import RekognitionOperation
from kinesight.domain.detectors.rekognition_output import detections_of_faces
from kinesight.domain.model import Detection

if TYPE_CHECKING:
    from mypy_boto3_rekognition.type_defs import ImageTypeDef


class RekognitionFaces(RekognitionOperation):
    """DetectFaces: locates faces without identifying them."""

    operation = "DetectFaces"

    def _call(self, image: ImageTypeDef) -> Mapping[str, Any]:
        return self._client.detect_faces(Image=image, Attributes=["DEFAULT"])

    def _detections(self, raw: Mapping[str, Any]) -> tuple[Detection, ...]:
        return detections_of_faces(raw.get("FaceDetails", ()))
