"""Detector on an asynchronous SageMaker endpoint ("API_runtime_InvokeEndpointAsync", SageMaker API reference)."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import TYPE_CHECKING

from kinesight.adapters.aws.errors import AWS_ERRORS
from kinesight.adapters.detectors.model_errors import is_refusal, translate_model_error
from kinesight.domain.detectors.image_fit import Endpoint, Preparer, SentImage
from kinesight.domain.detectors.output_reader import OutputReader
from kinesight.domain.detectors.ports import ModelOutput
from kinesight.domain.errors import DetectorBusyError, DetectorRejectedError, KinesightError, maybe_billed
from kinesight.domain.model import DetectorInfo, Frame
from kinesight.domain.ports import ImageStore, ObjectStore

if TYPE_CHECKING:
    from mypy_boto3_sagemaker_runtime import SageMakerRuntimeClient

_FIRST_POLL_S = 0.2
_SLOWEST_POLL_S = 2.0
_LEAST_TTL_S = 60  # minimum of RequestTTLSeconds
_CONTAINER_STATUS = re.compile(r"error \((\d{3})\)")


class SageMakerAsyncEndpoint:
    """An asynchronous endpoint: reads the image from S3 and writes its model output, or its error, to S3.

    The endpoint's role must be allowed to read the images bucket.
    """

    def __init__(
        self,
        client: SageMakerRuntimeClient,
        images: ImageStore,
        objects: ObjectStore,
        prepare: Preparer,
        reader: OutputReader,
        endpoint: Endpoint,
        *,
        timeout_ms: int,
        sleep: Callable[[float], None],
        monotonic_s: Callable[[], float],
    ) -> None:
        """`timeout_ms` is the time to wait for the model output; the endpoint then drops the request as well."""
        self._client = client
        self._images = images
        self._objects = objects
        self._prepare = prepare
        self._reader = reader
        self._endpoint = endpoint
        self._timeout_s = timeout_ms / 1000
        self._sleep = sleep
        self._monotonic_s = monotonic_s

    @property
    def fingerprint(self) -> str:
        """Service and endpoint."""
        return f"sagemaker-async/{self._endpoint.name}"

    def detect(self, frame: Frame) -> ModelOutput:
        """Calls InvokeEndpointAsync and polls S3 for the model output."""
        sent, location = self._placed(frame)
        started = self._monotonic_s()
        output, failure = self._invoke(location)
        body = self._awaited(output, failure, started + self._timeout_s)
        latency_ms = round(1000 * (self._monotonic_s() - started))
        info = DetectorInfo(type="sagemaker-async", operation=self._endpoint.name, latency_ms=latency_ms)
        read = self._reader.read(body, sent)
        text = body.decode(errors="replace")
        return ModelOutput(info, read.detections, text, body, dropped_rows=read.dropped_rows)

    def _placed(self, frame: Frame) -> tuple[SentImage, str]:
        """Returns the S3 URI of the endpoint's input: the image if the endpoint accepts it, else a converted copy."""
        image, form = frame.image, self._endpoint.form
        own = f"s3://{image.bucket}/{image.key}"
        if form.takes_any_size and form.takes(image.content_type, image.size_bytes):
            return SentImage(b"", image.content_type), own
        body = self._images.read(image)
        sent = self._prepare(form, body, image.content_type)
        if sent.body is body:
            return sent, own
        prepared = f"s3://{image.bucket}/model-input/{image.key}"
        self._objects.write(prepared, sent.body, sent.content_type)
        return sent, prepared

    def _invoke(self, location: str) -> tuple[str, str | None]:
        wait_s = math.ceil(self._timeout_s)
        try:
            response = self._client.invoke_endpoint_async(
                EndpointName=self._endpoint.name,
                InputLocation=location,
                ContentType=self._endpoint.form.content_type,
                Accept=self._endpoint.accept,
                RequestTTLSeconds=max(_LEAST_TTL_S, wait_s),
                InvocationTimeoutSeconds=wait_s,
            )
        except AWS_ERRORS as error:
            raise translate_model_error(error, f"InvokeEndpointAsync {self._endpoint.name} for {location}") from error
        return response["OutputLocation"], response.get("FailureLocation")

    def _awaited(self, output: str, failure: str | None, deadline_s: float) -> bytes:
        pause_s = _FIRST_POLL_S
        while True:
            body = self._objects.read(output)
            if body is not None:
                return body
            reason = None if failure is None else self._objects.read(failure)
            if reason is not None:
                raise self._failed(reason.decode(errors="replace"))
            if self._monotonic_s() + pause_s > deadline_s:
                message = f"{self._endpoint.name} wrote no output to {output} in {self._timeout_s:g} s"
                raise maybe_billed(DetectorBusyError(message))
            self._sleep(pause_s)
            pause_s = min(2 * pause_s, _SLOWEST_POLL_S)

    def _failed(self, reason: str) -> KinesightError:
        """Reads the container's status from SageMaker's text: "Received client error (400) from …"."""
        status = _CONTAINER_STATUS.search(reason)
        message = f"{self._endpoint.name} failed: {reason[:300]}"
        refused = status is not None and is_refusal(int(status.group(1)))
        return maybe_billed(DetectorRejectedError(message) if refused else DetectorBusyError(message))
