"""Reads the fragments of one stream from GetMedia, in order, and submits their keyframes for analysis."""

import json
from concurrent.futures import Executor

from kinesight.domain.errors import EvidenceGoneError, MediaBusyError, StreamGoneError, UnreadableMediaError
from kinesight.domain.live.checkpoints import Checkpoints, InFlight, finished
from kinesight.domain.live.fragment_analyzer import FragmentAnalyzer, producer_ms, server_ms
from kinesight.domain.live.leases import LiveCheckpoint
from kinesight.domain.live.live_camera import LiveCamera
from kinesight.domain.live.ports import LiveMedia, LiveStart
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
        media: LiveMedia,
        camera: LiveCamera,
        analyzer: FragmentAnalyzer,
        checkpoints: Checkpoints,
        pool: Executor,
    ) -> None:
        self._state = state
        self._media = media
        self._camera = camera
        self._analyzer = analyzer
        self._checkpoints = checkpoints
        self._pool = pool
        self._last = state.held.lease.checkpoint
        self._unreadable: tuple[str, int] = ("", 0)
        """The last malformed fragment, and how often it was read."""

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
            for item in self._media.read(self._state.name, start):
                if self._state.is_over:
                    break
                start = self._take(item) or start
        except EvidenceGoneError:
            self._state.warn("the fragment to continue after is gone; continuing with the first that is left")
            return LiveStart(since_ms=self._last.server_ms if self._last else self._state.held.lease.since_ms)
        except UnreadableMediaError as error:
            self._state.warn(error)
            if self._give_up(error):
                return LiveStart(after_fragment=error.fragment_number)
        except MediaBusyError as error:
            self._state.warn(error)
        return start

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
        sampled, state = self._sample(fragment)
        self._state.counts.raise_to(lag_ms=fragment.millis_behind_now or 0)
        done = self._pool.submit(self._analyzer.analyze, fragment, number, sampled) if sampled else finished()
        self._last = LiveCheckpoint(fragment_number=number, server_ms=server_ms(fragment), sampler_state=state)
        self._checkpoints.add(InFlight(self._last, done))

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
