"""Fixtures for your tests: `pytest_plugins = ["kinesight_local.kvs.testing"]`.

def test_my_camera(kvs_server, monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL_KINESIS_VIDEO", kvs_server.url)
    kvs_server.service.faults.add(Throttle(operation="GetImages", count=2))
    …
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from kinesight_local.kvs.server import KvsServer
from kinesight_local.kvs.timing import Timing


@pytest.fixture
def kvs_server(tmp_path: Path) -> Iterator[KvsServer]:
    """An empty emulator per test. GetMedia ends after one second at the live edge instead of three."""
    with KvsServer(tmp_path / "kvs", timing=Timing(live_edge_timeout_s=1)) as server:
        yield server
