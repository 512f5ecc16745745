"""The detector on a self-hosted model: what is sent, errors by what to do, and a secret that is seen nowhere."""

import base64
import json
import logging
import socket
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import boto3
import pytest
from kinesight.adapters import pictures_pillow
from kinesight.adapters.detector_http import HttpDetector, HttpModel
from kinesight.adapters.secret_secretsmanager import SecretsManagerSecret
from kinesight.domain.analysis import Analysis, DetectionPlan, DetectionPorts, analyze
from kinesight.domain.answer_forms import mapping_of
from kinesight.domain.answer_mapping import AnswerReader
from kinesight.domain.errors import (
    DetectorAnswerError,
    DetectorBusyError,
    DetectorRejectedError,
    InvalidSettingError,
    KinesightError,
)
from kinesight.domain.http_model import checked_url, json_template
from kinesight.domain.label_map import LabelMap
from kinesight.domain.picture_fit import PictureForm
from kinesight.domain.ports import DetectorAnswer
from kinesight.domain.rules import Rules
from kinesight_local.http_server import ThreadedServer
from kinesight_local.vision.answers import CLASSES
from kinesight_local.vision.server import VisionServer
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tests.builders import a_frame
from tests.fakes import FakeDeadLetters, FakeImageStore, FakeLedger, FakeSink
from tests.functional.test_vision import photograph

TOKEN = "kg-7f3a9c51-distinctive"
SECRET = f"Bearer {TOKEN}"
ANSWER = json.dumps({"predictions": [{"category_id": 0, "bbox": [1, 2, 30, 40], "score": 0.9, "echo": ""}]})


@dataclass
class Model:
    """A model server that answers `status` and `answer`, and 401 to anything but `accepted`, if there is one."""

    status: int = 200
    answer: bytes = ANSWER.encode()
    accepted: str | None = None
    headers: dict[str, str] = field(default_factory=dict)
    asked: list[tuple[dict[str, str], bytes]] = field(default_factory=list)

    async def respond(self, request: Request) -> Response:
        self.asked.append((dict(request.headers), await request.body()))
        given = request.headers.get("authorization", "")
        if self.accepted is not None and given != self.accepted:
            return Response(f"not you, {given}", 401)
        body = self.answer.replace(b"$echo", given.encode())
        return Response(body, self.status, self.headers, "application/json")


@pytest.fixture
def model() -> Model:
    return Model()


@pytest.fixture
def address(model: Model) -> Iterator[str]:
    app = Starlette(routes=[Route("/see", model.respond, methods=["POST", "GET"])])
    with ThreadedServer(app, "127.0.0.1", 0) as server:
        yield f"{server.url}/see?key=query-secret"


class Fixed:
    """A secret that is what it is."""

    def value(self) -> str:
        return SECRET

    def renewed(self, stale: str) -> str:
        return SECRET


def a_detector(address: str, secret: Any = None, *, mapping: str = "COCO", **model: Any) -> HttpDetector:
    images = FakeImageStore()
    frame = a_frame()
    images.objects[frame.image.bucket, frame.image.key] = (photograph("astronaut.png"), "image/jpeg", {})
    form = PictureForm("image/jpeg", size_matters=True)
    settings: dict[str, Any] = {
        "json_template": None,
        "auth_header": "Authorization",
        "connect_timeout_ms": 1000,
        "read_timeout_ms": 10_000,
    }
    reader = AnswerReader(mapping_of(mapping), LabelMap.of(CLASSES), 60)
    return HttpDetector(images, pictures_pillow.prepare, reader, HttpModel(address, form, **(settings | model)), secret)


def detect(address: str, secret: Any = None, **model: Any) -> DetectorAnswer:
    return a_detector(address, secret, **model).detect(a_frame())


@pytest.mark.parametrize("template", [None, {"instances": [{"b64": "$picture", "n": 1}]}])
@pytest.mark.parametrize("form", ["coco", "yolo", "hugging-face"])
def test_a_real_model_in_bytes_and_in_json(form: str, template: Any) -> None:
    with VisionServer() as vision:
        answer = detect(f"{vision.url}/models/{form}", mapping=form.upper().replace("-", "_"), json_template=template)

    (face,) = [one for one in answer.detections if one.label == "Face"]
    assert face.bounding_box is not None
    assert face.bounding_box.left == pytest.approx(0.34, abs=0.05)


def test_what_is_asked(model: Model, address: str) -> None:
    answer = detect(address, Fixed())
    detect(address, None, json_template=json_template('{"image": "$picture"}'))

    (headers, body), (others, document) = model.asked
    assert (headers["authorization"], headers["content-type"]) == (SECRET, "image/jpeg")
    assert body == photograph("astronaut.png")
    assert "authorization" not in others
    assert list(json.loads(document)) == ["image"]
    assert answer.info.operation == address.partition("?")[0]
    assert (answer.detections[0].label, answer.detections[0].confidence) == ("Person", 90)


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
def test_a_status_by_what_to_do(model: Model, address: str, status: int, expected: type[Exception]) -> None:
    model.status = status
    model.headers = {"Location": "/elsewhere"} if status == 302 else {}

    with pytest.raises(expected, match=f"HTTP {status}"):
        detect(address)
    assert len(model.asked) == 1


def test_a_silent_model_is_a_busy_one() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        with pytest.raises(DetectorBusyError, match="ReadTimeoutError"):
            detect(f"http://127.0.0.1:{port}/see", read_timeout_ms=200)
    with pytest.raises(DetectorBusyError, match="NewConnectionError"):
        detect(f"http://127.0.0.1:{port}/see")


@pytest.mark.parametrize(
    ("answer", "complaint"), [(b"<html>", "not JSON"), (b"{}", "not there"), (bytes(6 * 1024 * 1024 + 1), "more than")]
)
def test_an_answer_of_another_form_or_size_is_an_error(
    model: Model, address: str, answer: bytes, complaint: str
) -> None:
    model.answer = answer

    with pytest.raises(DetectorAnswerError, match=complaint):
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
def test_addresses_that_may_be_called(url: str) -> None:
    assert checked_url(url).hostname


@pytest.mark.parametrize(
    ("url", "complaint"),
    [
        ("http://model.example.com", "by https"),
        ("http://8.8.8.8", "by https"),
        ("http://169.254.169.254/latest", "by https"),
        ("http://0.0.0.0", "by https"),
        ("http://notlocalhost", "by https"),
        ("http://internal", "by https"),
        ("https://user:word@model", "a user or a password"),
        ("ftp://model", "begin with https"),
        ("https://", "name a host"),
        ("https://model:port", "no address"),
        ("https://[::1", "no address"),
    ],
)
def test_addresses_that_may_not(url: str, complaint: str) -> None:
    with pytest.raises(InvalidSettingError, match=complaint):
        checked_url(url)


@pytest.mark.parametrize("text", ["{", '{"image": "picture"}', "[" * 100_000])
def test_bodies_without_the_picture_are_refused(text: str) -> None:
    with pytest.raises(InvalidSettingError, match="HttpJsonBody"):
        json_template(text)


def a_secret(text: str = SECRET) -> tuple[Any, str, SecretsManagerSecret]:
    client = boto3.client("secretsmanager")
    arn = client.create_secret(Name="model", SecretString=text)["ARN"]
    return client, arn, SecretsManagerSecret(client, arn)


def test_a_changed_secret_is_read_again(moto: str, model: Model, address: str) -> None:
    client, arn, secret = a_secret("Bearer old-value")
    model.accepted = "Bearer old-value"
    detect(address, secret)
    client.put_secret_value(SecretId=arn, SecretString=SECRET)
    model.accepted = SECRET

    detect(address, secret)
    detect(address, secret)

    assert [headers["authorization"] for headers, _ in model.asked] == [
        "Bearer old-value",
        "Bearer old-value",
        SECRET,
        SECRET,
    ]


def test_a_secret_that_is_refused_for_good_is_asked_with_once(moto: str, model: Model, address: str) -> None:
    _, _, secret = a_secret()
    model.accepted = "Bearer another"

    with pytest.raises(DetectorRejectedError, match="HTTP 401"):
        detect(address, secret)
    assert len(model.asked) == 1


@pytest.mark.parametrize("text", ["two\nlines", "ünïcode", "bell\x07", "  "])
def test_a_secret_that_can_be_no_header_is_refused_unseen(moto: str, text: str) -> None:
    _, arn, secret = a_secret(text + TOKEN if text.strip() else text)

    with pytest.raises(InvalidSettingError, match="printable ASCII") as caught:
        secret.value()
    assert arn in str(caught.value)
    assert TOKEN not in everything(caught.value)


def test_a_secret_that_is_gone_says_so(moto: str) -> None:
    client, arn, secret = a_secret()
    client.delete_secret(SecretId=arn, ForceDeleteWithoutRecovery=True)

    with pytest.raises(InvalidSettingError, match="ResourceNotFound"):
        secret.value()


def everything(error: BaseException) -> str:
    """All that a log could ever say of an error, its causes too."""
    parts = traceback.format_exception(error)
    seen: BaseException | None = error
    while seen is not None:
        parts += [str(seen), repr(seen), repr(seen.args), repr(vars(seen))]
        seen = seen.__cause__ or seen.__context__
    return "".join(parts)


def _break(model: Model) -> None:
    model.status = 500


def _refuse(model: Model) -> None:
    model.accepted = "Bearer another"


def _reject(model: Model) -> None:
    model.status = 400
    model.answer = b'{"you sent": "$echo"}'


def _babble(model: Model) -> None:
    model.answer = b"you sent $echo"


def _misform(model: Model) -> None:
    model.answer = b'{"you sent": "$echo"}'


def _echo(model: Model) -> None:
    model.answer = ANSWER.replace('"echo": ""', '"echo": "$echo"').encode()


@pytest.mark.parametrize("behaviour", [_echo, _break, _refuse, _reject, _babble, _misform])
def test_the_secret_is_seen_nowhere(
    moto: str, model: Model, address: str, caplog: pytest.LogCaptureFixture, behaviour: Callable[[Model], None]
) -> None:
    """Log lines of every library at DEBUG, records with the raw answer, dead letters, and errors with their causes."""
    from kinesight.adapters import aws_clients

    caplog.set_level(logging.DEBUG)
    _, arn, _ = a_secret()
    caplog.clear()
    aws_clients.secrets_manager.cache_clear()
    secret = SecretsManagerSecret(aws_clients.secrets_manager(), arn)
    aws_clients.secrets_manager.cache_clear()
    behaviour(model)
    detector = a_detector(address, secret)
    sink, letters = FakeSink(), FakeDeadLetters()
    one = Analysis("picture", a_frame)

    analyze(
        [one],
        DetectionPorts(detector, sink, FakeLedger()),
        DetectionPlan(Rules.of([], 50), include_raw_output=True, kit_format=True),
    )
    if one.error is not None:
        letters.bury("picture", one.error)
        logging.getLogger("kinesight").error("failed", exc_info=one.error)

    assert model.asked[0][0]["authorization"] == SECRET
    assert (one.error is None) == (behaviour is _echo)
    assert bool(sink.records) == (behaviour is _echo)
    shown = [
        caplog.text,
        repr(sink.records),
        repr(letters.__dict__),
        repr(detector.__dict__),
        repr(secret),
        str(secret),
    ]
    shown += [everything(one.error)] if one.error is not None else []
    shown += [repr(record.__dict__) for record in caplog.records]
    shown += [str(base64.b64decode(json.loads(body)["sageMakerOutput"])) for _, body in sink.records]
    assert [text for text in shown if TOKEN in text] == []
    assert isinstance(one.error, KinesightError | None)
