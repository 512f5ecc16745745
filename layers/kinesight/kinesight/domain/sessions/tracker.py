"""Session tracking of one stream. A session opens with the first frame that passes a rule, is extended by further ones,
and closes when nothing has passed for a while. There is one alert per session.

Frames arrive late, twice and out of order, and a camera's clock may be set: frames by another clock are another
timeline, with sessions of its own. Rules and stationary objects go on over all timelines.

Everything is a pure function of the stored state and the new observations; times are epoch milliseconds.
"""

from collections.abc import Iterable

from kinesight.domain.configuration.camera import CameraSettings
from kinesight.domain.sessions.model import Observation, Timeline, TrackerState
from kinesight.domain.sessions.timeline_tracker import TimelineTracker
from kinesight.domain.stream_clock import StreamClock

_MOST_TIMELINES = 4
_IDLE_TIMELINE_KEPT_MS = 3_600_000


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

    def add(self, observations: Iterable[Observation], now_ms: int) -> None:
        """Adds new frames; frames that were added before change nothing."""
        of_timeline: dict[int, list[Observation]] = {}
        for one in observations:
            of_timeline.setdefault(id(self._timeline_of(one, now_ms)), []).append(one)
        for timeline in self.state.timelines:
            if id(timeline) in of_timeline:
                self._tracker(timeline, now_ms).add(of_timeline[id(timeline)])
        self._forget_timelines(now_ms)

    def pass_time(self, now_ms: int) -> None:
        """Without a new frame: processes frames that waited for earlier ones, and closes a session after silence."""
        for timeline in self.state.timelines:
            self._tracker(timeline, now_ms).pass_time()

    @property
    def is_idle(self) -> bool:
        """Whether nothing happens until a frame arrives."""
        return not self.state.outbox and all(one.is_idle for one in self.state.timelines)

    def _tracker(self, timeline: Timeline, now_ms: int) -> TimelineTracker:
        return TimelineTracker(
            timeline, self.state, self._stream_name, self._camera, now_ms, waits_for_silence=self._waits_for_silence
        )

    def _timeline_of(self, one: Observation, now_ms: int) -> Timeline:
        """The timeline by the clock of this frame, which is the first one from now on."""
        timelines = self.state.timelines
        if self._waits_for_silence:
            fitting = timelines
        else:
            fitting = [each for each in timelines if each.clock.continues(one.at_ms, now_ms, one.ahead_ms)]
        found = min(fitting, key=lambda each: abs(one.at_ms - each.clock.expected_ms(now_ms)), default=None)
        if found is None:
            found = self._new_timeline(one, now_ms)
        found.clock.add(one.at_ms, now_ms, one.ahead_ms)
        self.state.timelines = [found, *(each for each in timelines if each is not found)]
        return found

    def _new_timeline(self, one: Observation, now_ms: int) -> Timeline:
        clock = StreamClock(one.at_ms, now_ms, one.ahead_ms)
        if not self.state.timelines:
            return Timeline(clock)
        before = self.state.timelines[0]
        offset_ms = before.offset_ms + one.at_ms - before.clock.expected_ms(now_ms)
        return Timeline(clock, offset_ms)

    def _forget_timelines(self, now_ms: int) -> None:
        first, others = self.state.timelines[:1], self.state.timelines[1:]
        kept = [one for one in others if not one.is_idle or now_ms - one.touched_ms <= _IDLE_TIMELINE_KEPT_MS]
        for one in kept[_MOST_TIMELINES - 1 :]:
            self._tracker(one, now_ms).finish()
        self.state.timelines = [*first, *kept[: _MOST_TIMELINES - 1]]
