"""Compares the calls of a run with the formulas of the estimate."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from kinesight_cli.estimate.lines import Item, Line

_SERVICE_CALLERS = {
    "s3:PutObject images": "KVS",
    "sqs:Queued ImagesQueue": "S3",
}
"""AWS service that makes a call, of calls that no function makes."""


@dataclass(frozen=True, slots=True)
class CallComparison:
    """Calls of one kind: the counted number and the estimated one."""

    call: str
    counted: int
    estimated: float

    @property
    def difference_percent(self) -> float:
        """Difference in percent of the counted number; 100 if nothing was counted."""
        if not self.counted:
            return 100.0 if self.estimated else 0.0
        return 100 * (self.estimated - self.counted) / self.counted


def call_name(caller: str, service: str, operation: str, place: str) -> str:
    """Returns the name of a counted call as in `Line.call`: kinesight-AnalyzeImagesFunction becomes analyze_images,
    tables and queues become their logical ids."""
    logical = re.sub(r"^kinesight-|-[A-Z0-9]{8,}$", "", place)
    call = f"{service}:{operation} {logical}".rstrip()
    verb = re.sub(r"(?<!^)(?=[A-Z])", "_", caller.removeprefix("kinesight-").removesuffix("Function")).lower()
    who = verb or _SERVICE_CALLERS.get(call, "")
    return f"{who} {call}".strip().replace("sqs:Queued", "sqs:SendMessage")


def compare_calls(items: Iterable[Item], counted: Mapping[str, int]) -> list[CallComparison]:
    """Returns a comparison for every call whose number depends only on the images."""
    estimated: dict[str, float] = {}
    for item in items:
        if isinstance(item, Line) and item.of_images and item.call:
            estimated[item.call] = estimated.get(item.call, 0.0) + item.count
    return [CallComparison(call, counted.get(call, 0), count) for call, count in estimated.items()]


def repeated_calls(counted: Mapping[str, int]) -> int:
    """Returns the number of calls that the SDKs of functions repeated; AWS bills those that it answered."""
    return sum(count for call, count in counted.items() if " again" in call)
