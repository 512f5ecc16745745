"""Detector on Amazon Rekognition Image, by S3 reference: no byte of a picture travels through the function."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from kinesight.adapters.aws_errors import AWS_ERRORS, error_code, translate
from kinesight.domain.errors import DetectorBusyError, DetectorRejectedError, KinesightError, UnsupportedImageError
from kinesight.domain.model import Detection, DetectorInfo, Frame
from kinesight.domain.ports import DetectorAnswer
from kinesight.domain.rekognition_answers import detections_of_faces, detections_of_labels

if TYPE_CHECKING:
    from mypy_boto3_rekognition import RekognitionClient
    from mypy_boto3_rekognition.type_defs import ImageTypeDef

_MAXIMUM_S3_BYTES = 15 * 1024 * 1024  # "Guidelines and quotas in Amazon Rekognition"
_FORMATS = frozenset({"image/jpeg", "image/png"})
_PICTURE_REFUSED = frozenset({"ImageTooLargeException", "InvalidImageFormatException", "InvalidParameterException"})
_CONFIGURATION = frozenset({"AccessDeniedException", "InvalidS3ObjectException"})


class _RekognitionDetector(ABC):
    """What the operations share: limits before the call, errors after it, and the clock around it."""

    operation: str

    def __init__(self, client: RekognitionClient, *, minimum_confidence: float) -> None:
        """`minimum_confidence`: 0 to 100."""
        self._client = client
        self._minimum_confidence = minimum_confidence

    @property
    def fingerprint(self) -> str:
        """Service and operation; the model version is Rekognition's own and may change under us."""
        return f"rekognition/{self.operation}"

    def detect(self, frame: Frame) -> DetectorAnswer:
        """One call."""
        _check(frame)
        started = time.monotonic()
        try:
            raw = self._call({"S3Object": {"Bucket": frame.image.bucket, "Name": frame.image.key}})
        except AWS_ERRORS as error:
            raise _translated(error, f"{self.operation} of {frame.image.key}") from error
        info = DetectorInfo(
            type="rekognition",
            operation=self.operation,
            model_version=raw.get("LabelModelVersion"),
            latency_ms=round(1000 * (time.monotonic() - started)),
        )
        return DetectorAnswer(info, self._detections(raw), {k: v for k, v in raw.items() if k != "ResponseMetadata"})

    @abstractmethod
    def _call(self, image: ImageTypeDef) -> Mapping[str, Any]: ...

    @abstractmethod
    def _detections(self, raw: Mapping[str, Any]) -> tuple[Detection, ...]: ...


class RekognitionLabels(_RekognitionDetector):
    """DetectLabels: objects, scenes, concepts."""

    operation = "DetectLabels"

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


class RekognitionFaces(_RekognitionDetector):
    """DetectFaces: where faces are, not whose. Rekognition takes no minimum confidence here, so it is applied after."""

    operation = "DetectFaces"

    def _call(self, image: ImageTypeDef) -> Mapping[str, Any]:
        return self._client.detect_faces(Image=image, Attributes=["DEFAULT"])

    def _detections(self, raw: Mapping[str, Any]) -> tuple[Detection, ...]:
        found = detections_of_faces(raw.get("FaceDetails", ()))
        return tuple(face for face in found if face.confidence >= self._minimum_confidence)


def _check(frame: Frame) -> None:
    image = frame.image
    if image.content_type not in _FORMATS:
        raise UnsupportedImageError(f"{image.key} is {image.content_type}; Rekognition takes image/jpeg and image/png")
    if image.size_bytes == 0:
        raise UnsupportedImageError(f"{image.key} is empty")
    if image.size_bytes > _MAXIMUM_S3_BYTES:
        raise UnsupportedImageError(
            f"{image.key} has {image.size_bytes} bytes, Rekognition takes {_MAXIMUM_S3_BYTES}; "
            "lower WidthPixels and HeightPixels or JPEGQuality"
        )


def _translated(error: Exception, what: str) -> KinesightError:
    if isinstance(error, ClientError) and error_code(error) in _PICTURE_REFUSED:
        return translate(error, what, passing=DetectorBusyError, lasting=UnsupportedImageError)
    if isinstance(error, ClientError) and error_code(error) in _CONFIGURATION:
        # A missing permission is mended by people while messages wait; burying them at once would only add work.
        return translate(error, what, passing=DetectorBusyError, lasting=DetectorBusyError)
    return translate(error, what, passing=DetectorBusyError, lasting=DetectorRejectedError)
