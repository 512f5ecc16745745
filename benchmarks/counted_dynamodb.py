"""DynamoDB in memory, in virtual time, with counted units: writes by started kilobyte, failed conditions included;
reads by started four kilobytes, half as much if eventually consistent; a query by the sum of its items ("DynamoDB read
and write operations").

In the second after a write, half of the eventually consistent GetItem calls return the version before.
"""

import random
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from threading import Lock
from typing import Any

from botocore.exceptions import ClientError

STALE_MS = 1_000
STALE_SHARE = 0.5


@dataclass
class Time:
    """Virtual time."""

    now_ms: int = 1_700_000_000_000

    def now_s(self) -> float:
        return self.now_ms / 1000

    def sleep_s(self, seconds: float) -> None:
        """Nothing to wait for: tags are not read."""


@dataclass
class Units:
    """Units of each second by partition key."""

    seconds: list[dict[str, float]] = field(default_factory=list)

    def add(self, key: str, units: float) -> None:
        self.seconds[-1][key] += units

    def of_key(self) -> float:
        """Returns the most units of a partition key in a second."""
        return max(max(second.values(), default=0) for second in self.seconds)

    def per_second(self, window_s: int) -> float:
        """Returns the units per second in the worst seconds in a row."""
        sums = [sum(second.values()) for second in self.seconds]
        return max(sum(sums[n : n + window_s]) for n in range(len(sums) - window_s + 1)) / window_s


class CountingDynamoDb:
    """The calls of `DynamoDbDocuments` on a table in memory; safe for threads."""

    def __init__(self, time: Time) -> None:
        self.time = time
        self.items: dict[str, dict[str, Any]] = defaultdict(dict)
        self.before: dict[tuple[str, str], tuple[int, Any]] = {}
        self.sizes: dict[tuple[str, str], int] = {}
        self.writes, self.reads = Units(), Units()
        self._lock = Lock()

    def get_item(self, *, TableName: str, Key: Any, ConsistentRead: bool) -> dict[str, Any]:  # noqa: ARG002, N803
        pk, sk = Key["pk"]["S"], Key["sk"]["S"]
        with self._lock:
            item = self.items[pk].get(sk)
            written_ms, before = self.before.get((pk, sk), (0, None))
            if not ConsistentRead and self.time.now_ms - written_ms < STALE_MS and random.random() < STALE_SHARE:
                item = before
            self.reads.add(pk, _reads(_size(item) if item else 0, ConsistentRead))
        return {"Item": item} if item else {}

    def put_item(self, *, Item: Any, ExpressionAttributeValues: Any, **_: Any) -> dict[str, Any]:  # noqa: N803
        pk, sk = Item["pk"]["S"], Item["sk"]["S"]
        seen = ExpressionAttributeValues[":seen"]["N"]
        with self._lock:
            before = self.items[pk].get(sk)
            size = _size(Item)
            self.writes.add(pk, -(-max(size, self.sizes.get((pk, sk), 0)) // 1024))
            if (before["version"]["N"] if before else "0") != seen:
                raise ClientError({"Error": {"Code": "ConditionalCheckFailedException"}}, "PutItem")
            self.before[pk, sk] = (self.time.now_ms, before)
            self.items[pk][sk], self.sizes[pk, sk] = Item, size
        return {}

    def get_paginator(self, _: str) -> "CountingDynamoDb":
        return self

    def paginate(
        self,
        *,
        ExpressionAttributeValues: Any,  # noqa: N803
        ConsistentRead: bool,  # noqa: N803
        **_: Any,
    ) -> Iterator[dict[str, Any]]:
        """One page; a page of DynamoDB has a megabyte, which changes no units."""
        pk = ExpressionAttributeValues[":pk"]["S"]
        with self._lock:
            items = dict(self.items[pk])
            self.reads.add(pk, _reads(sum(self.sizes[pk, sk] for sk in items), ConsistentRead))
        yield {"Items": list(items.values())}


def _reads(size: int, is_consistent: bool) -> float:
    return max(1, -(-size // 4096)) * (1.0 if is_consistent else 0.5)


def _size(item: Mapping[str, Any]) -> int:
    """Names and values, UTF-8; a number has half a byte per digit and one more."""
    return sum(len(name) + sum(map(_value_size, value, value.values())) for name, value in item.items())


def _value_size(kind: str, value: Any) -> int:
    if kind == "N":
        return len(value) // 2 + 2
    return len(value.encode() if kind == "S" else value)
