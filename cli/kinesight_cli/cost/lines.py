"""A line of the estimate: so many calls or units of something that has a price, and the formula in words."""

from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Line:
    """`count` × `each` units of the price `price`. `call` names what is counted on the local cloud, where it is a call:
    caller, service, operation and place. `why` is the formula in words; `of_pictures`: that it depends on the pictures
    alone, not on how they are batched."""

    price: str
    count: float
    why: str
    call: str = ""
    each: float = 1.0
    of_pictures: bool = False

    @property
    def units(self) -> float:
        return self.count * self.each


@dataclass(frozen=True, slots=True)
class Work:
    """A function's work: `seconds` of it are billed, all invocations together."""

    function: str
    invocations: float
    seconds: float
    pictures: float = 0.0


type Item = Line | Work
type Items = Iterator[Item]


def write_units(kilobytes: float) -> float:
    """Of a DynamoDB item; one for each started kilobyte ("DynamoDB on-demand capacity mode")."""
    return float(max(1, -(-kilobytes // 1)))


def read_units(kilobytes: float) -> float:
    """Of a consistent read; one for each started four kilobytes."""
    return float(max(1, -(-kilobytes // 4)))
