"""A session as a document for software and as an alert for people."""

from collections.abc import Callable
from itertools import islice
from typing import Any

from kinesight.domain.analysis.result_records import EvidenceKeys, keys_of
from kinesight.domain.correlation import correlation_id
from kinesight.domain.display_text import one_line
from kinesight.domain.evidence.image_alerts import MOST_LINES, labels_line, subject_of
from kinesight.domain.model import from_epoch_ms
from kinesight.domain.ports import Alert
from kinesight.domain.sessions.model import Session


def document_of(session: Session) -> dict[str, Any]:
    """The session as it is stored and as events carry it."""
    best = session.best
    keys = _keys(session)
    return {
        "schemaVersion": 1,
        "sessionId": session.session_id,
        "streamName": session.stream_name,
        "class": str(session.severity),
        "startedAt": _iso(session.started_ms),
        "lastSeenAt": _iso(session.last_ms),
        "closed": session.closed,
        "images": session.images,
        "labels": dict(session.labels),
        "rules": list(session.rules),
        "zones": list(session.zones),
        "fragments": list(session.fragments),
        "best": {
            "resultId": best.result_id,
            "imageTimestamp": _iso(best.at_ms),
            "fragmentNumber": best.fragment_number,
            "label": best.label,
            "confidence": best.confidence,
        },
        "keys": {"image": keys.annotated, "record": keys.result, "video": keys.archive},
    }


def alert_of(session: Session, link: Callable[[str], str]) -> Alert:
    """Alert of a session. `link` maps a key of the evidence bucket to an address that a person can open.

    Another function stores the image and the video, possibly some seconds later.
    """
    keys = _keys(session)
    links = {"image": link(keys.annotated), "record": link(keys.result)}
    if keys.archive is not None:
        links["video"] = link(keys.archive)
    labels = labels_line(session.labels)
    return Alert(
        subject=subject_of(labels, session.stream_name),
        text=_text(session, labels, links),
        body=document_of(session) | {"links": links},
        attributes=_attributes(session),
    )


def best_image_key(session: Session) -> str:
    """Key of the annotated best image in the evidence bucket; it may be written some seconds later."""
    return _keys(session).annotated


def session_correlation_id(session: Session) -> str:
    """Correlation id of the best image, which the alert shows."""
    best = session.best
    return correlation_id(session.stream_name, best.fragment_number, from_epoch_ms(best.at_ms))


def _attributes(session: Session) -> dict[str, str | tuple[str, ...]]:
    """Message attributes for filter policies; SNS refuses empty values."""
    found: dict[str, str | tuple[str, ...]] = {
        "streamName": session.stream_name,
        "labels": tuple(session.labels)[:MOST_LINES],
        "class": str(session.severity),
        "rules": tuple(session.rules),
        "zones": tuple(session.zones),
        "correlationId": session_correlation_id(session),
    }
    return {name: value for name, value in found.items() if value}


def _text(session: Session, labels: str, links: dict[str, str]) -> str:
    where = f" in {labels_line(session.zones)}" if session.zones else ""
    started = from_epoch_ms(session.started_ms)
    lines = [
        f"{labels} detected on {session.stream_name}{where} since {started:%Y-%m-%d %H:%M:%S} UTC.",
        "",
        *(
            f"  {one_line(label)} {confidence:.0f} %"
            for label, confidence in islice(session.labels.items(), MOST_LINES)
        ),
        "",
        *(f"{name.capitalize()}: {address}" for name, address in links.items()),
        "",
        f"Session {session.session_id}, by the rules {labels_line(session.rules)}. There is one alert per session.",
    ]
    return "\n".join(lines)


def _keys(session: Session) -> EvidenceKeys:
    best = session.best
    return keys_of(session.stream_name, from_epoch_ms(best.at_ms), best.result_id, best.fragment_number)


def _iso(epoch_ms: int) -> str:
    return from_epoch_ms(epoch_ms).isoformat(timespec="milliseconds").replace("+00:00", "Z")
