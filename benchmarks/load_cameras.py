"""Cameras for the load run: real H.264 in one PutMedia session each, a tagged fragment for each second."""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import dataclass
from fractions import Fraction
from io import BytesIO

import av
import numpy as np
from kinesight.media import mkv_write as write
from kinesight.media.mkv_model import Track

from tests.functional.kvs_producer import Producer
from tests.media import IMAGE, event_tags

LAMP_EVERY_S = 60
LAMP_S = 2
_WIDTH, _HEIGHT = 160, 120
_TIMEOUT_S = 300
_SILENCE_S = 20
"""The service ends a session in which nothing came for half a minute."""


@dataclass(frozen=True, slots=True)
class RoomVideo:
    """One second of a dark room, and of the same with a lamp on: one keyframe each, with what decodes it."""

    dark: bytes
    bright: bytes
    track: Track


def encode_room() -> RoomVideo:
    """Encoded once; every camera sends the same images at times of its own."""
    target = BytesIO()
    with av.open(target, "w", format="matroska") as container:
        stream = container.add_stream("libx264", rate=1, options={"preset": "ultrafast", "g": "1"})
        stream.width, stream.height, stream.pix_fmt = _WIDTH, _HEIGHT, "yuv420p"
        stream.codec_context.time_base = Fraction(1, 1)
        for brightness in (40, 180):
            ramp = np.add.outer(np.arange(_HEIGHT), np.arange(_WIDTH)) % 40
            image = np.repeat((ramp + brightness)[:, :, None], 3, axis=2).astype(np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        container.mux(stream.encode())
    target.seek(0)
    with av.open(target, "r") as container:
        dark, bright = [bytes(packet) for packet in container.demux(video=0) if packet.pts is not None]
        private = bytes(container.streams.video[0].codec_context.extradata or b"")
    return RoomVideo(dark, bright, Track(1, "video", "V_MPEG4/ISO/AVC", private, "camera", _WIDTH, _HEIGHT))


class Camera:
    """`index` sets when in each minute its lamp goes on. Its clock begins at `start_ms` and counts what it sent."""

    def __init__(self, address: str, name: str, index: int, start_ms: int, seen: RoomVideo) -> None:
        self.name = name
        self.lamps: set[int] = set()
        """The seconds in which its lamp was on."""
        self._seen = seen
        self._start_ms = start_ms
        self._phase_s = 7 * index % (LAMP_EVERY_S - LAMP_S)
        self._address = address
        self._producer = self._connected()
        self._sent_s = time.monotonic()
        self._last = b""
        """The fragment that was sent last: it is complete, and stored, when the next one begins or the session ends."""

    def _connected(self) -> Producer:
        producer = Producer(self._address, self.name)
        # The service takes no more from a camera while too many images wait to be made.
        producer.connection.sock.settimeout(_TIMEOUT_S)
        tracks = write.tracks([self._seen.track])
        producer.send(write.ebml_header() + write.segment_start() + write.info() + tracks)
        return producer

    def send_second(self, second: int) -> None:
        """Sends one fragment, and reads acknowledgements of the ones before, so that no buffer fills."""
        if time.monotonic() - self._sent_s > _SILENCE_S:
            self._connect_again()
        lit = 0 <= second % LAMP_EVERY_S - self._phase_s < LAMP_S
        if lit:
            self.lamps.add(second)
        frame = self._seen.bright if lit else self._seen.dark
        at_ms = self._start_ms + 1000 * second
        cluster = write.cluster(at_ms, [write.simple_block(1, 0, True, frame)], known_size=True)
        self._send(cluster + event_tags(IMAGE))

    def _send(self, fragment: bytes) -> None:
        self._producer.send(fragment)
        if self._last:
            self._producer.until("PERSISTED")
        self._last, self._sent_s = fragment, time.monotonic()

    def _connect_again(self) -> None:
        """As producers do: what the service did not say it has is sent again."""
        last, self._last = self._last, b""
        is_stored = "PERSISTED" in self.end()
        self._producer = self._connected()
        if not is_stored:
            self._send(last)

    def times_lit(self) -> int:
        """How often its lamp went on."""
        return sum(second - 1 not in self.lamps for second in self.lamps)

    def end(self) -> set[str]:
        """Types of the acknowledgements that were still outstanding. Raises ConnectionError if it refused anything."""
        with suppress(BrokenPipeError, ConnectionResetError):  # the service has ended the session before us
            self._producer.end()
        acknowledgements = self._producer.acknowledgements()
        refused = [one for one in acknowledgements if one["EventType"] == "ERROR"]
        if refused:
            raise ConnectionError(f"{self.name}: {refused}")
        return {one["EventType"] for one in acknowledgements}
