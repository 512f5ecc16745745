"""Which failed calls may have to be paid: those that a model ran for, and those whose answer never came."""

from collections.abc import Iterator
from io import BytesIO
from typing import Any

import pytest
from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders
from botocore.exceptions import (
    ClientError,
    ConnectionClosedError,
    ConnectTimeoutError,
    EndpointConnectionError,
    ReadTimeoutError,
)
from kinesight.adapters.aws import clients as aws_clients
from kinesight.adapters.detectors.model_errors import translate_model_error
from kinesight.adapters.detectors.rekognition_faces import RekognitionFaces
from kinesight.domain.errors import DetectorBusyError, DetectorRejectedError, KinesightError, ModelOutputError
from kinesight_local.vision.server import VisionServer
from urllib3 import HTTPResponse

from tests.builders import a_frame
from tests.contract.detectors.test_bedrock import Talking, bedrock, said, used
from tests.functional.test_vision import photograph
from tests.model_server import an_http_detector

ADDRESS = "https://service.example"


def a_response(status: int, body: bytes) -> AWSResponse:
    return AWSResponse(ADDRESS, status, HTTPHeaders(), HTTPResponse(BytesIO(body), preload_content=False))


def refusal(code: str, status: int = 400) -> ClientError:
    output: Any = {"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(output, "Call")


@pytest.mark.parametrize(
    ("error", "may_be_billed"),
    [
        (refusal("ThrottlingException"), False),
        (refusal("ValidationException"), False),
        (refusal("InternalFailure", 500), False),
        (refusal("ModelError", 424), True),
        (refusal("ModelErrorException", 424), True),
        (ReadTimeoutError(endpoint_url=ADDRESS), True),
        (ConnectTimeoutError(endpoint_url=ADDRESS), False),
        (EndpointConnectionError(endpoint_url=ADDRESS), False),
    ],
)
def test_of_services_that_run_models(error: Exception, may_be_billed: bool) -> None:
    assert translate_model_error(error, "call").may_be_billed is may_be_billed


@pytest.fixture
def rekognition() -> Iterator[Any]:
    """The client that is deployed, which no later test meets."""
    aws_clients.rekognition.cache_clear()
    yield aws_clients.rekognition()
    aws_clients.rekognition.cache_clear()


@pytest.mark.parametrize(
    ("error", "may_be_billed", "calls"),
    [
        (ReadTimeoutError(endpoint_url=ADDRESS), True, 1),
        (ConnectionClosedError(endpoint_url=ADDRESS), True, 1),
        (ConnectTimeoutError(endpoint_url=ADDRESS), False, 4),
    ],
)
def test_rekognition_is_retried_only_if_no_call_was_made(
    rekognition: Any, monkeypatch: pytest.MonkeyPatch, error: Exception, may_be_billed: bool, calls: int
) -> None:
    monkeypatch.setattr("botocore.endpoint.time.sleep", lambda _: None)
    sent = []

    def fail(**_: Any) -> None:
        sent.append(1)
        raise error

    rekognition.meta.events.register_first("before-send.rekognition.DetectFaces", fail)
    with pytest.raises(DetectorBusyError) as raised:
        RekognitionFaces(rekognition, minimum_confidence=80).detect(a_frame())

    assert (raised.value.may_be_billed, len(sent)) == (may_be_billed, calls)
    assert raised.value.connection_closed is isinstance(error, ConnectionClosedError)


def test_rekognition_is_retried_if_it_throttles(rekognition: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("botocore.endpoint.time.sleep", lambda _: None)
    responses = [
        a_response(400, b'{"__type": "ThrottlingException"}'),
        a_response(200, b'{"FaceDetails": []}'),
    ]
    rekognition.meta.events.register_first("before-send.rekognition.DetectFaces", lambda **_: responses.pop(0))

    assert RekognitionFaces(rekognition, minimum_confidence=80).detect(a_frame()).detections == ()
    assert responses == []


@pytest.mark.parametrize("output", [said("content_filtered"), said("max_tokens", used({})), said("end_turn")])
def test_bedrock_bills_unusable_outputs(output: Any) -> None:
    with pytest.raises((DetectorRejectedError, ModelOutputError)) as raised:
        bedrock(Talking(output), photograph("astronaut.png"))

    error: KinesightError = raised.value
    assert error.may_be_billed


def test_bedrock_reports_its_tokens() -> None:
    output = said("tool_use", used({"objects": []})) | {"usage": {"inputTokens": 2100, "outputTokens": 40}}

    tokens = bedrock(Talking(output), photograph("astronaut.png")).tokens

    assert (tokens.read, tokens.written) == (2100, 40)


def test_a_model_that_refuses_by_http_has_not_been_paid() -> None:
    with VisionServer() as vision, pytest.raises(DetectorRejectedError) as raised:
        an_http_detector(f"{vision.url}/nowhere", None).detect(a_frame())

    assert not raised.value.may_be_billed
