"""ARNs of streams by name, cached."""

from collections.abc import Callable

from kinesight.domain.ports import StreamDirectory

_CACHED_S = 600
"""A stream that is deleted and created again under its name gets another ARN."""


class StreamArns:
    """Looks an ARN up at most once per stream in ten minutes. A failure is cached as well: a frame without its stream's
    ARN is still analyzed."""

    def __init__(self, streams: StreamDirectory, *, monotonic_s: Callable[[], float]) -> None:
        self._streams = streams
        self._monotonic_s = monotonic_s
        self._cached: dict[str, tuple[float, str | None]] = {}

    def arn_of(self, stream_name: str) -> str | None:
        """Returns the ARN, or None if the stream is gone or DescribeStream failed."""
        read_at_s, arn = self._cached.get(stream_name, (float("-inf"), None))
        if self._monotonic_s() - read_at_s > _CACHED_S:
            arn = self._read(stream_name)
            self._cached[stream_name] = (self._monotonic_s(), arn)
        return arn

    def _read(self, stream_name: str) -> str | None:
        try:
            return self._streams.describe(stream_name).arn
        except Exception:  # noqa: BLE001 - whatever failed, the frame does not need its ARN
            return None
