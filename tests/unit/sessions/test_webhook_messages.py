"""Alerts in the forms of chat systems: within their limits, whatever the alert says."""

import json
from dataclasses import replace
from typing import Any

import pytest
from kinesight.domain.configuration.outputs import WebhookFormat
from kinesight.domain.ports import Alert
from kinesight.domain.sessions.webhook_messages import webhook_messages

LINKS = {"image": "https://evidence/a.jpg?x=1&y=2", "record": "https://evidence/a.json"}
ALERT = Alert(
    subject="Kinesight: Person on front-door",
    text="Person <b> & co seen by front-door.\n\n  Person 98 %\n\nImage: "
    + LINKS["image"]
    + "\nRecord: "
    + LINKS["record"]
    + "\n\nSession 1.",
    body={"sessionId": "1", "links": LINKS},
    attributes={},
)
SUMMARY = "Person <b> & co seen by front-door.\n  Person 98 %\nSession 1."


def shown(element: Any) -> str:
    assert element["type"] == "RichTextBlock"  # a TextBlock would read Markdown
    (run,) = element["inlines"]
    assert run["type"] == "TextRun"
    return str(run["text"])


def blocks_of(message: Any) -> Any:
    return message["blocks"]


def test_slack_has_a_header_a_text_links_and_the_image() -> None:
    whole, plain = webhook_messages(WebhookFormat.SLACK, ALERT)

    header, text, link, record, image = blocks_of(whole)
    assert whole["text"] == ALERT.subject
    assert header == {"type": "header", "text": {"type": "plain_text", "text": ALERT.subject, "emoji": False}}
    assert text == {"type": "section", "text": {"type": "plain_text", "text": SUMMARY, "emoji": False}}
    assert link["text"]["text"] == "<https://evidence/a.jpg?x=1&amp;y=2|Image>"
    assert record["text"]["text"] == "<https://evidence/a.json|Record>"
    assert image == {"type": "image", "image_url": LINKS["image"], "alt_text": ALERT.subject}
    assert blocks_of(plain) == blocks_of(whole)[:-1]


def test_slacks_limits_are_kept() -> None:
    long = replace(
        ALERT, subject="s" * 200, text="&" * 5000, body={"links": {"image": "https://" + "p" * 3000, "record": "r"}}
    )

    (message,) = webhook_messages(WebhookFormat.SLACK, long)

    header, text, record = blocks_of(message)
    assert (len(header["text"]["text"]), len(text["text"]["text"])) == (150, 3000)
    assert record["text"]["text"] == "<r|Record>"


def test_teams_has_an_adaptive_card() -> None:
    (message,) = webhook_messages(WebhookFormat.TEAMS, ALERT)

    (attachment,) = message["attachments"]
    card = attachment["content"]
    assert (message["type"], attachment["contentType"]) == ("message", "application/vnd.microsoft.card.adaptive")
    subject, *lines, image = card["body"]
    assert shown(subject) == ALERT.subject
    assert "\n".join(shown(line) for line in lines) == SUMMARY
    assert (image["type"], image["url"]) == ("Image", LINKS["image"])
    assert [(action["title"], action["url"]) for action in card["actions"]] == [
        ("Image", LINKS["image"]),
        ("Record", LINKS["record"]),
    ]


@pytest.mark.parametrize("form", WebhookFormat)
def test_an_alert_without_links_is_sent_too(form: WebhookFormat) -> None:
    messages = webhook_messages(form, replace(ALERT, body={"sessionId": "1"}))

    assert len(messages) == 1
    assert "image_url" not in json.dumps(messages[0])


def test_json_is_the_alerts_own_document() -> None:
    assert webhook_messages(WebhookFormat.JSON, ALERT) == (ALERT.body,)
