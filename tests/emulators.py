"""The emulators, each on a port of its own."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import boto3
import httpx
import pytest
from kinesight_local.kvs.server import KvsServer
from moto.server import ThreadedMotoServer

if TYPE_CHECKING:
    from kinesight_local.cloud import LocalCloud


def use_local_cloud(cloud: "LocalCloud", monkeypatch: pytest.MonkeyPatch) -> None:
    """Sets this process's environment to that of the local cloud."""
    for name, value in cloud.endpoints.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("AWS_SESSION_TOKEN", raising=False)


@pytest.fixture
def kvs(kvs_server: KvsServer) -> KvsServer:
    return kvs_server


@pytest.fixture
def kinesis_video(kvs: KvsServer) -> Any:
    return boto3.client("kinesisvideo", endpoint_url=kvs.url)


@pytest.fixture
def archived_media(kvs: KvsServer) -> Any:
    return boto3.client("kinesis-video-archived-media", endpoint_url=kvs.url)


@pytest.fixture(scope="session")
def moto_server() -> Iterator[str]:
    """The address of one server for all tests of this process: servers of one process share their state anyway, and
    stopping one takes half a second."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    _, port = server.get_host_and_port()
    yield f"http://127.0.0.1:{port}"
    server.stop()


@pytest.fixture
def moto(moto_server: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """The rest of AWS, empty; its address is in the environment."""
    httpx.post(f"{moto_server}/moto-api/reset")
    monkeypatch.setenv("AWS_ENDPOINT_URL", moto_server)
    return moto_server
