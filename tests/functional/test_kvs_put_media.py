"""PutMedia's protocol over real sockets."""

import http.client
import json
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import boto3
import pytest
from kinesight.media import mkv_write as write
from kinesight.media.mkv import Tag
from kinesight_local.kvs.server import KvsServer
from kinesight_local.kvs.timing import Timing

from tests.builders import NOON_MS
from tests.functional.kvs_producer import Producer, put_clip, stored
from tests.media import END_OF_FRAGMENT, a_clip, clusters, event_tags, producer_header

CLIP = a_clip(3)
FIRST, SECOND, THIRD = (cluster for _, cluster in clusters(CLIP, NOON_MS))
HEAD = (
    b"POST /putMedia HTTP/1.1\r\nHost: localhost\r\nx-amzn-stream-name: cam\r\n"
    b"x-amzn-fragment-timecode-type: ABSOLUTE\r\nTransfer-Encoding: chunked\r\n"
)


@pytest.fixture(autouse=True)
def stream(kinesis_video: Any) -> str:
    arn: str = kinesis_video.create_stream(StreamName="cam", DataRetentionInHours=24)["StreamARN"]
    return arn


@pytest.fixture
def wire(kvs: KvsServer) -> Iterator[socket.socket]:
    address = urlsplit(kvs.url)
    with socket.create_connection((address.hostname or "", address.port or 0), timeout=10) as connection:
        yield connection


def chunk(data: bytes) -> bytes:
    return b"%x\r\n" % len(data) + data + b"\r\n"


def read_until(wire: socket.socket, end: bytes) -> bytes:
    received = b""
    while end not in received:
        data = wire.recv(4096)
        assert data, f"the connection ended after {received!r}"
        received += data
    return received


def test_acknowledgements_are_sent_during_the_request(kvs: KvsServer) -> None:
    producer = Producer(kvs)
    producer.send(producer_header(CLIP) + FIRST)

    begun = producer.acknowledgement()
    assert (begun["EventType"], begun["FragmentTimecode"]) == ("BUFFERING", NOON_MS)
    assert len(begun["FragmentNumber"]) == 47

    producer.send(SECOND)
    assert [(one["EventType"], one["FragmentTimecode"]) for one in (producer.acknowledgement() for _ in range(3))] == [
        ("RECEIVED", NOON_MS),
        ("PERSISTED", NOON_MS),
        ("BUFFERING", NOON_MS + 1000),
    ]

    producer.send(event_tags(END_OF_FRAGMENT))
    assert [producer.acknowledgement()["EventType"] for _ in range(2)] == ["RECEIVED", "PERSISTED"]
    producer.end()
    assert producer.acknowledgements() == []


def test_buffering_follows_the_timecode_before_the_fragment_is_complete(kvs: KvsServer) -> None:
    producer = Producer(kvs)
    producer.send(producer_header(CLIP) + write.cluster_start() + write.cluster_timecode(7))

    assert producer.acknowledgement()["FragmentTimecode"] == 7
    producer.connection.close()


def test_100_continue_is_sent_before_the_body(wire: socket.socket) -> None:
    wire.sendall(HEAD + b"Expect: 100-continue\r\n\r\n")

    assert read_until(wire, b"\r\n\r\n").startswith(b"HTTP/1.1 100 ")


def test_an_unknown_stream_gets_no_100_continue(wire: socket.socket) -> None:
    wire.sendall(HEAD.replace(b"cam", b"unknown") + b"Expect: 100-continue\r\n\r\n")

    assert read_until(wire, b"\r\n\r\n").startswith(b"HTTP/1.1 404 ")


def test_every_acknowledgement_is_one_chunk(wire: socket.socket) -> None:
    wire.sendall(HEAD + b"\r\n" + chunk(producer_header(CLIP) + FIRST + SECOND + THIRD) + b"0\r\n\r\n")

    _, _, body = read_until(wire, b"0\r\n\r\n").partition(b"\r\n\r\n")
    chunks = []
    while not body.startswith(b"0\r\n"):
        size, _, rest = body.partition(b"\r\n")
        chunks.append(rest[: int(size, 16)])
        body = rest[int(size, 16) + 2 :]

    assert [len(one.strip().splitlines()) for one in chunks] == [1] * 9
    assert max(map(len, chunks)) <= 1024


def test_a_body_of_single_byte_chunks(wire: socket.socket, archived_media: Any) -> None:
    tiny = a_clip(1, fps=1, width=32, height=32)
    body = producer_header(tiny) + clusters(tiny, NOON_MS)[0][1]
    wire.sendall(HEAD + b"\r\n" + b"".join(chunk(body[at : at + 1]) for at in range(len(body))) + b"0\r\n\r\n")
    read_until(wire, b"0\r\n\r\n")

    assert len(stored(archived_media)) == 1


def test_a_silent_connection_gets_idle_and_then_ends(tmp_path: Path) -> None:
    with KvsServer(tmp_path / "impatient", timing=Timing(idle_s=0.05)) as server:
        boto3.client("kinesisvideo", endpoint_url=server.url).create_stream(StreamName="cam")
        producer = Producer(server)

        assert [one["EventType"] for one in producer.acknowledgements()] == ["IDLE"] * 3


def test_a_connection_has_a_maximum_duration(tmp_path: Path) -> None:
    with KvsServer(tmp_path / "impatient", timing=Timing(idle_s=0.05, connection_s=0.0)) as server:
        boto3.client("kinesisvideo", endpoint_url=server.url).create_stream(StreamName="cam")

        acknowledgements = Producer(server).acknowledgements()

    assert [(one["EventType"], one["ErrorId"]) for one in acknowledgements] == [("ERROR", 4003)]


def test_a_dropped_connection_drops_the_open_fragment(kvs: KvsServer, archived_media: Any) -> None:
    producer = Producer(kvs)
    producer.send(producer_header(CLIP) + FIRST + SECOND)
    producer.until("PERSISTED")
    producer.connection.close()

    put_clip(kvs, CLIP, start_ms=NOON_MS + 60_000)

    assert len(stored(archived_media)) == 1 + 3


def test_resent_fragments_are_stored_again(kvs: KvsServer, archived_media: Any) -> None:
    put_clip(kvs, CLIP)
    producer = Producer(kvs)
    producer.send(producer_header(CLIP) + event_tags(END_OF_FRAGMENT) + THIRD)
    producer.end()
    producer.acknowledgements()

    assert len(stored(archived_media)) == 4


def test_a_second_document_in_the_same_body(kvs: KvsServer) -> None:
    producer = Producer(kvs)
    producer.send(producer_header(CLIP) + FIRST)
    producer.send(producer_header(CLIP) + SECOND)
    producer.end()

    assert [one["EventType"] for one in producer.acknowledgements()].count("PERSISTED") == 2


def test_two_connections_at_once_may_overlap(kvs: KvsServer, archived_media: Any) -> None:
    """As when the SDK renews its token: the new connection opens while the old one still sends."""
    old, new = Producer(kvs), Producer(kvs)
    old.send(producer_header(CLIP) + FIRST)
    new.send(producer_header(CLIP) + SECOND)
    new.end()
    old.end()

    assert [one["EventType"] for one in old.acknowledgements()][-1] == "PERSISTED"
    assert [one["EventType"] for one in new.acknowledgements()][-1] == "PERSISTED"
    assert len(stored(archived_media)) == 2


@pytest.mark.parametrize(
    ("body", "error_id"),
    [
        (b"this is no Matroska", 4006),
        (producer_header(CLIP) + write.tracks([CLIP.track]), 4006),
        (producer_header(CLIP) + FIRST + write.tracks([CLIP.track]), 4006),
        (producer_header(CLIP) + FIRST + b"\x00\x00\x00\x00\x00", 4006),
        (write.ebml_header() + write.segment_start() + FIRST, 4006),
        (producer_header(CLIP) + write.cluster(2**62, [write.simple_block(1, 0, True, b"x")]), 4007),
        (producer_header(CLIP) + write.cluster(1, [write.simple_block(2, 0, True, b"x")]), 4010),
        (producer_header(CLIP) + write.cluster(1, []), 4011),
        (producer_header(CLIP) + clusters(CLIP, 5000)[0][1] + clusters(CLIP, 100)[0][1], 4004),
        (producer_header(CLIP) + write.cluster(1, [write.simple_block(1, 21_000, True, b"x")]), 4002),
        (producer_header(CLIP) + FIRST + event_tags(*(f"t{n}" for n in range(11))), 4009),
        (producer_header(CLIP) + FIRST + event_tags("AWS_MINE"), 4012),
        (producer_header(CLIP) + FIRST + write.tags([Tag("n", "v" * 257)]), 4012),
        (producer_header(CLIP) + FIRST + write.tags([Tag("n" * 129, "v")]), 4012),
        ((producer_header(CLIP) + FIRST)[:-10], 4000),
    ],
)
def test_invalid_media_ends_with_the_services_error(kvs: KvsServer, body: bytes, error_id: int) -> None:
    producer = Producer(kvs)
    producer.send(body)
    producer.end()

    last = producer.acknowledgements()[-1]

    assert (last["EventType"], last["ErrorId"]) == ("ERROR", error_id)


def test_an_error_is_sent_while_the_body_is_open(kvs: KvsServer) -> None:
    producer = Producer(kvs)
    producer.send(producer_header(CLIP) + FIRST + b"\x00\x00\x00\x00\x00")

    begun = producer.acknowledgement()
    assert producer.acknowledgement() == {
        "EventType": "ERROR",
        "FragmentTimecode": NOON_MS,
        "FragmentNumber": begun["FragmentNumber"],
        "ErrorCode": "INVALID_MKV_DATA",
        "ErrorId": 4006,
    }


def test_complete_fragments_before_an_error_are_kept(kvs: KvsServer, archived_media: Any) -> None:
    producer = Producer(kvs)
    producer.send(producer_header(CLIP) + FIRST + SECOND + event_tags("AWS_MINE"))
    producer.end()
    producer.acknowledgements()

    assert [round(1000 * one["ProducerTimestamp"].timestamp()) for one in stored(archived_media)] == [NOON_MS]


def test_a_stream_deleted_during_the_request_is_not_active(kvs: KvsServer, stream: str, kinesis_video: Any) -> None:
    producer = Producer(kvs)
    producer.send(producer_header(CLIP) + FIRST)
    producer.until("BUFFERING")
    kinesis_video.delete_stream(StreamARN=stream)
    producer.send(SECOND)

    assert producer.until("ERROR")["ErrorId"] == 4008
    kinesis_video.create_stream(StreamName="cam", DataRetentionInHours=1)
    assert kvs.service.statistics("cam")["fragments_persisted"] == 0


@pytest.mark.parametrize(
    ("headers", "status", "code"),
    [
        ({"x-amzn-stream-name": "unknown"}, 404, "ResourceNotFoundException"),
        ({}, 400, "InvalidArgumentException"),
        ({"x-amzn-stream-name": "cam", "x-amzn-stream-arn": "the arn"}, 400, "InvalidArgumentException"),
        ({"x-amzn-stream-name": "cam", "x-amzn-fragment-timecode-type": "ROUGH"}, 400, "InvalidArgumentException"),
        (
            {
                "x-amzn-stream-name": "cam",
                "x-amzn-fragment-timecode-type": "RELATIVE",
                "x-amzn-producer-start-timestamp": "noon",
            },
            400,
            "InvalidArgumentException",
        ),
    ],
)
def test_invalid_headers_are_an_http_error(kvs: KvsServer, headers: dict[str, str], status: int, code: str) -> None:
    address = urlsplit(kvs.url)
    connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=10)
    connection.request("POST", "/putMedia", headers={"x-amzn-fragment-timecode-type": "ABSOLUTE"} | headers)

    response = connection.getresponse()

    assert (response.status, response.headers["x-amzn-ErrorType"]) == (status, code)
    assert json.loads(response.read())["Message"]


def test_a_stream_is_named_by_its_arn(kvs: KvsServer, stream: str) -> None:
    address = urlsplit(kvs.url)
    connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=10)
    headers = {"x-amzn-stream-arn": stream, "x-amzn-fragment-timecode-type": "ABSOLUTE"}
    connection.request("POST", "/putMedia", producer_header(CLIP) + FIRST, headers)

    assert connection.getresponse().read().count(b"PERSISTED") == 1


def test_a_write_error_is_an_archival_error(kvs: KvsServer, kinesis_video: Any, tmp_path: Path) -> None:
    arn = kinesis_video.describe_stream(StreamName="cam")["StreamInfo"]["StreamARN"]
    (tmp_path / "kvs" / "fragments" / arn.rpartition("/")[2]).write_text("in the way of the folder")

    acknowledgements = put_clip(kvs, CLIP)

    assert [one["EventType"] for one in acknowledgements] == ["BUFFERING", "RECEIVED", "ERROR"]
    assert (acknowledgements[-1]["ErrorId"], acknowledgements[-1]["ErrorCode"]) == (5001, "ARCHIVAL_ERROR")
