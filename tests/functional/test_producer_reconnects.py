"""A producer whose connection is cut resumes at the first fragment without an acknowledgement."""

import socket
import socketserver
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.credentials import Credentials
from kinesight.media.fragments import MediaFragment, read_fragments
from kinesight_cli.shared.play_video import Tagging, outgoing
from kinesight_cli.shared.put_media import ProducerError, Target, put_media
from kinesight_cli.shared.video_file import read_video
from kinesight_local.kvs.server import KvsServer

from tests.builders import NOON_MS
from tests.functional.test_put_video import a_file


class CuttingProxy(socketserver.ThreadingTCPServer):
    """Forwards connections and cuts each after the next number of bytes in `cuts`; later ones are not cut."""

    daemon_threads = True

    def __init__(self, port: int, cuts: list[int], own_port: int = 0) -> None:
        self.port = port
        self.cuts = cuts
        self.connections = 0
        super().__init__(("127.0.0.1", own_port), Connection)
        threading.Thread(target=self.serve_forever, daemon=True).start()


class Connection(socketserver.BaseRequestHandler):
    """One connection, in both directions."""

    server: CuttingProxy

    def handle(self) -> None:
        self.server.connections += 1
        left = self.server.cuts.pop(0) if self.server.cuts else None
        with socket.create_connection(("127.0.0.1", self.server.port)) as inner:
            threading.Thread(target=self._back, args=(inner,), daemon=True).start()
            with suppress(OSError):
                while (left is None or left > 0) and (data := self.request.recv(2048)):
                    inner.sendall(data)
                    left = None if left is None else left - len(data)
                if left is None:
                    inner.shutdown(socket.SHUT_WR)
            self.request.shutdown(socket.SHUT_RDWR)

    def _back(self, inner: socket.socket) -> None:
        with suppress(OSError):
            while data := inner.recv(2048):
                self.request.sendall(data)


@pytest.fixture
def cutting(kvs: KvsServer) -> Iterator[CuttingProxy]:
    boto3.client("kinesisvideo", endpoint_url=kvs.url).create_stream(StreamName="cam", DataRetentionInHours=24)
    proxy = CuttingProxy(int(kvs.url.rpartition(":")[2]), [])
    yield proxy
    proxy.shutdown()
    proxy.server_close()


def send(port: int, video_file: Path, keeps_trying: Callable[[int], bool] = lambda failures: failures < 6) -> Any:
    video = read_video(video_file)
    target = Target("cam", f"http://127.0.0.1:{port}", "us-east-1", Credentials("a", "b"), True)
    source = outgoing(video, NOON_MS, Tagging())
    return video, put_media(target, video.track, source, lambda _: None, keeps_trying=keeps_trying)


def test_nothing_is_lost_when_connections_are_cut(cutting: CuttingProxy, archived_media: Any, tmp_path: Path) -> None:
    video_file = a_file(tmp_path / "clip.mp4", seconds=12, size=(320, 240), options={"g": "10", "bf": "0", "crf": "10"})
    cutting.cuts = [20_000, 90_000]

    video, sent = send(cutting.server_address[1], video_file)

    assert cutting.connections == 3
    assert sent.fragments == len(video.fragments)
    response = archived_media.get_media_for_fragment_list(StreamName="cam", Fragments=sent.numbers)
    found = [one for one in read_fragments([response["Payload"].read()]) if isinstance(one, MediaFragment)]
    assert [frame.data for one in found for frame in one.frames] == [f.data for s in video.fragments for f in s.frames]


def test_a_connection_that_always_breaks_is_given_up(cutting: CuttingProxy, tmp_path: Path) -> None:
    cutting.cuts = [10] * 9

    with pytest.raises(ProducerError, match="failed 2 times"):
        send(cutting.server_address[1], a_file(tmp_path / "clip.mp4"), lambda failures: failures < 2)


def test_an_endpoint_that_cannot_be_reached_is_tried_again(cutting: CuttingProxy, tmp_path: Path) -> None:
    cutting.shutdown()
    cutting.server_close()
    port = cutting.server_address[1]
    started: list[CuttingProxy] = []

    def start(failures: int) -> bool:
        started.append(CuttingProxy(cutting.port, [], port))
        return failures == 1

    video, sent = send(port, a_file(tmp_path / "clip.mp4"), start)
    started[0].shutdown()
    started[0].server_close()

    assert (len(started), sent.fragments) == (1, len(video.fragments))
