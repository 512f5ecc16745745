"""The day's budget of paid calls, for the stack and for each stream.

A call is reserved before it is made, by one conditional write for each limit, so that however many functions call at
once, what is reserved never passes a limit. Days are UTC's.

Up to the soft percentage of a limit, calls go as they come. From there on they are spread over the day: what is spent
may not pass a straight line that begins with the day at the soft percentage and reaches the limit when the day ends.
The line depends on the clock alone, so no one has to agree on when it was met, or on which image is the n-th.
"""

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace

from kinesight.domain.detectors.ports import SpendCounters
from kinesight.domain.errors import BudgetReachedError, KinesightError, StorageBusyError
from kinesight.domain.model import from_epoch_ms

DAY_MS = 86_400_000
_STACK = "stack"


@dataclass(frozen=True, slots=True)
class BudgetLimits:
    """Micro-dollars a day, None for no limit. `soft_percent`: 0 spreads all of it over the day, 100 nothing."""

    stack: int | None
    stream: int | None
    soft_percent: int

    @property
    def is_set(self) -> bool:
        return self.stack is not None or self.stream is not None


@dataclass(frozen=True, slots=True)
class Reservation:
    """Micro-dollars that are counted on a day (2026-11-21) by some counters."""

    day: str
    micro_usd: int
    counters: tuple[str, ...] = ()


def allowance(limit: int, soft_percent: int, day_ms: int) -> int:
    """What may be spent up to a moment of the day (milliseconds since midnight), in the unit of the limit."""
    soft = limit * soft_percent // 100
    return soft + (limit - soft) * day_ms // DAY_MS


class Budget:
    """`now_ms`: the present, epoch milliseconds."""

    def __init__(self, limits: BudgetLimits, counters: SpendCounters, now_ms: Callable[[], int]) -> None:
        self._limits = limits
        self._counters = counters
        self._now_ms = now_ms

    def reserve(self, stream_name: str, micro_usd: int) -> Reservation:
        """Raises BudgetReachedError, and StorageBusyError if the spend cannot be read; then nothing is reserved."""
        now_ms = self._now_ms()
        reservation = Reservation(f"{from_epoch_ms(now_ms):%Y-%m-%d}", micro_usd)
        for counter, limit in self._limited(stream_name):
            try:
                self._take(counter, limit, reservation, now_ms % DAY_MS)
            except KinesightError:
                # Given back at once, so that others don't find a limit reached that is not.
                with suppress(StorageBusyError):
                    self.settle(reservation, 0)
                raise
            reservation = replace(reservation, counters=(*reservation.counters, counter))
        return reservation

    def is_reached(self, stream_name: str, micro_usd: int) -> bool:
        """Whether nothing is left today for a call of this price. Raises StorageBusyError."""
        if not micro_usd:
            return False
        try:
            reservation = self.reserve(stream_name, micro_usd)
        except BudgetReachedError as reached:
            return reached.is_hard
        with suppress(StorageBusyError):
            self.settle(reservation, 0)
        return False

    def settle(self, reservation: Reservation, micro_usd: int) -> None:
        """Counts what the call has cost instead of what was reserved; 0 gives all of it back.

        Raises StorageBusyError; then the reservation may stand.
        """
        difference = micro_usd - reservation.micro_usd
        failures = []
        for counter in reservation.counters if difference else ():
            try:
                self._counters.correct(counter, reservation.day, difference, calls=0 if micro_usd else -1)
            except StorageBusyError as error:
                failures.append(error)
        if failures:
            raise failures[0]

    def _limited(self, stream_name: str) -> Iterator[tuple[str, int]]:
        """The stream first: then the stack's counter, which all share, is written only for calls that a stream has
        left."""
        if self._limits.stream is not None:
            yield f"stream#{stream_name}", self._limits.stream
        if self._limits.stack is not None:
            yield _STACK, self._limits.stack

    def _take(self, counter: str, limit: int, reservation: Reservation, day_ms: int) -> None:
        most = allowance(limit, self._limits.soft_percent, day_ms)
        spent = self._counters.reserve(counter, reservation.day, reservation.micro_usd, most)
        if not spent.is_granted:
            raise BudgetReachedError(
                counter, spent.micro_usd, limit, is_hard=spent.micro_usd + reservation.micro_usd > limit
            )
