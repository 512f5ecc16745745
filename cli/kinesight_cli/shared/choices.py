"""The choices of a person, and the parameters and the configuration document that follow from them."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from typing import Any, Self

from kinesight.domain.errors import InvalidSettingError
from kinesight.domain.streams.selection import StreamSelection

from kinesight_cli.shared.errors import CommandError

DEFAULT_LABELS = "Person"
_BUDGET_USD_PER_CAMERA = Decimal("2.50")
_SAMPLING_INTERVAL_MS = 10_000
"""With it and the gate, the budget of a usual camera lasts all day. If a tenth of its 8,640 images have changed, the
gate passes these and one a minute of the others: 2,160 calls, in the scenes of benchmarks/gate.py up to 2,330."""
_NAMES = re.compile(r"[a-zA-Z0-9_.*?-]+(,[a-zA-Z0-9_.*?-]+){0,9}")
_LONGEST_NAMES = 320
_LONGEST_TAGS = 200
_LONGEST_LABELS = 200
_LARGEST_USD = 1_000_000
_EMAIL = re.compile(r"[^@\s,]+@[^@\s,.]+([.][^@\s,.]+)+")


class ChoiceError(CommandError):
    """A choice that cannot be used."""


class Producers(StrEnum):
    """Whether the producers of the cameras tag fragments for image generation."""

    TAG = "tag"
    DONT_TAG = "dont-tag"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Choices:
    """`streams`: names and globs, separated by commas. `tags`: as TagFilters. `daily_budget_usd`: None for no limit."""

    streams: str
    tags: str
    producers: Producers
    labels: str
    email: str
    daily_budget_usd: Decimal | None

    @classmethod
    def default(cls, cameras: int = 1) -> Self:
        """Returns the choices for all streams of an account, of which nothing but their number is known."""
        budget = daily_budget(default_budget(cameras))
        return cls("*", "", Producers.UNKNOWN, labels(DEFAULT_LABELS), "", budget)

    @property
    def selection(self) -> StreamSelection:
        """Which streams are meant."""
        return StreamSelection.read([name for name in self.streams.split(",") if name], self.tags)

    def parameters(self) -> dict[str, str]:
        """Template parameters, empty ones too. Streams are read live unless producers tag: that works with every
        producer."""
        tags = self.producers is Producers.TAG
        return {
            "StreamNames": self.streams,
            "TagFilters": self.tags,
            "ImageGenerationStatus": "ENABLED" if tags else "DISABLED",
            **({"SamplingInterval": f"{_SAMPLING_INTERVAL_MS}"} if tags else {}),
            "LiveStatus": "DISABLED" if tags else "ENABLED",
            "Labels": self.labels,
            "AlertEmail": self.email,
            "DailyBudgetUsd": "" if self.daily_budget_usd is None else f"{self.daily_budget_usd:f}",
        }

    def document(self) -> Mapping[str, Any]:
        """A configuration document: the gate keeps unchanged images from the detector, and few keyframes get to it."""
        defaults: dict[str, Any] = {"gate": {"mode": "ON"}}
        if self.producers is not Producers.TAG:
            defaults["live"] = {"samplingInterval": _SAMPLING_INTERVAL_MS}
        return {"schemaVersion": 1, "defaults": defaults, "cameras": []}


def stream_names(text: str) -> str:
    """Names and globs, separated by commas. Raises ChoiceError."""
    names = ",".join(part.strip() for part in text.split(",") if part.strip())
    if names and (_NAMES.fullmatch(names) is None or len(names) > _LONGEST_NAMES):
        raise ChoiceError(
            f"{text!r} is not a list of at most ten stream names or globs, separated by commas, such as "
            f"front-door,parking-* (at most {_LONGEST_NAMES} characters; a glob can stand for many names)"
        )
    return names


def tag_filters(text: str) -> str:
    """Location=Front|Parking,Floor=1. Raises ChoiceError."""
    try:
        StreamSelection.read([], text)
    except InvalidSettingError as error:
        raise ChoiceError(str(error)) from error
    if len(text.strip()) > _LONGEST_TAGS:
        raise ChoiceError(f"tags have at most {_LONGEST_TAGS} characters: give the streams a common tag")
    return text.strip()


def labels(text: str) -> str:
    """Labels, separated by commas; none for every label. Raises ChoiceError."""
    found = ",".join(part.strip() for part in text.split(",") if part.strip())
    if len(found) > _LONGEST_LABELS:
        raise ChoiceError(f"labels have at most {_LONGEST_LABELS} characters; use rules of the document for more")
    return found


def email(text: str) -> str:
    """An address, or nothing. Raises ChoiceError."""
    if text.strip() and _EMAIL.fullmatch(text.strip()) is None:
        raise ChoiceError(f"{text!r} is not an e-mail address")
    return text.strip()


def default_budget(cameras: int) -> str:
    """US dollars a day for so many cameras, as text."""
    return f"{max(1, cameras) * _BUDGET_USD_PER_CAMERA}"


def daily_budget(text: str) -> Decimal | None:
    """US dollars with at most two decimals; nothing, or none, for no limit. Raises ChoiceError."""
    if text.strip().casefold() in ("", "none"):
        return None
    try:
        usd = Decimal(text.strip().removeprefix("$"))
    except InvalidOperation:
        usd = Decimal(-1)
    if not usd.is_finite() or usd.is_signed() or usd > _LARGEST_USD or usd != usd.quantize(Decimal("0.01")):
        raise ChoiceError(f"{text!r} is not an amount of US dollars, such as 2.50")
    return usd
