"""One image per fragment, in five ways, on the same bodies in the same run: CPU time, memory, ratios to the limit.

    ours           FragmentReader in 64 KiB pieces, KeyframeDecoder, JPEG
    reading alone  FragmentReader in 64 KiB pieces
    sample's way   what AWS's Python sample library does: a general EBML parser over the whole buffer again at every
                   1 KiB piece, then every frame of the fragment read to one array, then one of them saved as JPEG
    ffmpeg         the program, a process per fragment, its keyframe alone
    the limit      keyframes decoded by libavcodec and encoded by libjpeg-turbo, from packets already in memory

`python benchmarks/media.py`, about five minutes; `--quick` for one round of short bodies, `--memory` for memory alone.
"""

import argparse
import multiprocessing
import resource
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from io import BytesIO
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Any

import av
import imageio.v3 as iio
import numpy as np
import simplejpeg
from ebmlite import loadSchema
from kinesight.media import mkv_write as write
from kinesight.media.fragments import FragmentReader, MediaFragment
from kinesight.media.keyframes import KeyframeDecoder
from kinesight.media.mkv_model import Tag, Track
from kinesight.media.selection import keyframes
from PIL import Image

_FPS = 30
_SECONDS = 2
_QUALITY = 80
_PIECE = 65_536
_SAMPLE_PIECE = 1024
_HEADER = b"\x1a\x45\xdf\xa3"


@dataclass(frozen=True)
class Body:
    """What a consumer API sends, and the keyframes in it."""

    name: str
    data: bytes
    track: Track
    keyframes: tuple[bytes, ...]

    @property
    def fragments(self) -> int:
        return len(self.keyframes)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--memory", action="store_true")
    chosen = parser.parse_args()
    fragments, rounds = (3, 1) if chosen.quick else (12, 5)
    for body in bodies(fragments):
        if not chosen.memory:
            _print_times(body, rounds)
        _print_memory(body)


def _print_times(body: Body, rounds: int) -> None:
    ways: dict[str, Callable[[Body], int]] = {
        "the limit": limit,
        "ours": ours,
        "reading alone": reading,
        "sample's way": samples_way,
        "ffmpeg": ffmpeg,
    }
    spent: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, way in ways.items():
            spent[name].append(cpu_ms(way, body))
    size_kb = len(body.data) // body.fragments // 1000
    key_kb = sum(map(len, body.keyframes)) // body.fragments // 1000
    say(f"\n{body.name}: {body.fragments} fragments of {size_kb} KB, {key_kb} the keyframe, median of {rounds}")
    say(f"{'':>14} {'CPU ms a fragment':>18} {'fragments/s':>12} {'of the limit':>13}")
    bare = median(spent["the limit"])
    for name, times in spent.items():
        one = median(times)
        say(f"{name:>14} {one:>18.2f} {1000 / one:>12.0f} {one / bare:>12.3f}×")
    say(f"the sample's way costs {median(spent["sample's way"]) / median(spent['ours']):.1f}× ours")


def _print_memory(body: Body) -> None:
    largest = max(len(body.data) // body.fragments, 1)
    image = body.track.width * body.track.height * 3 // 2
    room_mb = (largest + image) / 1e6 + 16
    say(f"peak memory above imports, {body.name} (one fragment, one image and 16 MB are {room_mb:.0f} MB):")
    for name, way in (("ours", ours), ("sample's way", samples_way), ("the limit", limit)):
        say(f"{name:>14} {peak_mb(way, body):>18.1f} MB")


# -- the ways --------------------------------------------------------------------------------------------------------


def ours(body: Body) -> int:
    reader, decoder = FragmentReader(), KeyframeDecoder()
    return sum(len(decoder.still(one)) > 0 for fragment in _read(reader, body) for one in keyframes(fragment))


def reading(body: Body) -> int:
    return sum(1 for _ in _read(FragmentReader(), body))


def _read(reader: FragmentReader, body: Body) -> Iterator[MediaFragment]:
    data = memoryview(body.data)  # cutting it to pieces is the network's part
    for at in range(0, len(data), _PIECE):
        yield from (one for one in reader.feed(data[at : at + _PIECE]) if isinstance(one, MediaFragment))
    yield from (one for one in reader.close() if isinstance(one, MediaFragment))


def samples_way(body: Body) -> int:
    """By the libraries that the sample stands on. The last fragment is added by hand: the sample never delivers it."""
    schema, held, done = loadSchema("matroska.xml"), bytearray(), 0
    for at in range(0, len(body.data), _SAMPLE_PIECE):
        held += body.data[at : at + _SAMPLE_PIECE]
        begins = [one.offset for one in schema.load(BytesIO(held), headers=True) if one.name == "EBML"]
        if len(begins) > 1:
            done += _one_of_all(bytes(held[: begins[1]]))
            held = held[begins[1] :]
    return done + _one_of_all(bytes(held))


def _one_of_all(fragment: bytes) -> int:
    frames = iio.imread(BytesIO(fragment), plugin="pyav", index=...)
    iio.imwrite(BytesIO(), frames[0], extension=".jpg", quality=_QUALITY)
    return 1


def ffmpeg(body: Body) -> int:
    """Fed the whole body at once it leaves out some of the keyframes, so it is a process per fragment."""
    command = ["ffmpeg", "-loglevel", "error", "-threads", "1", "-skip_frame", "nokey", "-f", "matroska", "-i", "-"]
    command += ["-frames:v", "1", "-q:v", "4", "-f", "image2pipe", "-"]
    starts = [*_places(body.data), len(body.data)]
    return sum(
        subprocess.run(command, input=body.data[a:b], check=True, capture_output=True).stdout.startswith(b"\xff\xd8")
        for a, b in pairwise(starts)
    )


def _places(data: bytes) -> Iterator[int]:
    """Where the fragments begin."""
    at = data.find(_HEADER)
    while at >= 0:
        yield at
        at = data.find(_HEADER, at + 1)


def limit(body: Body) -> int:
    decoder: Any = av.CodecContext.create("h264", "r")
    decoder.extradata, decoder.thread_count = body.track.codec_private, 1
    decoder.flags |= av.codec.context.Flags.low_delay
    done = 0
    for data in body.keyframes:
        for image in decoder.decode(av.Packet(data)):
            rows = image.to_ndarray(format="rgb24")
            simplejpeg.encode_jpeg(rows, quality=_QUALITY, colorsubsampling="420", fastdct=False)
            done += 1
    return done


# -- measuring -------------------------------------------------------------------------------------------------------


def cpu_ms(way: Callable[[Body], int], body: Body) -> float:
    """Of this process and its children, per fragment. Fails if a fragment gave nothing."""
    began = _cpu_s()
    done = way(body)
    spent = _cpu_s() - began
    if done != body.fragments:
        raise SystemExit(f"{way.__name__} gave {done} images of {body.fragments}")
    return 1000 * spent / body.fragments


def _cpu_s() -> float:
    both = (resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN))
    return sum(one.ru_utime + one.ru_stime for one in both)


def peak_mb(way: Callable[[Body], int], body: Body) -> float:
    """In a process of its own, above what it held before: every library loaded, and the body."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_measured, args=(way, body, theirs))
    process.start()
    peak: float = ours.recv()
    process.join()
    return peak


def _measured(way: Callable[[Body], int], body: Body, pipe: Any) -> None:
    Path("/proc/self/clear_refs").write_text("5")
    before_kb = _status_kb("VmRSS")
    way(body)
    pipe.send((_status_kb("VmHWM") - before_kb) / 1000)


def _status_kb(name: str) -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(name))


def say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


# -- what is read ----------------------------------------------------------------------------------------------------


def bodies(fragments: int) -> Iterator[Body]:
    yield a_body("busy 1080p", 1920, 1080, fragments, busy(1920, 1080))
    yield a_body("busy 720p", 1280, 720, fragments, busy(1280, 720))
    yield a_body("photographs panned, 1080p", 1920, 1080, fragments, panned(1920, 1080))


def busy(width: int, height: int) -> Callable[[int], "np.ndarray[Any, Any]"]:
    """A camera that pans over a rough ground, where twenty things each go their own way."""
    chance = np.random.default_rng(1)
    side = height // 8
    things = [
        (_blobs(chance, side, side, 16), chance.random(2) * (height - side, width - side), chance.uniform(-9, 9, 2))
        for _ in range(20)
    ]
    coarse = chance.integers(0, 255, (height // 8, width // 8, 3), dtype=np.uint8)
    room = np.array((height - side, width - side))
    fine = chance.integers(0, 14, (height, width, 3), dtype=np.uint8)

    def image(index: int) -> "np.ndarray[Any, Any]":
        large = np.asarray(Image.fromarray(np.roll(coarse, 3 * index, axis=1)).resize((width, height)))
        shown = (large // 10 * 9 + np.roll(fine, (11 * index, 7 * index), axis=(0, 1))).astype(np.uint8)
        for pixels, begin, speed in things:
            y, x = np.abs((begin + speed * index) % (2 * room) - room).astype(int)
            shown[y : y + side, x : x + side] = pixels
        return shown

    return image


def _blobs(chance: np.random.Generator, width: int, height: int, size: int) -> "np.ndarray[Any, Any]":
    coarse = chance.integers(0, 255, (height // size, width // size, 3), dtype=np.uint8)
    return np.asarray(Image.fromarray(coarse).resize((width, height)))


def panned(width: int, height: int) -> Callable[[int], "np.ndarray[Any, Any]"]:
    """A camera that turns over photographs (those of scikit-image, which are free)."""
    import skimage

    folder = Path(skimage.__file__).parent / "data"
    found = [Image.open(folder / name).convert("RGB") for name in ("astronaut.png", "coffee.png", "chelsea.png")]
    wide = np.concatenate([np.asarray(one.resize((width, height * 5 // 4))) for one in found], axis=1)

    def image(index: int) -> "np.ndarray[Any, Any]":
        left = (6 * index) % (wide.shape[1] - width)
        return wide[height // 8 : height // 8 + height, left : left + width]

    return image


def a_body(name: str, width: int, height: int, fragments: int, image: Callable[[int], "np.ndarray[Any, Any]"]) -> Body:
    """H.264 as a camera's encoder makes it: two seconds a fragment, no B-frames."""
    target = BytesIO()
    count = _FPS * _SECONDS
    with av.open(target, "w", format="matroska") as container:
        stream: Any = container.add_stream(
            "libx264", rate=_FPS, options={"preset": "medium", "crf": "26", "bf": "0", "sc_threshold": "0"}
        )
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        stream.codec_context.gop_size = count
        for index in range(fragments * count):
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(image(index)), format="rgb24")
            frame.pts = index
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    target.seek(0)
    with av.open(target, "r") as container:
        private = bytes(container.streams.video[0].codec_context.extradata or b"")
        packets = [(bytes(packet), packet.is_keyframe) for packet in container.demux(video=0) if packet.pts is not None]
    track = Track(1, "video", "V_MPEG4/ISO/AVC", private, "camera", width, height)
    starts = [index for index, (_, key) in enumerate(packets) if key]
    groups = [packets[start:stop] for start, stop in zip(starts, [*starts[1:], len(packets)], strict=True)]
    data = b"".join(_document(number, track, [one for one, _ in group]) for number, group in enumerate(groups))
    return Body(name, data, track, tuple(group[0][0] for group in groups))


def _document(number: int, track: Track, frames: list[bytes]) -> bytes:
    at_ms = 1_767_268_800_000 + number * _SECONDS * 1000
    clock = [Tag("AWS_KINESISVIDEO_FRAGMENT_NUMBER", str(number)), Tag("AWS_KINESISVIDEO_SERVER_TIMESTAMP", "1.0")]
    blocks = [write.simple_block(1, index * 1000 // _FPS, index == 0, data) for index, data in enumerate(frames)]
    return (
        write.ebml_header()
        + write.segment_start()
        + write.info()
        + write.tracks([track])
        + write.tags(clock)
        + write.cluster(at_ms, blocks)
        + write.tags([Tag("AWS_KINESISVIDEO_MILLIS_BEHIND_NOW", "0")])
    )


if __name__ == "__main__":
    main()
