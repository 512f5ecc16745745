"""Facts of one stream: plain values, the only input of `health.checks`.

Times are in epoch milliseconds, ages and spans in seconds. None means that something does not exist.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from kinesight.domain.live.leases import Lease


@dataclass(frozen=True, slots=True)
class HealthThresholds:
    """Limits beyond which a check fails, in seconds.

    `silent_s`: age of the last fragment. `clock_s`: difference between the camera's clock and KVS's. `image_s`: age of
    the first tagged fragment without an image. `queue_s`: age of the oldest message. `live_s`: lag of a live consumer.
    """

    silent_s: float = 300
    clock_s: float = 60
    image_s: float = 30
    queue_s: float = 900
    live_s: float = 120


@dataclass(frozen=True, slots=True)
class StreamFacts:
    """The response of DescribeStream; `arn` is None if there is no such stream."""

    name: str
    region: str
    arn: str | None = None
    status: str = ""
    retention_hours: int = 0
    version: str = ""
    kms_key_id: str = ""


@dataclass(frozen=True, slots=True)
class ConfigurationFacts:
    """A configuration of a stream, current and as the stack expects it; both in the form of the KVS API.

    `described`: what KVS returned after the stack had set it, if that was something else.
    """

    stream: str
    current: Mapping[str, Any] | None
    expected: Mapping[str, Any]
    described: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Fragment:
    """A fragment in the response of ListFragments."""

    number: str
    producer_ms: int
    server_ms: int
    length_ms: int


@dataclass(frozen=True, slots=True)
class FragmentsFacts:
    """The newest fragment of the last `searched_s`, by KVS's clock."""

    stream: str
    newest: Fragment | None
    searched_s: float
    now_ms: int
    silent_s: float


@dataclass(frozen=True, slots=True)
class ClockFacts:
    """`ahead_s`: how far the camera's clock is ahead of KVS's; negative if it is behind. `counts`: whether images have
    timestamps of the camera's clock."""

    stream: str
    ahead_s: float
    counts: bool
    clock_s: float


@dataclass(frozen=True, slots=True)
class LiveFacts:
    """A stream's lease. `leased`: whether the lease exists; `owner` is None while no consumer holds it.

    `behind_s`: from the checkpoint to the last fragment; None if either does not exist.
    """

    stream: str
    leased: bool
    owner: str | None
    behind_s: float | None
    live_s: float
    log_group: str

    @classmethod
    def of(
        cls, stream: str, lease: Lease | None, newest: Fragment | None, now_ms: int, *, live_s: float, log_group: str
    ) -> "LiveFacts":
        """Returns the facts of a lease. `newest`: the stream's last fragment."""
        behind_s = None
        if newest is not None and lease is not None:
            done_ms = lease.since_ms if lease.checkpoint is None else lease.checkpoint.server_ms
            behind_s = (newest.server_ms - done_ms) / 1000
        return cls(
            stream=stream,
            leased=lease is not None and not lease.retired,
            owner=None if lease is None or lease.is_free(now_ms) else lease.owner,
            behind_s=behind_s,
            live_s=live_s,
            log_group=log_group,
        )


@dataclass(frozen=True, slots=True)
class LastImageFacts:
    """When analyze_images last received an image of a stream with image generation, within five minutes; None if it
    never did. `missing_s`: age from which on the check fails."""

    stream: str
    seen_ms: int | None
    now_ms: int
    missing_s: float
