"""Which channels the parameters bring."""

from collections.abc import Iterator

import pytest
from kinesight.domain.configuration.outputs import AlertSettings
from kinesight.domain.sessions.alerts import alert_of
from kinesight.domain.sessions.channels import CHANNELS, Carries
from kinesight.domain.sessions.outbox import NotificationTargets
from kinesight.wiring import channels
from kinesight.wiring import track_sessions as wiring
from pydantic import ValidationError

from tests.contract.sessions import SESSION

REQUIRED = {
    "COORDINATION_TABLE": "coordination",
    "SESSIONS_TABLE": "sessions",
    "EVIDENCE_BUCKET": "evidence",
    "IDEMPOTENCY_TABLE": "idempotency",
    "DEAD_LETTER_QUEUE_URL": "https://sqs/queue",
    "ALERT_TOPIC_ARN": "arn:aws:sns:us-east-1:111122223333:alerts",
    "SESSION_CLIP_QUEUE_URL": "https://sqs/clips",
}
SECRET_ARN = "arn:aws:secretsmanager:us-east-1:111122223333:secret:webhook-abcdef"
VALUES = {
    "iot_topic": "t",
    "event_bus_name": "b",
    "webhook_secret_arn": SECRET_ARN,
    "alert_topic_arn": "a",
    "evidence_bucket": "e",
}


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
        ({"WEBHOOK_SECRET_ARN": SECRET_ARN}, [], ["sns", "webhook"]),
        ({"IOT_TOPIC": "", "WEBHOOK_SECRET_ARN": ""}, [], ["sns"]),
    ],
)
def test_every_channel_is_there_by_its_parameter_alone(
    variables: dict[str, str], events: list[str], alerts: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    found = targets(monkeypatch, **variables)

    assert (list(found.events), list(found.alerts)) == (events, alerts)


@pytest.mark.parametrize(("secret_arn", "alerts"), [("", []), (SECRET_ARN, ["webhook"])])
def test_the_topic_has_no_alerts_of_sessions_if_there_are_some_of_images(secret_arn: str, alerts: list[str]) -> None:
    found = channels.channels(VALUES | {"webhook_secret_arn": secret_arn}, AlertSettings(per="IMAGE"))

    assert [name for name, one in found.items() if one.alerts is not None and name != "iot"] == alerts


def test_the_topic_alone_takes_rekognitions_form() -> None:
    found = channels.channels(VALUES, AlertSettings(format="REKOGNITION"))

    bodies = {name: one.alerts.compose(SESSION, str).body for name, one in found.items() if one.alerts is not None}
    (label,) = bodies["sns"]["labels"]
    assert label["frameImageUri"].startswith("s3://e/annotated/")
    assert bodies["iot"] == alert_of(SESSION, str).body


def test_rekognitions_form_is_of_sessions() -> None:
    with pytest.raises(ValidationError, match="REKOGNITION goes with per SESSION only"):
        AlertSettings(format="REKOGNITION", per="IMAGE")


def test_a_webhook_remembers_that_it_rests(monkeypatch: pytest.MonkeyPatch) -> None:
    first = targets(monkeypatch, WEBHOOK_SECRET_ARN=SECRET_ARN).alerts["webhook"]

    assert wiring.ports(lambda: 1000).targets.alerts["webhook"].channel is first.channel


def test_every_entry_has_a_factory_and_every_factory_an_entry() -> None:
    assert channels._FACTORIES.keys() == CHANNELS.keys()


@pytest.mark.parametrize("name", CHANNELS)
def test_a_channel_carries_what_its_entry_says(name: str) -> None:
    found = channels.channels(VALUES, AlertSettings())

    assert list(found) == list(CHANNELS)
    assert (found[name].events is not None) == (CHANNELS[name].carries is not Carries.ALERTS)
    assert (found[name].alerts is not None) == (CHANNELS[name].carries is not Carries.EVENTS)
