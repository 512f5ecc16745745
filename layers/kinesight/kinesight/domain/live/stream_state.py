"""State that the threads of one live stream share."""

from dataclasses import dataclass, field
from threading import Event

from kinesight.domain.live.counts import LiveCounts
from kinesight.domain.live.leases import HeldLease


@dataclass(frozen=True, slots=True)
class StreamState:
    """The lease on a stream, its counts, and the events that end its threads.

    `stop` ends reading; `abandon` ends also the fragments in flight; `failed` is set by an unexpected error.
    """

    held: HeldLease
    counts: LiveCounts
    stop: Event
    abandon: Event
    failed: Event = field(default_factory=Event)

    @property
    def name(self) -> str:
        """The stream's name."""
        return self.held.lease.stream_name

    @property
    def is_over(self) -> bool:
        """Whether no more fragments are to be read."""
        return self.stop.is_set() or self.is_lost

    @property
    def is_lost(self) -> bool:
        """Whether fragments in flight are to be given up too."""
        return self.abandon.is_set() or self.failed.is_set() or self.held.is_lost

    def warn(self, reason: str | Exception) -> None:
        """Adds a warning about this stream."""
        text = f"{type(reason).__name__}: {reason}" if isinstance(reason, Exception) else reason
        self.counts.warn(f"{self.name}: {text}")
