"""Text of a configuration document, JSON or YAML, as a value with the line of each of its parts."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from kinesight_cli.shared.errors import CommandError

ValuePath = Sequence[str | int]


class UnreadableTextError(CommandError):
    """The text is not JSON or YAML. `line` is counted from 1; None if no line can be named."""

    def __init__(self, message: str, line: int | None = None) -> None:
        super().__init__(message)
        self.line = line


@dataclass(frozen=True, slots=True)
class SourceText:
    """`problems` are those that a schema cannot report: (path, message). `line_of` returns the line of the value at a
    path, or of its innermost ancestor."""

    value: Any
    problems: Sequence[tuple[ValuePath, str]]
    line_of: Callable[[ValuePath], int]


def place(path: ValuePath) -> str:
    """Returns ("cameras", 0, "rules") as cameras[0].rules."""
    joined = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)
    return joined.lstrip(".") or "the document"
