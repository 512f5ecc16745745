"""Reading KVS bodies: the fragment reader's cost, as a ratio to handing the same chunks on unread.

Prints CPU time per megabyte for small and large fragments and for small and large chunks, each beside a plain copy in
the same run. `python benchmarks/media_reader.py`; about a minute.
"""

import sys
import time
from collections.abc import Callable, Iterator
from statistics import median

from kinesight.media import mkv_write as write
from kinesight.media.fragments import FragmentReader
from kinesight.media.mkv_model import Tag, Track

_ROUNDS = 7
_FRAMES = 60
_TRACK = Track(1, "video", "V_MPEG4/ISO/AVC", bytes(40), "camera", 1920, 1080)


def body(fragment_bytes: int, total_bytes: int) -> bytes:
    """Fragments as GetMedia sends them, each a document of its own with 60 frames."""
    frame = bytes(range(256)) * (fragment_bytes // _FRAMES // 256)
    blocks = [write.simple_block(1, 33 * index, index == 0, frame) for index in range(_FRAMES)]
    fragment = (
        write.ebml_header()
        + write.segment_start()
        + write.info()
        + write.tracks([_TRACK])
        + write.tags([Tag("AWS_KINESISVIDEO_FRAGMENT_NUMBER", "1")])
        + write.cluster(0, blocks, known_size=False)
        + write.tags([Tag("AWS_KINESISVIDEO_MILLIS_BEHIND_NOW", "0")])
    )
    return fragment * max(1, total_bytes // len(fragment))


def chunks(data: bytes, size: int) -> Iterator[bytes]:
    return (data[at : at + size] for at in range(0, len(data), size))


def read(data: bytes, size: int) -> int:
    """Fragments are let go as they come, as a consumer does."""
    reader = FragmentReader()
    count = sum(len(reader.feed(chunk)) for chunk in chunks(data, size))
    return count + len(reader.close())


def copy(data: bytes, size: int) -> int:
    return len(b"".join(chunks(data, size)))


def cpu_ms_per_mb(action: Callable[[bytes, int], int], data: bytes, size: int) -> float:
    began = time.process_time()
    action(data, size)
    return 1e9 * (time.process_time() - began) / len(data)


def main() -> None:
    write_line = sys.stdout.write
    write_line(f"{'fragment':>10} {'chunks':>8} {'reader ms/MB':>13} {'copy ms/MB':>11} {'ratio':>6}\n")
    for fragment_bytes in (500_000, 5_000_000, 50_000_000):
        data = body(fragment_bytes, 50_000_000)
        for size in (1024, 65_536):
            pairs = [(cpu_ms_per_mb(read, data, size), cpu_ms_per_mb(copy, data, size)) for _ in range(_ROUNDS)]
            reader, plain = median(one for one, _ in pairs), median(other for _, other in pairs)
            label = f"{fragment_bytes / 1e6:.1f} MB"
            write_line(f"{label:>10} {size:>8} {reader:>13.3f} {plain:>11.3f} {reader / plain:>6.2f}\n")


if __name__ == "__main__":
    main()
