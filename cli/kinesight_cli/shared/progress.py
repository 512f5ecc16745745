"""Progress of long commands: bars on a terminal, plain lines elsewhere."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bars


class Progress(Protocol):
    """Receives the progress of a long command."""

    def step(self, text: str) -> None:
        """Begins a new step."""

    def amount(self, what: str, done: int, total: int | None) -> None:
        """Updates the current step; without a total it has no end."""


class _Lines:
    def __init__(self, console: Console) -> None:
        self._console = console

    def step(self, text: str) -> None:
        self._console.print(f"· {text}")

    def amount(self, what: str, done: int, total: int | None) -> None:
        """Prints nothing: one line per update would flood a log."""


class _Shown:
    def __init__(self, bars: Bars) -> None:
        self._bars = bars
        self._task = bars.add_task("starting", total=None)

    def step(self, text: str) -> None:
        self._bars.update(self._task, total=1, completed=1)
        self._task = self._bars.add_task(text, total=None)

    def amount(self, what: str, done: int, total: int | None) -> None:  # noqa: ARG002 - the text of the step names it
        self._bars.update(self._task, completed=done, total=total)

    def finish(self) -> None:
        self._bars.update(self._task, total=1, completed=1)


@contextmanager
def shown_progress(console: Console) -> Iterator[Progress]:
    """Yields a Progress that draws bars if the console is a terminal, and prints lines if not."""
    if not console.is_terminal:
        yield _Lines(console)
        return
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Bars(*columns, console=console) as bars:
        shown = _Shown(bars)
        yield shown
        shown.finish()
