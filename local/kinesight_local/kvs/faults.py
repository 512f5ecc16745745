"""Trouble on purpose: which calls fail, how, and how often.

A book of rules, read from a file (`kinesight kvs serve --faults`), set through `KvsServer.service.faults`, or put to
`/_kinesight/faults` while the emulator runs. A rule is spent after `count` uses, skips its first `skip` chances, and
strikes with `probability`. The first rule that strikes wins.
"""

import random
from collections.abc import Callable
from fnmatch import fnmatchcase
from pathlib import Path
from threading import Lock
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic.alias_generators import to_camel

from kinesight_local.kvs.urls import routes

NOT_IN_A_MODEL = ("PutMedia", "ImageDelivery", "NotificationDelivery")
"""What can be named beside botocore's operations: the last two stand for what the emulator itself sends."""


class InvalidFaultsError(Exception):
    """The rules can't be read; the message says where and why."""


class _Document(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="forbid", frozen=True)


class _Rule(_Document):
    operation: str = Field(default="*", description="An operation's name, or a pattern with * and ?.")
    stream: str = Field(default="*", description="A stream's name, or a pattern.")
    probability: float = Field(default=1.0, ge=0, le=1)
    count: int | None = Field(default=None, ge=0, description="How often at most; without it, for ever.")
    skip: int = Field(default=0, ge=0, description="How many chances pass first.")

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
    """Any error as an answer; on a delivery, an attempt that fails for good."""

    action: Literal["fail"] = "fail"
    code: str = Field(default="InternalFailure", pattern=r"^[A-Za-z]+$")
    status: int = Field(default=500, ge=400, le=599)


class Slow(_Rule):
    """The answer starts `delay_ms` late and flows at `bytes_per_s`; a delivery happens so much later."""

    action: Literal["slow"] = "slow"
    delay_ms: int = Field(default=0, ge=0, le=600_000)
    bytes_per_s: int | None = Field(default=None, ge=1)


class Cut(_Rule):
    """The connection ends without a word after so many bytes: of the answer, or of PutMedia's request."""

    action: Literal["cut"] = "cut"
    after_bytes: int = Field(default=0, ge=0)


class Missing(_Rule):
    """A fragment that can't be found: a chance per fragment of GetMedia, GetMediaForFragmentList, GetImages."""

    action: Literal["missing"] = "missing"


class Unreadable(_Rule):
    """A fragment whose bytes are no Matroska: a chance per fragment of GetMedia, GetMediaForFragmentList."""

    action: Literal["unreadable"] = "unreadable"


class Undecodable(_Rule):
    """MEDIA_ERROR: a chance per slot of GetImages."""

    action: Literal["undecodable"] = "undecodable"


class NoMedia(_Rule):
    """NO_MEDIA though there is some: a chance per slot of GetImages."""

    action: Literal["no-media"] = "no-media"


class ErrorInside(_Rule):
    """An ERROR acknowledgement of PutMedia, or an error in GetMedia's body: a chance per fragment."""

    action: Literal["error-inside"] = "error-inside"
    error_id: int = 5000
    code: str = "INTERNAL_ERROR"


class Duplicate(_Rule):
    """A delivery that happens twice."""

    action: Literal["duplicate"] = "duplicate"


Fault = Throttle | Fail | Slow | Cut | Missing | Unreadable | Undecodable | NoMedia | ErrorInside | Duplicate
OnAnswer = (Throttle, Fail, Slow, Cut)
OnDelivery = (Fail, Slow, Duplicate)


class Faults(_Document):
    """A whole document of rules. `clock_skew_ms`: how far the service's clock is ahead of the machine's."""

    clock_skew_ms: int = 0
    faults: tuple[Annotated[Fault, Field(discriminator="action")], ...] = ()

    @classmethod
    def parse(cls, text: str | bytes) -> "Faults":
        """Raises InvalidFaultsError."""
        try:
            return cls.model_validate_json(text)
        except ValidationError as error:
            problems = "; ".join(
                f"{'.'.join(map(str, one['loc'])) or 'the document'}: {one['msg']}" for one in error.errors()
            )
            raise InvalidFaultsError(problems) from error

    @classmethod
    def load(cls, path: Path) -> "Faults":
        """Raises InvalidFaultsError, which then names the file."""
        try:
            return cls.parse(path.read_bytes())
        except (OSError, InvalidFaultsError) as error:
            raise InvalidFaultsError(f"{path}: {error}") from error


class FaultBook:
    """The rules in force and how often each was used. Every method may be called from any thread."""

    def __init__(self, faults: Faults | None = None, *, chance: Callable[[], float] = random.random) -> None:
        """`chance`: a number in [0, 1), drawn per chance of a rule with a probability."""
        self._lock = Lock()
        self._chance = chance
        self.set(faults or Faults())

    def set(self, faults: Faults) -> None:
        """Replaces all rules; their counts begin anew."""
        with self._lock:
            self._faults = faults
            self._chances = [0] * len(faults.faults)
            self._uses = [0] * len(faults.faults)

    def add(self, *rules: Fault) -> None:
        """Appends rules to those in force."""
        with self._lock:
            self._faults = self._faults.model_copy(update={"faults": (*self._faults.faults, *rules)})
            self._chances += [0] * len(rules)
            self._uses += [0] * len(rules)

    def clear(self) -> None:
        self.set(Faults())

    @property
    def clock_skew_ms(self) -> int:
        return self._faults.clock_skew_ms

    def told(self) -> dict[str, object]:
        """The rules, and per rule how often it struck."""
        with self._lock:
            return self._faults.model_dump(by_alias=True, mode="json") | {"used": list(self._uses)}

    def draw[T: Fault](self, kinds: tuple[type[T], ...], operation: str, stream_name: str = "") -> T | None:
        """The rule that strikes now, if any."""
        with self._lock:
            for index, rule in enumerate(self._faults.faults):
                if isinstance(rule, kinds) and _meant(rule, operation, stream_name) and self._strikes(index, rule):
                    return rule
        return None

    def _strikes(self, index: int, rule: Fault) -> bool:
        self._chances[index] += 1
        spent = rule.count is not None and self._uses[index] >= rule.count
        if spent or self._chances[index] <= rule.skip:
            return False
        if rule.probability < 1 and self._chance() >= rule.probability:
            return False
        self._uses[index] += 1
        return True


def _meant(rule: Fault, operation: str, stream_name: str) -> bool:
    return fnmatchcase(operation, rule.operation) and fnmatchcase(stream_name, rule.stream)
