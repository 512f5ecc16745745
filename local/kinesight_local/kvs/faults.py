"""Fault injection: rules for which calls fail, how, and how often.

Rules come from a file (`kinesight kvs serve --faults`), from `KvsServer.service.faults`, or from a PUT to
`/_kinesight/faults` while the emulator runs. A matching rule skips its first `skip` calls, then applies with
`probability`, at most `count` times. The first rule that applies wins.
"""

import random
from collections.abc import Callable
from fnmatch import fnmatchcase
from pathlib import Path
from threading import Lock
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic.alias_generators import to_camel

from kinesight_local.kvs.aws_models import routes

NOT_IN_A_MODEL = ("PutMedia", "ImageDelivery", "NotificationDelivery")
"""Names that rules may use in addition to botocore's operations; the last two are the emulator's own deliveries."""


class InvalidFaultsError(Exception):
    """The rules are not valid; the message says where and why."""


class _Document(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="forbid", frozen=True)


class _Rule(_Document):
    operation: str = Field(default="*", description="An operation's name, or a pattern with * and ?.")
    stream: str = Field(default="*", description="A stream's name, or a pattern.")
    probability: float = Field(default=1.0, ge=0, le=1)
    count: int | None = Field(default=None, ge=0, description="Maximum number of applications; unlimited by default.")
    skip: int = Field(default=0, ge=0, description="Number of matching calls to skip first.")

    @model_validator(mode="after")
    def _names_something(self) -> "_Rule":
        known = {route.operation for route in routes().values()} | set(NOT_IN_A_MODEL)
        if not any(fnmatchcase(name, self.operation) for name in known):
            raise ValueError(f"no operation matches {self.operation!r}")
        return self


class Throttle(_Rule):
    """ClientLimitExceededException."""

    action: Literal["throttle"] = "throttle"


class Fail(_Rule):
    """Any error as a response; on a delivery, a permanent failure."""

    action: Literal["fail"] = "fail"
    code: str = Field(default="InternalFailure", pattern=r"^[A-Za-z]+$")
    status: int = Field(default=500, ge=400, le=599)


class Slow(_Rule):
    """Delays the response by `delay_ms` and limits it to `bytes_per_s`; delays a delivery by `delay_ms`."""

    action: Literal["slow"] = "slow"
    delay_ms: int = Field(default=0, ge=0, le=600_000)
    bytes_per_s: int | None = Field(default=None, ge=1)


class Cut(_Rule):
    """Closes the connection after `after_bytes` of the response, or of PutMedia's request."""

    action: Literal["cut"] = "cut"
    after_bytes: int = Field(default=0, ge=0)


class Missing(_Rule):
    """A fragment is not found; drawn per fragment of GetMedia, GetMediaForFragmentList, GetImages."""

    action: Literal["missing"] = "missing"


class Unreadable(_Rule):
    """A fragment is not valid Matroska; drawn per fragment of GetMedia, GetMediaForFragmentList."""

    action: Literal["unreadable"] = "unreadable"


class Undecodable(_Rule):
    """MEDIA_ERROR; drawn per slot of GetImages."""

    action: Literal["undecodable"] = "undecodable"


class NoMedia(_Rule):
    """NO_MEDIA although there is media; drawn per slot of GetImages."""

    action: Literal["no-media"] = "no-media"


class ErrorInside(_Rule):
    """An ERROR acknowledgement of PutMedia, or an error in GetMedia's body; drawn per fragment."""

    action: Literal["error-inside"] = "error-inside"
    error_id: int = 5000
    code: str = "INTERNAL_ERROR"


class Duplicate(_Rule):
    """Delivers twice."""

    action: Literal["duplicate"] = "duplicate"


Fault = Throttle | Fail | Slow | Cut | Missing | Unreadable | Undecodable | NoMedia | ErrorInside | Duplicate
OnResponse = (Throttle, Fail, Slow, Cut)
OnDelivery = (Fail, Slow, Duplicate)


class Faults(_Document):
    """A document of rules. `clock_skew_ms`: how far the service's clock is ahead of the machine's."""

    clock_skew_ms: int = 0
    faults: tuple[Annotated[Fault, Field(discriminator="action")], ...] = ()

    @classmethod
    def parse(cls, text: str | bytes) -> "Faults":
        """Parses JSON. Raises InvalidFaultsError."""
        try:
            return cls.model_validate_json(text)
        except ValidationError as error:
            problems = "; ".join(
                f"{'.'.join(map(str, one['loc'])) or 'the document'}: {one['msg']}" for one in error.errors()
            )
            raise InvalidFaultsError(problems) from error

    @classmethod
    def load(cls, path: Path) -> "Faults":
        """Reads a file. Raises InvalidFaultsError that names the file."""
        try:
            return cls.parse(path.read_bytes())
        except (OSError, InvalidFaultsError) as error:
            raise InvalidFaultsError(f"{path}: {error}") from error


class FaultBook:
    """The current rules and how often each has applied. Every method may be called from any thread."""

    def __init__(self, faults: Faults | None = None, *, random_number: Callable[[], float] = random.random) -> None:
        """`random_number` returns a number in [0, 1), one per call that a rule with a probability matches."""
        self._lock = Lock()
        self._random_number = random_number
        self.set(faults or Faults())

    def set(self, faults: Faults) -> None:
        """Replaces all rules and resets their counts."""
        with self._lock:
            self._faults = faults
            self._matches = [0] * len(faults.faults)
            self._uses = [0] * len(faults.faults)

    def add(self, *rules: Fault) -> None:
        """Appends rules."""
        with self._lock:
            self._faults = self._faults.model_copy(update={"faults": (*self._faults.faults, *rules)})
            self._matches += [0] * len(rules)
            self._uses += [0] * len(rules)

    def clear(self) -> None:
        """Removes all rules."""
        self.set(Faults())

    @property
    def clock_skew_ms(self) -> int:
        """See Faults.clock_skew_ms."""
        return self._faults.clock_skew_ms

    def report(self) -> dict[str, object]:
        """The rules, and how often each has applied."""
        with self._lock:
            return self._faults.model_dump(by_alias=True, mode="json") | {"used": list(self._uses)}

    def draw[T: Fault](self, kinds: tuple[type[T], ...], operation: str, stream_name: str = "") -> T | None:
        """The rule that applies to this call, if any. `kinds`: the classes of rules to consider."""
        with self._lock:
            for index, rule in enumerate(self._faults.faults):
                if isinstance(rule, kinds) and _is_match(rule, operation, stream_name) and self._applies(index, rule):
                    return rule
        return None

    def _applies(self, index: int, rule: Fault) -> bool:
        self._matches[index] += 1
        is_used_up = rule.count is not None and self._uses[index] >= rule.count
        if is_used_up or self._matches[index] <= rule.skip:
            return False
        if rule.probability < 1 and self._random_number() >= rule.probability:
            return False
        self._uses[index] += 1
        return True


def _is_match(rule: Fault, operation: str, stream_name: str) -> bool:
    return fnmatchcase(operation, rule.operation) and fnmatchcase(stream_name, rule.stream)
