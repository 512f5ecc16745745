"""The state of a process after its local cloud has ended."""

import os
import threading
from pathlib import Path

import pytest
from kinesight_local.cloud import LocalCloud
from kinesight_local.vision.server import VisionServer


def test_the_environment_of_the_process_is_restored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "mine")
    monkeypatch.setenv("AWS_PROFILE", "mine")
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    before, threads = dict(os.environ), threading.active_count()

    with LocalCloud(tmp_path, tmp_path / "data", {}) as cloud:
        assert os.environ["AWS_ACCESS_KEY_ID"] == cloud.endpoints["AWS_ACCESS_KEY_ID"] != "mine"
        assert os.environ["AWS_ENDPOINT_URL"] == cloud.endpoints["AWS_ENDPOINT_URL"]
        assert "AWS_PROFILE" not in os.environ

    assert dict(os.environ) == before
    assert threading.active_count() == threads


def test_a_failed_start_leaves_nothing_running(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: VisionServer) -> None:
        raise OSError("no port is free")

    monkeypatch.setattr(VisionServer, "start", fail)
    before, threads = dict(os.environ), threading.active_count()

    with pytest.raises(OSError, match="no port is free"), LocalCloud(tmp_path, tmp_path / "data", {}):
        pytest.fail("it started")

    assert dict(os.environ) == before
    assert threading.active_count() == threads
