"""Tracks the sessions of one timeline of a stream: frames by one clock.

Where rules need several frames, each frame waits for `orderingSeconds` so that earlier ones can arrive: the same frames
make the same sessions in any order of arrival. A frame that arrives even later joins the session of its timestamp.
"""

from collections.abc import Iterable
from dataclasses import replace

from kinesight.domain.configuration.camera import CameraSettings, Rule
from kinesight.domain.sessions.merging import is_update, joined, session_of_frame
from kinesight.domain.sessions.model import (
    Hit,
    Observation,
    RuleState,
    Session,
    SessionEvent,
    SessionEventType,
    Severity,
    Timeline,
    TrackerState,
)
from kinesight.domain.stream_clock import CLOCK_JUMP_MS

_MOST_PENDING = 1000
_MOST_PENDING_CHARACTERS = 450_000
"""Of all timelines. The state is stored as one item of 400 KB, which holds about twice as many, compressed."""
_MOST_CHANGES = 150
"""Added to the outbox at once; further frames wait until these are delivered. The outbox is part of the same item."""
_MOST_CLOSED = 3
_MOST_PAST = 50


class TimelineTracker:
    """Applies frames to a timeline. Changes to publish are appended to the outbox of the stream's state."""

    def __init__(
        self,
        timeline: Timeline,
        state: TrackerState,
        stream_name: str,
        camera: CameraSettings,
        now_ms: int,
        *,
        waits_for_silence: bool,
    ) -> None:
        """`waits_for_silence`: as in SessionTracker."""
        self._timeline = timeline
        self._state = state
        self._stream_name = stream_name
        self._camera = camera
        self._now_ms = now_ms
        self._waiting_before = len(state.outbox)
        self._waits_for_silence = waits_for_silence
        # A frame that arrives live and on demand opens a session in each state; the kind makes their ids differ.
        self._kind = "on-demand" if waits_for_silence else ""
        self._quiet_ms = round(1000 * camera.sessions.quiet_seconds)

    def add(self, observations: Iterable[Observation]) -> None:
        """Adds new frames by this timeline's clock, which has them already; those that were added before change
        nothing."""
        timeline = self._timeline
        by_id = {one.result_id: one for one in observations}
        new = timeline.processed.unknown(by_id) - {one.result_id for one in timeline.pending}
        added = [by_id[result_id] for result_id in new]
        timeline.pending = sorted([*timeline.pending, *added], key=lambda one: (one.at_ms, one.result_id))
        timeline.touched_ms = self._now_ms
        self._release(self._watermark_ms())
        while len(timeline.pending) > _MOST_PENDING or (timeline.pending and self._is_too_much_pending()):
            self._release(timeline.pending[len(timeline.pending) // 2].at_ms, most_changes=None)

    def _is_too_much_pending(self) -> bool:
        pending = (one for timeline in self._state.timelines for one in timeline.pending)
        return sum(one.characters for one in pending) > _MOST_PENDING_CHARACTERS

    def pass_time(self) -> None:
        """Without a new frame: processes frames that waited for earlier ones, and closes a session after silence."""
        silence_ms = self._now_ms - self._timeline.touched_ms
        if silence_ms >= 1000 * self._camera.sessions.ordering_seconds:
            self._release(self._timeline.clock.latest_ms)
        if silence_ms > self._quiet_ms and not self._timeline.pending:
            self._close()

    def finish(self) -> None:
        """Processes what waits, and closes the session: no frame follows."""
        self._release(self._timeline.clock.latest_ms, most_changes=None)
        self._close()

    def _watermark_ms(self) -> int:
        if not self._camera.needs_order:
            return self._timeline.clock.latest_ms
        if self._waits_for_silence:
            return -1
        return self._timeline.clock.latest_ms - round(1000 * self._camera.sessions.ordering_seconds)

    def _release(self, watermark_ms: int, most_changes: int | None = _MOST_CHANGES) -> None:
        """Processes frames up to a time, until so many changes are to be delivered; the other frames stay pending."""
        timeline = self._timeline
        ready = [one for one in timeline.pending if one.at_ms <= watermark_ms]
        timeline.pending = [one for one in timeline.pending if one.at_ms > watermark_ms]
        if ready and self._waits_for_silence:
            self._begin_range(ready[0].at_ms)
        for index, one in enumerate(ready):
            if most_changes is not None and len(self._state.outbox) - self._waiting_before >= most_changes:
                timeline.pending = ready[index:] + timeline.pending
                return
            if one.at_ms < timeline.processed_until_ms:
                self._take_late(one)
            else:
                self._take(one)
            timeline.processed.add(one.result_id, one.at_ms)

    def _begin_range(self, at_ms: int) -> None:
        """A range on demand may be of an earlier time than the one before it: it is as if the clock was set back."""
        timeline = self._timeline
        back_ms = timeline.processed_until_ms - at_ms
        if back_ms <= CLOCK_JUMP_MS:
            return
        self._close()
        timeline.processed_until_ms = -1
        timeline.offset_ms -= back_ms

    # -- in order ------------------------------------------------------------------------------------------------

    def _take(self, observation: Observation) -> None:
        timeline = self._timeline
        timeline.processed_until_ms = observation.at_ms
        if timeline.open is not None and self._is_over(timeline.open, observation.at_ms):
            self._close()
        hits = self._active_hits(observation)
        passed = [rule for rule in self._camera.rules if self._passes(rule, hits, self._unset_ms(observation.at_ms))]
        if not passed:
            return
        frame = self._session_of(observation, hits, passed)
        current = timeline.open or self._reopened(observation.at_ms)
        if current is None:
            self._append(SessionEventType.NEW, frame)
        elif is_update(joined(current, frame), current):
            self._append(SessionEventType.UPDATE, joined(current, frame))
        grown = frame if current is None else joined(current, frame)
        timeline.open = self._alerted(grown, passed, observation.at_ms)

    def _session_of(self, observation: Observation, hits: list[Hit], passed: list[Rule]) -> Session:
        of_passed = tuple(hit for hit in hits if any(rule.name in hit.rules for rule in passed))
        return session_of_frame(self._stream_name, replace(observation, hits=of_passed), passed, self._kind)

    def _reopened(self, at_ms: int) -> Session | None:
        """The last session, if our own silence ended it and not the camera's."""
        closed = self._timeline.closed
        if not closed or self._is_over(closed[-1], at_ms):
            return None
        return replace(closed.pop(), closed=False)

    def _is_over(self, session: Session, at_ms: int) -> bool:
        longest_ms = 1000 * self._camera.sessions.longest_seconds
        return at_ms - session.last_ms > self._quiet_ms or at_ms - session.started_ms > longest_ms

    def _active_hits(self, observation: Observation) -> list[Hit]:
        """Hits without stationary objects."""
        settings = self._camera.stationary
        if not settings.enabled:
            return list(observation.hits)
        scene, at_ms = self._state.scene, self._unset_ms(observation.at_ms)
        scene.begin(at_ms, settings)
        return [hit for hit in observation.hits if not scene.is_stationary(hit.label, hit.box, at_ms, settings)]

    def _unset_ms(self, at_ms: int) -> int:
        """The timestamp as it would be if the camera's clock had not been set."""
        return at_ms - self._timeline.offset_ms

    def _passes(self, rule: Rule, hits: list[Hit], unset_ms: int) -> bool:
        memory = self._state.rules.setdefault(rule.name, RuleState())
        hit = any(rule.name in one.rules for one in hits)
        memory.recent = [*memory.recent, hit][-rule.confirmation.of :]
        if not any(memory.recent):
            memory.since_ms = None
        elif hit and memory.since_ms is None:
            memory.since_ms = unset_ms
        confirmed = hit and sum(memory.recent) >= rule.confirmation.frames
        dwelt = memory.since_ms is not None and unset_ms - memory.since_ms >= 1000 * rule.dwell_seconds
        return confirmed and dwelt and not self._is_cooling_down(rule, unset_ms, self._timeline.open)

    def _is_cooling_down(self, rule: Rule, unset_ms: int, session: Session | None) -> bool:
        """During its cooldown a rule opens no session, and still extends one that it is part of. A late frame may be
        from before the alert."""
        alerted_ms = self._state.rules.get(rule.name, RuleState()).alerted_ms
        if alerted_ms is None or (session is not None and rule.name in session.rules):
            return False
        return abs(unset_ms - alerted_ms) < 1000 * rule.cooldown_seconds

    # -- sessions ------------------------------------------------------------------------------------------------

    def _alerted(self, session: Session, passed: list[Rule], at_ms: int) -> Session:
        """The session after its alert, if one is due. What another timeline has just alerted of is not alerted again:
        the camera's clock was set meanwhile."""
        if session.alerted or session.severity is not Severity.ALERT:
            return session
        unset_ms = self._unset_ms(at_ms)
        for rule in passed:
            memory = self._state.rules.setdefault(rule.name, RuleState())
            memory.alerted_ms = max(unset_ms, memory.alerted_ms or unset_ms)
        session = replace(session, alerted=True)
        if not self._is_alerted_elsewhere(session, unset_ms):
            self._append(SessionEventType.ALERT, session)
        return session

    def _is_alerted_elsewhere(self, session: Session, unset_ms: int) -> bool:
        others = (one for one in self._state.timelines if one is not self._timeline)
        return any(
            known.alerted and {*session.rules} & {*known.rules} and self._is_near(known, unset_ms + other.offset_ms)
            for other in others
            for known in other.sessions
        )

    def _close(self) -> None:
        session, self._timeline.open = self._timeline.open, None
        if session is not None:
            self._add_closed(session)

    def _add_closed(self, session: Session) -> None:
        timeline, ended = self._timeline, replace(session, closed=True)
        timeline.closed = [*timeline.closed, ended]
        if len(timeline.closed) > _MOST_CLOSED:
            oldest = timeline.closed.pop(0)
            timeline.past = [*timeline.past, (oldest.started_ms, oldest.last_ms)][-_MOST_PAST:]
        self._append(SessionEventType.END, ended)

    def _append(self, event_type: SessionEventType, session: Session) -> None:
        with_arn = replace(session, stream_arn=self._state.stream_arn)
        self._state.outbox.append(SessionEvent(event_type, with_arn))

    # -- late frames ---------------------------------------------------------------------------------------------

    def _take_late(self, observation: Observation) -> None:
        """The rules' state as of this frame's timestamp is gone, so only rules that need a single frame can pass."""
        at_ms = observation.at_ms
        if self._timeline.processed.may_have_forgotten(at_ms) and self._is_in_a_session(at_ms):
            return
        hits, session = self._active_hits(observation), self._session_at(at_ms)
        passed = [
            rule
            for rule in self._camera.rules
            if _passes_on_one_frame(rule, hits) and not self._is_cooling_down(rule, self._unset_ms(at_ms), session)
        ]
        if not passed:
            return
        late = self._session_of(observation, hits, passed)
        if session is None:
            self._append(SessionEventType.NEW, late)
            self._add_closed(self._alerted(late, passed, at_ms))
        else:
            self._join(session, late, passed)

    def _is_in_a_session(self, at_ms: int) -> bool:
        timeline = self._timeline
        spans = [*timeline.past, *((one.started_ms, one.last_ms) for one in timeline.sessions)]
        return any(start_ms <= at_ms <= last_ms for start_ms, last_ms in spans)

    def _session_at(self, at_ms: int) -> Session | None:
        return next((one for one in self._timeline.sessions if self._is_near(one, at_ms)), None)

    def _is_near(self, session: Session, at_ms: int) -> bool:
        return session.started_ms - self._quiet_ms <= at_ms <= session.last_ms + self._quiet_ms

    def _join(self, session: Session, late: Session, passed: list[Rule]) -> None:
        grown = joined(session, late)
        self._append(SessionEventType.UPDATE, grown)
        grown = self._alerted(grown, passed, late.started_ms)
        if session is self._timeline.open:
            self._timeline.open = grown
        else:
            self._timeline.closed = [grown if one is session else one for one in self._timeline.closed]


def _passes_on_one_frame(rule: Rule, hits: Iterable[Hit]) -> bool:
    needs_others = rule.confirmation.frames > 1 or rule.dwell_seconds > 0
    return not needs_others and any(rule.name in hit.rules for hit in hits)
