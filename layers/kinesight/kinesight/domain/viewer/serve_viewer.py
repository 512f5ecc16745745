"""serve_viewer: what the page asks about events, answered from the events table and the evidence bucket.

Keys of evidence come from stored documents, never from a request, and what is sent out are links that expire.
"""

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from kinesight.domain.analysis.result_records import evidence_keys
from kinesight.domain.errors import KinesightError, SessionChangedError, SessionMissingError
from kinesight.domain.model import ResultRecord
from kinesight.domain.viewer.events import (
    EventFilter,
    EventMarks,
    EventPages,
    Mark,
    Position,
    StoredEvent,
    day_of,
    list_events,
)
from kinesight.domain.viewer.evidence import EventEvidence, EvidenceBuckets, evidence_of, held_folder, hold_evidence

MOST_FRAMES = 200
_MOST_FRAMES_BYTES = 2_000_000
_MOST_LINKED = 1000
"""Of the fragments of one event. A link of Lambda's has 1.6 KB, for the role's session token is in it, and an answer
may have 6 MB ("Lambda quotas")."""

_TRIES = 5
_MOST_ACTIVITY = 1000
_ACTIVITY_PAGE = 250


@dataclass(frozen=True, slots=True)
class ViewerPorts:
    """The outside world of this verb. `link_seconds`: how long links open."""

    pages: EventPages
    marks: EventMarks
    evidence_buckets: EvidenceBuckets
    now: Callable[[], datetime]
    link_seconds: int

    def fresh(self, tag: str) -> str:
        """The tag for half as long as links open: who has it has links that open for the other half."""
        return f"{tag}.{round(self.now().timestamp()) // (self.link_seconds // 2)}"


@dataclass(frozen=True, slots=True)
class Answer:
    """A document, and a tag that changes with it, and before its links expire."""

    document: Mapping[str, Any]
    tag: str


def events_page(wanted: EventFilter, most: int, cursor: str | None, ports: ViewerPorts) -> Answer:
    """Cards, newest first. Raises InvalidInputError, StorageBusyError."""
    now = ports.now()
    listing = list_events(
        wanted, most, cursor, ports.pages, now=now, oldest=_oldest(now, ports.evidence_buckets.kept_days)
    )
    document = {
        "events": [card(evidence_of(event, ports.evidence_buckets, now)) for event in listing.events],
        "cursor": listing.cursor,
        "lookedBackTo": listing.looked_back_to.isoformat(),
    }
    seen = [(event.stream_name, event.event_id, event.revision) for event in listing.events]
    return Answer(document, ports.fresh(_tag([seen, listing.cursor])))


def event_details(stream_name: str, event_id: str, ports: ViewerPorts) -> Answer:
    """One event with its frames and its video. Raises SessionMissingError, StorageBusyError."""
    event = found_event(stream_name, event_id, ports.marks)
    evidence = evidence_of(event, ports.evidence_buckets, ports.now())
    frames: list[dict[str, Any]] = []
    best: ResultRecord | None = None
    left = _MOST_FRAMES_BYTES
    for record in evidence.records(evidence.record_keys(MOST_FRAMES)):
        frame = _frame(record, evidence)
        left -= len(json.dumps(frame))
        frames += [frame] if left >= 0 else []
        best = record if record.result_id == event.document["best"]["resultId"] else best
    keys = {name: key for name, key in event.document["keys"].items() if key is not None}
    links = {name: evidence.link(key) for name, key in keys.items()} | (_original(best, evidence) if best else {})
    document = card(evidence) | {
        "frames": frames,
        "record": best.model_dump(mode="json", by_alias=True) if best is not None else None,
        "tags": dict(best.frame.tags) if best is not None else {},
        "video": _video(evidence),
        "links": links,
    }
    return Answer(document, ports.fresh(_tag_of(event)))


@dataclass(frozen=True, slots=True)
class MarkChange:
    """What somebody wants to say of an event; None leaves a mark as it is."""

    by: str
    reviewed: bool | None = None
    held: bool | None = None


def mark_event(stream_name: str, event_id: str, seen: str, change: MarkChange, ports: ViewerPorts) -> Answer:
    """Sets or takes marks, if those that it has are those that were `seen`, by its tag; that the session goes on is no
    hindrance. An event that is held never expires: its evidence is copied to where nothing does, before the mark says
    so. Raises SessionMissingError, SessionChangedError, EvidenceTooLargeError, StorageBusyError."""
    event = found_event(stream_name, event_id, ports.marks)
    if _marks_of(event) != seen.partition(".")[0].partition("-")[2]:
        raise _changed(event)
    mark = Mark(change.by, round(ports.now().timestamp() * 1000))
    if change.reviewed is not None:
        reviewed = mark if change.reviewed else None
        event = _written(event, lambda one: ports.marks.review(one, reviewed), ports.marks)
    if change.held is True:
        event = _held(event, mark, ports)
    if change.held is False:
        event = _written(event, lambda one: ports.marks.hold(one, None), ports.marks)
        ports.evidence_buckets.evidence.remove(held_folder(event))
    return Answer(card(evidence_of(event, ports.evidence_buckets, ports.now())), ports.fresh(_tag_of(event)))


def _held(event: StoredEvent, mark: Mark, ports: ViewerPorts) -> StoredEvent:
    """Copies that belong to no mark would stay for ever, so what fails leaves none."""
    try:
        hold_evidence(event, ports.evidence_buckets)
        return _written(event, lambda one: ports.marks.hold(one, mark), ports.marks)
    except KinesightError:
        current = ports.marks.find(event.stream_name, event.event_id)
        if current is None or current.held is None:
            ports.evidence_buckets.evidence.remove(held_folder(event))
        raise


def _written(event: StoredEvent, write: Callable[[StoredEvent], StoredEvent | None], marks: EventMarks) -> StoredEvent:
    """Over a session that goes on meanwhile, and not over anybody's mark."""
    seen = event
    for _ in range(_TRIES):
        changed = write(event)
        if changed is not None:
            return changed
        event = found_event(event.stream_name, event.event_id, marks)
        if _marks_of(event) != _marks_of(seen):
            break
    raise _changed(event)


def _tag_of(event: StoredEvent) -> str:
    return f"{event.revision}-{_marks_of(event)}"


def _marks_of(event: StoredEvent) -> str:
    marks = [(one.by, one.at_ms) if one is not None else None for one in (event.reviewed, event.held)]
    return _tag(marks)[:8]


def _changed(event: StoredEvent) -> SessionChangedError:
    return SessionChangedError(f"{event.event_id} of {event.stream_name} has changed since; read it again")


def activity(day: date, stream_name: str | None, ports: ViewerPorts) -> Mapping[str, Any]:
    """When something happened on a UTC day, by camera: of up to a thousand events, the newest. Raises
    StorageBusyError."""
    found: dict[str, list[dict[str, Any]]] = {}
    place: Position | None = None
    for _ in range(_MOST_ACTIVITY // _ACTIVITY_PAGE):
        page = (
            ports.pages.of_day(day, place, _ACTIVITY_PAGE)
            if stream_name is None
            else ports.pages.of_stream(stream_name, day, place, _ACTIVITY_PAGE)
        )
        for event in page.events:
            found.setdefault(event.stream_name, []).append(event.moments())
            place = Position(event.stream_name, event.event_id)
        if page.complete:
            break
    return {"streams": [{"stream": name, "sessions": moments} for name, moments in sorted(found.items())]}


def card(evidence: EventEvidence) -> dict[str, Any]:
    """A session's document with what people said of it, and a link to its image."""
    event = evidence.event
    return {
        **event.document,
        "eventId": event.address,
        "day": day_of(event.event_id).isoformat(),
        "reviewed": event.reviewed is not None,
        "held": event.held is not None,
        "revision": event.revision,
        "links": {"image": evidence.link(event.document["keys"]["image"])},
    }


def found_event(stream_name: str, event_id: str, marks: EventMarks) -> StoredEvent:
    """By the id of an address. Raises SessionMissingError, StorageBusyError."""
    event = marks.find(stream_name, event_id.replace("-", "#"))
    if event is None:
        raise SessionMissingError(f"{stream_name} has no event {event_id}; it may have expired")
    return event


def _oldest(now: datetime, kept_days: int) -> date:
    return (now.astimezone(UTC) - timedelta(days=kept_days)).date()


def _frame(record: ResultRecord, evidence: EventEvidence) -> dict[str, Any]:
    keys = evidence_keys(record)
    links = {"image": evidence.link(keys.annotated), "record": evidence.link(keys.result)}
    return {
        "resultId": record.result_id,
        "imageTimestamp": record.frame.model_dump(mode="json", by_alias=True)["imageTimestamp"],
        "detections": [one.model_dump(mode="json", by_alias=True) for one in record.detections],
        "rules": list(record.matched_rules),
        "links": links | _original(record, evidence),
    }


def _original(record: ResultRecord, evidence: EventEvidence) -> dict[str, str]:
    link = evidence.original_link(record)
    return {"original": link} if link is not None else {}


def _video(evidence: EventEvidence) -> dict[str, Any] | None:
    video = evidence.event.video
    if video is None:
        return None
    document: dict[str, Any] = video.model_dump(mode="json", by_alias=True, exclude_none=True)
    for fragment, told in list(zip(video.fragments, document.get("fragments", []), strict=True))[:_MOST_LINKED]:
        told["link"] = evidence.link(evidence.fragment_key(fragment))
    return document


def _tag(seen: Any) -> str:
    return hashlib.sha256(json.dumps(seen).encode()).hexdigest()[:32]
