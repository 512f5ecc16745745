"""The detector that the parameters ask for: one function for each type."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from kinesight.adapters import aws_clients as clients
from kinesight.adapters import pictures_pillow
from kinesight.adapters.detector_rekognition import RekognitionFaces, RekognitionLabels, RekognitionModeration
from kinesight.adapters.detector_rekognition_custom_labels import RekognitionCustomLabels
from kinesight.adapters.detector_rekognition_equipment import RekognitionProtectiveEquipment
from kinesight.adapters.detector_rekognition_face_search import RekognitionFaceSearch
from kinesight.adapters.detector_rekognition_text import RekognitionText
from kinesight.adapters.detector_sagemaker import SageMakerObjectDetection
from kinesight.adapters.image_store_s3 import S3ImageStore
from kinesight.domain.errors import InvalidSettingError
from kinesight.domain.plates import PlateRules
from kinesight.domain.ports import Detector
from kinesight.settings import DetectionSettings, DetectorType


def detector(wanted: DetectionSettings) -> Detector:
    """Raises InvalidSettingError if a setting is missing that this type needs."""
    return _BUILDERS[wanted.detector](wanted)


def _labels(wanted: DetectionSettings) -> Detector:
    return RekognitionLabels(
        clients.rekognition(), minimum_confidence=wanted.minimum_confidence, max_labels=wanted.max_labels
    )


def _faces(wanted: DetectionSettings) -> Detector:
    return RekognitionFaces(clients.rekognition(), minimum_confidence=wanted.minimum_confidence)


def _face_search(wanted: DetectionSettings) -> Detector:
    return RekognitionFaceSearch(
        clients.rekognition(),
        minimum_confidence=wanted.minimum_confidence,
        collection_id=_needed(wanted, wanted.face_collection_id, "FaceCollectionId"),
        match_threshold=wanted.face_match_threshold,
    )


def _moderation(wanted: DetectionSettings) -> Detector:
    return RekognitionModeration(clients.rekognition(), minimum_confidence=wanted.minimum_confidence)


def _text(wanted: DetectionSettings) -> Detector:
    return RekognitionText(
        clients.rekognition(),
        minimum_confidence=wanted.minimum_confidence,
        plates=PlateRules.of(wanted.known_plates, wanted.plate_pattern, wanted.plate_tolerance),
    )


def _protective_equipment(wanted: DetectionSettings) -> Detector:
    return RekognitionProtectiveEquipment(
        clients.rekognition(), minimum_confidence=wanted.minimum_confidence, required=wanted.required_equipment
    )


def _custom_labels(wanted: DetectionSettings) -> Detector:
    return RekognitionCustomLabels(
        clients.rekognition(),
        minimum_confidence=wanted.minimum_confidence,
        max_labels=wanted.max_labels,
        project_version_arn=_needed(wanted, wanted.custom_labels_model_arn, "CustomLabelsModelArn"),
    )


def _sagemaker(wanted: DetectionSettings) -> Detector:
    return SageMakerObjectDetection(
        clients.sagemaker_runtime(wanted.sagemaker_timeout_milliseconds),
        S3ImageStore(clients.s3()),
        pictures_pillow.convert,
        endpoint_name=_needed(wanted, wanted.sagemaker_endpoint_name, "SageMakerEndpointName"),
        content_type=wanted.sagemaker_content_type,
        accept=wanted.sagemaker_accept,
        class_labels=wanted.sagemaker_labels,
        minimum_confidence=wanted.minimum_confidence,
    )


def _needed(wanted: DetectionSettings, value: str | None, parameter: str) -> str:
    if value is None:
        raise InvalidSettingError(f"Detector is {wanted.detector}, and {parameter} is empty")
    return value


_BUILDERS: Mapping[DetectorType, Callable[[DetectionSettings], Detector]] = {
    DetectorType.REKOGNITION_LABELS: _labels,
    DetectorType.REKOGNITION_FACES: _faces,
    DetectorType.REKOGNITION_FACE_SEARCH: _face_search,
    DetectorType.REKOGNITION_MODERATION: _moderation,
    DetectorType.REKOGNITION_TEXT: _text,
    DetectorType.REKOGNITION_PROTECTIVE_EQUIPMENT: _protective_equipment,
    DetectorType.REKOGNITION_CUSTOM_LABELS: _custom_labels,
    DetectorType.SAGEMAKER: _sagemaker,
}
