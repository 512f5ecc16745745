"""Requests that pass the models' validation, and PutMedia bodies that are almost Matroska.

Nothing may end in a 500, hang, or keep memory. `make fuzz` runs the same for longer.
"""

import http.client
import json
import socket
import tracemalloc
from collections.abc import Iterator
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit

import boto3
import pytest
from botocore.model import Shape
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from kinesight_local.kvs.aws_models import routes
from kinesight_local.kvs.media.ingest import Ingest, Rejected
from kinesight_local.kvs.server import KvsServer
from kinesight_local.kvs.timing import Timing

from tests.builders import NOON_MS
from tests.functional.kvs_producer import everything, put_clip
from tests.media import END_OF_FRAGMENT, IMAGE, a_clip, clusters, event_tags, producer_header

CLIP = a_clip(2, fps=4)
BODY = producer_header(CLIP) + b"".join(
    cluster + event_tags(IMAGE, END_OF_FRAGMENT, room="hall")
    for _, cluster in clusters(CLIP, NOON_MS, known_size=False)
)
PLAUSIBLE: dict[str, list[Any]] = {
    "StreamName": ["cam", "cam", "other", ""],
    "StartTimestamp": [NOON_MS / 1000, NOON_MS / 1000 - 5, 0, 4e9],
    "EndTimestamp": [NOON_MS / 1000 + 2, NOON_MS / 1000 + 290, 4e9],
    "SamplingInterval": [200, 1000, 300_000],
    "JPEGQuality": ["1", "80", "100"],
    "WidthPixels": [1, 64],
    "HeightPixels": [1, 64],
    "FragmentSelectorType": ["PRODUCER_TIMESTAMP", "SERVER_TIMESTAMP"],
    "MaxResults": [1, 2, 25],
}


@pytest.fixture(scope="module")
def fuzzed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KvsServer]:
    with KvsServer(tmp_path_factory.mktemp("fuzz"), timing=Timing(idle_s=0.2, live_edge_timeout_s=0.01)) as server:
        yield server


def camera(server: KvsServer) -> None:
    """The stream with media in it, also after a request that changed it."""
    client = boto3.client("kinesisvideo", endpoint_url=server.url)
    archived: Any = boto3.client("kinesis-video-archived-media", endpoint_url=server.url)
    server.service.streams.ensure("cam", retention_hours=1)
    if client.describe_stream(StreamName="cam")["StreamInfo"]["DataRetentionInHours"] == 0:
        client.delete_stream(StreamARN=client.describe_stream(StreamName="cam")["StreamInfo"]["StreamARN"])
        server.service.streams.ensure("cam", retention_hours=1)
    if not archived.list_fragments(StreamName="cam", FragmentSelector=everything())["Fragments"]:
        put_clip(server, CLIP)


def values(name: str, shape: Any) -> st.SearchStrategy[Any]:
    """Values of a member: plausible, of the right type, or arbitrary."""
    plausible = [st.sampled_from(PLAUSIBLE[name])] * 6 if name in PLAUSIBLE else []
    return st.one_of(*plausible, _typed(name, shape), _typed(name, shape), _ANYTHING)


def _typed(name: str, shape: Any) -> st.SearchStrategy[Any]:
    match shape.type_name:
        case "structure":
            return st.fixed_dictionaries(
                {key: values(key, shape.members[key]) for key in shape.required_members},
                optional={
                    key: values(key, one) for key, one in shape.members.items() if key not in shape.required_members
                },
            )
        case "list":
            return st.lists(values(name, shape.member), max_size=3)
        case "map":
            return st.dictionaries(
                st.sampled_from([*getattr(shape.key, "enum", []), "key"]), st.text(max_size=4), max_size=2
            )
        case "string":
            return st.sampled_from(shape.enum) if getattr(shape, "enum", None) else st.text(max_size=8)
        case "boolean":
            return st.booleans()
        case "timestamp":
            return st.floats(allow_nan=False)
    return st.integers(-(2**70), 2**70)


_ANYTHING: st.SearchStrategy[Any] = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5), st.just([]), st.just({})
)


@st.composite
def requests(draw: st.DrawFn) -> tuple[str, Any]:
    path = draw(st.sampled_from(sorted(routes())))
    shape: Shape | None = routes()[path].model.input_shape
    return path, draw(_typed("", shape)) if shape is not None else {}


@settings(deadline=None, suppress_health_check=list(HealthCheck))
@given(request=requests())
def test_no_nearly_valid_request_causes_an_internal_error(fuzzed: KvsServer, request: tuple[str, Any]) -> None:
    camera(fuzzed)
    path, parameters = request
    address = urlsplit(fuzzed.url)
    connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=20)

    connection.request("POST", path, json.dumps(parameters))
    response = connection.getresponse()
    response.read()
    connection.close()

    assert response.status in (200, 400, 401, 404, 501), (path, parameters)


@st.composite
def bodies(draw: st.DrawFn) -> bytes:
    """A valid body with bytes changed, removed, duplicated or inserted."""
    body = bytearray(BODY)
    for _ in range(draw(st.integers(0, 6))):
        at = draw(st.one_of(st.integers(0, 400), st.integers(0, len(body))))
        length = draw(st.integers(0, 40))
        match draw(st.sampled_from(["change", "drop", "double", "insert"])):
            case "change":
                body[at : at + length] = draw(st.binary(min_size=length, max_size=length))
            case "drop":
                del body[at : at + length]
            case "double":
                body[at:at] = body[at : at + 40 * length]
            case _:
                body[at:at] = draw(st.binary(max_size=length))
    return bytes(body[: draw(st.integers(0, len(body)))]) if draw(st.booleans()) else bytes(body)


@settings(deadline=None, suppress_health_check=list(HealthCheck))
@given(body=bodies(), chunk=st.sampled_from([13, 500, 100_000]), ends=st.booleans())
def test_no_body_breaks_put_media(fuzzed: KvsServer, body: bytes, chunk: int, ends: bool) -> None:
    """The response ends, each of its lines is an acknowledgement, and the emulator still responds."""
    camera(fuzzed)
    address = urlsplit(fuzzed.url)
    with socket.create_connection((address.hostname or "", address.port or 0), timeout=20) as connection:
        connection.sendall(
            b"POST /putMedia HTTP/1.1\r\nHost: localhost\r\nx-amzn-stream-name: cam\r\nConnection: close\r\n"
            b"x-amzn-fragment-timecode-type: ABSOLUTE\r\nTransfer-Encoding: chunked\r\n\r\n"
        )
        with suppress(BrokenPipeError, ConnectionResetError):  # it has responded already
            for at in range(0, len(body), max(chunk, len(body) // 200)):
                piece = body[at : at + max(chunk, len(body) // 200)]
                connection.sendall(b"%x\r\n%b\r\n" % (len(piece), piece))
            if ends:
                connection.sendall(b"0\r\n\r\n")
        kinds = _acknowledged(connection)

    assert set(kinds) <= {"BUFFERING", "RECEIVED", "PERSISTED", "ERROR", "IDLE"}
    assert "ERROR" not in kinds[:-1]


def _acknowledged(connection: socket.socket) -> list[str]:
    """The kinds up to the end of the response; none if it ended while the body was being sent."""
    response = http.client.HTTPResponse(connection)
    try:
        response.begin()
        assert response.status == 200
        return [json.loads(line)["EventType"] for line in response.read().splitlines()]
    except ConnectionResetError:
        return []


@settings(deadline=None)
@given(body=bodies())
def test_memory_is_bounded_by_the_bytes_received(body: bytes) -> None:
    """Declared sizes are not trusted: memory is a small multiple of a body's actual length."""
    tracemalloc.start()
    try:
        ingest = Ingest()
        for at in range(0, len(body), 1000):
            if any(isinstance(one, Rejected) for one in ingest.feed(body[at : at + 1000])):
                break
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert peak < 20 * len(BODY) + 200_000
