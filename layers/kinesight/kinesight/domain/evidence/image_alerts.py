"""Alerts of single images: a subject, a text for e-mail, and a document for programs."""

from collections.abc import Callable, Sequence
from typing import Any

from kinesight.domain.analysis.result_records import evidence_keys
from kinesight.domain.correlation import correlation_id
from kinesight.domain.model import ResultRecord
from kinesight.domain.ports import Alert

_SUBJECT_CHARACTERS = 99  # SNS takes subjects of less than 100 ASCII characters (API_Publish)


def alert_for(record: ResultRecord, link: Callable[[str], str], missing: Sequence[str]) -> Alert:
    """Returns the alert of a matched record. `link` returns a presigned URL for a key of the evidence bucket."""
    frame = record.frame
    labels = ", ".join(record.matched_labels)
    keys = evidence_keys(record)
    links = {"image": link(keys.annotated), "record": link(keys.result)}
    if keys.archive is not None:
        links["video"] = link(keys.archive)
    return Alert(
        subject=one_line(f"Kinesight: {labels} on {frame.stream_name}"),
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
            "labels": tuple(record.matched_labels),
            "correlationId": correlation_id(frame.stream_name, frame.fragment_number, frame.image_timestamp),
        },
    )


def one_line(text: str) -> str:
    """Returns a subject that SNS accepts: ASCII, at most 99 characters."""
    plain = "".join(character if " " <= character <= "~" else "?" for character in text)
    return plain if len(plain) <= _SUBJECT_CHARACTERS else plain[: _SUBJECT_CHARACTERS - 3] + "..."


def _text(record: ResultRecord, labels: str, links: dict[str, str], missing: Sequence[str]) -> str:
    detections = [
        f"  {one.label} {one.confidence:.0f} %" for one in record.detections if one.label in record.matched_labels
    ]
    lines: list[Any] = [
        f"{labels} seen by {record.frame.stream_name} at {record.frame.image_timestamp:%Y-%m-%d %H:%M:%S} UTC.",
        "",
        *detections,
        "",
        *(f"{name.capitalize()}: {address}" for name, address in links.items()),
        *(f"Not kept: {reason}" for reason in missing),
        "",
        f"Result {record.result_id}",
    ]
    return "\n".join(lines)
