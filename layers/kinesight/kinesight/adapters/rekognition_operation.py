"""What Rekognition's picture operations share: limits before the call, errors after it, the clock around it.

Pictures go by S3 reference, so no byte of one travels through the function.
"""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from botocore.exceptions import ClientError, ConnectionClosedError

from kinesight.adapters.aws_errors import AWS_ERRORS, error_code, translate, is_timeout
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

_PICTURE_REFUSED = frozenset({"ImageTooLargeException", "InvalidImageFormatException", "InvalidParameterException"})
_CONFIGURATION = frozenset({"AccessDeniedException", "InvalidS3ObjectException", "ResourceNotFoundException"})


class RekognitionOperation(ABC):
    """A Detector (domain/ports.py) on one operation; subclasses say how to call it and what its answer means.

    `sides_px`: the least and most of width and height, checked where they are known before the call.
    `version_field`: where the answer names its model.
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
        """Service and operation; the model version is Rekognition's own and may change under us."""
        return f"rekognition/{self.operation}"

    def detect(self, frame: Frame) -> ModelOutput:
        """One call."""
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

    def _sure(self, found: tuple[Detection, ...]) -> tuple[Detection, ...]:
        """For operations that take no minimum confidence."""
        return tuple(one for one in found if one.confidence >= self._minimum_confidence)

    def _check(self, frame: Frame) -> None:
        image = frame.image
        if image.content_type not in _FORMATS:
            raise UnsupportedImageError(
                f"{image.key} is {image.content_type}; Rekognition takes image/jpeg and image/png"
            )
        if image.size_bytes == 0:
            raise UnsupportedImageError(f"{image.key} is empty")
        if image.size_bytes > _MAXIMUM_S3_BYTES:
            raise UnsupportedImageError(
                f"{image.key} has {image.size_bytes} bytes, Rekognition takes {_MAXIMUM_S3_BYTES}; "
                "lower WidthPixels and HeightPixels or JPEGQuality"
            )
        least, most = self.sides_px
        if any(side is not None and not least <= side <= most for side in (image.width, image.height)):
            raise UnsupportedImageError(
                f"{image.key} is {image.width}x{image.height}; {self.operation} takes sides of {least} to {most} "
                "pixels: set WidthPixels and HeightPixels"
            )

    def _translated(self, error: Exception, what: str) -> KinesightError:
        if isinstance(error, ClientError) and error_code(error) in _PICTURE_REFUSED:
            return translate(error, what, passing=DetectorBusyError, lasting=UnsupportedImageError)
        if isinstance(error, ClientError) and error_code(error) in _CONFIGURATION:
            # A missing permission or collection is mended by people while messages wait; burying them at once would
            # only add work.
            return translate(error, what, passing=DetectorBusyError, lasting=DetectorBusyError)
        told = translate(error, what, passing=DetectorBusyError, lasting=DetectorRejectedError)
        told.connection_closed = isinstance(error, ConnectionClosedError)
        return maybe_billed(told) if is_timeout(error) else told
