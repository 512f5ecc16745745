"""The documented quotas (developer guide, "Quotas"), for servers that enforce them.

Calls and points per second are token buckets with a capacity of one second. AWS does not document its windows, so it
may handle bursts near the limit differently.
"""

import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Lock
from typing import Any

from kinesight_local.kvs.exceptions import (
    AccountStreamLimitExceededError,
    ClientLimitExceededError,
    ConnectionLimitExceededError,
)

_PER_ACCOUNT = {"DescribeStream": 300, "GetDataEndpoint": 300}
_DEFAULT_PER_ACCOUNT = 50
_PER_STREAM = {"GetHLSStreamingSessionURL": 25, "GetDASHStreamingSessionURL": 25}
_DEFAULT_PER_STREAM = 5
_BY_POINTS = frozenset({"ListFragments", "GetMediaForFragmentList", "GetImages", "GetClip"})
_DATA_PLANE = _BY_POINTS | {"GetMedia", "PutMedia", "GetHLSStreamingSessionURL", "GetDASHStreamingSessionURL"}


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits; the defaults are those of a new account."""

    streams: int = 10_000
    put_media_connections: int = 1
    get_media_connections: int = 3
    fragment_list_connections: int = 5
    metadata_points_per_s: int = 10_000
    media_points_per_s: int = 500
    put_media_bytes_per_s: int = 12_500_000
    media_bytes_per_s: int = 25_000_000
    fragments_per_s: int = 5

    def connections(self, operation: str) -> int | None:
        """The maximum of open connections per stream; None without a limit."""
        return {
            "PutMedia": self.put_media_connections,
            "GetMedia": self.get_media_connections,
            "GetMediaForFragmentList": self.fragment_list_connections,
        }.get(operation)


class _Bucket:
    """Starts full; refills with `rate` per second."""

    def __init__(self, rate: float, now_s: float) -> None:
        self._rate = rate
        self._level = float(rate)
        self._at_s = now_s

    def take(self, amount: float, now_s: float) -> bool:
        """False if less than `amount` is left."""
        self._level = min(self._rate, self._level + (now_s - self._at_s) * self._rate)
        self._at_s = now_s
        if amount > self._level:
            return False
        self._level -= amount
        return True


class Quotas:
    """Counts calls, points and connections. Every method may be called from any thread."""

    def __init__(self, limits: Limits | None, *, clock: Callable[[], float] = time.monotonic) -> None:
        """`limits`: None enforces nothing."""
        self.limits = limits
        self._clock = clock
        self._lock = Lock()
        self._buckets: dict[tuple[str, str], _Bucket] = {}
        self._open: defaultdict[tuple[str, str], int] = defaultdict(int)

    def check_streams(self, existing: int) -> None:
        """Raises AccountStreamLimitExceededError if the account has the maximum of streams."""
        if self.limits is not None and existing >= self.limits.streams:
            raise AccountStreamLimitExceededError(f"The account has {existing} streams, its limit.")

    def charge_call(self, operation: str, stream_arn: str | None) -> None:
        """Raises ClientLimitExceededError."""
        if self.limits is None or operation in _BY_POINTS:
            return
        if operation not in _DATA_PLANE:
            self._take(operation, "account", 1, _PER_ACCOUNT.get(operation, _DEFAULT_PER_ACCOUNT))
        if stream_arn is not None:
            self._take(operation, stream_arn, 1, _PER_STREAM.get(operation, _DEFAULT_PER_STREAM))

    def charge_points(self, stream_arn: str, *, metadata: int = 0, media: int = 0) -> None:
        """Points of archived media, shared by all callers of a stream. Raises ClientLimitExceededError."""
        if self.limits is None:
            return
        for kind, points, rate in (
            ("metadata points", metadata, self.limits.metadata_points_per_s),
            ("media points", media, self.limits.media_points_per_s),
        ):
            if points:
                self._take(kind, stream_arn, min(points, rate), rate)

    def charge_session(self, token: str, *, is_playlist: bool) -> None:
        """For a file of an HLS session: 5 playlists and 20 segments per second. Raises ClientLimitExceededError."""
        if self.limits is not None:
            kind, rate = ("playlists", 5) if is_playlist else ("segments", 20)
            self._take(kind, token, 1, rate)

    @contextmanager
    def connection(self, operation: str, stream_arn: str) -> Iterator[None]:
        """Counts a connection while it is open. Raises ConnectionLimitExceededError."""
        self.connect(operation, stream_arn)
        try:
            yield
        finally:
            self.disconnect(operation, stream_arn)

    def connect(self, operation: str, stream_arn: str) -> None:
        """Raises ConnectionLimitExceededError, or ClientLimitExceededError for operations without that error."""
        most = self.limits.connections(operation) if self.limits is not None else None
        with self._lock:
            if most is not None and self._open[operation, stream_arn] >= most:
                error = ClientLimitExceededError if operation.endswith("List") else ConnectionLimitExceededError
                raise error(f"{operation} has {most} open connections on this stream, its limit.")
            self._open[operation, stream_arn] += 1

    def disconnect(self, operation: str, stream_arn: str) -> None:
        """Ends `connect`."""
        with self._lock:
            self._open[operation, stream_arn] -= 1

    def _take(self, kind: str, owner: str, amount: float, rate: float) -> None:
        with self._lock:
            now_s = self._clock()
            bucket = self._buckets.setdefault((kind, owner), _Bucket(rate, now_s))
            if not bucket.take(amount, now_s):
                raise ClientLimitExceededError(f"{kind}: more than {rate:g} per second.")


def points_of(operation: str, parameters: Mapping[str, Any]) -> dict[str, int]:
    """The points that a call of archived media costs in advance. GetClip's cost depends on the fragments it finds."""
    match operation:
        case "ListFragments":
            return {"metadata": parameters.get("MaxResults") or 100}
        case "GetMediaForFragmentList":
            return {"media": len(parameters["Fragments"])}
        case "GetImages":
            images = min(parameters.get("MaxResults") or 25, 100)
            return {"metadata": 400 + images, "media": images}
    return {}
