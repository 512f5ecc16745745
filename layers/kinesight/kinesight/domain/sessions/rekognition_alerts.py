"""A session's alert in the notification format of Rekognition's label detection stream processors, for consumers of
those (Rekognition's guide, "Calling label detection operations for streaming video events").

Times are epoch milliseconds, offsets milliseconds, boxes ratios of the image.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from kinesight.domain.analysis.rekognition_record import offset_in_fragment_ms
from kinesight.domain.model import BoundingBox
from kinesight.domain.ports import Alert
from kinesight.domain.sessions.alerts import alert_of, best_image_key
from kinesight.domain.sessions.model import BestImage, ImageClocks, Session

_SUBJECT = "Rekognition Stream Processing Event"
_KINDS = {
    "PERSON": {"Adult", "Boy", "Child", "Girl", "Human", "Man", "People", "Person", "Woman"},
    "PET": {"Cat", "Dog", "Kitten", "Pet", "Puppy"},
    "PACKAGE": {"Box", "Cardboard", "Carton", "Package", "Package Delivery"},
}
_NAMES = {label.casefold(): name for name, labels in _KINDS.items() for label in labels}


def rekognition_alert(session: Session, link: Callable[[str], str], *, bucket: str) -> Alert:
    """Alert with Rekognition's notification as body; text and attributes are those of every alert.

    `bucket`: the evidence bucket.
    """
    return replace(alert_of(session, link), subject=_SUBJECT, body=_notification(session, bucket))


def _notification(session: Session, bucket: str) -> dict[str, Any]:
    return {
        "inputInformation": {"kinesisVideo": {"streamArn": session.stream_arn}},
        "eventNamespace": {"type": "LABEL_DETECTED"},
        "labels": _labels(session, f"s3://{bucket}/{best_image_key(session)}"),
        "eventId": session.best.result_id,
        "tags": {},
        "sessionId": session.session_id,
        "startStreamProcessorRequest": {},
    }


def _labels(session: Session, image_uri: str) -> list[dict[str, Any]]:
    """One per name: of a Dog and a Pet, the more confident one."""
    highest: dict[str, dict[str, Any]] = {}
    for label, confidence in sorted(session.labels.items(), key=lambda one: one[1], reverse=True):
        name = _NAMES.get(label.casefold(), label.upper())
        highest.setdefault(name, _label(name, label, confidence, session, image_uri))
    return list(highest.values())


def _label(name: str, label: str, confidence: float, session: Session, image_uri: str) -> dict[str, Any]:
    box = session.best.boxes.get(label)
    label_detected = {
        "id": f"{session.session_id}-{name}",
        "confidence": confidence,
        "name": name,
        "frameImageUri": image_uri,
        "videoMapping": {"kinesisVideoMapping": _place(session.best)},
    }
    return label_detected if box is None else label_detected | {"boundingBox": _box(box)}


def _place(best: BestImage) -> dict[str, Any]:
    """Position of the image in its fragment. Without a producer timestamp, the image timestamp stands in for it."""
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
