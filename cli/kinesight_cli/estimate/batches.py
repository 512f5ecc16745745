"""What Lambda bills for batches: invocations, and the duration of items that an invocation works on side by side."""

import math
from dataclasses import dataclass, replace

from kinesight_cli.estimate.workload import MONTH_S, Workload

QUEUE_POLLERS = 5
"""Lambda starts with five pollers of a queue ("Using Lambda with Amazon SQS"). That each gathers a batch of its own is
assumed: AWS does not document it, and one batch for all would only cost less."""
_MOST_ITEMS = 300
"""Three times the largest batch whose items are worked on side by side."""


@dataclass(frozen=True, slots=True)
class Batch:
    """An event source mapping: at most `size` items per invocation, which each of its `pollers` gathers for `window_s`
    seconds."""

    size: int
    window_s: float = 0.0
    pollers: int = 1

    def gathered(self, items_a_second: float) -> float:
        """Returns the items of an invocation: a window starts with its first item."""
        return min(float(self.size), 1 + items_a_second / self.pollers * self.window_s)

    def invocations(self, items: float, shards: int = 1) -> float:
        """Returns the invocations per month for the items of a month."""
        return items / self.gathered(items / MONTH_S / shards)


@dataclass(frozen=True, slots=True)
class ImageBatch:
    """Images that one invocation analyzes, `at_once` side by side.

    `sent` and `followed`: share of the images that the detector and followUp.detector analyze, the latter by `calls`
    calls, one after the other.
    """

    images: float
    at_once: int
    sent: float
    followed: float = 0.0
    calls: float = 1.0

    def seconds(self, workload: Workload) -> float:
        """Returns the duration of the invocation, of which each wave takes as long as its slowest image."""
        whole, rest = divmod(self.images, self.at_once)
        seconds = whole * self._wave_s(self.at_once, workload)
        return seconds + (min(1.0, rest) * self._wave_s(max(1.0, rest), workload) if rest else 0.0)

    def _wave_s(self, images: float, workload: Workload) -> float:
        calls = _any_of(self.sent, images) + self.calls * _any_of(self.followed, images)
        further_s = workload.further_image_seconds * max(0.0, images - 1)
        return workload.image_seconds + further_s + workload.detector_seconds * calls

    def keeping_up(
        self, images_a_second: float, source: Batch, most_functions: int, workload: Workload
    ) -> "ImageBatch":
        """Returns this batch, or the smallest larger one with which this many functions analyze images as they arrive.

        Images that wait in the queue fill the batches, up to those of the source's size.
        """
        batch = replace(self, images=min(self.images, source.size))
        while batch.images < source.size and images_a_second / batch.images * batch.seconds(workload) > most_functions:
            batch = replace(batch, images=min(batch.images + 1, source.size))
        return batch


def waves(items: float, at_once: int) -> float:
    """Returns how many waves an invocation works in on average, if its number of items varies around `items` (Poisson):
    one more whenever there are more items than the waves before can take."""
    total, below, probability = 0.0, 0.0, math.exp(-items)
    for count in range(_MOST_ITEMS):
        below += probability
        if count % at_once == 0:
            total += max(0.0, 1 - below)
        probability *= items / (count + 1)
    return total


def with_any(batches: float, groups: float, items: float) -> float:
    """Returns the number of pairs of a batch and a group of which the batch has an item. Items are spread evenly."""
    pairs = batches * groups
    return pairs * -math.expm1(-items / pairs) if pairs else 0.0


def _any_of(share: float, items: float) -> float:
    """Returns the probability that at least one of the items is among this share."""
    return float(1 - (1 - min(1.0, share)) ** items)
