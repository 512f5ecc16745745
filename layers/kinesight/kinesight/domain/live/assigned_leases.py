"""The leases that the conductor assigned to a consumer, and when it tries to take those that it does not hold.

A lease that another consumer holds, usually the predecessor in the slot, is read again every few seconds at random
times, and when it expires.
"""

import random
from collections.abc import Callable, Collection, Container

from kinesight.domain.live.leases import HeldLease, Lease, LeaseClock, take
from kinesight.domain.ports import VersionedDocuments

_AGAIN_MS = (3_000, 6_000)
_SOON_MS = (200, 1_000)
"""After a lease expires."""


class AssignedLeases:
    """`assigned` returns the ARNs of the streams that are assigned now."""

    def __init__(
        self, owner: str, assigned: Callable[[], Collection[str]], documents: VersionedDocuments, clock: LeaseClock
    ) -> None:
        self._owner = owner
        self._assigned = assigned
        self._documents = documents
        self._clock = clock
        self._try_at_ms: dict[str, int] = {}
        self._read_at_ms = 0

    def refresh(self) -> None:
        """Reads the assignment, every few seconds. Raises StorageBusyError."""
        now_ms = self._clock.now_ms()
        if now_ms < self._read_at_ms:
            return
        self._read_at_ms = now_ms + random.randint(*_AGAIN_MS)
        self._try_at_ms = {arn: self._try_at_ms.get(arn, now_ms) for arn in self._assigned()}

    def __contains__(self, stream_arn: object) -> bool:
        return stream_arn in self._try_at_ms

    def due(self, held: Container[str]) -> list[str]:
        """Returns the streams to try now, without those in `held`."""
        now_ms = self._clock.now_ms()
        return [arn for arn, try_at_ms in self._try_at_ms.items() if try_at_ms <= now_ms and arn not in held]

    def take(self, stream_arn: str) -> tuple[Lease, HeldLease] | None:
        """Returns a lease as it was before and as it is held; None if it is not free. Raises StorageBusyError."""
        now_ms = self._clock.now_ms()
        self._try_at_ms[stream_arn] = now_ms + random.randint(*_AGAIN_MS)
        found = self._documents.load(stream_arn)
        lease = Lease.stored(found.body)
        if lease is None:
            return None
        held = take(self._owner, lease, found.version, self._documents, self._clock)
        if held is not None:
            return lease, held
        if lease.expires_at_ms > now_ms:
            soon_ms = lease.expires_at_ms + random.randint(*_SOON_MS)
            self._try_at_ms[stream_arn] = min(self._try_at_ms[stream_arn], soon_ms)
        return None
