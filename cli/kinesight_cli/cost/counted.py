"""The estimate's formulas against the calls that a run really made."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from kinesight_cli.cost.lines import Item, Line

_OTHERS = {
    "s3:PutObject images": "KVS",
    "sqs:Queued ImagesQueue": "S3",
}
"""Who makes the calls that no function does."""


@dataclass(frozen=True, slots=True)
class Check:
    """Calls of one kind: as counted, and as estimated."""

    call: str
    counted: int
    estimated: float

    @property
    def difference_percent(self) -> float:
        """Of what was counted; a hundred if nothing was."""
        if not self.counted:
            return 100.0 if self.estimated else 0.0
        return 100 * (self.estimated - self.counted) / self.counted


def named(caller: str, service: str, operation: str, place: str) -> str:
    """A counted call as `Line.call` names it: kinesight-AnalyzeImagesFunction is analyze_images, tables and queues are
    called as in the template."""
    logical = re.sub(r"^kinesight-|-[A-Z0-9]{8,}$", "", place)
    call = f"{service}:{operation} {logical}".rstrip()
    verb = re.sub(r"(?<!^)(?=[A-Z])", "_", caller.removeprefix("kinesight-").removesuffix("Function")).lower()
    who = verb or _OTHERS.get(call, "")
    return f"{who} {call}".strip().replace("sqs:Queued", "sqs:SendMessage")


def checks(items: Iterable[Item], counted: Mapping[str, int]) -> list[Check]:
    """Of every call that depends on the pictures alone."""
    estimated: dict[str, float] = {}
    for item in items:
        if isinstance(item, Line) and item.of_pictures and item.call:
            estimated[item.call] = estimated.get(item.call, 0.0) + item.count
    return [Check(call, counted.get(call, 0), count) for call, count in estimated.items()]


def sent_again(counted: Mapping[str, int]) -> int:
    """Calls of functions that their SDKs repeated; AWS bills those that it answered."""
    return sum(count for call, count in counted.items() if " again" in call)
