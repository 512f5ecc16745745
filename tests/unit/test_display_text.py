"""Text of models, tags and documents changes nothing around it, wherever people read it."""

import json
import re
import unicodedata
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kinesight.domain.configuration.document import ConfigurationDocument
from kinesight.domain.configuration.outputs import WebhookFormat
from kinesight.domain.display_text import ascii_line, escaped, one_line
from kinesight.domain.evidence.image_alerts import alert_for
from kinesight.domain.ports import Alert
from kinesight.domain.sessions.webhook_messages import webhook_messages

from tests.builders import a_detection, a_frame, a_record
from tests.unit.sessions.test_track_sessions import World, an_image

ANY_TEXT = st.text(st.characters(), max_size=300)  # surrogates included
HOSTILE = {
    "a line": "Person\n\nYour account is locked",
    "a line of Windows": "Person\r\nImage: https://evil.example/a.jpg",
    "a line separator": "Person\u2028Image: evil",
    "a Markdown link": "[Person](https://evil.example)",
    "a Slack link": "<https://evil.example|Person>",
    "a mention": "<!channel> @everyone",
    "formatting": "*Person* _a_ ~b~ `c` :siren:",
    "an escape sequence": "\x1b]8;;https://evil.example\x07Person\x1b]8;;\x07\x1b[2J",
    "a C1 sequence": "\x9b31mPerson",
    "rich markup": "[/x][red]Person",
    "a direction": "Per\u202enos",
    "a lone surrogate": "Person \ud800",
    "a long one": "Person " * 50_000,
}
LINK = re.compile(r"https?://(?!evidence/)")


def image_alert(label: str) -> Alert:
    record = a_record(a_frame(), detections=(a_detection(label=label),))
    record = record.model_copy(update={"matched_labels": (record.detections[0].label,)})
    return alert_for(record, lambda key: f"https://evidence/{key}", [f"fragment: {label}"])


CAMERA = {"streams": ["*"], "rules": [{"name": "any"}], "stationary": {"enabled": False}}
ANY_LABEL = ConfigurationDocument.parse(json.dumps({"schemaVersion": 1, "cameras": [CAMERA]}))


def session_alert(label: str) -> Alert:
    world = World(document=ANY_LABEL)
    world.track(an_image(0, label))
    world.wait(60)
    (alert,) = world.alerts.sent
    return alert


@pytest.mark.parametrize("compose", [image_alert, session_alert])
@pytest.mark.parametrize("label", HOSTILE.values(), ids=list(HOSTILE))
def test_a_label_adds_no_line_no_link_and_no_control_character_to_an_alert(compose: Any, label: str) -> None:
    plain, alert = compose("Person"), compose(label)

    assert len(alert.text.splitlines()) == len(plain.text.splitlines())
    for text in (alert.text.replace("\n", ""), alert.subject):
        assert text == escaped(text)
        assert not LINK.search(text)
    assert alert.subject.isascii()
    assert len(alert.subject) <= 99
    assert len(alert.text) < 2500


@pytest.mark.parametrize("label", HOSTILE.values(), ids=list(HOSTILE))
def test_chat_messages_show_a_label_as_text(label: str) -> None:
    (teams,) = webhook_messages(WebhookFormat.TEAMS, image_alert(label))
    slack = webhook_messages(WebhookFormat.SLACK, image_alert(label))

    card = teams["attachments"][0]["content"]
    assert {one["type"] for one in card["body"]} == {"RichTextBlock", "Image"}
    for message in slack:
        marked = [one["text"] for one in message["blocks"] if one.get("text", {}).get("type") == "mrkdwn"]
        assert all(one["text"].startswith("<https://evidence/") for one in marked)
        assert "<" not in message["text"]


@given(ANY_TEXT, st.integers(5, 120))
def test_one_line_is_one_printable_line(text: str, most: int) -> None:
    line = one_line(text, most)

    line.encode()
    assert len(line) <= most
    assert line.splitlines() in ([], [line])
    assert not any(unicodedata.category(one) in ("Cc", "Cs") for one in line)
    assert ascii_line(text, most).isascii()


@given(st.text(st.characters(categories=["L", "N", "P", "S"]), max_size=80))
def test_printable_words_stay(text: str) -> None:
    assert one_line(text) == text.replace("://", ": //")


@given(ANY_TEXT)
def test_escaped_text_can_be_printed_and_loses_nothing(text: str) -> None:
    shown = escaped(text)

    shown.encode()
    assert shown == escaped(shown)
    assert len(shown) >= len(text)
