"""A killed emulator has all bytes that it acknowledged as PERSISTED."""

import hashlib
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import boto3
from kinesight.media import mkv_write as write
from kinesight.media.fragments import MediaFragment
from kinesight_local.kvs.server import KvsServer

from tests.builders import NOON_MS
from tests.functional.kvs_producer import Producer, fetch, stored
from tests.media import END_OF_FRAGMENT, a_clip, event_tags, producer_header

CLIP = a_clip(1)
CAMERAS = 4
SERVE = (
    "import sys; from pathlib import Path; from kinesight_local.kvs.server import KvsServer\n"
    "server = KvsServer(Path(sys.argv[1])); server.start(); print(server.url, flush=True); sys.stdin.read()"
)


def camera(url: str, name: str, persisted: dict[str, str]) -> None:
    """Sends until the connection breaks. Returns the hash of each fragment's frame by fragment number."""
    producer = Producer(url, name)
    producer.send(producer_header(CLIP))
    try:
        for index in range(10_000):
            frame = os.urandom(100_000)
            block = write.simple_block(1, 0, True, frame)
            producer.send(write.cluster(NOON_MS + 1000 * index, [block]) + event_tags(END_OF_FRAGMENT))
            number = producer.until("PERSISTED")["FragmentNumber"]
            persisted[number] = hashlib.sha256(frame).hexdigest()
    except (OSError, ValueError):
        return


def test_a_kill_while_four_cameras_send(tmp_path: Path) -> None:
    persisted: list[dict[str, str]] = [{} for _ in range(CAMERAS)]
    with subprocess.Popen([sys.executable, "-c", SERVE, str(tmp_path)], stdin=-1, stdout=-1, text=True) as process:
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        client = boto3.client("kinesisvideo", endpoint_url=url)
        threads = []
        for index, found in enumerate(persisted):
            client.create_stream(StreamName=f"camera-{index}", DataRetentionInHours=1)
            threads.append(threading.Thread(target=camera, args=(url, f"camera-{index}", found)))
        for thread in threads:
            thread.start()
        while min(map(len, persisted)) < 10:
            time.sleep(0.01)
        process.kill()
        for thread in threads:
            thread.join(timeout=20)

    with KvsServer(tmp_path) as server:
        for index, expected in enumerate(persisted):
            _check(server, f"camera-{index}", expected)
    assert not list(tmp_path.glob("fragments/*/*.part"))


def _check(server: KvsServer, name: str, expected: dict[str, str]) -> None:
    archived = boto3.client("kinesis-video-archived-media", endpoint_url=server.url)
    assert {one["FragmentNumber"] for one in stored(archived, name)} >= set(expected)
    for fragment in fetch(archived, *expected, stream=name):
        assert isinstance(fragment, MediaFragment)
        (frame,) = fragment.frames
        assert hashlib.sha256(frame.data).hexdigest() == expected[str(fragment.number)]
