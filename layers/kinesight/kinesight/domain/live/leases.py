"""Leases on streams: which consumer reads a stream, and up to which fragment it is analyzed.

A lease is a versioned document whose version is a fencing token: a change is conditional on the version that was read,
so a consumer that lost its lease can neither renew it nor move its checkpoint. Leases expire by the wall clocks of the
consumers, which AWS synchronizes within milliseconds; a holder stops before its lease expires.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from threading import Lock
from typing import Annotated

from pydantic import AfterValidator, Field

from kinesight.domain.errors import LeaseLostError
from kinesight.domain.model import Value
from kinesight.domain.ports import Versioned, VersionedDocuments

_MOST_STATE_BYTES = 1024
_KEY_BYTES = 60
"""Names and version of a stored lease, roughly."""


def _of_a_kilobyte(state: str) -> str:
    if len(state.encode()) > _MOST_STATE_BYTES:
        raise ValueError(f"the state of a consumer has at most {_MOST_STATE_BYTES} bytes")
    return state


class LiveCheckpoint(Value):
    """Last analyzed fragment; all fragments before it are analyzed too. `server_ms` is its start in server time,
    `sampler_state` the state of the sampler after it, `consumer_state` whatever else the consumer has to know after it:
    at most 1 KB, which only consumers read."""

    fragment_number: str
    server_ms: int
    sampler_state: int
    consumer_state: Annotated[str, AfterValidator(_of_a_kilobyte)] = ""


class Lease(Value):
    """Lease on a stream. Reading starts at `since_ms` while there is no checkpoint. A retired stream is not read.
    `weight` is the stream's share of a consumer: limits.liveStreamsPerConsumer streams of weight 1 fill one."""

    stream_arn: str
    stream_name: str
    since_ms: int
    owner: str | None = None
    expires_at_ms: int = 0
    checkpoint: LiveCheckpoint | None = None
    retired: bool = False
    weight: float = Field(default=1.0, gt=0, allow_inf_nan=False)

    def is_free(self, now_ms: int) -> bool:
        return not self.retired and (self.owner is None or self.expires_at_ms <= now_ms)


@dataclass(frozen=True, slots=True)
class LeaseClock:
    """`now_ms` returns epoch milliseconds; `lasts_ms` is the time until a lease expires unless it is renewed."""

    now_ms: Callable[[], int]
    lasts_ms: int


class HeldLease:
    """A lease that this consumer holds; safe for threads. `kilobytes` is its stored size: the started ones, each of
    which is a write unit."""

    def __init__(self, lease: Lease, version: int, documents: VersionedDocuments, clock: LeaseClock) -> None:
        self._lease = lease
        self._version = version
        self._documents = documents
        self._clock = clock
        self._lock = Lock()
        self._lost = False
        self._weight = lease.weight
        self.kilobytes = 1

    @property
    def lease(self) -> Lease:
        return self._lease

    @property
    def is_lost(self) -> bool:
        """Whether another consumer has the lease, or may have it because it was not renewed in time."""
        return self._lost or self._clock.now_ms() >= self._lease.expires_at_ms

    @property
    def why_lost(self) -> str:
        return "another consumer took it" if self._lost else "it expired before it was renewed"

    def now_ms(self) -> int:
        """Returns the time of the lease's clock in epoch milliseconds."""
        return self._clock.now_ms()

    def weigh(self, weight: float) -> None:
        """Sets the stream's weight, above 0; it is stored with the next checkpoint or renewal."""
        self._weight = weight

    def renew(self) -> None:
        """Renews the lease. Raises LeaseLostError, StorageBusyError."""
        self._change({})

    def move(self, checkpoint: LiveCheckpoint) -> None:
        """Moves the checkpoint, which renews the lease too. Raises LeaseLostError, StorageBusyError."""
        self._change({"checkpoint": checkpoint})

    def release(self) -> None:
        """Releases the lease, so that another consumer can take it. Raises LeaseLostError, StorageBusyError."""
        self._change({"owner": None}, lasts_ms=0)
        self._lost = True

    def _change(self, update: Mapping[str, object], lasts_ms: int | None = None) -> None:
        with self._lock:
            if self.is_lost:
                raise LeaseLostError(f"the lease on {self._lease.stream_name} expired")
            expires_at_ms = self._clock.now_ms() + (self._clock.lasts_ms if lasts_ms is None else lasts_ms)
            new = {"expires_at_ms": expires_at_ms, "weight": self._weight, **update}
            changed = self._lease.model_copy(update=new)
            body = changed.model_dump_json()
            self.kilobytes = -(-(len(body.encode()) + len(changed.stream_arn) + _KEY_BYTES) // 1024)
            if not self._documents.save(changed.stream_arn, body, self._version):
                self._lost = True
                raise LeaseLostError(f"another consumer took the lease on {self._lease.stream_name}")
            self._lease, self._version = changed, self._version + 1


def all_leases(documents: VersionedDocuments) -> dict[str, tuple[Lease, int]]:
    """Returns (lease, version) by stream ARN, of those that can be read. Raises StorageBusyError."""
    return readable(documents.all())


def readable(found: Mapping[str, Versioned]) -> dict[str, tuple[Lease, int]]:
    """Returns (lease, version) of the documents that this version can read."""
    return {key: (lease, one.version) for key, one in found.items() if (lease := Lease.stored(one.body)) is not None}


def take(owner: str, lease: Lease, version: int, documents: VersionedDocuments, clock: LeaseClock) -> HeldLease | None:
    """Takes a lease; None if it is not free, or if another consumer took it first. Raises StorageBusyError."""
    now_ms = clock.now_ms()
    if not lease.is_free(now_ms):
        return None
    mine = lease.model_copy(update={"owner": owner, "expires_at_ms": now_ms + clock.lasts_ms})
    if not documents.save(lease.stream_arn, mine.model_dump_json(), version):
        return None
    return HeldLease(mine, version + 1, documents, clock)
