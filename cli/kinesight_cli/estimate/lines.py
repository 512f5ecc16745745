"""Lines of an estimate: a number of units that have a price, with the formula in words."""

from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Line:
    """`count` × `each` units of the price `price`; `why` is the formula in words.

    `call` names an API call as the local cloud counts it: caller, service, operation and resource. `of_images`: the
    count depends only on the images, not on how they are batched.
    """

    price: str
    count: float
    why: str
    call: str = ""
    each: float = 1.0
    of_images: bool = False

    @property
    def units(self) -> float:
        return self.count * self.each


@dataclass(frozen=True, slots=True)
class Work:
    """Work of a function: `seconds` are the billed duration of all invocations together. `log_lines` and
    `log_warnings`: lines that it logs at INFO and at WARNING. `measured`: invocations that write metrics, by default
    all."""

    function: str
    invocations: float
    seconds: float
    log_lines: float = 0.0
    log_warnings: float = 0.0
    measured: float | None = None


type Item = Line | Work
type Items = Iterator[Item]


def write_units(kilobytes: float) -> float:
    """Returns the write units of an item: one per started kilobyte ("DynamoDB on-demand capacity mode")."""
    return float(max(1, -(-kilobytes // 1)))


def read_units(kilobytes: float) -> float:
    """Returns the read units of a consistent read: one per started four kilobytes."""
    return float(max(1, -(-kilobytes // 4)))
