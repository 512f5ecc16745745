"""Safety only: no real credentials, a clean environment, loopback sockets alone."""

import os

import pytest

from tests import botocore_costs
from tests.examples import load_profile

load_profile()
botocore_costs.share()

pytest_plugins = [
    "tests.distribution",
    "kinesight_local.kvs.testing",
    "tests.browser",
    "tests.emulators",
    "tests.shared_detections",
]

ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "testing",
    "AWS_SESSION_TOKEN": "testing",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_EC2_METADATA_DISABLED": "true",
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    "POWERTOOLS_METRICS_NAMESPACE": "Kinesight",
    "POWERTOOLS_SERVICE_NAME": "tests",
}


def pytest_configure() -> None:
    """Before any module is collected: some libraries read the environment when they are imported."""
    for name in [name for name in os.environ if name.startswith(("AWS_", "POWERTOOLS_"))]:
        del os.environ[name]
    os.environ.update(ENVIRONMENT)


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every test begins with the same AWS variables, whatever another one left behind."""
    for name in [name for name in os.environ if name.startswith("AWS_ENDPOINT_URL")]:
        monkeypatch.delenv(name)
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)


def pytest_runtest_setup() -> None:
    """Nothing but this machine may be spoken to (pytest-socket)."""
    from pytest_socket import socket_allow_hosts

    socket_allow_hosts(["127.0.0.1", "::1", "localhost"], allow_unix_socket=True)
