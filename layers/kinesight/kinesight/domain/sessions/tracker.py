"""Activity on one camera becomes sessions: one opens with the first picture that passes a rule, is extended by more of
them, and closes when nothing has passed for a while. One alert per session.

Pictures come late, twice and out of order. Where rules look at several pictures, each is held back until those before
it must have come (`orderingSeconds`), so that the same pictures make the same sessions in whatever order they arrive.
A picture that comes later than that joins the session of its moment.

Everything here is a pure function of what was remembered and what comes; times are epoch milliseconds.
"""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from enum import StrEnum

from pydantic import TypeAdapter

from kinesight.domain.model import BoundingBox
from kinesight.domain.rules.document import Camera, Rule
from kinesight.domain.sessions.stationary_objects import Scene

_MOST_PENDING = 1000
_MOST_REMEMBERED = 150
_MOST_FRAGMENTS = 50
_CLOSED_REMEMBERED = 3


class Severity(StrEnum):
    """The class of a rule, and of a session: the highest of the rules that passed."""

    ACTIVITY = "ACTIVITY"
    ALERT = "ALERT"


class SessionEventType(StrEnum):
    """What is told of a session."""

    NEW = "NEW"
    UPDATE = "UPDATE"
    ALERT = "ALERT"
    END = "END"


@dataclass(frozen=True, slots=True)
class Hit:
    """A detection that passes rules; confidence is 0 to 100."""

    label: str
    confidence: float
    box: BoundingBox | None
    rules: tuple[str, ...]
    zones: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ImageClocks:
    """The time stamps that KVS gave a picture beside its own, as far as it gave them."""

    producer_ms: int | None = None
    server_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Observation:
    """One analyzed picture, with or without hits; one without hits needs no clocks. `by_server`: it is timed by the
    service, not by the camera."""

    result_id: str
    at_ms: int
    fragment_number: str | None
    hits: tuple[Hit, ...] = ()
    by_server: bool = False
    clocks: ImageClocks | None = None


@dataclass(frozen=True, slots=True)
class BestImage:
    """The picture that shows a session best: the surest detection of the gravest rule. `boxes` are those of its labels'
    surest detections."""

    result_id: str
    at_ms: int
    fragment_number: str | None
    label: str
    confidence: float
    severity: Severity
    boxes: dict[str, BoundingBox] = field(default_factory=dict)
    clocks: ImageClocks | None = None


@dataclass(frozen=True, slots=True)
class Session:
    """From the first to the last picture that passed a rule. `labels` are with their highest confidence; `fragments`
    are the first fifty that showed it. `opened_ms` never changes; `started_ms` does if an earlier picture comes late.
    `by_server`: its pictures are timed by the service, not by the camera.
    """

    session_id: str
    stream_name: str
    severity: Severity
    opened_ms: int
    started_ms: int
    last_ms: int
    pictures: int
    labels: dict[str, float]
    rules: tuple[str, ...]
    zones: tuple[str, ...]
    best: BestImage
    fragments: tuple[str, ...] = ()
    alerted: bool = False
    closed: bool = False
    by_server: bool = False
    stream_arn: str | None = None


@dataclass(frozen=True, slots=True)
class SessionEvent:
    """A session as it was when something about it was to be told."""

    type: SessionEventType
    session: Session


@dataclass(slots=True)
class RuleState:
    """Of one rule: which of the last pictures hit, since when they do, and until when it rests after an alert."""

    recent: list[bool] = field(default_factory=list)
    since_ms: int | None = None
    rests_until_ms: int = 0


@dataclass(slots=True)
class Activity:
    """All that is remembered of one stream. `touched_ms` is when the last picture came, by our own clock; `stream_arn`
    is None until a record has told it."""

    pending: list[Observation] = field(default_factory=list)
    latest_ms: int = 0
    passed_ms: int = -1
    remembered: list[str] = field(default_factory=list)
    rules: dict[str, RuleState] = field(default_factory=dict)
    scene: Scene = field(default_factory=Scene)
    open: Session | None = None
    closed: list[Session] = field(default_factory=list)
    outbox: list[SessionEvent] = field(default_factory=list)
    touched_ms: int = 0
    stream_arn: str | None = None


ACTIVITY: TypeAdapter[Activity] = TypeAdapter(Activity)


class SessionTracker:
    """Takes the pictures of one stream. What is to be told is put into the activity's outbox."""

    def __init__(self, activity: Activity, stream_name: str, camera: Camera, *, waits_for_silence: bool) -> None:
        """`waits_for_silence`: pictures come in any order at all, as those of an on-demand range do, and are held
        back until no more come."""
        self.activity = activity
        self._stream_name = stream_name
        self._camera = camera
        self._waits_for_silence = waits_for_silence
        # A picture that came both ways opens a session in each activity, and they are two.
        self._kind = "on-demand" if waits_for_silence else ""
        self._quiet_ms = round(1000 * camera.sessions.quiet_seconds)
        self._rules = {rule.name: rule for rule in camera.rules}

    def add(self, observations: Iterable[Observation], now_ms: int) -> None:
        """Pictures that came; the ones that were seen before change nothing."""
        activity = self.activity
        known = {*activity.remembered, *(_mark(one) for one in activity.pending)}
        new = {one.result_id: one for one in observations if _mark(one) not in known}
        activity.touched_ms = now_ms
        activity.pending = sorted([*activity.pending, *new.values()], key=_order)
        activity.latest_ms = max([activity.latest_ms, *(one.at_ms for one in new.values())])
        self._release(self._watermark_ms())
        if len(activity.pending) > _MOST_PENDING:
            self._release(activity.pending[len(activity.pending) // 2].at_ms)

    def pass_time(self, now_ms: int) -> None:
        """No picture came: what was held back for others that might come is released, and silence ends a session."""
        silence_ms = now_ms - self.activity.touched_ms
        if silence_ms >= 1000 * self._camera.sessions.ordering_seconds:
            self._release(self.activity.latest_ms)
        if silence_ms > self._quiet_ms and self.activity.open is not None:
            self._close(self.activity.open)

    @property
    def is_idle(self) -> bool:
        """Nothing will happen unless pictures come."""
        return not self.activity.pending and self.activity.open is None and not self.activity.outbox

    def _watermark_ms(self) -> int:
        if not self._camera.needs_order:
            return self.activity.latest_ms
        if self._waits_for_silence:
            return -1
        return self.activity.latest_ms - round(1000 * self._camera.sessions.ordering_seconds)

    def _release(self, watermark_ms: int) -> None:
        activity = self.activity
        ready = [one for one in activity.pending if one.at_ms <= watermark_ms]
        activity.pending = [one for one in activity.pending if one.at_ms > watermark_ms]
        for one in ready:
            if one.at_ms < activity.passed_ms:
                self._take_late(one)
            else:
                self._take(one)
        activity.remembered = [*activity.remembered, *(_mark(one) for one in ready)][-_MOST_REMEMBERED:]

    # -- in order ------------------------------------------------------------------------------------------------

    def _take(self, seen: Observation) -> None:
        activity = self.activity
        activity.passed_ms = seen.at_ms
        if activity.open is not None and self._is_over(activity.open, seen.at_ms):
            self._close(activity.open)
        hits = self._active_hits(seen)
        passed = [rule for rule in self._camera.rules if self._passes(rule, hits, seen.at_ms)]
        if not passed:
            return
        told = replace(seen, hits=tuple(hit for hit in hits if any(rule.name in hit.rules for rule in passed)))
        going_on = activity.open or self._taken_up_again(seen.at_ms)
        if going_on is None:
            self._open(told, passed)
        else:
            self._extend(going_on, told, passed)

    def _taken_up_again(self, at_ms: int) -> Session | None:
        """The last session, if it was our own silence that ended it and not the camera's."""
        if not self.activity.closed or self._is_over(self.activity.closed[-1], at_ms):
            return None
        return replace(self.activity.closed.pop(), closed=False)

    def _is_over(self, session: Session, at_ms: int) -> bool:
        longest_ms = 1000 * self._camera.sessions.longest_seconds
        return at_ms - session.last_ms > self._quiet_ms or at_ms - session.started_ms > longest_ms

    def _active_hits(self, seen: Observation) -> list[Hit]:
        """Without what belongs to the scene."""
        wanted = self._camera.stationary
        if not wanted.enabled:
            return list(seen.hits)
        scene = self.activity.scene
        scene.begin(seen.at_ms, wanted)
        return [hit for hit in seen.hits if not scene.is_stationary(hit.label, hit.box, seen.at_ms, wanted)]

    def _passes(self, rule: Rule, hits: list[Hit], at_ms: int) -> bool:
        memory = self.activity.rules.setdefault(rule.name, RuleState())
        hit = any(rule.name in one.rules for one in hits)
        memory.recent = [*memory.recent, hit][-rule.confirmation.of :]
        if not any(memory.recent):
            memory.since_ms = None
        elif hit and memory.since_ms is None:
            memory.since_ms = at_ms
        confirmed = hit and sum(memory.recent) >= rule.confirmation.frames
        dwelt = memory.since_ms is not None and at_ms - memory.since_ms >= 1000 * rule.dwell_seconds
        return confirmed and dwelt and not self._rests(rule, memory, at_ms)

    def _rests(self, rule: Rule, memory: RuleState, at_ms: int) -> bool:
        """A rule that rests after its alert opens nothing, and still extends what it opened."""
        opened = self.activity.open
        return at_ms < memory.rests_until_ms and (opened is None or rule.name not in opened.rules)

    # -- sessions ------------------------------------------------------------------------------------------------

    def _open(self, seen: Observation, passed: list[Rule]) -> None:
        session = _first(self._stream_name, seen, passed, self._kind)
        self.activity.open = session
        self._tell(SessionEventType.NEW, session)
        self._alert_if_due(passed)

    def _extend(self, session: Session, seen: Observation, passed: list[Rule]) -> None:
        grown = _joined(session, _first(self._stream_name, seen, passed, self._kind))
        self.activity.open = grown
        if _tells_more(grown, session):
            self._tell(SessionEventType.UPDATE, grown)
        self._alert_if_due(passed)

    def _alert_if_due(self, passed: list[Rule]) -> None:
        session = self.activity.open
        if session is None or session.alerted or session.severity is not Severity.ALERT:
            return
        self.activity.open = replace(session, alerted=True)
        for rule in passed:
            self.activity.rules[rule.name].rests_until_ms = session.last_ms + round(1000 * rule.cooldown_seconds)
        self._tell(SessionEventType.ALERT, self.activity.open)

    def _close(self, session: Session) -> None:
        ended = replace(session, closed=True)
        self.activity.open = None
        self.activity.closed = [*self.activity.closed, ended][-_CLOSED_REMEMBERED:]
        self._tell(SessionEventType.END, ended)

    def _tell(self, event_type: SessionEventType, session: Session) -> None:
        told = replace(session, stream_arn=self.activity.stream_arn)
        self.activity.outbox.append(SessionEvent(event_type, told))

    # -- too late for its turn -----------------------------------------------------------------------------------

    def _take_late(self, seen: Observation) -> None:
        """What the pictures before it were is forgotten, so only rules that need none of them can pass."""
        passed = [rule for rule in self._camera.rules if _passes_alone(rule, seen.hits)]
        if not passed:
            return
        alone = _first(self._stream_name, seen, passed, self._kind)
        if not self._join_session_of_its_moment(alone):
            self._tell_of_late_session(alone)

    def _join_session_of_its_moment(self, late: Session) -> bool:
        activity = self.activity
        if activity.open is not None and self._belongs(late, activity.open):
            activity.open = _joined(activity.open, late)
            self._tell(SessionEventType.UPDATE, activity.open)
            self._alert_if_due([])
            return True
        for index, ended in enumerate(activity.closed):
            if self._belongs(late, ended):
                activity.closed[index] = _joined(ended, late)
                self._tell(SessionEventType.UPDATE, activity.closed[index])
                return True
        return False

    def _belongs(self, late: Session, session: Session) -> bool:
        return session.started_ms - self._quiet_ms <= late.started_ms <= session.last_ms + self._quiet_ms

    def _tell_of_late_session(self, late: Session) -> None:
        self._tell(SessionEventType.NEW, late)
        if late.severity is Severity.ALERT:
            late = replace(late, alerted=True)
            self._tell(SessionEventType.ALERT, late)
        self._close_beside(late)

    def _close_beside(self, late: Session) -> None:
        still_open, self.activity.open = self.activity.open, None
        self._close(late)
        self.activity.open = still_open


def _mark(seen: Observation) -> str:
    """Enough of an id to know it again among some hundred."""
    return seen.result_id[:12]


def _order(seen: Observation) -> tuple[int, str]:
    return seen.at_ms, seen.result_id


def _passes_alone(rule: Rule, hits: Iterable[Hit]) -> bool:
    needs_others = rule.confirmation.frames > 1 or rule.dwell_seconds > 0
    return not needs_others and any(rule.name in hit.rules for hit in hits)


def _first(stream_name: str, seen: Observation, passed: list[Rule], kind: str) -> Session:
    """The session of one picture; `kind` tells activities of one stream apart."""
    names = {rule.name: Severity(rule.severity) for rule in passed}
    hits = [hit for hit in seen.hits if names.keys() & set(hit.rules)]

    def severity_of(hit: Hit) -> Severity:
        return max((names[name] for name in hit.rules if name in names), key=_gravity)

    chief = max(hits, key=lambda hit: (_gravity(severity_of(hit)), hit.confidence))
    best = BestImage(
        result_id=seen.result_id,
        at_ms=seen.at_ms,
        fragment_number=seen.fragment_number,
        label=chief.label,
        confidence=chief.confidence,
        severity=severity_of(chief),
        boxes={hit.label: hit.box for hit in sorted(hits, key=lambda hit: hit.confidence) if hit.box is not None},
        clocks=seen.clocks,
    )
    labels: dict[str, float] = {}
    for hit in hits:
        labels[hit.label] = max(hit.confidence, labels.get(hit.label, 0))
    return Session(
        session_id=_identity(stream_name, seen, kind),
        stream_name=stream_name,
        severity=best.severity,
        opened_ms=seen.at_ms,
        started_ms=seen.at_ms,
        last_ms=seen.at_ms,
        pictures=1,
        labels=labels,
        rules=tuple(names),
        zones=tuple(dict.fromkeys(zone for hit in hits for zone in hit.zones)),
        best=best,
        fragments=() if seen.fragment_number is None else (seen.fragment_number,),
        by_server=seen.by_server,
    )


def _identity(stream_name: str, seen: Observation, kind: str) -> str:
    told = [stream_name, seen.at_ms, seen.result_id, *([kind] if kind else [])]
    return hashlib.sha256(json.dumps(told).encode()).hexdigest()[:32]


def _joined(session: Session, more: Session) -> Session:
    labels = dict(session.labels)
    for label, confidence in more.labels.items():
        labels[label] = max(confidence, labels.get(label, 0))
    return replace(
        session,
        severity=max(session.severity, more.severity, key=_gravity),
        started_ms=min(session.started_ms, more.started_ms),
        last_ms=max(session.last_ms, more.last_ms),
        pictures=session.pictures + more.pictures,
        labels=labels,
        rules=_union(session.rules, more.rules),
        zones=_union(session.zones, more.zones),
        best=max(session.best, more.best, key=lambda best: (_gravity(best.severity), best.confidence, -best.at_ms)),
        fragments=_union(session.fragments, more.fragments)[:_MOST_FRAGMENTS],
    )


def _tells_more(grown: Session, before: Session) -> bool:
    """Longer alone is no news; another label, rule, zone or class is, and so is a clearly better picture."""
    if (grown.labels.keys(), grown.rules, grown.zones) != (before.labels.keys(), before.rules, before.zones):
        return True
    return grown.severity is not before.severity or grown.best.confidence - before.best.confidence >= 5


def _union(one: tuple[str, ...], other: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys((*one, *other)))


def _gravity(severity: Severity) -> int:
    return list(Severity).index(severity)
