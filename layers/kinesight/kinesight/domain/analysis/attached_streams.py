"""Selects the images of attached streams in a bucket to which others write, too."""

from collections.abc import Callable

from kinesight.domain.analysis.image_keys import parse_image_key
from kinesight.domain.errors import NotAKvsImageError, StreamGoneError
from kinesight.domain.ports import StreamDirectory
from kinesight.domain.streams.stream_settings import Feature, ManagedStreams

_CACHED_S = 60.0
"""KVS applies new settings after a minute, so an image of a stream that was just attached arrives later."""


class AttachedStreams:
    """Looks each stream up at most once in a minute."""

    def __init__(
        self, streams: StreamDirectory, managed: ManagedStreams, account_id: str, *, monotonic_s: Callable[[], float]
    ) -> None:
        self._streams = streams
        self._managed = managed
        self._account_id = account_id
        self._monotonic_s = monotonic_s
        self._cached: dict[str, tuple[float, bool]] = {}

    def owns(self, key: str) -> bool:
        """Returns whether the object is a KVS image of an attached stream.

        Raises StorageBusyError and what `StreamDirectory.describe` does, except StreamGoneError.
        """
        try:
            name = parse_image_key(key, self._account_id).stream_name
        except NotAKvsImageError:
            return False
        read_at_s, attached = self._cached.get(name, (float("-inf"), False))
        if self._monotonic_s() - read_at_s > _CACHED_S:
            attached = self._read(name)
            self._cached[name] = (self._monotonic_s(), attached)
        return attached

    def _read(self, name: str) -> bool:
        try:
            arn = self._streams.describe(name).arn
        except StreamGoneError:
            return False
        return self._managed.manages(Feature.IMAGE_GENERATION, arn)
