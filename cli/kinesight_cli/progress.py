"""Progress for people: bars on a terminal, plain lines elsewhere."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bars


class Progress(Protocol):
    """What a long command tells while it works."""

    def step(self, text: str) -> None:
        """A new step begins."""

    def amount(self, what: str, done: int, total: int) -> None:
        """How far the step is."""


class _Lines:
    def __init__(self, console: Console) -> None:
        self._console = console

    def step(self, text: str) -> None:
        self._console.print(f"· {text}", highlight=False)

    def amount(self, what: str, done: int, total: int) -> None:
        """Lines would flood a log."""


class _Shown:
    def __init__(self, bars: Bars) -> None:
        self._bars = bars
        self._task = bars.add_task("starting", total=None)

    def step(self, text: str) -> None:
        self._bars.update(self._task, total=1, completed=1)
        self._task = self._bars.add_task(text, total=None)

    def amount(self, what: str, done: int, total: int) -> None:  # noqa: ARG002 - the step says it already
        self._bars.update(self._task, completed=done, total=total)

    def finish(self) -> None:
        self._bars.update(self._task, total=1, completed=1)


@contextmanager
def shown_progress(console: Console) -> Iterator[Progress]:
    """Bars if the console is a terminal."""
    if not console.is_terminal:
        yield _Lines(console)
        return
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Bars(*columns, console=console) as bars:
        shown = _Shown(bars)
        yield shown
        shown.finish()
