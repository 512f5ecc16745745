"""Helpers of commands that serve until they are interrupted."""

import signal
import sys
import threading

from kinesight_cli.shared.console import console


def print_exports(variables: dict[str, str]) -> None:
    """Prints `export NAME=VALUE` lines for another shell."""
    for name, value in variables.items():
        console.print(f"export {name}={value}", soft_wrap=True)


def wait_for_interrupt() -> None:
    """Returns on SIGINT or SIGTERM."""
    stopping = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopping.set())
    sys.stdout.flush()
    stopping.wait()
