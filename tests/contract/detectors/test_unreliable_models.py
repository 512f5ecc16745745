"""Models whose responses are cut short or arrive byte by byte: a transient error, at the latest at a deadline."""

import socket
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

import boto3
import pytest
from botocore.config import Config
from kinesight.adapters.detectors.deadlines import Deadline, DeadlinePool
from kinesight.adapters.detectors.sagemaker import SageMakerEndpoint
from kinesight.adapters.media import pillow_images
from kinesight.domain.detectors.image_fit import Endpoint, ImageForm
from kinesight.domain.detectors.label_map import LabelMap
from kinesight.domain.detectors.output_presets import output_mapping
from kinesight.domain.detectors.output_reader import OutputReader
from kinesight.domain.errors import DetectorBusyError

from tests.builders import a_frame
from tests.fakes import FakeImageStore
from tests.functional.test_vision import photograph
from tests.model_server import MODEL_OUTPUT, an_http_detector

OUTPUT = MODEL_OUTPUT.encode()
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
WITH_LENGTH = HEAD + b"Content-Length: %d\r\n\r\n" % len(OUTPUT)
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
TO_THE_END = HEAD + b"Connection: close\r\n\r\n"
DRIP_S = 0.05
DRIPS = 200


@contextmanager
def responding(pieces: Sequence[bytes], *, pause_s: float = 0.0) -> Iterator[str]:
    """Sends the pieces to each request, with a pause after each, and closes the connection."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            with suppress(OSError):
                while True:
                    connection, _ = listening.accept()
                    threading.Thread(target=respond, args=(connection,), daemon=True).start()

        def respond(connection: socket.socket) -> None:
            with connection, suppress(OSError):
                read_request(connection)
                for piece in pieces:
                    connection.sendall(piece)
                    time.sleep(pause_s)

        threading.Thread(target=serve, daemon=True).start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        listening.shutdown(socket.SHUT_RDWR)


def read_request(connection: socket.socket) -> None:
    received = b""
    while b"\r\n\r\n" not in received:
        received += connection.recv(65_536)
    head, _, body = received.partition(b"\r\n\r\n")
    length = next(int(line.split(b":")[1]) for line in head.lower().splitlines() if line.startswith(b"content-length"))
    while len(body) < length:
        body += connection.recv(65_536)


def detect_http(address: str, *, timeout_ms: int = 10_000) -> Any:
    detector = an_http_detector(f"{address}/see", None, connect_timeout_ms=100, read_timeout_ms=timeout_ms)
    return detector.detect(a_frame())


def detect_sagemaker(address: str, *, timeout_ms: int = 10_000) -> Any:
    images, frame = FakeImageStore(), a_frame()
    images.objects[frame.image.bucket, frame.image.key] = (photograph("astronaut.png"), "image/jpeg", {})
    config = Config(retries={"total_max_attempts": 1}, read_timeout=timeout_ms / 1000)
    reader = OutputReader(output_mapping("COCO"), LabelMap.of(["Person"]), 60)
    client = boto3.client("sagemaker-runtime", endpoint_url=address, config=config)
    endpoint = Endpoint("model", ImageForm("image/jpeg", size_matters=True), "application/json")
    detector = SageMakerEndpoint(client, images, pillow_images.prepare, reader, endpoint, timeout_ms=timeout_ms)
    return detector.detect(frame)


BOTH = pytest.mark.parametrize("detect", [detect_http, detect_sagemaker])


@BOTH
@pytest.mark.parametrize(
    "pieces",
    [
        pytest.param([WITH_LENGTH, OUTPUT], id="length"),
        pytest.param([CHUNKED, b"%x\r\n%b\r\n0\r\n\r\n" % (len(OUTPUT), OUTPUT)], id="chunked"),
        pytest.param([TO_THE_END, OUTPUT[:9], OUTPUT[9:]], id="until the connection closes"),
    ],
)
def test_a_complete_response_is_read(detect: Any, pieces: list[bytes]) -> None:
    with responding(pieces, pause_s=0.01) as address:
        assert [one.label for one in detect(address).detections] == ["Person"]


@BOTH
@pytest.mark.parametrize(
    "pieces",
    [
        pytest.param([WITH_LENGTH, OUTPUT[:-1]], id="the last byte"),
        pytest.param([WITH_LENGTH, OUTPUT[:20]], id="most of it"),
        pytest.param([WITH_LENGTH], id="all of it"),
        pytest.param([WITH_LENGTH[:60]], id="within the headers"),
        pytest.param([CHUNKED, b"%x\r\n%b\r\n" % (len(OUTPUT), OUTPUT)], id="the last chunk"),
        pytest.param([CHUNKED, b"%x\r\n%b" % (len(OUTPUT), OUTPUT[:30])], id="within a chunk"),
    ],
)
def test_a_response_that_is_cut_short_is_transient(detect: Any, pieces: list[bytes]) -> None:
    with responding(pieces) as address, pytest.raises(DetectorBusyError) as raised:
        detect(address)

    assert raised.value.may_be_billed


def dripping(head: bytes) -> list[bytes]:
    return [head, *[b" "] * DRIPS, OUTPUT]


@pytest.mark.parametrize(
    "pieces",
    [
        pytest.param(dripping(HEAD + b"Content-Length: %d\r\n\r\n" % (DRIPS + len(OUTPUT))), id="length"),
        pytest.param(dripping(TO_THE_END), id="until the connection closes"),
        pytest.param([CHUNKED, *[b"1\r\n \r\n"] * DRIPS], id="chunks"),
        pytest.param([HEAD, *[b"X-A: b\r\n"] * 50, b"\r\n"], id="headers"),
        pytest.param([b"HTTP/1.1 200 ", *[b"O"] * DRIPS], id="status"),
    ],
)
def test_a_response_that_arrives_byte_by_byte_ends_at_the_deadline(pieces: list[bytes]) -> None:
    with responding(pieces, pause_s=DRIP_S) as address, pytest.raises(DetectorBusyError) as raised:
        detect_http(address, timeout_ms=300)

    assert "no complete response in 0.4 s" in str(raised.value)
    assert raised.value.may_be_billed


def test_a_body_of_sagemaker_that_arrives_byte_by_byte_ends_at_the_deadline() -> None:
    pieces = dripping(HEAD + b"Content-Length: %d\r\n\r\n" % (DRIPS + len(OUTPUT)))

    with responding(pieces, pause_s=DRIP_S) as address, pytest.raises(DetectorBusyError, match="ReadTimeoutError"):
        detect_sagemaker(address, timeout_ms=300)


def test_a_deadline_ends_no_later_exchange() -> None:
    """A connection of the pool is used again after an exchange that was in time."""
    pool = DeadlinePool(1)
    with responding([WITH_LENGTH, OUTPUT]) as address:
        with Deadline(0.1) as first:
            assert pool.request("POST", address, body=b"").data == OUTPUT
        time.sleep(0.2)  # the first deadline passes
        with Deadline(60) as second:
            assert pool.request("POST", address, body=b"").data == OUTPUT

    assert (first.is_over, second.is_over) == (False, False)
