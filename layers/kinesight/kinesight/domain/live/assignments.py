"""Which streams each live consumer reads: the conductor assigns them to slots, a consumer reads those of its slot."""

import heapq
import math
from collections.abc import Collection, Mapping

from kinesight.domain.model import Value
from kinesight.domain.ports import Versioned


class Assignment(Value):
    """The streams of a slot."""

    stream_arns: tuple[str, ...] = ()


def read_assignment(found: Versioned) -> Assignment:
    """Returns an empty assignment if there is none yet, or none that can be read."""
    return Assignment.stored(found.body) or Assignment()


def assign(
    weights: Mapping[str, float], current: Mapping[str, Collection[str]], most: float
) -> dict[str, tuple[str, ...]]:
    """Returns the streams of each slot that is needed, so that no slot with several streams weighs more than `most`.

    `weights` are those of all streams by ARN, `current` the streams of each slot so far. Streams keep their slot while
    it is needed and has room; others go to the slot that weighs least.
    """
    left = {arn: min(weight, most) for arn, weight in weights.items()}
    slots: dict[str, list[str]] = {_slot(number): [] for number in range(math.ceil(sum(left.values()) / most))}
    loads = dict.fromkeys(slots, 0.0)
    for slot, streams in slots.items():
        for arn in current.get(slot, ()):
            if arn in left and loads[slot] + left[arn] <= most:
                loads[slot] += left.pop(arn)
                streams.append(arn)
    heap = sorted((load, slot) for slot, load in loads.items())
    for arn, weight in sorted(left.items(), key=lambda one: (-one[1], one[0])):
        if not heap or (heap[0][0] and heap[0][0] + weight > most):
            heapq.heappush(heap, (0.0, _slot(len(slots))))
            slots[_slot(len(slots))] = []
        load, slot = heap[0]
        slots[slot].append(arn)
        heapq.heapreplace(heap, (load + weight, slot))
    return {slot: tuple(streams) for slot, streams in slots.items() if streams}


def _slot(number: int) -> str:
    return f"{number:04}"
