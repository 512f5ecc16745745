"""Detectors as the functions build them."""

import json

from kinesight.detection_settings import DetectionSettings
from kinesight.domain.configuration.camera import CameraSettings
from kinesight.domain.configuration.configuration import Configuration
from kinesight.domain.configuration.document import ConfigurationDocument
from kinesight.domain.detectors.ports import SpendingDetector
from kinesight.wiring.detectors import CameraDetectors


def wired_detector(
    settings: DetectionSettings, document: ConfigurationDocument | None = None, stream_name: str = "cam"
) -> SpendingDetector:
    """The detector of a stream. Raises InvalidConfigurationError."""
    parameters = CameraSettings.model_validate_json(json.dumps(settings.camera_parameters(), default=str))
    configuration = Configuration(parameters, document)
    found = CameraDetectors(settings, lambda: configuration).of_stream(stream_name)
    assert found is not None
    return found
