"""Detector on a self-hosted model that receives an image by POST and returns JSON."""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import cache
from typing import Any

import urllib3

from kinesight.adapters.aws.peer_check import AddressRefusedError
from kinesight.adapters.detectors.deadlines import Deadline, DeadlinePool
from kinesight.domain.detectors.http_request import checked_url, json_body, redacted
from kinesight.domain.detectors.image_fit import ImageForm, Preparer, SentImage
from kinesight.domain.detectors.output_reader import OutputReader
from kinesight.domain.detectors.ports import ModelOutput
from kinesight.domain.errors import DetectorBusyError, DetectorRejectedError, ModelOutputError, maybe_billed
from kinesight.domain.model import DetectorInfo, Frame
from kinesight.domain.ports import ImageStore, Secret

_MAXIMUM_OUTPUT_BYTES = 6 * 1024 * 1024  # SageMaker's limit
_RETRYABLE = frozenset({408, 425, 429})
_UNAUTHORIZED = frozenset({401, 403})
_CONNECTIONS = 50
_OK = 200


@dataclass(frozen=True, slots=True)
class HttpModel:
    """Request settings of a self-hosted model. A call takes at most both timeouts together.

    `json_template` (domain/detectors/http_request.py) is the JSON body around the image; None sends the image's bytes.
    `auth_header` is the name of the header that carries the secret. Raises InvalidSettingError for an address that
    must not be called.
    """

    url: str
    form: ImageForm
    json_template: Any | None
    auth_header: str
    connect_timeout_ms: int
    read_timeout_ms: int

    def __post_init__(self) -> None:
        checked_url(self.url)

    @property
    def address(self) -> str:
        """URL without the query, which may contain secrets."""
        parts = checked_url(self.url)
        return f"{parts.scheme}://{parts.netloc}{parts.path}"

    @property
    def timeout(self) -> urllib3.Timeout:
        """Timeout of connecting and of each piece that is read."""
        return urllib3.Timeout(connect=self.connect_timeout_ms / 1000, read=self.read_timeout_ms / 1000)

    @property
    def deadline_s(self) -> float:
        """Seconds after which the whole exchange fails."""
        return (self.connect_timeout_ms + self.read_timeout_ms) / 1000


@cache
def connections() -> DeadlinePool:
    """Returns the shared connection pool; it verifies certificates and addresses."""
    return DeadlinePool(_CONNECTIONS)


class HttpDetector:
    """Follows no redirect, so that the secret is sent to the configured host only."""

    def __init__(
        self, images: ImageStore, prepare: Preparer, reader: OutputReader, model: HttpModel, secret: Secret | None
    ) -> None:
        self._images = images
        self._prepare = prepare
        self._reader = reader
        self._model = model
        self._secret = secret

    @property
    def fingerprint(self) -> str:
        """The address, without its query."""
        return f"http/{self._model.address}"

    def detect(self, frame: Frame) -> ModelOutput:
        """Calls GetObject and sends one POST; sends another with the renewed secret after 401 or 403."""
        sent = self._prepare(self._model.form, self._images.read(frame.image), frame.image.content_type)
        started = time.monotonic()
        output = self._call(sent)
        latency_ms = round(1000 * (time.monotonic() - started))
        info = DetectorInfo(type="http", operation=self._model.address, latency_ms=latency_ms)
        read = self._reader.read(output, sent)
        text = output.decode(errors="replace")
        return ModelOutput(info, read.detections, text, output, dropped_rows=read.dropped_rows)

    def _call(self, sent: SentImage) -> bytes:
        secret = None if self._secret is None else self._secret.value()
        status, output = self._post(sent, secret)
        if status in _UNAUTHORIZED and self._secret is not None and secret is not None:
            renewed = self._secret.renewed(secret)
            if renewed != secret:
                secret = renewed
                status, output = self._post(sent, secret)
        output = redacted(output, secret)
        self._check(status, output)
        return output

    def _check(self, status: int, output: bytes) -> None:
        if 200 <= status < 300:
            return
        message = f"POST {self._model.address}: HTTP {status}: {output[:200].decode(errors='replace')}"
        raise DetectorBusyError(message) if status >= 500 or status in _RETRYABLE else DetectorRejectedError(message)

    def _post(self, sent: SentImage, secret: str | None) -> tuple[int, bytes]:
        body, content_type = self._body(sent)
        headers = {"Content-Type": content_type, "Accept": "application/json", "Accept-Encoding": "identity"}
        if secret is not None:
            headers[self._model.auth_header] = secret
        with Deadline(self._model.deadline_s) as deadline:
            try:
                found = self._exchange(body, headers)
            except AddressRefusedError as error:
                raise DetectorRejectedError(f"POST {self._model.address}: {error}") from None
            except urllib3.exceptions.HTTPError as error:
                # urllib3's own message contains the whole URL with its query.
                problem = type(error).__name__
            else:
                if not deadline.is_over:
                    return found
        if deadline.is_over:
            problem = f"no complete response in {self._model.deadline_s:g} s"
        raise maybe_billed(DetectorBusyError(f"POST {self._model.address}: {problem}")) from None

    def _exchange(self, body: bytes, headers: dict[str, str]) -> tuple[int, bytes]:
        response = connections().request(
            "POST",
            self._model.url,
            body=body,
            headers=headers,
            timeout=self._model.timeout,
            retries=False,
            redirect=False,
            preload_content=False,
        )
        return response.status, self._read(response)

    def _body(self, sent: SentImage) -> tuple[bytes, str]:
        if self._model.json_template is None:
            return sent.body, sent.content_type
        return json_body(self._model.json_template, sent.body), "application/json"

    def _read(self, response: urllib3.BaseHTTPResponse) -> bytes:
        """Returns the whole body. Reads until its end, where urllib3 raises IncompleteRead if it is too short. Headers
        that are cut short leave an empty body of no declared length."""
        output = b""
        while piece := response.read(_MAXIMUM_OUTPUT_BYTES + 1 - len(output), decode_content=False):
            output += piece
            if len(output) > _MAXIMUM_OUTPUT_BYTES:
                response.close()
                raise ModelOutputError(f"{self._model.address} returned more than {_MAXIMUM_OUTPUT_BYTES} bytes")
        if not output and response.status == _OK and not (response.headers.get("Content-Length") or response.chunked):
            raise urllib3.exceptions.ProtocolError("no body")
        response.release_conn()
        return output
