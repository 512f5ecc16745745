"""Helpers of commands that serve until they are interrupted."""

import shlex
import signal
import sys
import threading
from pathlib import Path

from kinesight_cli.shared.console import console


def print_exports(variables: dict[str, str]) -> None:
    """Prints `export NAME=VALUE` lines for another shell."""
    for name, value in variables.items():
        console.print(f"export {name}={value}", soft_wrap=True)


def write_exports(path: Path, variables: dict[str, str]) -> None:
    """Writes the same lines to a file for `source`, which only this user can read."""
    path.unlink(missing_ok=True)
    path.touch(mode=0o600)
    path.write_text("".join(f"export {name}={shlex.quote(value)}\n" for name, value in variables.items()))


def wait_for_interrupt() -> None:
    """Returns on SIGINT or SIGTERM."""
    stopping = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopping.set())
    sys.stdout.flush()
    stopping.wait()
