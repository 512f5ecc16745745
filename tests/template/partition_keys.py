"""The partition keys that an adapter of the coordination table uses: its methods are called on a client that records
each request. IAM compares them with `dynamodb:LeadingKeys` ("Using IAM policy conditions for fine-grained access
control", DynamoDB developer guide); moto does not.
"""

import inspect
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from itertools import product
from types import SimpleNamespace
from typing import Any

from botocore.exceptions import ClientError
from kinesight.domain.errors import KinesightError
from kinesight.domain.streams.stream_settings import Feature, ManagedFeature

SHARED_TABLE = "CoordinationTable"
_ARN = "arn:aws:kinesisvideo:us-east-1:111122223333:stream/door/1"
_FEATURE = next(iter(Feature))
_VALUES: dict[str, tuple[Any, ...]] = {
    "key": ("door",),
    "body": ("{}",),
    "seen_version": (0,),
    "feature": (_FEATURE,),
    "stream_arn": (_ARN,),
    "managed": (ManagedFeature("door", _ARN, _FEATURE, None, ({},), 0.0),),
    "seconds": (1.0,),
    "token": ("token",),
    "retired": (True, False),
    "counter": ("stack", "stream#door"),
    "day": ("2026-11-21",),
    "micro_usd": (1,),
    "most_micro_usd": (5,),
    "calls": (1,),
}
"""Arguments of the adapters' methods, by name."""

Use = tuple[str, str]
"""An action and a partition key. A key that goes on after `#` is written as `#*`."""


class _Recorder:
    """Refuses each call as if its condition had failed, so that a method goes on to what it does then."""

    def __init__(self, used: set[Use]) -> None:
        self._used = used

    def __getattr__(self, method: str) -> Any:
        return lambda **request: self._refuse(method, request)

    def get_paginator(self, method: str) -> Any:
        return SimpleNamespace(paginate=partial(self._pages, method))

    def _pages(self, method: str, **request: Any) -> Iterator[Any]:
        yield self._refuse(method, request)

    def _refuse(self, method: str, request: dict[str, Any]) -> Any:
        action = "".join(word.capitalize() for word in method.split("_"))
        self._used.add((f"dynamodb:{action}", _pattern(_partition_key(request))))
        raise ClientError({"Error": {"Code": "ConditionalCheckFailedException"}}, action)


def _partition_key(request: dict[str, Any]) -> str:
    found = request.get("Key", request.get("Item"))
    if found is None:
        assert request["KeyConditionExpression"].startswith("pk = :pk"), request
        found = {"pk": request["ExpressionAttributeValues"][":pk"]}
    return str(found["pk"]["S"])


def _pattern(key: str) -> str:
    kind, separator, _ = key.partition("#")
    return f"{kind}#*" if separator else kind


def recorded_keys(adapter: Any, methods: Iterable[str]) -> set[Use]:
    """What these methods of an adapter use."""
    used = set[Use]()
    with _recording(adapter, used):
        for name in methods:
            if not name.startswith("_"):
                _call(getattr(adapter, name))
    return used


@contextmanager
def _recording(adapter: Any, used: set[Use]) -> Iterator[None]:
    before = {name: value for name, value in vars(adapter).items() if hasattr(value, "get_paginator")}
    vars(adapter).update({name: _Recorder(used) for name in before})
    try:
        yield
    finally:
        vars(adapter).update(before)


def _call(method: Any) -> None:
    names = list(inspect.signature(method).parameters)
    for values in product(*(_VALUES[name] for name in names)):
        arguments = dict(zip(names, values, strict=True))
        with suppress(KinesightError):
            method(**arguments)
