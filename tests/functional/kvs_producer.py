"""A producer's PutMedia connection, and the media that the emulator then has."""

import http.client
import json
import time
import urllib.request
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from kinesight.media.fragments import MediaErrorNotice, MediaFragment, read_fragments
from kinesight_local.kvs.server import KvsServer

from tests.builders import NOON_MS
from tests.media import Clip, clusters, producer_header


class Producer:
    """One PutMedia connection to a server or its URL: sends chunks and reads acknowledgements at the same time."""

    def __init__(
        self, server: KvsServer | str, stream: str = "cam", kind: str = "ABSOLUTE", start: str = "0.0"
    ) -> None:
        address = urlsplit(server if isinstance(server, str) else server.url)
        self.connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=10)
        self.connection.putrequest("POST", "/putMedia")
        for name, value in {
            "x-amzn-stream-name": stream,
            "x-amzn-fragment-timecode-type": kind,
            "x-amzn-producer-start-timestamp": start,
            "Transfer-Encoding": "chunked",
            "Expect": "100-continue",
        }.items():
            self.connection.putheader(name, value)
        self.connection.endheaders()
        self.response: http.client.HTTPResponse | None = None

    def send(self, data: bytes) -> None:
        self.connection.send(b"%x\r\n" % len(data) + data + b"\r\n")

    def end(self) -> None:
        self.connection.send(b"0\r\n\r\n")

    def acknowledgement(self) -> dict[str, Any]:
        """The next one."""
        self.response = self.response or self.connection.getresponse()
        response: dict[str, Any] = json.loads(self.response.readline())
        return response

    def acknowledgements(self) -> list[dict[str, Any]]:
        """All up to the end of the response."""
        self.response = self.response or self.connection.getresponse()
        return [json.loads(line) for line in self.response.read().splitlines() if line.strip()]

    def until(self, kind: str) -> dict[str, Any]:
        """The next acknowledgement of this kind."""
        while (one := self.acknowledgement())["EventType"] != kind:
            pass
        return one


def put_clip(
    kvs: KvsServer, clip: Clip, tags: bytes = b"", start_ms: int = NOON_MS, stream: str = "cam"
) -> list[dict[str, Any]]:
    """Sends a clip in one connection; `tags` follow every cluster. Returns the acknowledgements."""
    producer = Producer(kvs, stream)
    producer.send(producer_header(clip))
    for _, cluster in clusters(clip, start_ms):
        producer.send(cluster + tags)
    producer.end()
    return producer.acknowledgements()


def everything(clock: str = "PRODUCER_TIMESTAMP") -> dict[str, Any]:
    """A FragmentSelector for all times."""
    return {
        "FragmentSelectorType": clock,
        "TimestampRange": {"StartTimestamp": 0, "EndTimestamp": 4_000_000_000},
    }


def stored(archived_media: Any, stream: str = "cam") -> list[dict[str, Any]]:
    """The result of ListFragments by number."""
    found = archived_media.list_fragments(StreamName=stream, FragmentSelector=everything())["Fragments"]
    return sorted(found, key=lambda one: str(one["FragmentNumber"]))


def fetch(archived_media: Any, *numbers: str, stream: str = "cam") -> list[MediaFragment | MediaErrorNotice]:
    """The response of GetMediaForFragmentList."""
    response = archived_media.get_media_for_fragment_list(StreamName=stream, Fragments=list(numbers))
    return list(read_fragments(response["Payload"].iter_chunks(1000)))


def eventually(condition: Callable[[], bool], seconds: float = 15) -> None:
    """Polls until the condition holds; fails after a timeout."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)


def reset_moto(moto_url: str) -> None:
    """Resets moto: its servers in one process share their state, so buckets of earlier tests would still exist."""
    request = urllib.request.Request(f"{moto_url}/moto-api/reset", method="POST")  # noqa: S310 - loopback
    with urllib.request.urlopen(request, timeout=10) as response:  # noqa: S310 - loopback
        assert response.status == 200
