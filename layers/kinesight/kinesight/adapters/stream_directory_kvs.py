"""StreamDirectory on KVS: DescribeStream, remembered."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from kinesight.adapters.aws_errors import AWS_ERRORS

if TYPE_CHECKING:
    from mypy_boto3_kinesisvideo import KinesisVideoClient

_KEPT_S = 600  # a stream deleted and made again under its name gets another ARN


class KvsStreamDirectory:
    """An ARN is worth having, not worth failing for: what can't be told now is None, and asked again later."""

    def __init__(self, client: KinesisVideoClient, *, monotonic_s: Callable[[], float]) -> None:
        self._client = client
        self._monotonic_s = monotonic_s
        self._known: dict[str, tuple[float, str | None]] = {}

    def stream_arn(self, stream_name: str) -> str | None:
        """At most one call per stream in ten minutes."""
        asked_at_s, arn = self._known.get(stream_name, (float("-inf"), None))
        if self._monotonic_s() - asked_at_s > _KEPT_S:
            arn = self._describe(stream_name)
            self._known[stream_name] = (self._monotonic_s(), arn)
        return arn

    def _describe(self, stream_name: str) -> str | None:
        try:
            return self._client.describe_stream(StreamName=stream_name)["StreamInfo"].get("StreamARN")
        except AWS_ERRORS:
            return None
