"""Reads the fragments of one stream from GetMedia, in order, and submits their keyframes for analysis.

Nothing stops a stream at the same fragment for ever. A fragment that cannot be read or sampled is dead-lettered after a
few attempts. If reading fails before a fragment is known, the time from the last one until now is dead-lettered as a
range, and reading continues with what is recorded from then on.
"""

import itertools
import json
from concurrent.futures import Executor

from kinesight.domain.batches import MOST_ATTEMPTS, classified
from kinesight.domain.errors import (
    EvidenceGoneError,
    KinesightError,
    StreamGoneError,
    TransientError,
    UnreadableMediaError,
)
from kinesight.domain.live.backoff import backoff_s
from kinesight.domain.live.checkpoints import Checkpoints, InFlight, finished
from kinesight.domain.live.fragment_analyzer import (
    FragmentAnalyzer,
    fragment_body,
    producer_ms,
    range_body,
    server_ms,
)
from kinesight.domain.live.leases import LiveCheckpoint
from kinesight.domain.live.live_camera import LiveCamera
from kinesight.domain.live.ports import LivePorts, LiveStart
from kinesight.domain.live.stream_state import StreamState
from kinesight.media.fragments import MediaErrorNotice, MediaFragment
from kinesight.media.selection import Keyframe, keyframes

_REOPEN_S = 1.0
"""GetMedia allows five calls per second for a stream ("Service quotas"), shared by all its readers."""
_MOST_READS = 3
"""Attempts to read a malformed fragment before it is dead-lettered."""


class StreamReader:
    """Reads one stream while its lease is held. The network is not read on while too many fragments are in flight."""

    def __init__(
        self,
        state: StreamState,
        ports: LivePorts,
        camera: LiveCamera,
        analyzer: FragmentAnalyzer,
        checkpoints: Checkpoints,
        pool: Executor,
    ) -> None:
        self._state = state
        self._ports = ports
        self._camera = camera
        self._analyzer = analyzer
        self._checkpoints = checkpoints
        self._pool = pool
        self._last = state.held.lease.checkpoint
        self._unreadable: tuple[str, int] = ("", 0)
        """The last malformed fragment, and how often it was read."""
        self._failures = 0
        """Unexpected errors since a fragment was last read."""

    def read(self) -> None:
        """Reads until stopped, or until the stream is gone."""
        start = LiveStart(since_ms=self._state.held.lease.since_ms)
        if self._last is not None:
            start = LiveStart(after_fragment=self._last.fragment_number)
        try:
            while not self._state.is_over:
                start = self._read_connection(start)
                self._state.stop.wait(_REOPEN_S)
        except StreamGoneError:
            self._state.warn("the stream is gone")
        finally:
            self._checkpoints.add(None)

    def _read_connection(self, start: LiveStart) -> LiveStart:
        """Reads one GetMedia connection to its end; returns where the next one starts."""
        try:
            for item in self._ports.media.read(self._state.name, start):
                if self._state.is_over:
                    break
                start = self._take(item) or start
                self._failures = 0
        except StreamGoneError:
            raise
        except Exception as error:  # noqa: BLE001 - no defect may stop a stream for ever
            return self._start_after(error, start)
        return start

    def _start_after(self, error: Exception, start: LiveStart) -> LiveStart:
        """Returns where to read again after a connection failed at `start`."""
        match error:
            case EvidenceGoneError():
                self._state.warn("the fragment to continue after is gone; continuing with the first that is left")
                return LiveStart(since_ms=self._last.server_ms if self._last else self._state.held.lease.since_ms)
            case UnreadableMediaError():
                self._state.warn(error)
                return LiveStart(after_fragment=error.fragment_number) if self._give_up(error) else start
            case TransientError():
                self._state.warn(error)
                return start
            case _:
                return self._skip_to_now(classified(error)) or start

    def _skip_to_now(self, error: KinesightError) -> LiveStart | None:
        """After a few unexpected errors, dead-letters the time since the last fragment, and returns the start behind
        it; None if it is to be read again."""
        self._failures += 1
        self._state.stop.wait(backoff_s(self._failures))
        if self._state.is_over:
            return None
        now_ms = self._ports.now_ms()
        start_ms = self._last.server_ms if self._last else self._state.held.lease.since_ms
        body = range_body(self._state.name, min(start_ms, now_ms), now_ms)
        attempt = MOST_ATTEMPTS if self._failures % MOST_ATTEMPTS == 0 else 1
        return LiveStart(since_ms=now_ms) if self._analyzer.gives_up(body, error, attempt) else None

    def _take(self, item: MediaFragment | MediaErrorNotice) -> LiveStart | None:
        """Submits a new fragment; returns the start after it, or None for other items."""
        if not isinstance(item, MediaFragment):
            self._state.warn(f"KVS reports {item.code} {item.message}".strip())
            return None
        if item.number is None or not self._is_new(item.number):
            return None
        self._submit(item, item.number)
        return LiveStart(after_fragment=item.number)

    def _give_up(self, error: UnreadableMediaError) -> bool:
        """Dead-letters a fragment that was read too often and moves the checkpoint past it, or it would block the
        stream. False if the fragment is to be read again."""
        number, reads = error.fragment_number, 1
        if self._unreadable[0] == number:
            reads += self._unreadable[1]
        self._unreadable = (number, reads)
        body = json.dumps({"streamName": self._state.name, "fragmentNumber": number})
        if reads < _MOST_READS or not self._analyzer.dead_letter(body, error):
            return False
        before = self._last or LiveCheckpoint(
            fragment_number=number, server_ms=self._state.held.lease.since_ms, sampler_state=0
        )
        self._last = before.model_copy(update={"fragment_number": number})
        self._checkpoints.add(InFlight(self._last, finished()))
        return True

    def _is_new(self, number: str) -> bool:
        """Fragment numbers of a stream increase, and a start by time may repeat a fragment that was read."""
        return self._last is None or int(number) > int(self._last.fragment_number)

    def _submit(self, fragment: MediaFragment, number: str) -> None:
        """Samples and submits a fragment; blocks while too many are in flight."""
        sampled, state = self._sample_safely(fragment, number)
        self._state.counts.raise_to(lag_ms=fragment.millis_behind_now or 0)
        done = self._pool.submit(self._analyzer.analyze, fragment, number, sampled) if sampled else finished()
        self._last = LiveCheckpoint(fragment_number=number, server_ms=server_ms(fragment), sampler_state=state)
        self._checkpoints.add(InFlight(self._last, done))

    def _sample_safely(self, fragment: MediaFragment, number: str) -> tuple[list[Keyframe], int]:
        """Samples; if every attempt fails, dead-letters the fragment and returns no keyframe. Raises what fails if the
        stream is over, so that the fragment is left to the next consumer."""
        for attempt in itertools.count(1):
            try:
                return self._sample(fragment)
            except Exception as error:
                body = fragment_body(self._state.name, fragment, number)
                if self._analyzer.gives_up(body, classified(error), attempt):
                    break
                if self._state.is_over:
                    raise
            self._state.stop.wait(backoff_s(attempt))
        return [], self._last.sampler_state if self._last else 0

    def _sample(self, fragment: MediaFragment) -> tuple[list[Keyframe], int]:
        """Returns the sampled keyframes and the sampler's new state."""
        sampled: list[Keyframe] = []
        state = self._last.sampler_state if self._last else 0
        # By producer time: fragments that a camera buffers during a network outage arrive at nearly the same server
        # time.
        start_ms, sampler = producer_ms(fragment), self._camera.sampler()
        for keyframe in keyframes(fragment):
            takes, state = (False, state) if sampler is None else sampler.takes(keyframe.at_ms(start_ms), state)
            sampled += [keyframe] if takes else []
            self._state.counts.add(seen=1, sampled=int(takes))
        return sampled, state
