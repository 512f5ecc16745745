"""Alerts in the formats of chat systems.

Slack: docs.slack.dev/reference/block-kit/blocks. Teams: an Adaptive Card for a workflow that starts "when a Teams
webhook request is received" (learn.microsoft.com, "Create and send messages"); the retired connectors took other cards.

Text of models must not become links, mentions or formatting: Slack's `plain_text` and the TextRun of an Adaptive Card's
RichTextBlock are shown as they are, unlike `mrkdwn` and TextBlock.
"""

from collections.abc import Callable, Mapping
from html import escape
from typing import Any

from kinesight.domain.configuration.outputs import WebhookFormat
from kinesight.domain.ports import Alert

Message = Mapping[str, Any]

_SLACK_HEADER_CHARACTERS = 150
_SLACK_TEXT_CHARACTERS = 3000
_SLACK_URL_CHARACTERS = 3000


def webhook_messages(form: WebhookFormat, alert: Alert) -> tuple[Message, ...]:
    """The message, followed by simpler ones to send if the receiver refuses the one before as malformed."""
    return _FORMS[form](alert)


def _json(alert: Alert) -> tuple[Message, ...]:
    return (alert.body,)


def _slack(alert: Alert) -> tuple[Message, ...]:
    """Messages with and without the image: Slack fetches it on receipt and refuses the message if there is none yet."""
    links = _links(alert)
    blocks = [
        {"type": "header", "text": _plain_text(alert.subject, _SLACK_HEADER_CHARACTERS)},
        {"type": "section", "text": _plain_text(_summary(alert), _SLACK_TEXT_CHARACTERS)},
        *({"type": "section", "text": {"type": "mrkdwn", "text": text}} for text in _slack_links(links)),
    ]
    text = _mrkdwn(alert.subject)
    plain = {"text": text, "blocks": blocks}
    image_url = links.get("image", "")
    if not 0 < len(image_url) <= _SLACK_URL_CHARACTERS:
        return (plain,)
    image = {"type": "image", "image_url": image_url, "alt_text": alert.subject}
    return {"text": text, "blocks": [*blocks, image]}, plain


def _slack_links(links: Mapping[str, str]) -> list[str]:
    """One section each: signed links are long."""
    texts = [f"<{_mrkdwn(address)}|{name.capitalize()}>" for name, address in links.items()]
    return [text for text in texts if len(text) <= _SLACK_TEXT_CHARACTERS]


def _plain_text(text: str, most: int) -> dict[str, Any]:
    return {"type": "plain_text", "text": text[:most], "emoji": False}


def _mrkdwn(text: str) -> str:
    """Text with Slack's three control characters escaped."""
    return escape(text, quote=False)


def _teams(alert: Alert) -> tuple[Message, ...]:
    links = _links(alert)
    body: list[dict[str, Any]] = [
        _teams_line(alert.subject, size="Large", weight="Bolder"),
        *(_teams_line(line) for line in _summary(alert).splitlines()),
    ]
    if "image" in links:
        body.append({"type": "Image", "url": links["image"], "altText": alert.subject})
    card = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "body": body,
        "actions": [
            {"type": "Action.OpenUrl", "title": name.capitalize(), "url": address} for name, address in links.items()
        ],
    }
    attachment = {"contentType": "application/vnd.microsoft.card.adaptive", "contentUrl": None, "content": card}
    return ({"type": "message", "attachments": [attachment]},)


def _teams_line(text: str, **style: str) -> dict[str, Any]:
    return {"type": "RichTextBlock", "inlines": [{"type": "TextRun", "text": text, **style}]}


def _links(alert: Alert) -> Mapping[str, str]:
    found: Mapping[str, str] = alert.body.get("links", {})
    return found


def _summary(alert: Alert) -> str:
    """The text without its links, which these formats show separately, and without empty lines."""
    addresses = tuple(_links(alert).values())
    return "\n".join(line for line in alert.text.splitlines() if line and not line.endswith(addresses))


_FORMS: Mapping[WebhookFormat, Callable[[Alert], tuple[Message, ...]]] = {
    WebhookFormat.SLACK: _slack,
    WebhookFormat.TEAMS: _teams,
    WebhookFormat.JSON: _json,
}
