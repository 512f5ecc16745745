"""Detector on a SageMaker real-time endpoint that answers as the built-in Object Detection algorithm does."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from kinesight.adapters.aws_errors import AWS_ERRORS, error_code, translate
from kinesight.domain.errors import DetectorBusyError, DetectorRejectedError, KinesightError, UnsupportedImageError
from kinesight.domain.model import DetectorInfo, Frame
from kinesight.domain.ports import DetectorAnswer, ImageStore
from kinesight.domain.sagemaker_answers import detections_of_object_detection

if TYPE_CHECKING:
    from mypy_boto3_sagemaker_runtime import SageMakerRuntimeClient

_MAXIMUM_BODY_BYTES = 6_291_456  # InvokeEndpoint's modelled limit; newer documents say 25 MB, not every endpoint agrees
_BUSY = frozenset({"ModelNotReadyException", "ServiceUnavailable", "InternalDependencyException", "InternalFailure"})


class SageMakerObjectDetection:
    """Sends the picture in the content type the endpoint takes; `convert(picture, content_type)` makes it so."""

    def __init__(
        self,
        client: SageMakerRuntimeClient,
        images: ImageStore,
        convert: Callable[[bytes, str], bytes],
        *,
        endpoint_name: str,
        content_type: str,
        accept: str,
        class_labels: Sequence[str],
        minimum_confidence: float,
    ) -> None:
        """`class_labels` are the model's classes by index; `minimum_confidence` is 0 to 100."""
        self._client = client
        self._images = images
        self._convert = convert
        self._endpoint_name = endpoint_name
        self._content_type = content_type
        self._accept = accept
        self._class_labels = class_labels
        self._minimum_confidence = minimum_confidence

    @property
    def fingerprint(self) -> str:
        """Service and endpoint."""
        return f"sagemaker/{self._endpoint_name}"

    def detect(self, frame: Frame) -> DetectorAnswer:
        """One GetObject, a conversion where the endpoint takes another format than KVS wrote, one InvokeEndpoint."""
        body = self._body(frame)
        started = time.monotonic()
        answer, variant = self._invoke(body, frame.image.key)
        info = DetectorInfo(
            type="sagemaker",
            operation=self._endpoint_name,
            model_version=variant,
            latency_ms=round(1000 * (time.monotonic() - started)),
        )
        found = detections_of_object_detection(answer, self._class_labels, self._minimum_confidence)
        return DetectorAnswer(info, found, answer.decode(errors="replace"), answer)

    def _body(self, frame: Frame) -> bytes:
        picture = self._images.read(frame.image)
        if self._content_type not in (frame.image.content_type, "application/x-image"):
            picture = self._convert(picture, self._content_type)
        if not 0 < len(picture) <= _MAXIMUM_BODY_BYTES:
            raise UnsupportedImageError(
                f"{frame.image.key} as {self._content_type} has {len(picture)} bytes; InvokeEndpoint takes 1 to "
                f"{_MAXIMUM_BODY_BYTES}: lower WidthPixels and HeightPixels, or take image/jpeg"
            )
        return picture

    def _invoke(self, body: bytes, key: str) -> tuple[bytes, str | None]:
        try:
            answer = self._client.invoke_endpoint(
                EndpointName=self._endpoint_name,
                Body=body,
                ContentType=self._content_type,
                Accept=self._accept,
            )
            return answer["Body"].read(), answer.get("InvokedProductionVariant")
        except AWS_ERRORS as error:
            raise _translated(error, f"InvokeEndpoint {self._endpoint_name} for {key}") from error


def _translated(error: Exception, what: str) -> KinesightError:
    if isinstance(error, ClientError):
        if error_code(error) in _BUSY:
            return translate(error, what, passing=DetectorBusyError, lasting=DetectorBusyError)
        if error_code(error) == "ModelError":
            return _model_error(error, what)
    return translate(error, what, passing=DetectorBusyError, lasting=DetectorRejectedError)


def _model_error(error: ClientError, what: str) -> KinesightError:
    """The container's own status decides: its 4xx is about this picture, anything else may pass."""
    original = error.response.get("OriginalStatusCode", 500)
    refused = isinstance(original, int) and 400 <= original < 500 and original not in (408, 429)
    lasting = DetectorRejectedError if refused else DetectorBusyError
    return translate(error, what, passing=DetectorBusyError, lasting=lasting)
