"""Detector on a SageMaker endpoint, real-time or serverless ("API_runtime_InvokeEndpoint", SageMaker API reference).

Both kinds are called in the same way. A serverless endpoint throttles while it starts.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from kinesight.adapters.aws.errors import AWS_ERRORS
from kinesight.adapters.detectors.deadlines import body_deadline
from kinesight.adapters.detectors.model_errors import translate_model_error
from kinesight.domain.detectors.image_fit import Endpoint, Preparer, SentImage
from kinesight.domain.detectors.output_reader import OutputReader
from kinesight.domain.detectors.ports import ModelOutput
from kinesight.domain.errors import DetectorBusyError, UnsupportedImageError, maybe_billed
from kinesight.domain.model import DetectorInfo, Frame
from kinesight.domain.ports import ImageStore

if TYPE_CHECKING:
    from mypy_boto3_sagemaker_runtime import SageMakerRuntimeClient

_MAXIMUM_BODY_BYTES = (
    6_291_456  # InvokeEndpoint's modelled limit; newer documentation says 25 MB, but not every endpoint accepts that
)


class SageMakerEndpoint:
    """A real-time or serverless endpoint."""

    def __init__(
        self,
        client: SageMakerRuntimeClient,
        images: ImageStore,
        prepare: Preparer,
        reader: OutputReader,
        endpoint: Endpoint,
        *,
        timeout_ms: int,
    ) -> None:
        """`timeout_ms` is the time to wait for the complete model output; the client's read timeout is for each
        piece."""
        self._client = client
        self._images = images
        self._prepare = prepare
        self._reader = reader
        self._endpoint = endpoint
        self._timeout_s = timeout_ms / 1000

    @property
    def fingerprint(self) -> str:
        """Service and endpoint."""
        return f"sagemaker/{self._endpoint.name}"

    def detect(self, frame: Frame) -> ModelOutput:
        """Calls GetObject, converts the image to the endpoint's format, and calls InvokeEndpoint."""
        sent = self._sent(frame)
        started = time.monotonic()
        output, variant = self._invoke(sent, frame.image.key)
        info = DetectorInfo(
            type="sagemaker",
            operation=self._endpoint.name,
            model_version=variant,
            latency_ms=round(1000 * (time.monotonic() - started)),
        )
        read = self._reader.read(output, sent)
        text = output.decode(errors="replace")
        return ModelOutput(info, read.detections, text, output, dropped_rows=read.dropped_rows)

    def _sent(self, frame: Frame) -> SentImage:
        form = self._endpoint.form
        sent = self._prepare(form, self._images.read(frame.image), frame.image.content_type)
        if not 0 < len(sent.body) <= _MAXIMUM_BODY_BYTES:
            raise UnsupportedImageError(
                f"{frame.image.key} as {form.content_type} has {len(sent.body)} bytes; InvokeEndpoint accepts 1 to "
                f"{_MAXIMUM_BODY_BYTES}: lower WidthPixels and HeightPixels, or set image/jpeg"
            )
        return sent

    def _invoke(self, sent: SentImage, key: str) -> tuple[bytes, str | None]:
        until_s = time.monotonic() + self._timeout_s
        try:
            response = self._client.invoke_endpoint(
                EndpointName=self._endpoint.name,
                Body=sent.body,
                ContentType=self._endpoint.form.content_type,
                Accept=self._endpoint.accept,
            )
            with body_deadline(response["Body"], until_s):
                output = response["Body"].read()
        except AWS_ERRORS as error:
            raise translate_model_error(error, f"InvokeEndpoint {self._endpoint.name} for {key}") from error
        headers = response["ResponseMetadata"]["HTTPHeaders"]
        if not output and not headers.get("content-length"):  # the headers were cut short
            raise maybe_billed(DetectorBusyError(f"InvokeEndpoint {self._endpoint.name} for {key}: no body"))
        return output, response.get("InvokedProductionVariant")
