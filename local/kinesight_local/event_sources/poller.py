"""What both kinds of event sources have: threads that poll, and the failures that a function reports."""

import logging
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from kinesight_local.lambdas import InvocationResult

log = logging.getLogger(__name__)

type Invoke = Callable[[Any], InvocationResult]
type Document = dict[str, Any]

IDLE_S = 0.1


class EndedError(Exception):
    """The mapping was deleted, or the local cloud ends."""


class Switch:
    """Whether a mapping may read its source and invoke its function."""

    def __init__(self, is_enabled: Callable[[], bool] = lambda: True) -> None:
        """`is_enabled`: whether the mapping is enabled and its function may run."""
        self.is_enabled = is_enabled
        self._ended = threading.Event()

    def end(self) -> None:
        """Ends all waits."""
        self._ended.set()

    def wait(self, seconds: float) -> None:
        """Waits, and on until the mapping is enabled. Raises EndedError once it has ended."""
        while True:
            if self._ended.wait(seconds):
                raise EndedError
            if self.is_enabled():
                return
            seconds = IDLE_S


class Poller:
    """A thread that repeats `step` until its switch has ended, also after other errors."""

    def __init__(self, name: str, step: Callable[[], bool], switch: Switch) -> None:
        """`step` handles one batch and returns whether there was one."""
        self._step = step
        self._switch = switch
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def join(self) -> None:
        """Waits until the current step has ended, at most 30 seconds."""
        self._thread.join(timeout=30)

    def _run(self) -> None:
        with suppress(EndedError):
            self._switch.wait(0)
            while True:
                self._switch.wait(0 if self._is_busy() else IDLE_S)

    def _is_busy(self) -> bool:
        try:
            return self._step()
        except EndedError:
            raise
        except Exception:  # moto runs in this process: any error may pass, and without its thread a source stands still
            log.exception("%s: polling failed", self._thread.name)
            return False


def failed_ids(result: InvocationResult, reports: bool, ids: set[str]) -> set[str]:
    """The ids that failed: all of them if the function failed, or if its report is malformed or has an id that is not
    in the batch ("Reporting batch item failures", Lambda Developer Guide)."""
    if result.failed:
        return ids
    document = result.document()
    failures = document.get("batchItemFailures") if reports and isinstance(document, dict) else None
    try:
        named = {failure["itemIdentifier"] for failure in failures or ()}
    except (KeyError, TypeError):
        return ids
    return named if named <= ids else ids
