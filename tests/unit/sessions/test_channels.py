"""Which channels the parameters bring."""

from collections.abc import Iterator

import pytest
from kinesight.domain.errors import InvalidSettingError
from kinesight.domain.sessions.alerts import alert_of
from kinesight.domain.sessions.channels import CHANNELS, Carries
from kinesight.domain.sessions.outbox import NotificationTargets
from kinesight.wiring import channels
from kinesight.wiring import track_sessions as wiring

from tests.contract.sessions import SESSION

REQUIRED = {
    "COORDINATION_TABLE": "coordination",
    "SESSIONS_TABLE": "sessions",
    "CONFIGURATION_BUCKET": "evidence",
    "EVIDENCE_BUCKET": "evidence",
    "IDEMPOTENCY_TABLE": "idempotency",
    "DEAD_LETTER_QUEUE_URL": "https://sqs/queue",
    "ALERT_TOPIC_ARN": "arn:aws:sns:us-east-1:111122223333:alerts",
}
SECRET_ARN = "arn:aws:secretsmanager:us-east-1:111122223333:secret:webhook-abcdef"


@pytest.fixture(autouse=True)
def forgotten_settings() -> Iterator[None]:
    yield
    wiring._environment.cache_clear()
    channels._webhook_alerts.cache_clear()


def targets(monkeypatch: pytest.MonkeyPatch, **variables: str) -> NotificationTargets:
    for name, value in (REQUIRED | variables).items():
        monkeypatch.setenv(name, value)
    wiring._environment.cache_clear()
    channels._webhook_alerts.cache_clear()
    return wiring.ports(lambda: 1000).targets


@pytest.mark.parametrize(
    ("variables", "events", "alerts"),
    [
        ({}, [], ["sns"]),
        ({"EVENT_BUS_NAME": "default"}, ["eventbridge"], ["sns"]),
        ({"EVENT_BUS_NAME": "", "IOT_TOPIC": "cameras"}, ["iot"], ["sns", "iot"]),
        ({"WEBHOOK_SECRET_ARN": SECRET_ARN, "WEBHOOK_FORMAT": "TEAMS"}, [], ["sns", "webhook"]),
        ({"ALERT_PER": "IMAGE"}, [], []),
        ({"ALERT_PER": "IMAGE", "WEBHOOK_SECRET_ARN": SECRET_ARN}, [], ["webhook"]),
        ({"IOT_TOPIC": "", "WEBHOOK_SECRET_ARN": ""}, [], ["sns"]),
    ],
)
def test_every_channel_is_there_by_its_parameter_alone(
    variables: dict[str, str], events: list[str], alerts: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    found = targets(monkeypatch, **variables)

    assert (list(found.events), list(found.alerts)) == (events, alerts)


def test_the_topic_alone_takes_rekognitions_form(monkeypatch: pytest.MonkeyPatch) -> None:
    found = targets(monkeypatch, ALERT_FORMAT="REKOGNITION", IOT_TOPIC="cameras")

    bodies = {name: route.compose(SESSION, str).body for name, route in found.alerts.items()}
    (label,) = bodies["sns"]["labels"]
    assert label["frameImageUri"].startswith("s3://evidence/annotated/")
    assert bodies["iot"] == alert_of(SESSION, str).body


def test_a_webhook_remembers_that_it_rests(monkeypatch: pytest.MonkeyPatch) -> None:
    first = targets(monkeypatch, WEBHOOK_SECRET_ARN=SECRET_ARN).alerts["webhook"]

    assert wiring.ports(lambda: 1000).targets.alerts["webhook"].channel is first.channel


def test_every_entry_has_a_factory_and_every_factory_an_entry() -> None:
    assert channels._FACTORIES.keys() == CHANNELS.keys()


@pytest.mark.parametrize("name", CHANNELS)
def test_a_channel_carries_what_its_entry_says(name: str) -> None:
    values = {"iot_topic": "t", "event_bus_name": "b", "webhook_secret_arn": SECRET_ARN, "alert_topic_arn": "a"}
    found = channels.channels(values | {"evidence_bucket": "e"})

    assert list(found) == list(CHANNELS)
    assert (found[name].events is not None) == (CHANNELS[name].carries is not Carries.ALERTS)
    assert (found[name].alerts is not None) == (CHANNELS[name].carries is not Carries.EVENTS)


def test_a_wrong_parameter_of_a_channel_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InvalidSettingError, match="WEBHOOK_FORMAT"):
        targets(monkeypatch, WEBHOOK_FORMAT="PIGEON")
