"""A session's alert as Rekognition's label detection stream processors tell of what they see, for consumers that were
written for them (Rekognition's guide, "Calling label detection operations for streaming video events").

Times are in epoch milliseconds, offsets in milliseconds, boxes in ratios of the picture.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from kinesight.domain.analysis.rekognition_record import offset_in_fragment_ms
from kinesight.domain.model import BoundingBox
from kinesight.domain.ports import Alert
from kinesight.domain.sessions.alerts import alert_of, picture_key
from kinesight.domain.sessions.tracker import BestImage, ImageClocks, Session

_SUBJECT = "Rekognition Stream Processing Event"
_KINDS = {
    "PERSON": {"Adult", "Boy", "Child", "Girl", "Human", "Man", "People", "Person", "Woman"},
    "PET": {"Cat", "Dog", "Kitten", "Pet", "Puppy"},
    "PACKAGE": {"Box", "Cardboard", "Carton", "Package", "Package Delivery"},
}
_NAMES = {label.casefold(): name for name, labels in _KINDS.items() for label in labels}


def rekognition_alert(session: Session, link: Callable[[str], str], *, bucket: str) -> Alert:
    """`bucket` is the evidence bucket. The text for people and the attributes are those of every alert."""
    return replace(alert_of(session, link), subject=_SUBJECT, body=_notification(session, bucket))


def _notification(session: Session, bucket: str) -> dict[str, Any]:
    return {
        "inputInformation": {"kinesisVideo": {"streamArn": session.stream_arn}},
        "eventNamespace": {"type": "LABEL_DETECTED"},
        "labels": _labels(session, f"s3://{bucket}/{picture_key(session)}"),
        "eventId": session.best.result_id,
        "tags": {},
        "sessionId": session.session_id,
        "startStreamProcessorRequest": {},
    }


def _labels(session: Session, picture_uri: str) -> list[dict[str, Any]]:
    """One per name: of a Dog and a Pet, the surer one."""
    surest: dict[str, dict[str, Any]] = {}
    for label, confidence in sorted(session.labels.items(), key=lambda one: one[1], reverse=True):
        name = _NAMES.get(label.casefold(), label.upper())
        surest.setdefault(name, _label(name, label, confidence, session, picture_uri))
    return list(surest.values())


def _label(name: str, label: str, confidence: float, session: Session, picture_uri: str) -> dict[str, Any]:
    box = session.best.boxes.get(label)
    told = {
        "id": f"{session.session_id}-{name}",
        "confidence": confidence,
        "name": name,
        "frameImageUri": picture_uri,
        "videoMapping": {"kinesisVideoMapping": _place(session.best)},
    }
    return told if box is None else told | {"boundingBox": _box(box)}


def _place(best: BestImage) -> dict[str, Any]:
    """Where KVS gave no producer's time, it is the picture's own."""
    clocks = best.clocks or ImageClocks()
    offset_ms = offset_in_fragment_ms(best.at_ms, clocks.producer_ms, clocks.server_ms)
    return {
        "fragmentNumber": best.fragment_number,
        "serverTimestamp": clocks.server_ms,
        "producerTimestamp": best.at_ms - offset_ms if clocks.producer_ms is None else clocks.producer_ms,
        "frameOffsetMillis": offset_ms,
    }


def _box(box: BoundingBox) -> dict[str, float]:
    return {"left": box.left, "top": box.top, "height": box.height, "width": box.width}
