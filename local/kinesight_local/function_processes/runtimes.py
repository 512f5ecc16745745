"""Commands that start the runtime of a function."""

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from threading import Lock

from kinesight_local.template import FunctionSource

_HERE = Path(__file__).parent
SITE = _HERE / "site"
"""Precedes all other folders in a function's path."""


class Runtimes:
    """Runtimes that are forked from one process on Linux, where that is safe, and start on their own elsewhere.

    Those of users' functions start on their own everywhere."""

    def __init__(self, log_dir: Path, *, forks: bool = sys.platform == "linux") -> None:
        self._log = log_dir / "fork-server.log"
        self._forks = forks
        self._folder: Path | None = None
        self._server: subprocess.Popen[bytes] | None = None
        self._lock = Lock()

    def command(self, handler: str, source: FunctionSource) -> list[str]:
        """The command of a runtime; its environment has PYTHONPATH."""
        if not (self._forks and source.shares_imports):
            return [sys.executable, "-m", "awslambdaric", handler]
        return [sys.executable, "-I", "-S", str(_HERE / "runtime.py"), str(self._socket()), handler]

    def stop(self) -> None:
        """Ends the process that forks, and with it all runtimes that still run."""
        with self._lock:
            if self._server is not None and self._server.stdin is not None:
                self._server.stdin.close()
                try:
                    self._server.wait(timeout=10)
                except subprocess.TimeoutExpired:
                    self._server.kill()
            if self._folder is not None:
                shutil.rmtree(self._folder, ignore_errors=True)

    def _socket(self) -> Path:
        with self._lock:
            if self._folder is None:
                self._folder = Path(tempfile.mkdtemp(prefix="kinesight-"))  # a socket's path has at most 107 bytes
            path = self._folder / "s"
            if self._server is None:
                with self._log.open("ab") as output:
                    self._server = subprocess.Popen(
                        [sys.executable, str(_HERE / "fork_server.py"), str(path)],
                        env={"PYTHONPATH": str(SITE), "LANG": "en_US.UTF-8"},
                        stdin=subprocess.PIPE,
                        stdout=output,
                        stderr=subprocess.STDOUT,
                        start_new_session=True,
                    )
            return path
