"""Base class of the detectors on Rekognition's image operations: checks limits, measures latency, translates errors.

Images are passed by S3 reference, so the function does not load them.
"""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from botocore.exceptions import ClientError, ConnectionClosedError

from kinesight.adapters.aws.errors import AWS_ERRORS, error_code, is_timeout, translate
from kinesight.domain.detectors.ports import ModelOutput
from kinesight.domain.errors import (
    DetectorBusyError,
    DetectorRejectedError,
    KinesightError,
    UnsupportedImageError,
    maybe_billed,
)
from kinesight.domain.model import Detection, DetectorInfo, Frame

if TYPE_CHECKING:
    from mypy_boto3_rekognition import RekognitionClient
    from mypy_boto3_rekognition.type_defs import ImageTypeDef

# "Guidelines and quotas in Amazon Rekognition"
_MAXIMUM_S3_BYTES = 15 * 1024 * 1024
_FORMATS = frozenset({"image/jpeg", "image/png"})

_IMAGE_REJECTED = frozenset({"ImageTooLargeException", "InvalidImageFormatException", "InvalidParameterException"})
_CONFIGURATION = frozenset({"AccessDeniedException", "InvalidS3ObjectException", "ResourceNotFoundException"})


class RekognitionOperation(ABC):
    """Detector (domain/detectors/ports.py) on one operation. Subclasses call it and interpret the model output.

    `sides_px`: minimum and maximum of width and height, checked before the call if known.
    `version_field`: response field with the model's version.
    """

    operation: ClassVar[str]
    version_field: ClassVar[str] = ""
    sides_px: ClassVar[tuple[int, int]] = (80, 10_000)

    def __init__(self, client: RekognitionClient, *, minimum_confidence: float) -> None:
        """`minimum_confidence`: 0 to 100."""
        self._client = client
        self._minimum_confidence = minimum_confidence

    @property
    def fingerprint(self) -> str:
        """Service and operation. Rekognition may change the model version at any time, so it is not included."""
        return f"rekognition/{self.operation}"

    def detect(self, frame: Frame) -> ModelOutput:
        """Calls the operation once."""
        self._check(frame)
        started = time.monotonic()
        try:
            raw = self._call({"S3Object": {"Bucket": frame.image.bucket, "Name": frame.image.key}})
        except AWS_ERRORS as error:
            raise self._translated(error, f"{self.operation} of {frame.image.key}") from error
        info = DetectorInfo(
            type="rekognition",
            operation=self.operation,
            model_version=self._model_version(raw),
            latency_ms=round(1000 * (time.monotonic() - started)),
        )
        return ModelOutput(info, self._detections(raw), {k: v for k, v in raw.items() if k != "ResponseMetadata"})

    @abstractmethod
    def _call(self, image: ImageTypeDef) -> Mapping[str, Any]: ...

    @abstractmethod
    def _detections(self, raw: Mapping[str, Any]) -> tuple[Detection, ...]: ...

    def _model_version(self, raw: Mapping[str, Any]) -> str | None:
        return raw.get(self.version_field)

    def _check(self, frame: Frame) -> None:
        image = frame.image
        if image.content_type not in _FORMATS:
            raise UnsupportedImageError(
                f"{image.key} is {image.content_type}; Rekognition accepts image/jpeg and image/png"
            )
        if image.size_bytes == 0:
            raise UnsupportedImageError(f"{image.key} is empty")
        if image.size_bytes > _MAXIMUM_S3_BYTES:
            raise UnsupportedImageError(
                f"{image.key} has {image.size_bytes} bytes, Rekognition accepts {_MAXIMUM_S3_BYTES}; "
                "lower WidthPixels and HeightPixels or JPEGQuality"
            )
        least, most = self.sides_px
        if any(side is not None and not least <= side <= most for side in (image.width, image.height)):
            raise UnsupportedImageError(
                f"{image.key} is {image.width}x{image.height}; {self.operation} accepts sides of {least} to {most} "
                "pixels: set WidthPixels and HeightPixels"
            )

    def _translated(self, error: Exception, what: str) -> KinesightError:
        if isinstance(error, ClientError) and error_code(error) in _IMAGE_REJECTED:
            return translate(error, what, transient=DetectorBusyError, permanent=UnsupportedImageError)
        if isinstance(error, ClientError) and error_code(error) in _CONFIGURATION:
            # An operator can fix a missing permission or collection while messages wait in the queue; dead-lettering
            # them would only add work.
            return translate(error, what, transient=DetectorBusyError, permanent=DetectorBusyError)
        translated = translate(error, what, transient=DetectorBusyError, permanent=DetectorRejectedError)
        translated.connection_closed = isinstance(error, ConnectionClosedError)
        return maybe_billed(translated) if is_timeout(error) else translated
