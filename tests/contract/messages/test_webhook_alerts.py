"""Alerts on a webhook, with working and failing receivers; the webhook's address appears in no error and no log."""

import json
import logging
import ssl
import time
import traceback
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber
from kinesight.adapters.aws import clients as aws_clients
from kinesight.adapters.messages.webhook_alerts import WebhookAlerts
from kinesight.adapters.secrets.secrets_manager import webhook_secret
from kinesight.domain.configuration.outputs import WebhookFormat
from kinesight.domain.errors import ChannelRefusedError, DeliveryError, KinesightError
from kinesight.domain.sessions.alerts import alert_of
from kinesight.domain.sessions.model import TRACKER_STATE, SessionEvent, SessionEventType, TrackerState
from kinesight.domain.sessions.outbox import AlertRoute, NotificationTargets, deliver
from kinesight.domain.sessions.webhook_messages import webhook_messages
from kinesight.domain.sessions.webhook_target import parse_target
from moto import mock_aws

from tests.contract.sessions import SESSION
from tests.fakes import FakeLedger, FakeSessions
from tests.receivers import Receiver, Reply, drips, floods, hangs, hangs_up, says

PATH = "/services/T0001/B0002/s3cr3t-t0ken?sig=s1gnature"
HEADERS = {"Authorization": "Bearer b34rer"}
SECRETS = ("s3cr3t", "s1gnature", "b34rer", "T0001")
ALERT = alert_of(SESSION, lambda key: f"https://evidence/{key}")


class FakeSecret:
    """A secret that may have changed since it was read."""

    def __init__(self, *texts: str) -> None:
        self.texts = list(texts)

    def value(self) -> str:
        return self.texts[0]

    def renewed(self, stale: str) -> str:
        if len(self.texts) > 1 and self.texts[0] == stale:
            self.texts.pop(0)
        return self.texts[0]


@pytest.fixture
def receiver(tmp_path: Path) -> Iterator[Receiver]:
    receiver = Receiver(tmp_path)
    yield receiver
    receiver.stop()


def secret_of(url: str) -> str:
    return json.dumps({"url": url, "headers": HEADERS})


class Channel:
    """A webhook at a receiver, with a clock of its own."""

    def __init__(
        self, receiver: Receiver, *replies: Reply, form: WebhookFormat = WebhookFormat.JSON, trust: Any = None
    ) -> None:
        receiver.replies = list(replies) or receiver.replies
        self.now_s = 0.0
        self.secret = FakeSecret(secret_of(receiver.url(PATH)))
        self.alerts = WebhookAlerts(
            self.secret,
            partial(webhook_messages, form),
            tls=trust or receiver.trust,
            monotonic_s=lambda: self.now_s,
            deadline_s=0.5,
        )

    def error(self) -> KinesightError:
        with pytest.raises(KinesightError) as caught:
            self.alerts.send(ALERT)
        return caught.value


def everything_in(error: BaseException) -> str:
    """Returns everything that a log of the error could contain."""
    chain: list[BaseException | None] = [error, error.__cause__, error.__context__]
    return repr(chain) + str(error) + "".join(traceback.format_exception(error))


def test_an_alert_is_one_post(receiver: Receiver) -> None:
    Channel(receiver).alerts.send(ALERT)

    (request,) = receiver.requests
    assert request.path == PATH
    assert json.loads(request.body) == ALERT.body
    assert (request.headers["content-type"], request.headers["authorization"]) == ("application/json", "Bearer b34rer")


def test_throttled_alerts_wait_for_retry_after(receiver: Receiver) -> None:
    channel = Channel(receiver, says(429, "Retry-After: 30"), says(200))

    assert isinstance(channel.error(), DeliveryError)
    channel.now_s = 29
    assert str(channel.error()) == "the webhook is paused after a failure"
    channel.now_s = 30
    channel.alerts.send(ALERT)

    assert len(receiver.requests) == 2


@pytest.mark.parametrize("header", ["Retry-After: 86400", "Retry-After: Wed, 21 Oct 2026 07:28:00 GMT", "X: y"])
def test_no_receiver_silences_alerts_for_long(receiver: Receiver, header: str) -> None:
    channel = Channel(receiver, says(503, header), says(200))
    channel.error()

    channel.now_s = 300
    channel.alerts.send(ALERT)


@pytest.mark.parametrize(
    "reply",
    [says(429), says(500), says(503), says(408), hangs_up, hangs(5), drips(5)],
    ids=["429", "500", "503", "408", "hangs up", "hangs", "drips"],
)
def test_transient_errors_are_retried(receiver: Receiver, reply: Reply, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    began = time.monotonic()

    error = Channel(receiver, reply).error()

    assert isinstance(error, DeliveryError)
    assert time.monotonic() - began < 4
    assert not [one for one in SECRETS if one in everything_in(error) + caplog.text]


@pytest.mark.parametrize("status", [301, 302, 307, 308, 400, 401, 403, 404, 405, 410, 413])
def test_permanent_errors_are_refusals(receiver: Receiver, status: int, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)

    error = Channel(receiver, says(status, f"Location: {receiver.url(PATH)}/elsewhere")).error()

    assert (type(error), str(error)) == (ChannelRefusedError, f"the webhook returned HTTP {status}")
    assert [request.path for request in receiver.requests] == [PATH]
    assert not [one for one in SECRETS if one in everything_in(error) + caplog.text]


def test_huge_responses_are_not_read(receiver: Receiver) -> None:
    began = time.monotonic()

    Channel(receiver, floods).alerts.send(ALERT)

    assert time.monotonic() - began < 4


def test_a_receiver_that_hangs_costs_one_deadline(receiver: Receiver) -> None:
    channel = Channel(receiver, hangs(5))
    began = time.monotonic()

    for _ in range(10):
        channel.error()

    assert time.monotonic() - began < 4
    assert len(receiver.requests) == 1


def test_a_connection_that_comes_too_late_carries_nothing(receiver: Receiver) -> None:
    receiver.handshake_s = 2

    assert str(Channel(receiver).error()) == "no response from the webhook: TimeoutError"
    time.sleep(2)

    assert receiver.requests == []


def test_a_stranger_with_another_certificate_gets_nothing(receiver: Receiver) -> None:
    error = Channel(receiver, trust=ssl.create_default_context()).error()

    assert str(error) == "no response from the webhook: SSLCertVerificationError"
    assert receiver.requests == []
    assert not [one for one in SECRETS if one in everything_in(error)]


def test_an_unreachable_webhook_is_retried(receiver: Receiver) -> None:
    channel = Channel(receiver)
    receiver.port = 1
    channel.secret.texts = [secret_of(receiver.url(PATH))]

    error = channel.error()

    assert isinstance(error, DeliveryError)
    assert not [one for one in SECRETS if one in everything_in(error)]


def test_a_changed_address_is_found_at_once(receiver: Receiver) -> None:
    channel = Channel(receiver, says(404), says(200))
    channel.secret.texts.append(receiver.url("/new"))

    channel.alerts.send(ALERT)

    assert [request.path for request in receiver.requests] == [PATH, "/new"]
    assert "authorization" not in receiver.requests[1].headers


def test_slack_that_cannot_fetch_the_image_yet_gets_the_text(receiver: Receiver) -> None:
    channel = Channel(receiver, says(400, body=b"invalid_blocks"), says(200), form=WebhookFormat.SLACK)

    channel.alerts.send(ALERT)

    first, second = (json.loads(request.body)["blocks"] for request in receiver.requests)
    assert first[-1]["image_url"] == ALERT.body["links"]["image"]
    assert second == first[:-1]


@pytest.mark.parametrize("reply", [says(404), says(503), hangs_up], ids=["refused", "busy", "gone"])
def test_stored_and_reported_failures_contain_no_address(receiver: Receiver, reply: Reply) -> None:
    channel, sessions = Channel(receiver, reply), FakeSessions()
    routes = {"webhook": AlertRoute(channel.alerts)}
    targets = NotificationTargets(
        sessions, {"bus": sessions}, routes, lambda key: f"https://evidence/{key}", FakeLedger()
    )

    result = deliver([SessionEvent(SessionEventType.ALERT, SESSION)], targets)

    kept = TRACKER_STATE.dump_json(TrackerState(outbox=result.undelivered)).decode()
    everything = repr([result, channel.alerts, targets, parse_target(channel.secret.value())]) + kept
    assert result.refusals or result.failed_alerts
    assert not [one for one in (*SECRETS, "127.0.0.1") if one in everything]


@pytest.mark.parametrize(
    ("secret", "complaint"),
    [
        ("", "no plain https URL"),
        ("http://hooks.example/s3cr3t", "no plain https URL"),
        ("https://", "no plain https URL"),
        ("https://user:s3cr3t@hooks.example/", "no plain https URL"),
        ("https://hooks.example:s3cr3t/", "no plain https URL"),
        ("https://[s3cr3t/", "no plain https URL"),
        ("https://hooks.example/s3cr3t path", "no plain https URL"),
        ("https://hooks.example/s3cr3t\r\nX: y", "no plain https URL"),
        ('{"url": "https://hooks.example/s3cr3t"', "not JSON"),
        ('{"uri": "https://hooks.example/s3cr3t"}', "has no url"),
        ('{"url": ["https://hooks.example/s3cr3t"]}', "has no url"),
        ('{"url": "https://hooks.example/", "headers": {"X": "s3cr3t\\r\\nY: z"}}', "has invalid headers"),
        ('{"url": "https://hooks.example/", "headers": {"Host": "s3cr3t"}}', "has invalid headers"),
        ('{"url": "https://hooks.example/", "headers": {"s3cr3t header": "x"}}', "has invalid headers"),
        ('{"url": "https://hooks.example/", "headers": {"X": 1}}', "has invalid headers"),
        ('{"url": "https://hooks.example/", "headers": ["s3cr3t"]}', "has invalid headers"),
    ],
)
def test_a_wrong_secret_is_refused_without_telling_it(secret: str, complaint: str) -> None:
    with pytest.raises(ChannelRefusedError, match=complaint) as caught:
        parse_target(secret)

    assert "s3cr3t" not in everything_in(caught.value)


def test_a_name_that_leads_to_a_refused_address_receives_nothing(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """DNS rebinding: the name is permitted, and the address that it resolves to later is not."""
    monkeypatch.setattr("kinesight.adapters.aws.peer_check.is_callable", lambda _: False)

    error = Channel(receiver).error()

    assert isinstance(error, ChannelRefusedError)
    assert "special address" in str(error)
    assert receiver.requests == []
    assert not [one for one in (*SECRETS, "127.0.0.1") if one in everything_in(error)]


def test_a_secret_may_be_the_bare_address() -> None:
    target = parse_target("https://hooks.example/a/b?c=d#e\n")

    assert (target.host, target.port, target.path, target.headers) == ("hooks.example", 443, "/a/b?c=d", {})
    assert parse_target("https://[::1]:8443").port == 8443
    assert repr(target) == "WebhookTarget()"


def test_a_secret_is_read_once_in_five_minutes() -> None:
    now = [0.0]
    with mock_aws():
        client = boto3.client("secretsmanager", region_name="us-east-1")
        arn = client.create_secret(Name="webhook", SecretString="one")["ARN"]
        secret = webhook_secret(client, arn, monotonic_s=lambda: now[0])

        first = secret.value()
        client.put_secret_value(SecretId=arn, SecretString="two")

        assert (first, secret.value(), secret.renewed("one")) == ("one", "one", "two")
        client.put_secret_value(SecretId=arn, SecretString="three")
        now[0] = 301
        assert secret.value() == "three"


def test_a_secret_is_not_logged_as_it_is_read(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with mock_aws():
        aws_clients.secrets_manager.cache_clear()
        client = aws_clients.secrets_manager()
        secret = webhook_secret(client, "webhook", monotonic_s=lambda: 0)
        client.create_secret(Name="webhook", SecretString="https://hooks.example/n0t-t0ld")
        caplog.clear()

        assert secret.value() == "https://hooks.example/n0t-t0ld"

    aws_clients.secrets_manager.cache_clear()
    assert "GetSecretValue" in caplog.text
    assert "n0t-t0ld" not in caplog.text


def test_a_secret_that_cannot_be_read_is_read_again_later() -> None:
    client = boto3.client("secretsmanager", region_name="us-east-1")
    with Stubber(client) as stubber:
        stubber.add_client_error("get_secret_value", "AccessDeniedException", http_status_code=400)
        stubber.add_response("get_secret_value", {"SecretBinary": b"binary"})
        secret = webhook_secret(client, "arn", monotonic_s=lambda: 0)

        with pytest.raises(DeliveryError, match="read the secret: AccessDeniedException"):
            secret.value()
        assert secret.value() == ""
