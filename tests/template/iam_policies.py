"""Whether statements of a policy permit a request: actions and resources with IAM's wildcards, which moto does not
enforce ("IAM JSON policy elements: Resource")."""

import re
from collections.abc import Iterable
from typing import Any


def permits(statements: Iterable[dict[str, Any]], action: str, resource: str) -> bool:
    """For statements that allow, without conditions."""
    return any(
        one["Effect"] == "Allow"
        and any(_matches(pattern, action) for pattern in _listed(one["Action"]))
        and any(_matches(pattern, resource) for pattern in _listed(one["Resource"]))
        for one in statements
    )


def _matches(pattern: str, text: str) -> bool:
    expression = re.escape(pattern).replace(r"\*", ".*").replace(r"\?", ".")
    return re.fullmatch(expression, text, re.DOTALL) is not None


def _listed(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value
