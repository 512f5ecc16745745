"""SnsAlertChannel over moto."""

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import boto3
import pytest
from kinesight.adapters.messages.sns_alerts import SnsAlertChannel
from kinesight.domain.evidence.image_alerts import alert_for
from kinesight.domain.ports import Alert
from kinesight.domain.sessions.alerts import alert_of
from kinesight.domain.sessions.model import BestImage, Session, Severity

from tests.builders import NOON_MS, a_record

BEST = BestImage("r" * 32, NOON_MS, "123", "Person", 97.5, Severity.ALERT)
SESSION = Session(
    "s" * 32,
    "front-door",
    Severity.ALERT,
    NOON_MS,
    NOON_MS,
    NOON_MS,
    1,
    {"Dog": 88.0, "Person": 97.5},
    ("people",),
    ("porch",),
    BEST,
)
_DOCUMENTED = re.compile(r"--attributes '(\{.*\})'")


class Topic:
    """A topic with an SQS subscription."""

    def __init__(self, **attributes: str) -> None:
        self._sns, self._sqs = boto3.client("sns"), boto3.client("sqs")
        self.arn = self._sns.create_topic(Name="alerts")["TopicArn"]
        self._url = self._sqs.create_queue(QueueName="alerts")["QueueUrl"]
        found = self._sqs.get_queue_attributes(QueueUrl=self._url, AttributeNames=["QueueArn"])
        endpoint = found["Attributes"]["QueueArn"]
        self._sns.subscribe(TopicArn=self.arn, Protocol="sqs", Endpoint=endpoint, Attributes=attributes)

    def send(self, alert: Alert) -> Any:
        """What arrives at the subscription; None if nothing does."""
        SnsAlertChannel(self._sns, self.arn).send(alert)
        messages = self._sqs.receive_message(QueueUrl=self._url).get("Messages", [])
        return json.loads(messages[0]["Body"]) if messages else None


def link(key: str) -> str:
    return f"https://evidence/{key}"


def test_an_alert_is_json_for_machines(aws: None) -> None:
    envelope = Topic().send(Alert("subject", "text", {"resultId": "1"}, {"streamName": "cam", "labels": ("A", "B")}))

    assert envelope["Subject"] == "subject"
    assert json.loads(envelope["Message"]) == {"resultId": "1"}
    assert envelope["MessageAttributes"] == {
        "streamName": {"Type": "String", "Value": "cam"},
        "labels": {"Type": "String.Array", "Value": '["A", "B"]'},
    }


def test_phones_get_one_line(aws: None, monkeypatch: pytest.MonkeyPatch) -> None:
    sns, published = boto3.client("sns"), []
    monkeypatch.setattr(sns, "publish", lambda **request: published.append(request))
    SnsAlertChannel(sns, "arn").send(alert_of(SESSION, link))
    ((request),) = published
    messages = json.loads(request["Message"])
    line = "Dog, Person detected on front-door in porch since 2026-01-01 12:00:00 UTC."
    title = "Kinesight: Dog, Person on front-door"

    assert messages["email"].startswith(line + "\n")
    assert messages["sms"] == line
    assert json.loads(messages["APNS"]) == {"aps": {"alert": {"title": title, "body": line}}}
    assert messages["APNS_SANDBOX"] == messages["APNS"]
    assert json.loads(messages["GCM"]) == {
        "fcmV1Message": {"message": {"notification": {"title": title, "body": line}}}
    }


def documented_policies() -> list[str]:
    """Subscription attributes that docs/sessions.md shows."""
    found = _DOCUMENTED.findall((Path(__file__).resolve().parents[3] / "docs/sessions.md").read_text())
    return [json.loads(one)["FilterPolicy"] for one in found]


def test_the_documented_filter_policy_selects_alerts(aws: None) -> None:
    (policy,) = documented_policies()
    topic = Topic(FilterPolicy=policy)

    assert set(json.loads(policy)) == {"labels", "streamName"}
    assert topic.send(alert_of(SESSION, link)) is not None
    assert topic.send(alert_of(replace(SESSION, labels={"Dog": 88.0}), link)) is None
    assert topic.send(alert_of(replace(SESSION, stream_name="parking"), link)) is None
    assert topic.send(alert_for(a_record(), link, [])) is not None


def test_every_attribute_that_is_documented_can_be_filtered_by(aws: None) -> None:
    policy = {"class": ["ALERT"], "rules": ["people"], "zones": ["porch", "garden"], "labels": ["Person"]}
    topic = Topic(FilterPolicy=json.dumps(policy))

    assert topic.send(alert_of(SESSION, link)) is not None
    assert topic.send(alert_of(replace(SESSION, zones=()), link)) is None
