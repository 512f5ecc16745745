"""Applies two sets of rules to stored results and compares matches, sessions and alerts. Pure; calls no model."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from kinesight.domain.configuration.configuration import Configuration
from kinesight.domain.model import ResultRecord, from_epoch_ms
from kinesight.domain.sessions.model import Session, SessionEventType, Severity, TrackerState
from kinesight.domain.sessions.track_sessions import observation_of, state_key
from kinesight.domain.sessions.tracker import SessionTracker

_MATCH_MS = 1


@dataclass(frozen=True, slots=True)
class Outcome:
    """Result of applying rules: result ids of the images that match, and the sessions in order of time."""

    matched: frozenset[str]
    sessions: tuple[Session, ...]

    @property
    def alerts(self) -> int:
        return sum(session.alerted for session in self.sessions)


@dataclass(frozen=True, slots=True)
class Comparison:
    """What would change. Sessions of both sides are the same if they overlap in time on the same stream."""

    images: int
    before: Outcome
    after: Outcome

    @property
    def new_matches(self) -> int:
        return len(self.after.matched - self.before.matched)

    @property
    def lost_matches(self) -> int:
        return len(self.before.matched - self.after.matched)

    @property
    def new_sessions(self) -> tuple[Session, ...]:
        return _without_counterpart(self.after.sessions, self.before.sessions)

    @property
    def lost_sessions(self) -> tuple[Session, ...]:
        return _without_counterpart(self.before.sessions, self.after.sessions)


def compared(records: Iterable[ResultRecord], before: Configuration, after: Configuration) -> Comparison:
    """Applies two sets of rules to the same results. A duplicate result counts once."""
    unique = list({record.result_id: record for record in records}.values())
    return Comparison(len(unique), outcome(unique, before), outcome(unique, after))


def outcome(records: Sequence[ResultRecord], rules: Configuration) -> Outcome:
    """Applies rules to results in order of time, starting without any session."""
    matched: set[str] = set()
    sessions: dict[str, Session] = {}
    by_key: dict[str, list[ResultRecord]] = {}
    for record in records:
        by_key.setdefault(state_key(record), []).append(record)
    for group in by_key.values():
        prepared = rules.of_stream(group[0].frame.stream_name)
        observations = [observation_of(record, prepared) for record in group]
        matched |= {one.result_id for one in observations if one.hits}
        tracker = SessionTracker(TrackerState(), group[0].frame.stream_name, prepared.camera, waits_for_silence=False)
        for one in sorted(observations, key=lambda one: one.at_ms):
            tracker.add([one], one.at_ms)
        newest_ms = max(one.at_ms for one in observations)
        tracker.pass_time(newest_ms + _until_all_end_ms(prepared.camera.sessions.quiet_seconds))
        ended = [one.session for one in tracker.state.outbox if one.type is SessionEventType.END]
        sessions |= {session.session_id: session for session in ended}
    ordered = sorted(sessions.values(), key=lambda one: (one.started_ms, one.stream_name))
    return Outcome(frozenset(matched), tuple(ordered))


def _until_all_end_ms(quiet_seconds: float) -> int:
    """Returns a time that ends every session: the quiet period and the longest delay of a notification."""
    return round(1000 * (quiet_seconds + 600))


def _without_counterpart(sessions: Iterable[Session], others: Sequence[Session]) -> tuple[Session, ...]:
    return tuple(one for one in sessions if not any(_overlap(one, other) for other in others))


def _overlap(one: Session, other: Session) -> bool:
    """Returns whether both are the same session. They are not if only one of them alerts."""
    if one.stream_name != other.stream_name or one.severity is not other.severity:
        return False
    return one.started_ms <= other.last_ms + _MATCH_MS and other.started_ms <= one.last_ms + _MATCH_MS


def document(comparison: Comparison) -> dict[str, Any]:
    """The comparison for JSON; sessions have their facts."""
    return {
        "images": comparison.images,
        "before": _counts(comparison.before),
        "after": _counts(comparison.after),
        "newMatches": comparison.new_matches,
        "lostMatches": comparison.lost_matches,
        "newSessions": [_facts(one) for one in comparison.new_sessions],
        "lostSessions": [_facts(one) for one in comparison.lost_sessions],
    }


def _counts(one: Outcome) -> dict[str, int]:
    return {"matched": len(one.matched), "sessions": len(one.sessions), "alerts": one.alerts}


def _facts(session: Session) -> dict[str, Any]:
    return {
        "streamName": session.stream_name,
        "start": from_epoch_ms(session.started_ms).isoformat(),
        "end": from_epoch_ms(session.last_ms).isoformat(),
        "labels": list(session.labels),
        "class": session.severity.value,
        "images": session.images,
    }


def summary_line(session: Session) -> str:
    """Returns the time, stream, labels, class and number of images of a session in one line."""
    start, end = from_epoch_ms(session.started_ms), from_epoch_ms(session.last_ms)
    labels = ", ".join(session.labels)
    alert = "alert" if session.severity is Severity.ALERT else "activity"
    when = f"{start:%Y-%m-%d %H:%M:%S} to {end:%H:%M:%S} UTC"
    return f"{when}  {session.stream_name}  {labels}  {alert}, images: {session.images}"
