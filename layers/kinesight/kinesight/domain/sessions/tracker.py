"""Session tracking of one stream. A session opens with the first frame that passes a rule, is extended by further ones,
and closes when nothing has passed for a while. There is one alert per session.

Frames arrive late, twice and out of order. Where rules need several frames, each frame waits for `orderingSeconds` so
that earlier ones can arrive: the same frames make the same sessions in any order of arrival. A frame that arrives even
later joins the session of its timestamp.

Everything is a pure function of the stored state and the new observations; times are epoch milliseconds.
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
    TrackerState,
)

_MOST_PENDING = 1000
_MOST_PROCESSED_IDS = 150
_MOST_CLOSED = 3


class SessionTracker:
    """Applies the frames of one stream to its state. Changes to publish are appended to the state's outbox."""

    def __init__(
        self, state: TrackerState, stream_name: str, camera: CameraSettings, *, waits_for_silence: bool
    ) -> None:
        """`waits_for_silence`: frames arrive in any order, as those of an on-demand range do, and are processed when no
        more arrive."""
        self.state = state
        self._stream_name = stream_name
        self._camera = camera
        self._waits_for_silence = waits_for_silence
        # A frame that arrives live and on demand opens a session in each state; the kind makes their ids differ.
        self._kind = "on-demand" if waits_for_silence else ""
        self._quiet_ms = round(1000 * camera.sessions.quiet_seconds)

    def add(self, observations: Iterable[Observation], now_ms: int) -> None:
        """Adds new frames; frames that were added before change nothing."""
        state = self.state
        known = {*state.processed_ids, *(one.short_id for one in state.pending)}
        new = {one.result_id: one for one in observations if one.short_id not in known}
        state.touched_ms = now_ms
        state.pending = sorted([*state.pending, *new.values()], key=lambda one: (one.at_ms, one.result_id))
        state.latest_ms = max([state.latest_ms, *(one.at_ms for one in new.values())])
        self._release(self._watermark_ms())
        if len(state.pending) > _MOST_PENDING:
            self._release(state.pending[len(state.pending) // 2].at_ms)

    def pass_time(self, now_ms: int) -> None:
        """Without a new frame: processes frames that waited for earlier ones, and closes a session after silence."""
        silence_ms = now_ms - self.state.touched_ms
        if silence_ms >= 1000 * self._camera.sessions.ordering_seconds:
            self._release(self.state.latest_ms)
        if silence_ms > self._quiet_ms and self.state.open is not None:
            self._close(self.state.open)

    @property
    def is_idle(self) -> bool:
        """Whether nothing happens until a frame arrives."""
        return not self.state.pending and self.state.open is None and not self.state.outbox

    def _watermark_ms(self) -> int:
        if not self._camera.needs_order:
            return self.state.latest_ms
        if self._waits_for_silence:
            return -1
        return self.state.latest_ms - round(1000 * self._camera.sessions.ordering_seconds)

    def _release(self, watermark_ms: int) -> None:
        state = self.state
        ready = [one for one in state.pending if one.at_ms <= watermark_ms]
        state.pending = [one for one in state.pending if one.at_ms > watermark_ms]
        for one in ready:
            if one.at_ms < state.processed_until_ms:
                self._take_late(one)
            else:
                self._take(one)
        state.processed_ids = [*state.processed_ids, *(one.short_id for one in ready)][-_MOST_PROCESSED_IDS:]

    # -- in order ------------------------------------------------------------------------------------------------

    def _take(self, observation: Observation) -> None:
        state = self.state
        state.processed_until_ms = observation.at_ms
        if state.open is not None and self._is_over(state.open, observation.at_ms):
            self._close(state.open)
        hits = self._active_hits(observation)
        passed = [rule for rule in self._camera.rules if self._passes(rule, hits, observation.at_ms)]
        if not passed:
            return
        of_passed = tuple(hit for hit in hits if any(rule.name in hit.rules for rule in passed))
        frame = session_of_frame(self._stream_name, replace(observation, hits=of_passed), passed, self._kind)
        current = state.open or self._reopened(observation.at_ms)
        if current is None:
            self._open(frame, passed)
        else:
            self._extend(current, frame, passed)

    def _reopened(self, at_ms: int) -> Session | None:
        """The last session, if our own silence ended it and not the camera's."""
        if not self.state.closed or self._is_over(self.state.closed[-1], at_ms):
            return None
        return replace(self.state.closed.pop(), closed=False)

    def _is_over(self, session: Session, at_ms: int) -> bool:
        longest_ms = 1000 * self._camera.sessions.longest_seconds
        return at_ms - session.last_ms > self._quiet_ms or at_ms - session.started_ms > longest_ms

    def _active_hits(self, observation: Observation) -> list[Hit]:
        """Hits without stationary objects."""
        settings = self._camera.stationary
        if not settings.enabled:
            return list(observation.hits)
        scene, at_ms = self.state.scene, observation.at_ms
        scene.begin(at_ms, settings)
        return [hit for hit in observation.hits if not scene.is_stationary(hit.label, hit.box, at_ms, settings)]

    def _passes(self, rule: Rule, hits: list[Hit], at_ms: int) -> bool:
        memory = self.state.rules.setdefault(rule.name, RuleState())
        hit = any(rule.name in one.rules for one in hits)
        memory.recent = [*memory.recent, hit][-rule.confirmation.of :]
        if not any(memory.recent):
            memory.since_ms = None
        elif hit and memory.since_ms is None:
            memory.since_ms = at_ms
        confirmed = hit and sum(memory.recent) >= rule.confirmation.frames
        dwelt = memory.since_ms is not None and at_ms - memory.since_ms >= 1000 * rule.dwell_seconds
        return confirmed and dwelt and not self._is_cooling_down(rule, memory, at_ms)

    def _is_cooling_down(self, rule: Rule, memory: RuleState, at_ms: int) -> bool:
        """During its cooldown a rule opens no session, and still extends the one that it opened."""
        opened = self.state.open
        return at_ms < memory.cooldown_until_ms and (opened is None or rule.name not in opened.rules)

    # -- sessions ------------------------------------------------------------------------------------------------

    def _open(self, session: Session, passed: list[Rule]) -> None:
        self.state.open = session
        self._append(SessionEventType.NEW, session)
        self._alert_if_due(passed)

    def _extend(self, session: Session, frame: Session, passed: list[Rule]) -> None:
        grown = joined(session, frame)
        self.state.open = grown
        if is_update(grown, session):
            self._append(SessionEventType.UPDATE, grown)
        self._alert_if_due(passed)

    def _alert_if_due(self, passed: list[Rule]) -> None:
        session = self.state.open
        if session is None or session.alerted or session.severity is not Severity.ALERT:
            return
        self.state.open = replace(session, alerted=True)
        for rule in passed:
            self.state.rules[rule.name].cooldown_until_ms = session.last_ms + round(1000 * rule.cooldown_seconds)
        self._append(SessionEventType.ALERT, self.state.open)

    def _close(self, session: Session) -> None:
        self.state.open = None
        self._add_closed(session)

    def _add_closed(self, session: Session) -> None:
        ended = replace(session, closed=True)
        self.state.closed = [*self.state.closed, ended][-_MOST_CLOSED:]
        self._append(SessionEventType.END, ended)

    def _append(self, event_type: SessionEventType, session: Session) -> None:
        with_arn = replace(session, stream_arn=self.state.stream_arn)
        self.state.outbox.append(SessionEvent(event_type, with_arn))

    # -- late frames ---------------------------------------------------------------------------------------------

    def _take_late(self, observation: Observation) -> None:
        """The state as of this frame's timestamp is gone, so only rules that need a single frame can pass."""
        passed = [rule for rule in self._camera.rules if _passes_on_one_frame(rule, observation.hits)]
        if not passed:
            return
        late = session_of_frame(self._stream_name, observation, passed, self._kind)
        if not self._join_session_of_its_time(late):
            self._add_late_session(late)

    def _join_session_of_its_time(self, late: Session) -> bool:
        state = self.state
        if state.open is not None and self._belongs(late, state.open):
            state.open = joined(state.open, late)
            self._append(SessionEventType.UPDATE, state.open)
            self._alert_if_due([])
            return True
        for index, ended in enumerate(state.closed):
            if self._belongs(late, ended):
                state.closed[index] = joined(ended, late)
                self._append(SessionEventType.UPDATE, state.closed[index])
                return True
        return False

    def _belongs(self, late: Session, session: Session) -> bool:
        return session.started_ms - self._quiet_ms <= late.started_ms <= session.last_ms + self._quiet_ms

    def _add_late_session(self, late: Session) -> None:
        self._append(SessionEventType.NEW, late)
        if late.severity is Severity.ALERT:
            late = replace(late, alerted=True)
            self._append(SessionEventType.ALERT, late)
        self._add_closed(late)


def _passes_on_one_frame(rule: Rule, hits: Iterable[Hit]) -> bool:
    needs_others = rule.confirmation.frames > 1 or rule.dwell_seconds > 0
    return not needs_others and any(rule.name in hit.rules for hit in hits)
