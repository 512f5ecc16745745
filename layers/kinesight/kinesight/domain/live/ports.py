"""Ports of the live consumers."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from kinesight.media.fragments import MediaErrorNotice, MediaFragment
from kinesight.media.selection import Keyframe


@dataclass(frozen=True, slots=True)
class LiveStart:
    """Where to begin to read: behind a fragment, or else at the first one that is left from a moment of the server's
    clock on."""

    after_fragment: str | None = None
    since_ms: int = 0


class LiveMedia(Protocol):
    """A stream as it is recorded."""

    def read(self, stream_name: str, start: LiveStart) -> Iterator[MediaFragment | MediaErrorNotice]:
        """Fragments in their order, until KVS has had nothing new for three seconds.

        Raises MediaBusyError, EvidenceGoneError if the fragment to begin behind is known no more, StreamGoneError, and
        UnreadableMediaError at a fragment that can't be read, after all before it.
        """


class KeyframeConverter(Protocol):
    """Makes pictures of keyframes; safe for threads."""

    def still(self, keyframe: Keyframe) -> bytes:
        """A JPEG. Raises UnsupportedImageError."""


class ConsumerStarter(Protocol):
    """Starts live consumers."""

    def start(self, slot: str, share: int) -> None:
        """One that takes up to `share` streams, beside this. Raises ThrottledError, WorkflowRefusedError."""
