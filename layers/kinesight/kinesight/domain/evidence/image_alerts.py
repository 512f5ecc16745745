"""Alerts of single images: a subject, a text for e-mail, and a document for programs."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from kinesight.domain.analysis.result_records import evidence_keys
from kinesight.domain.correlation import correlation_id
from kinesight.domain.display_text import ascii_line, one_line
from kinesight.domain.model import ResultRecord
from kinesight.domain.ports import Alert

MOST_LINES = 50
"""Of detections in the text of an alert, and labels in its attributes."""
_LABELS_CHARACTERS = 256
_REASON_CHARACTERS = 300
_SUBJECT_CHARACTERS = 99  # SNS takes subjects of less than 100 ASCII characters (API_Publish)


def alert_for(record: ResultRecord, link: Callable[[str], str], missing: Sequence[str]) -> Alert:
    """Returns the alert of a matched record. `link` returns a presigned URL for a key of the evidence bucket."""
    frame = record.frame
    labels = labels_line(record.matched_labels)
    keys = evidence_keys(record)
    links = {"image": link(keys.annotated), "record": link(keys.result)}
    if keys.archive is not None:
        links["video"] = link(keys.archive)
    return Alert(
        subject=subject_of(labels, frame.stream_name),
        text=_text(record, labels, links, missing),
        body={
            "schemaVersion": 1,
            "resultId": record.result_id,
            "streamName": frame.stream_name,
            "labels": list(record.matched_labels),
            "imageTimestamp": frame.model_dump(mode="json", by_alias=True)["imageTimestamp"],
            "fragmentNumber": frame.fragment_number,
            "keys": {"image": keys.annotated, "record": keys.result, "video": keys.archive},
            "links": links,
            "missing": list(missing),
        },
        attributes={
            "streamName": frame.stream_name,
            "labels": record.matched_labels[:MOST_LINES],
            "correlationId": correlation_id(frame.stream_name, frame.fragment_number, frame.image_timestamp),
        },
    )


def subject_of(labels: str, stream_name: str) -> str:
    """Returns a subject that SNS accepts."""
    return ascii_line(f"Kinesight: {labels} on {stream_name}", _SUBJECT_CHARACTERS)


def labels_line(labels: Iterable[str]) -> str:
    """Returns labels for people, in one line."""
    return one_line(", ".join(one_line(label) for label in labels), _LABELS_CHARACTERS)


def _text(record: ResultRecord, labels: str, links: dict[str, str], missing: Sequence[str]) -> str:
    detections = [
        f"  {one_line(one.label)} {one.confidence:.0f} %"
        for one in record.detections
        if one.label in record.matched_labels
    ]
    lines: list[Any] = [
        f"{labels} seen by {record.frame.stream_name} at {record.frame.image_timestamp:%Y-%m-%d %H:%M:%S} UTC.",
        "",
        *detections[:MOST_LINES],
        "",
        *(f"{name.capitalize()}: {address}" for name, address in links.items()),
        *(f"Not kept: {one_line(reason, _REASON_CHARACTERS)}" for reason in missing),
        "",
        f"Result {record.result_id}",
    ]
    return "\n".join(lines)
