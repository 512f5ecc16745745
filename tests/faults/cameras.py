"""Cameras whose every image is known beforehand: small real video, played in real time."""

import itertools
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from io import BytesIO
from pathlib import Path

import av
import numpy as np
import skimage
from kinesight.media import mkv_write as write
from kinesight_local.kvs.server import KvsServer
from PIL import Image

from tests.functional.kvs_producer import Producer
from tests.media import NOTIFICATION, Clip, event_tags, producer_header

FRAGMENT_MS = 2000
FRAME_MS = 500
IMAGE_MS = 1500
"""Images that KVS generates: every third frame, so that most are no keyframes, which the live path takes."""

_WIDTH, _HEIGHT = 320, 180
_SCENES = (("coffee.png", 6), ("astronaut.png", 4), ("chelsea.png", 4), ("coffee.png", 6))
"""(photograph, fragments). The astronaut's face is what is to be found."""

Block = tuple[int, bool, bytes]


@dataclass(frozen=True, slots=True)
class LoopedVideo:
    """Encoded fragments, played over and over; `header` is sent first."""

    header: bytes
    fragments: tuple[tuple[Block, ...], ...]

    def cluster(self, index: int, start_ms: int) -> bytes:
        """The fragment of this index as it is sent."""
        blocks = self.fragments[index % len(self.fragments)]
        return write.cluster(start_ms, [write.simple_block(1, at, key, data) for at, key, data in blocks])


def a_looped_video() -> LoopedVideo:
    """40 seconds, two frames a second, a keyframe every two seconds."""
    target = BytesIO()
    with av.open(target, "w", format="matroska") as container:
        stream = container.add_stream("libx264", rate=2, options={"preset": "veryfast", "tune": "zerolatency"})
        stream.width, stream.height, stream.pix_fmt = _WIDTH, _HEIGHT, "yuv420p"
        stream.codec_context.gop_size = FRAGMENT_MS // FRAME_MS
        stream.codec_context.time_base = Fraction(1, 2)
        for index, image in enumerate(images()):
            frame = av.VideoFrame.from_ndarray(np.asarray(image), format="rgb24")
            frame.pts = index
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    target.seek(0)
    with av.open(target, "r") as container:
        packets = [packet for packet in container.demux(container.streams.video[0]) if packet.pts is not None]
        private = bytes(container.streams.video[0].codec_context.extradata or b"")
    header = producer_header(Clip((), private, _WIDTH, _HEIGHT))
    groups = itertools.batched(
        ((packet.is_keyframe, bytes(packet)) for packet in packets), FRAGMENT_MS // FRAME_MS, strict=True
    )
    return LoopedVideo(
        header, tuple(tuple((n * FRAME_MS, key, data) for n, (key, data) in enumerate(group)) for group in groups)
    )


def images() -> Iterator[Image.Image]:
    for name, fragments in _SCENES:
        with Image.open(Path(skimage.__file__).parent / "data" / name) as photograph:
            scene = photograph.convert("RGB")
        for index in range(fragments * FRAGMENT_MS // FRAME_MS):
            width = scene.width * (0.9 - 0.01 * index)
            box = (scene.width * 0.1, 0.0, scene.width * 0.1 + width, width * _HEIGHT / _WIDTH)
            yield scene.resize((_WIDTH, _HEIGHT), Image.Resampling.BILINEAR, box=box)


@dataclass(slots=True)
class Camera:
    """`tags_of` gives a fragment's tags by its index. `starts_ms`: of the fragments that were sent, epoch milliseconds
    of the producer."""

    name: str
    tags_of: Callable[[int], bytes] = lambda _: b""
    starts_ms: list[int] = field(default_factory=list)

    def play(self, kvs: KvsServer, video: LoopedVideo, until: threading.Event) -> None:
        """Sends fragments in real time until `until` is set; the fragment that is incomplete then is not sent."""
        producer, first_ms = Producer(kvs, self.name), round(time.time()) * 1000
        producer.connection.timeout = 120
        producer.send(video.header)
        for index in itertools.count():
            start_ms = first_ms + index * FRAGMENT_MS
            if until.wait(max(0.0, (start_ms + FRAGMENT_MS) / 1000 - time.time())):
                break
            producer.send(video.cluster(index, start_ms) + self.tags_of(index))
            self.starts_ms.append(start_ms)
        self._end(producer)

    def record(self, kvs: KvsServer, video: LoopedVideo, fragments: int, start_ms: int) -> None:
        """Sends all fragments at once."""
        producer = Producer(kvs, self.name)
        producer.send(video.header)
        for index in range(fragments):
            self.starts_ms.append(start_ms + index * FRAGMENT_MS)
            producer.send(video.cluster(index, self.starts_ms[-1]) + self.tags_of(index))
        self._end(producer)

    def keyframes_ms(self) -> set[int]:
        """Times of the frames that the live path analyzes."""
        return set(self.starts_ms)

    def generated_ms(self) -> set[int]:
        """Times of the images that KVS generates if every fragment has the image tag."""
        if not self.starts_ms:
            return set()
        return set(range(self.starts_ms[0], self.starts_ms[-1] + FRAGMENT_MS, IMAGE_MS))

    def ready_ms(self, image_ms: int) -> int:
        """When the fragment of an image was complete, which is when it was sent."""
        first_ms = self.starts_ms[0]
        return image_ms - (image_ms - first_ms) % FRAGMENT_MS + FRAGMENT_MS

    def _end(self, producer: Producer) -> None:
        producer.end()
        wrong = [one for one in producer.acknowledgements() if one["EventType"] == "ERROR"]
        if wrong:
            raise RuntimeError(f"{self.name}: {wrong}")


def now_and_then(index: int) -> bytes:
    """Tags of a camera that notifies of one fragment in six."""
    return event_tags(NOTIFICATION) if index % 6 == 0 else b""
