"""What is known of one stream, as plain values: stream_health judges these and nothing else.

Times are epoch milliseconds, ages and spans seconds. None stands for what does not exist.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from kinesight.domain.live.leases import Lease


@dataclass(frozen=True, slots=True)
class HealthThresholds:
    """From when on something counts as broken, in seconds.

    `silent_s`: since the last fragment. `clock_s`: between the camera's clock and KVS's. `image_s`: since the first
    tagged fragment, without an image. `queue_s`: of the oldest message. `live_s`: how far a live consumer is behind.
    """

    silent_s: float = 300
    clock_s: float = 60
    image_s: float = 30
    queue_s: float = 900
    live_s: float = 120


@dataclass(frozen=True, slots=True)
class StreamFacts:
    """As DescribeStream tells; `arn` is None if there is no such stream."""

    name: str
    region: str
    arn: str | None = None
    status: str = ""
    retention_hours: int = 0
    version: str = ""
    kms_key_id: str = ""


@dataclass(frozen=True, slots=True)
class ConfigurationFacts:
    """A configuration as the stream has it, and as the stack wants it; both as KVS's API has them."""

    stream: str
    current: Mapping[str, Any] | None
    wanted: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Fragment:
    """As ListFragments tells."""

    number: str
    producer_ms: int
    server_ms: int
    length_ms: int


@dataclass(frozen=True, slots=True)
class FragmentsFacts:
    """The newest fragment of the last `searched_s`, on the server's clock."""

    stream: str
    newest: Fragment | None
    searched_s: float
    now_ms: int
    silent_s: float


@dataclass(frozen=True, slots=True)
class ClockFacts:
    """`ahead_s`: how far the camera's clock is before KVS's; negative, behind. `counts`: whether images are timed by
    the camera's clock."""

    stream: str
    ahead_s: float
    counts: bool
    clock_s: float


@dataclass(frozen=True, slots=True)
class LiveFacts:
    """A stream's lease. `owner` is None while nobody has it; `leased`: whether there is one at all.

    `behind_s`: from the last fragment to the checkpoint, None without either.
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
        """`newest`: the stream's last fragment."""
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
class NotedImagesFacts:
    """When analyze_images last noted an image of a stream that is set up for them, within five minutes; None if it
    never did. `missing_s`: from when on it is told."""

    stream: str
    noted_ms: int | None
    now_ms: int
    missing_s: float
