"""Functions as processes: warm, isolated, replaced after a crash or a timeout."""

import socket
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psutil
import pytest
from kinesight_local.function_processes.runtimes import Runtimes
from kinesight_local.lambdas import FunctionPool, FunctionSpec
from kinesight_local.template import FunctionSource

CODE = """
import os, time, boto3, layered
calls = 0

def handler(event, context):
    global calls
    calls += 1
    if event.get("crash"):
        os._exit(1)
    if event.get("raise"):
        raise KeyError("missing")
    time.sleep(event.get("sleep", 0))
    return {
        "calls": calls, "pid": os.getpid(), "layered": layered.VALUE, "own": os.environ.get("OWN"),
        "leaked": os.environ.get("LEAKED"), "name": context.function_name,
        "logging": {name: value for name, value in os.environ.items() if name.startswith("AWS_LAMBDA_LOG_")},
        "plenty_of_time": context.get_remaining_time_in_millis() > 500,
    }
"""
Start = Callable[..., FunctionPool]


@pytest.fixture(params=[True, False], ids=["forked", "started"])
def runtimes(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Runtimes]:
    found = Runtimes(tmp_path, forks=request.param)
    yield found
    found.stop()


@pytest.fixture
def start(tmp_path: Path, runtimes: Runtimes, monkeypatch: pytest.MonkeyPatch) -> Iterator[Start]:
    code, layer = tmp_path / "code", tmp_path / "layer"
    code.mkdir()
    layer.mkdir()
    (code / "app.py").write_text(CODE)
    (layer / "layered.py").write_text("VALUE = 'from the layer'\n")
    monkeypatch.setenv("LEAKED", "yes")
    pools: list[FunctionPool] = []

    def begin(timeout_s: int = 10, most: int = 1, **logging: str) -> FunctionPool:
        spec = FunctionSpec("f", "app.handler", timeout_s, 256, {"OWN": "1"}, FunctionSource(code, (layer,)), **logging)
        pools.append(FunctionPool(spec, lambda: {"AWS_REGION": "us-east-1"}, tmp_path / "log", runtimes, most=most))
        return pools[-1]

    yield begin
    for pool in pools:
        pool.stop()


def invoked(pool: FunctionPool, **event: Any) -> Any:
    return pool.invoke(event).document()


def test_an_environment_stays_warm_and_has_only_lambdas_variables(start: Start) -> None:
    pool = start()

    first, second = invoked(pool), invoked(pool)

    assert (first["calls"], second["calls"]) == (1, 2)
    assert first["pid"] == second["pid"]
    assert first["layered"] == "from the layer"
    assert (first["own"], first["leaked"], first["name"]) == ("1", None, "f")
    assert first["plenty_of_time"]


@pytest.mark.parametrize(
    ("settings", "variables"),
    [
        ({}, {"AWS_LAMBDA_LOG_FORMAT": "Text"}),
        (
            {"log_format": "JSON", "application_log_level": "WARN"},
            {"AWS_LAMBDA_LOG_FORMAT": "JSON", "AWS_LAMBDA_LOG_LEVEL": "WARN"},
        ),
    ],
)
def test_the_logging_configuration_is_in_the_variables_that_lambda_sets(
    start: Start, settings: dict[str, str], variables: dict[str, str]
) -> None:
    names = {"AWS_LAMBDA_LOG_GROUP_NAME": "/aws/lambda/f", "AWS_LAMBDA_LOG_STREAM_NAME": "local"}

    assert invoked(start(**settings))["logging"] == names | variables


def test_an_exception_is_returned_as_lambda_returns_it(start: Start) -> None:
    result = start().invoke({"raise": True})

    assert result.failed
    assert result.document()["errorType"] == "KeyError"


def test_a_crash_costs_one_invocation(start: Start) -> None:
    pool = start()
    before = invoked(pool)["pid"]

    assert pool.invoke({"crash": True}).failed
    after = invoked(pool)

    assert after["pid"] != before


def test_a_restart_starts_a_new_environment_for_the_next_invocation(start: Start) -> None:
    pool = start()
    before = invoked(pool)["pid"]

    pool.restart()
    first, second = invoked(pool), invoked(pool)

    assert first["pid"] != before
    assert (first["calls"], second["calls"]) == (1, 2)


def test_a_timeout_costs_one_invocation(start: Start) -> None:
    pool = start(timeout_s=3)

    assert pool.invoke({"sleep": 30}).failed
    assert invoked(pool)["layered"] == "from the layer"


def test_a_running_function_can_be_stopped_by_two_threads_at_once(start: Start) -> None:
    for _ in range(5):
        pool = start()
        invoked(pool)
        with ThreadPoolExecutor() as threads:
            result = threads.submit(pool.invoke, {"sleep": 30})
            time.sleep(0.05)  # the function is running then, which nothing reports
            stops = [threads.submit(pool.stop) for _ in range(4)]

        assert [stop.result() for stop in stops] == [None] * 4
        assert result.result().failed


def test_no_runtime_outlives_its_environment(start: Start) -> None:
    pool = start()
    running = psutil.Process(invoked(pool)["pid"])

    pool.stop()

    running.wait(timeout=10)


@pytest.mark.parametrize("runtimes", [True], indirect=True)
def test_a_requester_that_ends_before_its_request_harms_no_other(start: Start, runtimes: Runtimes) -> None:
    assert invoked(start())["calls"] == 1
    address = runtimes.command("app.handler", FunctionSource(Path(), ()))[-2]

    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as requester:
        requester.connect(address)

    assert invoked(start())["calls"] == 1


@pytest.mark.parametrize("runtimes", [True], indirect=True)
def test_no_runtime_outlives_the_process_that_forks_them(start: Start, runtimes: Runtimes) -> None:
    running = psutil.Process(invoked(start())["pid"])

    runtimes.stop()

    running.wait(timeout=10)
