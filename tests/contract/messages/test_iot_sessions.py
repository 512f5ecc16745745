"""IotSessions and IotAlerts, and the endpoint that they use."""

import json
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber
from kinesight.adapters.aws import clients as aws_clients
from kinesight.adapters.messages.iot_sessions import IotAlerts, IotSessions
from kinesight.domain.errors import ChannelRefusedError, DeliveryError, KinesightError
from kinesight.domain.sessions.alerts import alert_of, document_of
from moto import mock_aws

from tests.contract.sessions import SESSION


def iot_client() -> Any:
    return boto3.client("iot-data", region_name="us-east-1")


@pytest.fixture
def forgotten_clients(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    aws_clients.iot_data.cache_clear()
    yield
    aws_clients.iot_data.cache_clear()


def test_session_events_are_published_on_the_topic_of_the_stream() -> None:
    client = iot_client()
    with Stubber(client) as stubber:
        message = {"event": "UPDATE", **document_of(SESSION)}
        expected = {
            "topic": "home/cameras/front-door",
            "qos": 1,
            "payload": json.dumps(message).encode(),
            "contentType": "application/json",
        }
        stubber.add_response("publish", {}, expected)

        IotSessions(lambda: client, "home/cameras").send("UPDATE", document_of(SESSION))

        stubber.assert_no_pending_responses()


def test_alerts_are_published_with_their_links(forgotten_clients: None) -> None:
    from moto.iotdata.models import iotdata_backends

    with mock_aws():
        alert = alert_of(SESSION, lambda key: f"https://evidence/{key}")

        IotAlerts(IotSessions(iot_client, "cameras")).send(alert)

        ((topic, payload),) = iotdata_backends["123456789012"]["us-east-1"].published_payloads
    message = json.loads(payload)
    assert (topic, message["event"], message["sessionId"]) == ("cameras/front-door", "ALERT", SESSION.session_id)
    assert message["links"]["image"].startswith("https://evidence/annotated/")


@pytest.mark.parametrize(
    ("code", "status", "error"),
    [
        ("ThrottlingException", 429, DeliveryError),
        ("InternalFailureException", 500, DeliveryError),
        ("UnauthorizedException", 401, DeliveryError),
        ("InvalidRequestException", 400, ChannelRefusedError),
        ("RequestEntityTooLargeException", 413, ChannelRefusedError),
    ],
)
def test_only_permanent_iot_errors_are_given_up(code: str, status: int, error: type[KinesightError]) -> None:
    client = iot_client()
    with Stubber(client) as stubber:
        stubber.add_client_error("publish", code, http_status_code=status)

        with pytest.raises(error, match=f"publish to cameras/front-door: {code}"):
            IotSessions(lambda: client, "cameras").send("NEW", document_of(SESSION))


def test_iot_is_reached_at_the_accounts_own_endpoint(forgotten_clients: None) -> None:
    with mock_aws():
        own = boto3.client("iot").describe_endpoint(endpointType="iot:Data-ATS")["endpointAddress"]

        client = aws_clients.iot_data()

    assert client.meta.endpoint_url.endswith(own.split(".", 1)[1])
    assert "-ats.iot.us-east-1.amazonaws.com" in client.meta.endpoint_url
    assert aws_clients.iot_data() is client


@pytest.mark.parametrize("variable", ["AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_IOT_DATA_PLANE"])
def test_a_configured_endpoint_wins(variable: str, forgotten_clients: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(variable, "http://127.0.0.1:4566")

    assert aws_clients.iot_data().meta.endpoint_url == "http://127.0.0.1:4566"


def test_a_failed_endpoint_lookup_is_retried(monkeypatch: pytest.MonkeyPatch) -> None:
    client = boto3.client("iot", region_name="us-east-1")

    def find() -> Any:
        return client.describe_endpoint(endpointType="iot:Data-ATS")

    with Stubber(client) as stubber:
        stubber.add_client_error("describe_endpoint", "UnauthorizedException", http_status_code=401)

        with pytest.raises(DeliveryError, match="UnauthorizedException"):
            IotSessions(find, "cameras").send("NEW", document_of(SESSION))
