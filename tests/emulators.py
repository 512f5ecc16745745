"""The emulators, each on a port of its own."""

from collections.abc import Iterator
from typing import Any

import boto3
import httpx
import pytest
from kinesight_local.kvs.server import KvsServer
from moto.server import ThreadedMotoServer


@pytest.fixture
def kvs(kvs_server: KvsServer) -> KvsServer:
    return kvs_server


@pytest.fixture
def kinesis_video(kvs: KvsServer) -> Any:
    return boto3.client("kinesisvideo", endpoint_url=kvs.url)


@pytest.fixture
def archived_media(kvs: KvsServer) -> Any:
    return boto3.client("kinesis-video-archived-media", endpoint_url=kvs.url)


@pytest.fixture
def moto(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The rest of AWS; its address is in the environment."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    _, port = server.get_host_and_port()
    url = f"http://127.0.0.1:{port}"
    httpx.post(f"{url}/moto-api/reset")  # servers of one process share their state
    monkeypatch.setenv("AWS_ENDPOINT_URL", url)
    yield url
    server.stop()
