"""The KVS emulator's throughput and latency.

    python benchmarks/kvs_emulator.py             MB/s in and out, as a ratio to a plain copy through the same server
    python benchmarks/kvs_emulator.py latency     25 fps live: from a fragment's last byte to its readers
    python benchmarks/kvs_emulator.py soak        30 minutes of 8 cameras in 720p, as fast as they are taken
    python benchmarks/kvs_emulator.py soak 1      the same for one minute of video

The plain copy is an application on the same HTTP server that counts what it is sent, or sends a file's bytes.
"""

import os
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path
from statistics import median
from typing import Any
from urllib.parse import urlsplit

os.environ |= {"AWS_ACCESS_KEY_ID": "local", "AWS_SECRET_ACCESS_KEY": "local", "AWS_DEFAULT_REGION": "us-east-1"}

import boto3
import psutil
from kinesight.media import mkv_write as write
from kinesight.media.fragments import FragmentReader, MediaFragment
from kinesight.media.mkv_model import Tag, Track
from kinesight_local.kvs.http.threaded_server import ThreadedServer
from kinesight_local.kvs.server import KvsServer
from rich.console import Console
from rich.progress import Progress
from starlette.types import Receive, Scope, Send

_ROUNDS = 5
_CHUNK = 64 * 1024
_TRACK = Track(1, "video", "V_MPEG4/ISO/AVC", bytes(40), "camera", 1280, 720)
_HEADER = write.ebml_header() + write.segment_start() + write.info() + write.tracks([_TRACK])
_END = write.tags([Tag("AWS_KINESISVIDEO_END_OF_FRAGMENT", "")])
_FPS = 25
_FRAGMENT_MS = 2000
_CAMERAS = 8

console = Console()


def cluster(start_ms: int, size: int) -> bytes:
    """Two seconds at 25 fps; the keyframe is a third of it, as in busy 720p."""
    frames = _FPS * _FRAGMENT_MS // 1000
    small = size * 2 // 3 // (frames - 1)
    blocks = [
        write.simple_block(1, 1000 * index // _FPS, index == 0, os.urandom(size // 3 if index == 0 else small))
        for index in range(frames)
    ]
    return write.cluster(start_ms, blocks, known_size=False)


class Connection:
    """A chunked POST whose response comes while it is still being sent."""

    def __init__(self, url: str, path: str, stream: str) -> None:
        address = urlsplit(url)
        self._connection = HTTPConnection(address.hostname or "", address.port, timeout=60)
        self._connection.putrequest("POST", path)
        for name, value in (
            ("x-amzn-stream-name", stream),
            ("x-amzn-fragment-timecode-type", "ABSOLUTE"),
            ("Transfer-Encoding", "chunked"),
        ):
            self._connection.putheader(name, value)
        self._connection.endheaders()
        self._response: HTTPResponse | None = None

    def send(self, data: bytes) -> None:
        for at in range(0, len(data), _CHUNK):
            piece = data[at : at + _CHUNK]
            self._connection.send(b"%x\r\n%b\r\n" % (len(piece), piece))

    def until(self, word: bytes) -> None:
        """Reads lines of the response up to one that holds `word`."""
        self._response = self._response or self._connection.getresponse()
        while line := self._response.readline():
            if b"ERROR" in line:
                raise RuntimeError(line.decode())
            if word in line:
                return
        raise RuntimeError("the response ended early")

    def end(self) -> None:
        self._connection.send(b"0\r\n\r\n")
        self._response = self._response or self._connection.getresponse()
        self._response.read()
        self._connection.close()


async def plain(scope: Scope, receive: Receive, send: Send) -> None:
    """Counts a body as it comes, and returns as many bytes as the path says."""
    while (await receive()).get("more_body", False):
        pass
    await send({"type": "http.response.start", "status": 200, "headers": []})
    left = int(scope["path"].rpartition("/")[2])
    piece = bytes(_CHUNK)
    while left > 0:
        await send({"type": "http.response.body", "body": piece[:left], "more_body": True})
        left -= len(piece)
    await send({"type": "http.response.body", "body": b""})


@contextmanager
def emulator() -> Iterator[tuple[KvsServer, Any]]:
    with tempfile.TemporaryDirectory() as folder, KvsServer(Path(folder)) as server:
        yield server, boto3.client("kinesisvideo", endpoint_url=server.url)


def seconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def throughput() -> None:
    """Interleaved rounds, so that both sides see the same machine."""
    size, fragments = 1_000_000, 40
    clusters = [cluster(_FRAGMENT_MS * index, size) for index in range(fragments)]
    total = sum(map(len, clusters))
    taken: dict[str, list[float]] = {name: [] for name in ("put", "plain in", "list", "media", "plain out")}
    with emulator() as (server, client), ThreadedServer(plain, "127.0.0.1", 0) as copier:
        for number in range(_ROUNDS):
            stream = f"camera-{number}"
            client.create_stream(StreamName=stream, DataRetentionInHours=1)
            taken["put"].append(seconds(lambda stream=stream: put(server.url, stream, clusters)))
            taken["plain in"].append(seconds(lambda: send_plainly(copier.url, clusters)))
            taken["list"].append(seconds(lambda stream=stream: read_by_list(server.url, stream)))
            taken["media"].append(seconds(lambda stream=stream: read_by_get_media(server.url, stream, fragments)))
            taken["plain out"].append(seconds(lambda: read_plainly(copier.url, total)))
    for name, reference in (("put", "plain in"), ("list", "plain out"), ("media", "plain out")):
        spent, copied = median(taken[name]), median(taken[reference])
        title = {"put": "PutMedia", "list": "GetMediaForFragmentList", "media": "GetMedia"}[name]
        line = f"{title:<24} {total / spent / 1e6:7.0f} MB/s   plain copy {total / copied / 1e6:7.0f} MB/s"
        console.print(f"{line}   {spent / copied:5.2f} × its time")


def put(url: str, stream: str, clusters: list[bytes]) -> None:
    connection = Connection(url, "/putMedia", stream)
    connection.send(_HEADER)
    for one in clusters:
        connection.send(one)
    connection.send(_END)
    connection.end()


def send_plainly(url: str, clusters: list[bytes]) -> None:
    connection = Connection(url, "/0", "")
    for one in clusters:
        connection.send(one)
    connection.end()


def read_plainly(url: str, size: int) -> None:
    address = urlsplit(url)
    connection = HTTPConnection(address.hostname or "", address.port)
    connection.request("GET", f"/{size}")
    response = connection.getresponse()
    while response.read(_CHUNK):
        pass


def archived(url: str) -> Any:
    return boto3.client("kinesis-video-archived-media", endpoint_url=url)


def listed(url: str, stream: str) -> list[str]:
    times = {"StartTimestamp": datetime.fromtimestamp(0, UTC), "EndTimestamp": datetime(2100, 1, 1, tzinfo=UTC)}
    selector = {"FragmentSelectorType": "PRODUCER_TIMESTAMP", "TimestampRange": times}
    pages = (
        archived(url)
        .get_paginator("list_fragments")
        .paginate(StreamName=stream, FragmentSelector=selector, PaginationConfig={"PageSize": 1000})
    )
    return sorted(one["FragmentNumber"] for page in pages for one in page["Fragments"])


def read_by_list(url: str, stream: str) -> None:
    payload = archived(url).get_media_for_fragment_list(StreamName=stream, Fragments=listed(url, stream))["Payload"]
    while payload.read(_CHUNK):
        pass


def read_by_get_media(url: str, stream: str, fragments: int) -> None:
    """Up to the last fragment's tail, not to the end of the response, which waits for more."""
    for count, _ in enumerate(media(url, stream, "EARLIEST"), start=1):
        if count == fragments:
            return


def media(url: str, stream: str, kind: str) -> Iterator[MediaFragment]:
    client = boto3.client("kinesis-video-media", endpoint_url=url)
    payload = client.get_media(StreamName=stream, StartSelector={"StartSelectorType": kind})["Payload"]
    reader, tail = FragmentReader(), b""
    while data := payload._raw_stream.read1(_CHUNK):
        for one in reader.feed(data):
            if isinstance(one, MediaFragment):
                yield one
        tail = (tail + data)[-400:]
        if b"CONTINUATION_TOKEN" in tail:
            tail = b""
            for one in reader.close():
                if isinstance(one, MediaFragment):
                    yield one
            reader = FragmentReader()


@dataclass
class Seen:
    """When each fragment was sent whole, and when each reader had it."""

    sent_s: list[float] = field(default_factory=list)
    read_s: list[float] = field(default_factory=list)
    listed_s: list[float] = field(default_factory=list)
    image_age_s: list[float] = field(default_factory=list)


def latency(fragments: int = 15) -> None:
    """Real time: a frame every 40 ms. Lateness counts from the fragment's last byte."""
    seen = Seen()
    with emulator() as (server, client):
        client.create_stream(StreamName="camera", DataRetentionInHours=1)
        reading = threading.Thread(target=_read_live, args=(server.url, seen), daemon=True)
        connection = Connection(server.url, "/putMedia", "camera")
        connection.send(_HEADER)
        start_ms = time.time_ns() // 1_000_000
        reading.start()
        for index in range(fragments):
            _send_live(connection, start_ms + _FRAGMENT_MS * index)
            seen.sent_s.append(time.monotonic())
            _measure_archive(server.url, start_ms + _FRAGMENT_MS * index, index, seen)
        connection.end()
        reading.join(timeout=10)
    for name, at in (("GetMedia", seen.read_s), ("ListFragments", seen.listed_s), ("GetImages", seen.image_age_s)):
        late = sorted(1000 * (after - sent) for sent, after in zip(seen.sent_s, at, strict=False))
        line = f"{name:<14} {len(late)} of {fragments} seen"
        console.print(f"{line}, median {median(late):5.0f} ms, worst {late[-1]:5.0f} ms")


def _send_live(connection: Connection, start_ms: int) -> None:
    began_s = time.monotonic()
    connection.send(write.cluster_start() + write.cluster_timecode(start_ms))
    for index in range(_FPS * _FRAGMENT_MS // 1000):
        time.sleep(max(0.0, began_s + index / _FPS - time.monotonic()))
        frame = os.urandom(60_000 if index == 0 else 8000)
        connection.send(write.simple_block(1, 1000 * index // _FPS, index == 0, frame))
    time.sleep(max(0.0, began_s + _FRAGMENT_MS / 1000 - time.monotonic()))
    connection.send(_END)


def _read_live(url: str, seen: Seen) -> None:
    for _ in media(url, "camera", "NOW"):
        seen.read_s.append(time.monotonic())


def _measure_archive(url: str, start_ms: int, index: int, seen: Seen) -> None:
    """Measures when the archive's operations return this fragment, before the next one is sent."""
    moment = datetime.fromtimestamp(start_ms / 1000, UTC)
    while len(listed(url, "camera")) <= index:
        pass
    seen.listed_s.append(time.monotonic())
    while True:
        response = archived(url).get_images(
            StreamName="camera", ImageSelectorType="PRODUCER_TIMESTAMP", StartTimestamp=moment,
            EndTimestamp=moment, SamplingInterval=200, Format="JPEG",
        )  # fmt: skip
        if response["Images"][0].get("Error") != "NO_MEDIA":  # the frames are noise: MEDIA_ERROR says they were found
            break
    seen.image_age_s.append(time.monotonic())


def soak(minutes: int) -> None:
    """As fast as the emulator takes it. Memory is the server process's, sampled once a second."""
    per_camera = minutes * 60_000 // _FRAGMENT_MS
    size = 500_000
    code = "import sys; from pathlib import Path; from kinesight_local.kvs.server import KvsServer\n"
    code += "server = KvsServer(Path(sys.argv[1])); server.start(); print(server.url, flush=True); sys.stdin.read()"
    with tempfile.TemporaryDirectory() as folder:
        process = psutil.Popen([sys.executable, "-c", code, folder], stdin=-1, stdout=-1, text=True)
        url = process.stdout.readline().strip()
        client = boto3.client("kinesisvideo", endpoint_url=url)
        for camera in range(_CAMERAS):
            client.create_stream(StreamName=f"camera-{camera}", DataRetentionInHours=24)
        memory = _Memory(process)
        began = time.perf_counter()
        with Progress(console=console) as progress, ThreadPoolExecutor(_CAMERAS) as pool:
            task = progress.add_task("fragments", total=_CAMERAS * per_camera)
            running = [
                pool.submit(_camera, url, f"camera-{camera}", per_camera, size, lambda: progress.advance(task))
                for camera in range(_CAMERAS)
            ]
            persisted = [one.result() for one in running]
        spent = time.perf_counter() - began
        memory.stop()
        found = [len(listed(url, f"camera-{camera}")) for camera in range(_CAMERAS)]
        process.kill()
        process.wait()
    sent = _CAMERAS * per_camera
    console.print(f"{minutes} min of {_CAMERAS} cameras in {spent:.0f} s: {sent * size / spent / 1e6:.0f} MB/s")
    console.print(f"fragments sent {sent}, PERSISTED {sum(persisted)}, listed {sum(found)}")
    console.print(memory.summary())


class _Memory:
    """Resident megabytes of a process over time."""

    def __init__(self, process: Any) -> None:
        self._process = process
        self._samples: list[float] = []
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._sample, daemon=True)
        self._thread.start()

    def _sample(self) -> None:
        while not self._done.wait(1):
            self._samples.append(self._process.memory_info().rss / 1e6)

    def stop(self) -> None:
        self._done.set()
        self._thread.join()

    def summary(self) -> str:
        quarter = max(1, len(self._samples) // 4)
        parts = [self._samples[at : at + quarter] for at in range(0, 4 * quarter, quarter)]
        medians = ", ".join(f"{median(part):.0f}" for part in parts if part)
        return f"resident MB by quarter of the run (median): {medians}; most {max(self._samples, default=0):.0f}"


def _camera(url: str, stream: str, fragments: int, size: int, progress: Callable[[], None]) -> int:
    """How many fragments were acknowledged as PERSISTED."""
    body = cluster(0, size)
    persisted = 0
    connection = Connection(url, "/putMedia", stream)
    connection.send(_HEADER)
    head = len(write.cluster_start() + write.cluster_timecode(0))
    for index in range(fragments):
        connection.send(write.cluster_start() + write.cluster_timecode(1 + _FRAGMENT_MS * index) + body[head:] + _END)
        connection.until(b"PERSISTED")
        persisted += 1
        progress()
    connection.end()
    return persisted


def main() -> None:
    match sys.argv[1:]:
        case []:
            throughput()
        case ["latency"]:
            latency()
        case ["soak", *minutes]:
            soak(int(minutes[0]) if minutes else 30)
        case _:
            sys.exit(__doc__)


if __name__ == "__main__":
    main()
