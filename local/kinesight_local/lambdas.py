"""Functions as real processes: AWS's runtime client behind the runtime interface emulator of aws-sam-cli.

A process group is an execution environment: it runs one invocation at a time, stays warm, and is replaced after a
timeout or a crash. A function imports from its built folder and its layers first; the runtime client, and boto3 for
functions without the layer that has it, come from this installation, as they come with the runtime on AWS.
"""

import json
import os
import queue
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import psutil
import samcli

from kinesight_local.build import architecture
from kinesight_local.function_processes.runtimes import SITE, Runtimes
from kinesight_local.template import FunctionSource

_EMULATOR = Path(samcli.__file__).parent / "local" / "rapid" / f"aws-lambda-rie-{architecture()}"
NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""For httpx, where an emulator is called by HTTP: loading certificates, its default, takes longer than a call."""
_START_S = 30.0
_GRACE_S = 5.0
_LIFELINE = 'exec 3<&0; (cat <&3 >/dev/null; kill -KILL 0) & exec "$@" 3<&- </dev/null'
"""Kills the process group when this process has ended in any way, which closes its end of the pipe.

The kernel's parent-death signal is unsuitable: it is sent when the thread that started the process ends.
"""


@dataclass(frozen=True, slots=True)
class FunctionSpec:
    """The configuration of a deployed function."""

    name: str
    handler: str
    timeout_s: int
    memory_mb: int
    environment: Mapping[str, str]
    source: FunctionSource
    log_format: str = "Text"
    application_log_level: str = "INFO"
    """Lambda's name of the level; with the format Text it has no effect."""


@dataclass(frozen=True, slots=True)
class InvocationResult:
    """The payload of an invocation. `failed`: Lambda would return FunctionError."""

    payload: bytes
    failed: bool

    def document(self) -> Any:
        """The payload, parsed."""
        return json.loads(self.payload or b"null")


class FunctionPool:
    """A function's execution environments, started on demand, at most `most`."""

    def __init__(
        self,
        spec: FunctionSpec,
        runtime_environment: Callable[[], Mapping[str, str]],
        log: Path,
        runtimes: Runtimes,
        *,
        most: int,
    ) -> None:
        """`runtime_environment` returns the variables of the next environment that starts."""
        self.spec = spec
        self._runtimes = runtimes
        self._runtime_environment = runtime_environment
        self._log = log
        self._idle: queue.LifoQueue[_Environment | None] = queue.LifoQueue()
        self._all: list[_Environment] = []
        self._stopped = False
        self._generation = 0
        for _ in range(most):
            self._idle.put(None)

    def invoke(self, event: Any) -> InvocationResult:
        """Waits for an idle environment, then for the result. Never raises for a failed function."""
        environment = self._idle.get()
        try:
            if environment is not None and not (environment.generation == self._generation and environment.is_alive()):
                self._discard(environment)
                environment = None
            if environment is None:
                environment = self._start()
            result = environment.invoke(json.dumps(event).encode(), self.spec.timeout_s)
        except (httpx.HTTPError, OSError) as error:
            self._discard(environment)
            environment = None
            kind = "Sandbox.Timedout" if isinstance(error, httpx.TimeoutException) else "Runtime.ExitError"
            message = f"{self.spec.name}: {kind} after at most {self.spec.timeout_s} s ({type(error).__name__})"
            result = InvocationResult(json.dumps({"errorType": kind, "errorMessage": message}).encode(), failed=True)
        finally:
            self._idle.put(environment)
        return result

    def kill(self) -> bool:
        """Kills the oldest running environment, even during an invocation; False if none is running."""
        running = [one for one in list(self._all) if one.is_alive()]
        if running:
            running[0].kill()
        return bool(running)

    def restart(self, spec: FunctionSpec | None = None) -> None:
        """Has the next invocations start new environments, of another configuration if there is one; running
        invocations end as they are."""
        self.spec = spec or self.spec
        self._generation += 1

    def stop(self) -> None:
        """Ends all environments; later invocations fail."""
        self._stopped = True
        for environment in list(self._all):
            environment.stop()

    def _start(self) -> "_Environment":
        self._check_not_stopped()
        generation = self._generation
        environment = _Environment(self.spec, self._runtime_environment(), self._log, self._runtimes)
        environment.generation = generation
        self._all.append(environment)
        try:
            self._check_not_stopped()  # while it started, `stop` did not see it
        except ConnectionAbortedError:
            environment.stop()
            raise
        return environment

    def _check_not_stopped(self) -> None:
        if self._stopped:
            raise ConnectionAbortedError(f"{self.spec.name} is stopped")

    def _discard(self, environment: "_Environment | None") -> None:
        if environment is not None:
            environment.stop()
            self._all.remove(environment)


class _Environment:
    """One process group with two loopback ports."""

    def __init__(
        self, spec: FunctionSpec, runtime_environment: Mapping[str, str], log: Path, runtimes: Runtimes
    ) -> None:
        address, api = _free_address(), _free_address()
        self.generation = 0
        self._url = f"http://{address}/2015-03-31/functions/function/invocations"
        command = ["/bin/sh", "-c", _LIFELINE, "sh"]
        command += [str(_EMULATOR), "--log-level", "error", "--runtime-interface-emulator-address", address]
        command += ["--runtime-api-address", api, *runtimes.command(spec.handler, spec.source)]
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                command,
                cwd=spec.source.code_dir,
                env=_environment(spec, runtime_environment),
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self._client = httpx.Client(verify=NO_TLS)
        try:
            _wait_for(address, self._process)
        except BaseException:
            self.stop()
            raise

    def is_alive(self) -> bool:
        return self._process.poll() is None

    def invoke(self, event: bytes, timeout_s: int) -> InvocationResult:
        """Raises httpx.HTTPError after the timeout or if the process ends."""
        response = self._client.post(self._url, content=event, timeout=timeout_s + _GRACE_S)
        return InvocationResult(response.content, failed=response.status_code >= 400 or _is_error(response.content))

    def stop(self) -> None:
        self.kill()
        self._process.wait(timeout=10)
        self._client.close()

    def kill(self) -> None:
        """A concurrent invocation fails, and then stops the environment."""
        # It may do so before this method has killed all processes.
        with suppress(psutil.NoSuchProcess, ProcessLookupError):
            if self.is_alive():
                self._kill_all()

    def _kill_all(self) -> None:
        # The emulator starts the runtime in a group of its own, so killing this group would not end a running function.
        children = psutil.Process(self._process.pid).children(recursive=True)
        os.killpg(self._process.pid, signal.SIGKILL)
        for process in children:
            with suppress(psutil.NoSuchProcess):
                process.kill()


def _environment(spec: FunctionSpec, runtime_environment: Mapping[str, str]) -> dict[str, str]:
    """The variables that Lambda sets ("Defined runtime environment variables"), without those of this process."""
    folders = [SITE, spec.source.code_dir, *spec.source.layer_dirs]
    return {
        "PATH": f"{Path(sys.executable).parent}:/usr/local/bin:/usr/bin:/bin",
        "LANG": "en_US.UTF-8",
        "TZ": ":UTC",
        "PYTHONPATH": os.pathsep.join(map(str, folders)),
        "LAMBDA_TASK_ROOT": str(spec.source.code_dir),
        "AWS_LAMBDA_FUNCTION_NAME": spec.name,
        "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
        "AWS_LAMBDA_FUNCTION_TIMEOUT": str(spec.timeout_s),
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(spec.memory_mb),
        "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
        "AWS_LAMBDA_LOG_GROUP_NAME": f"/aws/lambda/{spec.name}",
        "AWS_LAMBDA_LOG_STREAM_NAME": "local",
        **_logging(spec),
        "AWS_EXECUTION_ENV": "AWS_Lambda_python3.13",
        "AWS_SDK_UA_APP_ID": spec.name[:50],  # identifies the caller in calls.py; botocore warns about longer ones
        **runtime_environment,
        **spec.environment,
    }


def _logging(spec: FunctionSpec) -> dict[str, str]:
    """As AWS's runtime client and Powertools read it; only the format JSON has levels ("Log-level filtering")."""
    level = {"AWS_LAMBDA_LOG_LEVEL": spec.application_log_level} if spec.log_format == "JSON" else {}
    return {"AWS_LAMBDA_LOG_FORMAT": spec.log_format} | level


def _is_error(payload: bytes) -> bool:
    try:
        document = json.loads(payload or b"null")
    except ValueError:
        return True  # the emulator reports a timeout as plain text
    return isinstance(document, dict) and {"errorType", "errorMessage"} <= set(document)


def _free_address() -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{probe.getsockname()[1]}"


def _wait_for(address: str, process: subprocess.Popen[bytes]) -> None:
    host, _, port = address.partition(":")
    deadline_s = time.monotonic() + _START_S
    while True:
        try:
            socket.create_connection((host, int(port)), timeout=1).close()
        except OSError:
            if process.poll() is not None or time.monotonic() > deadline_s:
                raise
            time.sleep(0.01)  # the emulator does not report when it starts to listen
        else:
            return


class Lambdas:
    """The execution environments of all functions by name."""

    def __init__(
        self,
        runtime_environment: Callable[[], Mapping[str, str]],
        log_dir: Path,
        *,
        most_environments: int = 3,
        invoked: Callable[[str], None] = lambda _: None,
    ) -> None:
        """`invoked` is called with the function's name on every invocation."""
        self._invoked = invoked
        shutil.rmtree(log_dir, ignore_errors=True)
        log_dir.mkdir(parents=True)
        self._runtime_environment = runtime_environment
        self.log_dir = log_dir
        self._runtimes = Runtimes(log_dir)
        self._most = most_environments
        self._pools: dict[str, FunctionPool] = {}
        self._lock = threading.Lock()

    def kill(self, name: str) -> bool:
        """Simulates a failed host: kills one of the function's environments. False if none is running."""
        with self._lock:
            pool = self._pools.get(name)
        return pool is not None and pool.kill()

    def restart(self) -> None:
        """Has the next invocations start new environments: running ones keep for a minute what they have read."""
        with self._lock:
            pools = list(self._pools.values())
        for pool in pools:
            pool.restart()

    def invoke(self, spec: FunctionSpec, event: Any) -> InvocationResult:
        """Runs a function; a configuration that differs from the previous invocation's starts new environments."""
        self._invoked(spec.name)
        return self._pool(spec).invoke(event)

    def stop(self) -> None:
        """Ends all environments."""
        with self._lock:
            for pool in self._pools.values():
                pool.stop()
        self._runtimes.stop()

    def _pool(self, spec: FunctionSpec) -> FunctionPool:
        with self._lock:
            pool = self._pools.get(spec.name)
            if pool is None:
                log = self.log_dir / f"{spec.name}.log"
                pool = FunctionPool(spec, self._runtime_environment, log, self._runtimes, most=self._most)
                self._pools[spec.name] = pool
            elif pool.spec != spec:
                pool.restart(spec)
            return pool
