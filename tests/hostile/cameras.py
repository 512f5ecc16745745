"""Cameras that are wrong: clocks that jump, fragments that come late or twice, and media that no decoder takes."""

import itertools
import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from kinesight.media import mkv_write as write
from kinesight_local.kvs.server import KvsServer

from tests.faults.cameras import FRAGMENT_MS, LoopedVideo
from tests.functional.kvs_producer import Producer

HOUR_MS = 3_600_000
_YEAR_5138_MS = 100_000_000_000_000

Clock = Callable[[int], int]
"""By how many milliseconds a camera's clock is ahead, by the number of the fragment."""


def right(_: int) -> int:
    """A clock that is never set."""
    return 0


def corrected(ahead_ms: int, at: int) -> Clock:
    """A clock that is wrong until fragment `at`."""
    return lambda index: ahead_ms if index < at else 0


def back_and_forth(chance: random.Random, every: int) -> Clock:
    """A clock that is set every so many fragments, to another hour."""
    offsets = [HOUR_MS * hours for hours in chance.sample(range(-12, 13), 25)]
    return lambda index: offsets[index // every % len(offsets)]


def one_of_a_distant_year(at: int) -> Clock:
    """A clock that is wrong for a single fragment, by thousands of years."""
    return lambda index: _YEAR_5138_MS - round(time.time() * 1000) if index == at else 0


@dataclass(slots=True)
class HostileCamera:
    """Plays the video in real time by its clock, with a connection for every time that it is set.

    `shown`: the index of the fragment by each keyframe's timestamp, epoch milliseconds. `begun_ms`: our clock at the
    start. `before`: media that is sent in a connection of its own before a fragment, by its index.
    """

    name: str
    clock: Clock = right
    before: Callable[[int], bytes] = lambda _: b""
    shown: dict[int, int] = field(default_factory=dict)
    begun_ms: int = 0

    def play(self, kvs: KvsServer, video: LoopedVideo, first: int, until: threading.Event) -> None:
        """From the fragment of index `first` on, until `until` is set."""
        self.begun_ms = round(time.time() * 1000) - first * FRAGMENT_MS
        producer, offset_ms = self._connected(kvs, video), self.clock(first)
        for index in itertools.count(first):
            due_s = (self.begun_ms + (index + 1) * FRAGMENT_MS) / 1000
            if until.wait(max(0.0, due_s - time.time())):
                break
            if odd := self.before(index):
                self._send_alone(kvs, video, odd)
            if self.clock(index) != offset_ms:
                producer.end()
                producer, offset_ms = self._connected(kvs, video), self.clock(index)
            at_ms = self.begun_ms + index * FRAGMENT_MS + offset_ms
            producer.send(video.cluster(index, at_ms))
            self.shown[at_ms] = index
        producer.end()

    def ready_ms(self, index: int) -> int:
        """When the fragment was complete, by our clock."""
        return self.begun_ms + (index + 1) * FRAGMENT_MS

    def _connected(self, kvs: KvsServer, video: LoopedVideo) -> Producer:
        producer = Producer(kvs, self.name)
        producer.connection.timeout = 120
        producer.send(video.header)
        return producer

    def _send_alone(self, kvs: KvsServer, video: LoopedVideo, cluster: bytes) -> None:
        producer = self._connected(kvs, video)
        producer.send(cluster)
        producer.end()


def odd_media(chance: random.Random) -> Callable[[int], bytes]:
    """Fragments that are valid Matroska, and whose keyframes are not valid video: empty, cut, of random bytes, or with
    a length beyond the frame. Every third fragment has one before it, of an hour ago."""
    frames = [b"", b"\x00\x00\x00\x01", b"\xff\xff\xff\xff\x65", chance.randbytes(2000), b"\x00" * 5000]

    def before(index: int) -> bytes:
        if index % 3:
            return b""
        block = write.simple_block(1, 0, True, frames[index // 3 % len(frames)])
        return write.cluster(round(time.time() * 1000) - HOUR_MS + index, [block])

    return before
