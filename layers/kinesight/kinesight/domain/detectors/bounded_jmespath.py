"""JMESPath expressions of users with bounds: on their size when they are configured, and on their work at each call.

Lists that contain their input several times, such as `[@, @]`, double it each time.
"""

from typing import Any

import jmespath
from jmespath.exceptions import JMESPathError
from jmespath.visitor import TreeInterpreter

_MOST_CHARACTERS = 1000
_MOST_NODES = 200
_MOST_LISTS = 3
_MOST_DEPTH = 30
_MOST_STEPS = 1_000_000
_MOST_ITEMS = 1_000_000
"""Elements of a list, characters of a text."""


class UnboundedExpressionError(Exception):
    """The expression takes too many steps, or its result is too large."""


def compiled(text: str) -> Any:
    """Returns the tree of an expression. Raises ValueError."""
    shown = text if len(text) <= 100 else text[:100] + "…"
    if len(text) > _MOST_CHARACTERS:
        raise ValueError(f"{shown!r} has more than {_MOST_CHARACTERS} characters")
    try:
        tree = jmespath.compile(text).parsed  # type: ignore[no-untyped-call]  # jmespath has no types
    except JMESPathError as error:
        raise ValueError(f"{shown!r} is not a JMESPath expression: {error}") from error
    except RecursionError as error:
        raise ValueError(f"{shown!r} is nested too deeply") from error
    _check(tree, shown)
    return tree


def _check(tree: Any, shown: str) -> None:
    nodes = lists = 0
    left = [(tree, 1)]
    while left:
        node, depth = left.pop()
        nodes += 1
        lists += node["type"] in ("multi_select_list", "multi_select_dict")
        if depth > _MOST_DEPTH:
            raise ValueError(f"{shown!r} is nested more than {_MOST_DEPTH} levels deep")
        left += [(one, depth + 1) for one in node["children"] if isinstance(one, dict) and "type" in one]
    if nodes > _MOST_NODES:
        raise ValueError(f"{shown!r} has more than {_MOST_NODES} parts")
    if lists > _MOST_LISTS:
        raise ValueError(f"{shown!r} makes more than {_MOST_LISTS} lists or objects")


class BoundedInterpreter(TreeInterpreter):
    """Evaluates one expression once."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._steps = 0

    def visit(self, node: Any, *arguments: Any, **named: Any) -> Any:
        """Raises UnboundedExpressionError."""
        self._steps += 1
        if self._steps > _MOST_STEPS:
            raise UnboundedExpressionError(f"more than {_MOST_STEPS} steps")
        found = super().visit(node, *arguments, **named)  # type: ignore[no-untyped-call]
        if isinstance(found, list | str) and len(found) > _MOST_ITEMS:
            raise UnboundedExpressionError(f"a result of more than {_MOST_ITEMS} elements")
        return found
