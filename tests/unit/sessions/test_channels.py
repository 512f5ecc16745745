"""Which channels the parameters and the configuration document bring."""

from collections.abc import Iterator

import pytest
from kinesight.domain.configuration.document import ConfigurationDocument
from kinesight.domain.configuration.outputs import AlertSettings
from kinesight.domain.sessions.alerts import alert_of
from kinesight.domain.sessions.channels import CHANNELS, Carries
from kinesight.domain.sessions.outbox import NotificationTargets
from kinesight.wiring import channels
from kinesight.wiring import track_sessions as wiring
from pydantic import ValidationError

from tests.contract.sessions import SESSION

REQUIRED = {
    "STACK_NAME": "cameras",
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
    "stack_name": "cameras",
    "webhook_secret_arn": SECRET_ARN,
    "alert_topic_arn": "a",
    "evidence_bucket": "e",
}


@pytest.fixture(autouse=True)
def forgotten_settings() -> Iterator[None]:
    yield
    wiring._environment.cache_clear()
    channels._webhook_alerts.cache_clear()


def document(**parts: object) -> ConfigurationDocument:
    return ConfigurationDocument.model_validate({"schemaVersion": 1, **parts})


def targets(monkeypatch: pytest.MonkeyPatch, **variables: str) -> NotificationTargets:
    for name, value in (REQUIRED | variables).items():
        monkeypatch.setenv(name, value)
    wiring._environment.cache_clear()
    channels._webhook_alerts.cache_clear()
    return wiring.ports(lambda: 1000).targets


@pytest.mark.parametrize(
    ("variables", "alerts"),
    [
        ({}, ["sns"]),
        ({"WEBHOOK_SECRET_ARN": SECRET_ARN}, ["sns", "webhook"]),
        ({"WEBHOOK_SECRET_ARN": ""}, ["sns"]),
    ],
)
def test_without_a_document_there_are_events_and_the_alerts_that_parameters_bring(
    variables: dict[str, str], alerts: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    found = targets(monkeypatch, **variables)

    assert (list(found.events), list(found.alerts)) == (["eventbridge"], alerts)


@pytest.mark.parametrize(
    ("channel_settings", "events"),
    [
        ({"iotTopic": "home/cameras"}, ["eventbridge", "iot"]),
        ({"eventBridge": False}, []),
        ({"eventBridge": False, "iotTopic": "home"}, ["iot"]),
    ],
)
def test_the_document_switches_channels_on_and_off(channel_settings: dict[str, object], events: list[str]) -> None:
    found = channels.channels(VALUES, document(channels=channel_settings))

    assert [name for name, one in found.items() if one.events is not None] == events
    assert (found["iot"].alerts is not None) == ("iot" in events)


class _Topics:
    """Remembers the topics that messages are published to."""

    def __init__(self) -> None:
        self.published: list[str] = []

    def publish(self, *, topic: str, **_: object) -> None:
        self.published.append(topic)


def test_topics_are_below_the_prefix_that_the_role_may_publish_to(monkeypatch: pytest.MonkeyPatch) -> None:
    topics = _Topics()
    monkeypatch.setattr("kinesight.adapters.aws.clients.iot_data", lambda: topics)
    found = channels.channels(VALUES, document(channels={"iotTopic": "home/cameras"}))

    assert found["iot"].events is not None
    found["iot"].events.send("NEW", {"streamName": "front-door"})

    assert topics.published == ["kinesight/cameras/home/cameras/front-door"]


@pytest.mark.parametrize(
    "topic", ["", "/home", "home/", "home//cameras", "home/#", "+", "$aws/things", "a/b/c/d/e/f", "home\n", "caf\u00e9"]
)
def test_a_topic_that_iot_core_or_the_role_refuses_is_an_error(topic: str) -> None:
    with pytest.raises(ValidationError, match="wildcards: the part of the topic between kinesight/<stack name>/ and"):
        document(channels={"iotTopic": topic})


@pytest.mark.parametrize(("secret_arn", "alerts"), [("", []), (SECRET_ARN, ["webhook"])])
def test_the_topic_has_no_alerts_of_sessions_if_there_are_some_of_images(secret_arn: str, alerts: list[str]) -> None:
    found = channels.channels(VALUES | {"webhook_secret_arn": secret_arn}, document(alerts={"per": "IMAGE"}))

    assert [name for name, one in found.items() if one.alerts is not None] == alerts


def test_the_topic_alone_takes_rekognitions_form() -> None:
    found = channels.channels(VALUES, document(alerts={"format": "REKOGNITION"}, channels={"iotTopic": "t"}))

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
    found = channels.channels(VALUES, document(channels={"iotTopic": "t"}))

    assert list(found) == list(CHANNELS)
    assert (found[name].events is not None) == (CHANNELS[name].carries is not Carries.ALERTS)
    assert (found[name].alerts is not None) == (CHANNELS[name].carries is not Carries.EVENTS)
