"""One leased stream, read live: fragments in order, analyzed side by side, the checkpoint behind them in order.

At most so many fragments are in flight; then the network is not read on. A fragment is given up only when it is
analyzed, when it never can be, or, if that is wished, when it is too old: what fails for now is tried until the lease
is lost or the consumer ends, and then begun again by the next one, from the checkpoint.
"""

import itertools
import json
import random
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, Future
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache, partial
from queue import Empty, Full, Queue
from threading import Event, Lock

from kinesight.domain.analysis.pipeline import Analysis, DetectionPlan, DetectionPorts, analyze
from kinesight.domain.errors import (
    EvidenceGoneError,
    KinesightError,
    LeaseLostError,
    MediaBusyError,
    PermanentError,
    StreamGoneError,
    TransientError,
    UnreadableMediaError,
)
from kinesight.domain.live.leases import HeldLease, LiveCheckpoint
from kinesight.domain.live.ports import LiveMedia, LiveStart, KeyframeConverter
from kinesight.domain.model import Frame, FrameSource, ImageReference, from_epoch_ms
from kinesight.domain.ports import DeadLetters, WorkStore
from kinesight.media.fragments import MediaErrorNotice, MediaFragment
from kinesight.media.selection import Keyframe, Sampler, keyframes

_REOPEN_S = 1.0
"""GetMedia may be called five times a second for a stream ("Service quotas"), by everybody together."""
_READINGS = 3
"""Of a fragment that can't be read, before it is given up."""
_LONGEST_PAUSE_S = 15.0
_POLL_S = 0.2


@dataclass(frozen=True, slots=True)
class LivePorts:
    """The outside world of a live consumer. `now_ms`: the present, epoch milliseconds. `tell` hears of every keyframe
    that is done with, from any thread."""

    media: LiveMedia
    stills: KeyframeConverter
    work: WorkStore
    detection: DetectionPorts
    dead_letters: DeadLetters
    now_ms: Callable[[], int]
    tell: Callable[[Analysis], None] = lambda _analysis: None


@dataclass(frozen=True, slots=True)
class LiveSettings:
    """`fragments_in_flight`: most that are read but not analyzed, per stream. `drop_after_ms`: older fragments are
    passed over, counted; None never."""

    sampler: Sampler
    detection: DetectionPlan
    fragments_in_flight: int
    drop_after_ms: int | None = None


_COUNTERS = ("seen", "sampled", "analyzed", "known", "gated", "over_budget", "buried", "shed", "retried", "checkpoints")


@dataclass(slots=True)
class LiveCounts:
    """What became of a stream's frames. Lag and age in milliseconds, the largest since they were told."""

    seen: int = 0
    sampled: int = 0
    analyzed: int = 0
    known: int = 0
    gated: int = 0
    over_budget: int = 0
    buried: int = 0
    shed: int = 0
    retried: int = 0
    checkpoints: int = 0
    lag_ms: int = 0
    age_ms: int = 0
    warnings: list[str] = field(default_factory=list)
    _told: dict[str, int] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock)

    def since_last(self) -> dict[str, int]:
        """What was counted since the last call, and the largest lag and age since then."""
        with self._lock:
            now = {name: getattr(self, name) for name in _COUNTERS}
            told = {name: value - self._told.get(name, 0) for name, value in now.items()}
            told |= {"lag_ms": self.lag_ms, "age_ms": self.age_ms}
            self._told, self.lag_ms, self.age_ms = now, 0, 0
        return told

    def add(self, **deltas: int) -> None:
        with self._lock:
            for name, delta in deltas.items():
                setattr(self, name, getattr(self, name) + delta)

    def reach(self, **values: int) -> None:
        with self._lock:
            for name, value in values.items():
                setattr(self, name, max(value, getattr(self, name)))

    def warn(self, sentence: str) -> None:
        with self._lock:
            if sentence not in self.warnings and len(self.warnings) < 20:
                self.warnings.append(sentence)


@dataclass(slots=True)
class _InFlight:
    """A fragment on its way: the checkpoint that it allows, and whether its analysis ended."""

    checkpoint: LiveCheckpoint
    done: Future[bool]


class LiveStream:
    """Reads one stream while its lease is held and nobody says `stop`. `read` and `commit` run in threads of their
    own; `abandon` ends also what is in flight."""

    def __init__(
        self,
        held: HeldLease,
        counts: LiveCounts,
        ports: LivePorts,
        plan: LiveSettings,
        pool: Executor,
        stop: Event,
        abandon: Event,
    ) -> None:
        self.held = held
        self.counts = counts
        self._ports = ports
        self._plan = plan
        self._pool = pool
        self._stop = stop
        self._abandon = abandon
        self._failed = Event()
        self._last: LiveCheckpoint | None = None
        self._unreadable: tuple[str, int] = ("", 0)
        """The last fragment that could not be read, and how often it was tried."""
        self._in_flight: Queue[_InFlight | None] = Queue(maxsize=plan.fragments_in_flight)

    @property
    def name(self) -> str:
        return self.held.lease.stream_name

    def guarded(self, half: Callable[[], None]) -> None:
        """Runs `read` or `commit`: a defect ends the stream here, is told, and leaves it to the next consumer."""
        try:
            half()
        except Exception as error:  # noqa: BLE001 - a thread's exception would be nobody's
            self.counts.warn(f"{self.name}: {type(error).__name__}: {error}")
            self._failed.set()

    # -- reading ---------------------------------------------------------------------------------------------------

    def read(self) -> None:
        """Until it is to stop, or the stream is gone."""
        checkpoint = self.held.lease.checkpoint
        start = LiveStart(since_ms=self.held.lease.since_ms)
        if checkpoint is not None:
            start = LiveStart(after_fragment=checkpoint.fragment_number)
        self._last = checkpoint
        try:
            while not self._is_over():
                start = self._connection(start)
                self._stop.wait(_REOPEN_S)
        except StreamGoneError:
            self.counts.warn(f"{self.name} is gone")
        finally:
            self._put(None)

    def _connection(self, start: LiveStart) -> LiveStart:
        """One GetMedia connection to its end: where the next one begins."""
        try:
            for item in self._ports.media.read(self.name, start):
                if self._is_over():
                    break
                start = self._taken(item) or start
        except EvidenceGoneError:
            self.counts.warn(f"{self.name}: the fragment to go on behind is gone; the first that is left is next")
            return LiveStart(since_ms=self._last.server_ms if self._last else self.held.lease.since_ms)
        except UnreadableMediaError as error:
            self.counts.warn(f"{self.name}: {type(error).__name__}: {error}")
            if self._is_given_up(error):
                return LiveStart(after_fragment=error.fragment_number)
        except MediaBusyError as error:
            self.counts.warn(f"{self.name}: {type(error).__name__}: {error}")
        return start

    def _taken(self, item: MediaFragment | MediaErrorNotice) -> LiveStart | None:
        """Where to go on behind it, if it is a new fragment."""
        if not isinstance(item, MediaFragment):
            self.counts.warn(f"{self.name}: KVS says {item.code} {item.message}".strip())
            return None
        if item.number is None or not self._is_new(item.number):
            return None
        self._hand_on(item, item.number)
        return LiveStart(after_fragment=item.number)

    def _is_given_up(self, error: UnreadableMediaError) -> bool:
        """It would hold the stream for ever, so after some readings it is buried, and the checkpoint passes it."""
        number, readings = error.fragment_number, 1
        if self._unreadable[0] == number:
            readings += self._unreadable[1]
        self._unreadable = (number, readings)
        letter = json.dumps({"streamName": self.name, "fragmentNumber": number})
        if readings < _READINGS or not self._bury(letter, error):
            return False
        before = self._last or LiveCheckpoint(
            fragment_number=number, server_ms=self.held.lease.since_ms, sampler_state=0
        )
        self._last = before.model_copy(update={"fragment_number": number})
        self._put(_InFlight(self._last, _finished()))
        return True

    def _is_new(self, number: str) -> bool:
        """Numbers of a stream grow, and a start by time may fall on a fragment that was read."""
        return self._last is None or int(number) > int(self._last.fragment_number)

    def _hand_on(self, fragment: MediaFragment, number: str) -> None:
        """Waits while too much is in flight."""
        taken: list[Keyframe] = []
        state = self._last.sampler_state if self._last else 0
        # Not by the server's clock: what a camera held back while its network was gone arrives within a moment.
        start_ms = _producer_ms(fragment)
        for keyframe in keyframes(fragment):
            takes, state = self._plan.sampler.takes(keyframe.at_ms(start_ms), state)
            taken += [keyframe] if takes else []
            self.counts.add(seen=1, sampled=int(takes))
        self.counts.reach(lag_ms=fragment.millis_behind_now or 0)
        done = self._pool.submit(self._analyzed, fragment, number, taken) if taken else _finished()
        self._last = LiveCheckpoint(fragment_number=number, server_ms=_server_ms(fragment), sampler_state=state)
        self._put(_InFlight(self._last, done))

    def _put(self, one: _InFlight | None) -> None:
        while not self._is_lost():
            with suppress(Full):
                self._in_flight.put(one, timeout=_POLL_S)
                return

    def _is_over(self) -> bool:
        return self._stop.is_set() or self._is_lost()

    def _is_lost(self) -> bool:
        return self._abandon.is_set() or self._failed.is_set() or self.held.is_lost

    # -- checkpoints -------------------------------------------------------------------------------------------------

    def commit(self) -> None:
        """Moves the checkpoint behind what is analyzed, in order, until there is no more or the lease is lost."""
        while not self._is_lost():
            try:
                one = self._in_flight.get(timeout=_POLL_S)
            except Empty:
                continue
            if one is None or not one.done.result():
                return
            if not self._next_is_done():
                self._move(one.checkpoint)

    def _next_is_done(self) -> bool:
        """Then one write tells of both."""
        with self._in_flight.mutex:
            following = self._in_flight.queue[0] if self._in_flight.queue else None
        return following is not None and following.done.done() and following.done.result()

    def _move(self, checkpoint: LiveCheckpoint) -> None:
        """A table that is busy is asked again: until then nothing new is read."""
        for attempt in itertools.count():
            if self._is_lost():
                return
            try:
                self.held.move(checkpoint)
            except LeaseLostError:
                return
            except TransientError as error:
                self.counts.warn(f"{self.name}: {type(error).__name__}: {error}")
                self._abandon.wait(_pause_s(attempt))
            else:
                self.counts.add(checkpoints=1)
                return

    # -- one fragment ------------------------------------------------------------------------------------------------

    def _analyzed(self, fragment: MediaFragment, number: str, taken: Sequence[Keyframe]) -> bool:
        """False if it was given up, because the lease is lost or the consumer ends."""
        if self._is_shed(fragment):
            self.counts.add(shed=len(taken))
            return True
        # A picture is made once, however often its analysis is tried.
        left = [Analysis(_key(fragment, one), cache(partial(self._frame, fragment, number, one))) for one in taken]
        letters = {_key(fragment, one): self._letter(fragment, number, one) for one in taken}
        for attempt in itertools.count():
            if self._is_lost():
                break
            analyze(left, self._ports.detection, self._plan.detection)
            left = [Analysis(one.subject, one.find) for one in left if not self._settled(one, letters[one.subject])]
            if not left:
                self.counts.reach(age_ms=self._ports.now_ms() - _server_ms(fragment))
                return True
            self.counts.add(retried=len(left))
            self._abandon.wait(_pause_s(attempt))
        return False

    def _is_shed(self, fragment: MediaFragment) -> bool:
        limit_ms = self._plan.drop_after_ms
        return limit_ms is not None and self._ports.now_ms() - _server_ms(fragment) > limit_ms

    def _settled(self, one: Analysis, letter: str) -> bool:
        if one.error is None:
            self._ports.tell(one)
            self.counts.add(analyzed=int(one.record is not None), known=int(one.already_analyzed), gated=int(one.gated))
            self.counts.add(over_budget=int(one.over_budget is not None))
            return True
        if not isinstance(one.error, PermanentError):
            self.counts.warn(f"{self.name}: {type(one.error).__name__}: {one.error}")
            return False
        if not self._bury(letter, one.error):
            return False
        self._ports.tell(one)
        return True

    def _bury(self, letter: str, reason: PermanentError) -> bool:
        try:
            self._ports.dead_letters.send_to_dead_letters(letter, reason)
        except KinesightError as error:
            self.counts.warn(f"{self.name}: {type(error).__name__}: {error}")
            return False
        self.counts.add(buried=1)
        return True

    def _letter(self, fragment: MediaFragment, number: str, keyframe: Keyframe) -> str:
        """What the on-demand workflow needs to look at the same picture again."""
        moment = from_epoch_ms(keyframe.at_ms(_producer_ms(fragment)))
        return json.dumps(
            {
                "streamName": self.name,
                "fragmentNumber": number,
                "imageTimestamp": moment.isoformat(timespec="milliseconds"),
            }
        )

    def _frame(self, fragment: MediaFragment, number: str, keyframe: Keyframe) -> Frame:
        picture = self._ports.stills.still(keyframe)
        server_ms = keyframe.at_ms(_server_ms(fragment))
        producer_ms = keyframe.at_ms(_producer_ms(fragment))
        key = f"live/{self.name}/{number}_{server_ms}.jpg"
        self._ports.work.write(key, picture, "image/jpeg")
        return Frame(
            source=FrameSource.LIVE,
            stream_name=self.name,
            stream_arn=self.held.lease.stream_arn,
            fragment_number=number,
            image_timestamp=from_epoch_ms(producer_ms),
            producer_timestamp=from_epoch_ms(producer_ms),
            server_timestamp=from_epoch_ms(server_ms),
            image=ImageReference(
                bucket=self._ports.work.bucket, key=key, content_type="image/jpeg", size_bytes=len(picture)
            ),
            tags=dict(fragment.tags),
        )


def _key(fragment: MediaFragment, keyframe: Keyframe) -> str:
    return f"{fragment.number} + {int(keyframe.offset_ms)} ms"


def _server_ms(fragment: MediaFragment) -> int:
    return int((fragment.server_timestamp or 0) * 1000)


def _producer_ms(fragment: MediaFragment) -> int:
    """A fragment without a producer timestamp is shown by the server's clock."""
    return int((fragment.producer_timestamp or fragment.server_timestamp or 0) * 1000)


def _pause_s(attempt: int) -> float:
    return random.uniform(0, min(_LONGEST_PAUSE_S, 0.25 * 2 ** min(attempt, 10)))


def _finished() -> Future[bool]:
    done: Future[bool] = Future()
    done.set_result(True)
    return done
