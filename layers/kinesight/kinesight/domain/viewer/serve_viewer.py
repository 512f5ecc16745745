"""serve_viewer: sessions for the viewer's API, read from the sessions table and the evidence bucket.

Keys of evidence come from stored documents, never from a request; responses contain presigned URLs, which expire.
"""

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from kinesight.domain.analysis.result_records import evidence_keys
from kinesight.domain.errors import KinesightError, SessionChangedError, SessionMissingError
from kinesight.domain.model import ResultRecord
from kinesight.domain.viewer.evidence import EvidenceBuckets, SessionEvidence, evidence_of, held_folder, hold_evidence
from kinesight.domain.viewer.sessions import (
    Listing,
    Mark,
    OpeningTimes,
    SessionFilter,
    SessionMarks,
    SessionPages,
    StoredSession,
    day_of,
    list_sessions,
)

MOST_FRAMES = 200
_MOST_FRAMES_BYTES = 2_000_000
_MOST_LINKED = 1000
"""Fragments of one session that have links. A presigned URL has 1.6 KB in Lambda, because it contains the role's
session token, and a response has at most 6 MB (Lambda quotas)."""

_TRIES = 5
_MOST_ACTIVITY = 1000


@dataclass(frozen=True, slots=True)
class ViewerPorts:
    """Ports of this verb. `link_seconds`: lifetime of presigned URLs."""

    pages: SessionPages
    marks: SessionMarks
    evidence_buckets: EvidenceBuckets
    now: Callable[[], datetime]
    link_seconds: int

    def current_tag(self, tag: str) -> str:
        """Returns a tag that also changes every half lifetime of links: a client with a current tag has links that
        are valid for the other half."""
        return f"{tag}.{round(self.now().timestamp()) // (self.link_seconds // 2)}"


@dataclass(frozen=True, slots=True)
class TaggedDocument:
    """A document, and a tag that changes with its content and before its links expire."""

    document: Mapping[str, Any]
    tag: str


def sessions_page(session_filter: SessionFilter, most: int, cursor: str | None, ports: ViewerPorts) -> TaggedDocument:
    """Returns session cards, newest first. Raises InvalidInputError, StorageBusyError."""
    now = ports.now()
    listing = _listing(session_filter, most, cursor, now, ports)
    document = {
        "sessions": [session_card(evidence_of(one, ports.evidence_buckets, now)) for one in listing.sessions],
        "cursor": listing.cursor,
        "searchedUntil": listing.searched_until.isoformat(),
    }
    revisions = [(one.stream_name, one.session_key, one.revision) for one in listing.sessions]
    return TaggedDocument(document, ports.current_tag(_tag([revisions, listing.cursor])))


def _listing(
    session_filter: SessionFilter, most: int, cursor: str | None, now: datetime, ports: ViewerPorts
) -> Listing:
    oldest = (now.astimezone(UTC) - timedelta(days=ports.evidence_buckets.kept_days)).date()
    return list_sessions(session_filter, most, cursor, ports.pages, now=now, oldest=oldest)


def session_details(stream_name: str, url_key: str, ports: ViewerPorts) -> TaggedDocument:
    """Returns one session with its frames and its video. Raises SessionMissingError, StorageBusyError."""
    session = require_session(stream_name, url_key, ports.marks)
    evidence = evidence_of(session, ports.evidence_buckets, ports.now())
    frames: list[dict[str, Any]] = []
    best: ResultRecord | None = None
    left = _MOST_FRAMES_BYTES
    for record in evidence.records(evidence.record_keys(MOST_FRAMES)):
        frame = _frame(record, evidence)
        left -= len(json.dumps(frame))
        frames += [frame] if left >= 0 else []
        best = record if record.result_id == session.document["best"]["resultId"] else best
    keys = {name: key for name, key in session.document["keys"].items() if key is not None}
    links = {name: evidence.link(key) for name, key in keys.items()} | (_original(best, evidence) if best else {})
    document = session_card(evidence) | {
        "frames": frames,
        "record": best.model_dump(mode="json", by_alias=True) if best is not None else None,
        "tags": dict(best.frame.tags) if best is not None else {},
        "video": _video(evidence),
        "links": links,
    }
    return TaggedDocument(document, ports.current_tag(_tag_of(session)))


@dataclass(frozen=True, slots=True)
class MarkChange:
    """A user's change of marks; None leaves a mark unchanged."""

    by: str
    reviewed: bool | None = None
    held: bool | None = None


def mark_session(
    stream_name: str, url_key: str, read_tag: str, change: MarkChange, ports: ViewerPorts
) -> TaggedDocument:
    """Sets or removes marks if they are unchanged since the response with `read_tag`; other changes of the session do
    not matter.

    A held session never expires: its evidence is copied to a folder without expiry before the mark is set. Raises
    SessionMissingError, SessionChangedError, EvidenceTooLargeError, StorageBusyError.
    """
    session = require_session(stream_name, url_key, ports.marks)
    if _marks_tag(session) != read_tag.partition(".")[0].partition("-")[2]:
        raise _changed(session)
    mark = Mark(change.by, round(ports.now().timestamp() * 1000))
    if change.reviewed is not None:
        reviewed = mark if change.reviewed else None
        session = _write(session, lambda one: ports.marks.review(one, reviewed), ports.marks)
    if change.held is True:
        session = _hold(session, mark, ports)
    if change.held is False:
        session = _write(session, lambda one: ports.marks.hold(one, None), ports.marks)
        ports.evidence_buckets.evidence.remove(held_folder(session))
    card = session_card(evidence_of(session, ports.evidence_buckets, ports.now()))
    return TaggedDocument(card, ports.current_tag(_tag_of(session)))


def _hold(session: StoredSession, mark: Mark, ports: ViewerPorts) -> StoredSession:
    """Copies the evidence, then sets the mark. Removes the copies on failure: without a mark they would never be
    deleted."""
    try:
        hold_evidence(session, ports.evidence_buckets)
        return _write(session, lambda one: ports.marks.hold(one, mark), ports.marks)
    except KinesightError:
        current = ports.marks.find(session.stream_name, session.session_key)
        if current is None or current.held is None:
            ports.evidence_buckets.evidence.remove(held_folder(session))
        raise


def _write(
    session: StoredSession, write: Callable[[StoredSession], StoredSession | None], marks: SessionMarks
) -> StoredSession:
    """Repeats a write while the session itself changes. Raises SessionChangedError if another user changed a mark."""
    read = session
    for _ in range(_TRIES):
        changed = write(session)
        if changed is not None:
            return changed
        session = require_session(session.stream_name, session.session_key, marks)
        if _marks_tag(session) != _marks_tag(read):
            break
    raise _changed(session)


def _tag_of(session: StoredSession) -> str:
    return f"{session.revision}-{_marks_tag(session)}"


def _marks_tag(session: StoredSession) -> str:
    marks = [(one.by, one.at_ms) if one is not None else None for one in (session.reviewed, session.held)]
    return _tag(marks)[:8]


def _changed(session: StoredSession) -> SessionChangedError:
    return SessionChangedError(
        f"session {session.session_key} of {session.stream_name} has changed since it was read; read it again"
    )


def activity(opened: OpeningTimes, stream_name: str | None, ports: ViewerPorts) -> Mapping[str, Any]:
    """Returns the times of sessions that opened in a range, by camera; at most the newest thousand. Raises
    StorageBusyError."""
    found: dict[str, list[dict[str, Any]]] = {}
    for session in _listing(SessionFilter(stream_name, opened), _MOST_ACTIVITY, None, ports.now(), ports).sessions:
        found.setdefault(session.stream_name, []).append(session.times())
    return {"streams": [{"stream": name, "sessions": times} for name, times in sorted(found.items())]}


def session_card(evidence: SessionEvidence) -> dict[str, Any]:
    """Returns a session's document with its marks and a link to its image."""
    session = evidence.session
    return {
        **session.document,
        "sessionKey": session.url_key,
        "day": day_of(session.session_key).isoformat(),
        "reviewed": session.reviewed is not None,
        "held": session.held is not None,
        "revision": session.revision,
        "links": {"image": evidence.link(session.document["keys"]["image"])},
    }


def require_session(stream_name: str, url_key: str, marks: SessionMarks) -> StoredSession:
    """Returns the session with a key from a URL. Raises SessionMissingError, StorageBusyError."""
    session = marks.find(stream_name, url_key.replace("-", "#"))
    if session is None:
        raise SessionMissingError(f"camera {stream_name} has no session {url_key}; it may have expired")
    return session


def _frame(record: ResultRecord, evidence: SessionEvidence) -> dict[str, Any]:
    keys = evidence_keys(record)
    links = {"image": evidence.link(keys.annotated), "record": evidence.link(keys.result)}
    return {
        "resultId": record.result_id,
        "imageTimestamp": record.frame.model_dump(mode="json", by_alias=True)["imageTimestamp"],
        "detections": [one.model_dump(mode="json", by_alias=True) for one in record.detections],
        "rules": list(record.matched_rules),
        "links": links | _original(record, evidence),
    }


def _original(record: ResultRecord, evidence: SessionEvidence) -> dict[str, str]:
    link = evidence.original_link(record)
    return {"original": link} if link is not None else {}


def _video(evidence: SessionEvidence) -> dict[str, Any] | None:
    video = evidence.session.video
    if video is None:
        return None
    document: dict[str, Any] = video.model_dump(mode="json", by_alias=True, exclude_none=True)
    for fragment, shown in list(zip(video.fragments, document.get("fragments", []), strict=True))[:_MOST_LINKED]:
        shown["link"] = evidence.link(evidence.fragment_key(fragment))
    return document


def _tag(value: Any) -> str:
    return hashlib.sha256(json.dumps(value).encode()).hexdigest()[:32]
