"""Stored results judged anew: which pictures would match and which sessions there would be by other rules. No model is
called."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from kinesight.domain.model import ResultRecord, from_epoch_ms
from kinesight.domain.rules.matching import Rules
from kinesight.domain.sessions.model import Session, SessionEventType, Severity, StreamState
from kinesight.domain.sessions.track_sessions import observation_of, state_key
from kinesight.domain.sessions.tracker import SessionTracker

_MATCH_MS = 1


@dataclass(frozen=True, slots=True)
class Outcome:
    """What rules make of results: the ids of the pictures that match, and the sessions in their order."""

    matched: frozenset[str]
    sessions: tuple[Session, ...]

    @property
    def alerts(self) -> int:
        return sum(session.alerted for session in self.sessions)


@dataclass(frozen=True, slots=True)
class Comparison:
    """What would change. Sessions are the same if they overlap in time on the same stream."""

    pictures: int
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


def compared(records: Iterable[ResultRecord], before: Rules, after: Rules) -> Comparison:
    """The same results by two sets of rules; one that came twice counts once."""
    unique = list({record.result_id: record for record in records}.values())
    return Comparison(len(unique), outcome(unique, before), outcome(unique, after))


def outcome(records: Sequence[ResultRecord], rules: Rules) -> Outcome:
    """In the order of their moments, as if nothing had been seen before."""
    matched: set[str] = set()
    sessions: dict[str, Session] = {}
    by_key: dict[str, list[ResultRecord]] = {}
    for record in records:
        by_key.setdefault(state_key(record), []).append(record)
    for group in by_key.values():
        prepared = rules.of_stream(group[0].frame.stream_name)
        seen = [observation_of(record, prepared) for record in group]
        matched |= {one.result_id for one in seen if one.hits}
        tracker = SessionTracker(StreamState(), group[0].frame.stream_name, prepared.camera, waits_for_silence=False)
        for one in sorted(seen, key=lambda one: one.at_ms):
            tracker.add([one], one.at_ms)
        tracker.pass_time(tracker.state.touched_ms + _forever_ms(prepared.camera.sessions.quiet_seconds))
        ended = [one.session for one in tracker.state.outbox if one.type is SessionEventType.END]
        sessions |= {session.session_id: session for session in ended}
    ordered = sorted(sessions.values(), key=lambda one: (one.started_ms, one.stream_name))
    return Outcome(frozenset(matched), tuple(ordered))


def _forever_ms(quiet_seconds: float) -> int:
    """Long enough for all that is held back, and for silence."""
    return round(1000 * (quiet_seconds + 600))


def _without_counterpart(sessions: Iterable[Session], others: Sequence[Session]) -> tuple[Session, ...]:
    return tuple(one for one in sessions if not any(_overlap(one, other) for other in others))


def _overlap(one: Session, other: Session) -> bool:
    """An alert that would be sent no more, or now, makes them differ."""
    if one.stream_name != other.stream_name or one.severity is not other.severity:
        return False
    return one.started_ms <= other.last_ms + _MATCH_MS and other.started_ms <= one.last_ms + _MATCH_MS


def told(session: Session) -> str:
    """One line for a person."""
    start, end = from_epoch_ms(session.started_ms), from_epoch_ms(session.last_ms)
    labels = ", ".join(session.labels)
    alert = "alert" if session.severity is Severity.ALERT else "detection"
    when = f"{start:%Y-%m-%d %H:%M:%S} to {end:%H:%M:%S} UTC"
    return f"{when}  {session.stream_name}  {labels}  {alert}, pictures: {session.pictures}"
