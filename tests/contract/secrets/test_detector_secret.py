"""The secret that authorizes calls of a self-hosted model: read when necessary, and never logged."""

import base64
import json
import logging
import traceback
from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest
from kinesight.adapters.aws import clients as aws_clients
from kinesight.adapters.secrets.secrets_manager import SecretsManagerSecret, detector_secret
from kinesight.domain.analysis.kit_record import kit_fields
from kinesight.domain.analysis.pipeline import DetectionPorts, FrameAnalysis, PipelineSettings, analyze
from kinesight.domain.configuration.configuration import Configuration
from kinesight.domain.detectors.budgeted_detector import BudgetedDetector
from kinesight.domain.detectors.call_prices import CallPrice
from kinesight.domain.detectors.ports import ModelOutput
from kinesight.domain.errors import DetectorRejectedError, InvalidSettingError, KinesightError

from tests.builders import NOON_MS, a_frame
from tests.fakes import EveryStream, FakeDeadLetters, FakeLedger, FakeSink
from tests.model_server import MODEL_OUTPUT, Model, an_http_detector

TOKEN = "kg-7f3a9c51-distinctive"
SECRET = f"Bearer {TOKEN}"


@pytest.fixture
def model() -> Model:
    return Model()


@pytest.fixture
def address(model: Model) -> Iterator[str]:
    with model.serving() as address:
        yield address


def detect(address: str, secret: Any = None, **model: Any) -> ModelOutput:
    return an_http_detector(address, secret, **model).detect(a_frame())


def a_secret(text: str = SECRET) -> tuple[Any, str, SecretsManagerSecret]:
    client = boto3.client("secretsmanager")
    arn = client.create_secret(Name="model", SecretString=text)["ARN"]
    return client, arn, detector_secret(client, arn)


def test_a_changed_secret_is_read_again(moto: str, model: Model, address: str) -> None:
    client, arn, secret = a_secret("Bearer old-value")
    model.accepted = "Bearer old-value"
    detect(address, secret)
    client.put_secret_value(SecretId=arn, SecretString=SECRET)
    model.accepted = SECRET

    detect(address, secret)
    detect(address, secret)

    assert [headers["authorization"] for headers, _ in model.requests] == [
        "Bearer old-value",
        "Bearer old-value",
        SECRET,
        SECRET,
    ]


def test_a_rejected_secret_is_used_once(moto: str, model: Model, address: str) -> None:
    _, _, secret = a_secret()
    model.accepted = "Bearer another"

    with pytest.raises(DetectorRejectedError, match="HTTP 401"):
        detect(address, secret)
    assert len(model.requests) == 1


@pytest.mark.parametrize("text", ["two\nlines", "ünïcode", "bell\x07", "  "])
def test_a_secret_that_is_no_valid_header_is_rejected_without_logging_it(moto: str, text: str) -> None:
    _, arn, secret = a_secret(text + TOKEN if text.strip() else text)

    with pytest.raises(InvalidSettingError, match="printable ASCII") as caught:
        secret.value()
    assert arn in str(caught.value)
    assert TOKEN not in everything(caught.value)


def test_a_deleted_secret_is_an_error(moto: str) -> None:
    client, arn, secret = a_secret()
    client.delete_secret(SecretId=arn, ForceDeleteWithoutRecovery=True)

    with pytest.raises(InvalidSettingError, match="ResourceNotFound"):
        secret.value()


def everything(error: BaseException) -> str:
    """Returns everything that a log of the error and its causes could contain."""
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
    model.output = b'{"you sent": "$echo"}'


def _babble(model: Model) -> None:
    model.output = b"you sent $echo"


def _misform(model: Model) -> None:
    model.output = b'{"you sent": "$echo"}'


def _echo(model: Model) -> None:
    model.output = MODEL_OUTPUT.replace('"echo": ""', '"echo": "$echo"').encode()


@pytest.mark.parametrize("behaviour", [_echo, _break, _refuse, _reject, _babble, _misform])
def test_the_secret_is_seen_nowhere(
    moto: str, model: Model, address: str, caplog: pytest.LogCaptureFixture, behaviour: Callable[[Model], None]
) -> None:
    """Log lines of every library at DEBUG, records with the raw answer, dead letters, and errors with their causes."""
    caplog.set_level(logging.DEBUG)
    _, arn, _ = a_secret()
    caplog.clear()
    aws_clients.secrets_manager.cache_clear()
    secret = detector_secret(aws_clients.secrets_manager(), arn)
    aws_clients.secrets_manager.cache_clear()
    behaviour(model)
    detector = an_http_detector(address, secret)
    sink, letters = FakeSink(), FakeDeadLetters()
    one = FrameAnalysis("image", a_frame)

    analyze(
        [one],
        DetectionPorts(
            EveryStream(BudgetedDetector(detector, "HTTP", CallPrice(0), None)), sink, FakeLedger(), lambda: NOON_MS
        ),
        PipelineSettings(lambda: Configuration.of([], 50), include_raw_output=True, extra_fields=kit_fields),
    )
    if one.error is not None:
        letters.send_to_dead_letters("image", one.error)
        logging.getLogger("kinesight").error("failed", exc_info=one.error)

    assert model.requests[0][0]["authorization"] == SECRET
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
