"""The detector on a self-hosted model: what is sent, what comes back, errors by what to do."""

import json
import socket
from collections.abc import Iterator
from typing import Any

import pytest
from kinesight.adapters.detectors import http
from kinesight.domain.detectors.http_request import checked_url, json_template
from kinesight.domain.detectors.ports import ModelOutput
from kinesight.domain.errors import DetectorBusyError, DetectorRejectedError, InvalidSettingError, ModelOutputError
from kinesight_local.vision.server import VisionServer

from tests.builders import a_frame
from tests.functional.test_vision import photograph
from tests.model_server import Model, an_http_detector


@pytest.fixture
def model() -> Model:
    return Model()


@pytest.fixture
def address(model: Model) -> Iterator[str]:
    with model.serving() as address:
        yield address


class Fixed:
    """A secret that is what it is."""

    def value(self) -> str:
        return "Bearer value"

    def renewed(self, stale: str) -> str:
        return "Bearer value"


def detect(address: str, secret: Any = None, **model: Any) -> ModelOutput:
    return an_http_detector(address, secret, **model).detect(a_frame())


@pytest.mark.parametrize("template", [None, {"instances": [{"b64": "$image", "n": 1}]}])
@pytest.mark.parametrize("form", ["coco", "yolo", "hugging-face"])
def test_a_real_model_with_bytes_and_with_json(form: str, template: Any) -> None:
    with VisionServer() as vision:
        output = detect(f"{vision.url}/models/{form}", mapping=form.upper().replace("-", "_"), json_template=template)

    (face,) = [one for one in output.detections if one.label == "Face"]
    assert face.bounding_box is not None
    assert face.bounding_box.left == pytest.approx(0.34, abs=0.05)


def test_the_request(model: Model, address: str) -> None:
    output = detect(address, Fixed())
    detect(address, None, json_template=json_template('{"image": "$image"}'))

    (headers, body), (others, document) = model.requests
    assert (headers["authorization"], headers["content-type"]) == ("Bearer value", "image/jpeg")
    assert body == photograph("astronaut.png")
    assert "authorization" not in others
    assert list(json.loads(document)) == ["image"]
    assert output.info.operation == address.partition("?")[0]
    assert (output.detections[0].label, output.detections[0].confidence) == ("Person", 90)


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (408, DetectorBusyError),
        (429, DetectorBusyError),
        (500, DetectorBusyError),
        (503, DetectorBusyError),
        (400, DetectorRejectedError),
        (401, DetectorRejectedError),
        (404, DetectorRejectedError),
        (302, DetectorRejectedError),
    ],
)
def test_statuses_are_classified(model: Model, address: str, status: int, expected: type[Exception]) -> None:
    model.status = status
    model.headers = {"Location": "/elsewhere"} if status == 302 else {}

    with pytest.raises(expected, match=f"HTTP {status}"):
        detect(address)
    assert len(model.requests) == 1


def test_a_model_without_a_response_is_a_transient_error() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        with pytest.raises(DetectorBusyError, match="ReadTimeoutError"):
            detect(f"http://127.0.0.1:{port}/see", read_timeout_ms=200)
    with pytest.raises(DetectorBusyError, match="NewConnectionError"):
        detect(f"http://127.0.0.1:{port}/see")


@pytest.mark.parametrize(
    ("output", "complaint"), [(b"<html>", "not JSON"), (b"{}", "not there"), (bytes(6 * 1024 * 1024 + 1), "more than")]
)
def test_output_in_another_format_or_size_is_an_error(
    model: Model, address: str, output: bytes, complaint: str
) -> None:
    model.output = output

    with pytest.raises(ModelOutputError, match=complaint):
        detect(address)


@pytest.mark.parametrize(
    "url",
    [
        "https://model.example.com/see",
        "http://127.0.0.1:8080",
        "http://10.1.2.3/see",
        "http://192.168.1.9",
        "http://[::1]:80/",
        "http://localhost:1",
        "http://ip-10-0-0-1.ec2.internal",
        "http://camera.local",
    ],
)
def test_allowed_urls(url: str) -> None:
    assert checked_url(url).hostname


@pytest.mark.parametrize(
    ("url", "complaint"),
    [
        ("http://model.example.com", "by https"),
        ("http://8.8.8.8", "by https"),
        ("http://169.254.169.254/latest", "special address"),
        ("http://0.0.0.0", "special address"),
        ("http://notlocalhost", "by https"),
        ("http://internal", "by https"),
        ("https://user:word@model", "a user or a password"),
        ("ftp://model", "begin with https"),
        ("https://", "name a host"),
        ("https://model:port", "not a valid address"),
        ("https://[::1", "not a valid address"),
    ],
)
def test_forbidden_urls(url: str, complaint: str) -> None:
    with pytest.raises(InvalidSettingError, match=complaint):
        checked_url(url)


@pytest.mark.parametrize("text", ["{", '{"image": "image"}', "[" * 100_000])
def test_bodies_without_the_image_are_rejected(text: str) -> None:
    with pytest.raises(InvalidSettingError, match="httpJsonBody"):
        json_template(text)


def test_a_name_that_leads_to_a_refused_address_receives_nothing(
    model: Model, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """DNS rebinding: the name is permitted, and the address that it resolves to later is not."""
    http.connections().clear()
    monkeypatch.setattr("kinesight.adapters.aws.peer_check.is_callable", lambda _: False)

    with pytest.raises(DetectorRejectedError, match="special address") as caught:
        detect(address.replace("127.0.0.1", "localhost"))

    assert model.requests == []
    assert "query-secret" not in str(caught.value)


def test_a_private_name_that_leads_to_a_public_address_receives_no_unencrypted_image(
    model: Model, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    http.connections().clear()
    monkeypatch.setattr("kinesight.adapters.aws.peer_check.is_private", lambda _: False)

    with pytest.raises(DetectorRejectedError, match="must be called by https"):
        detect(address.replace("127.0.0.1", "localhost"))
    assert model.requests == []
