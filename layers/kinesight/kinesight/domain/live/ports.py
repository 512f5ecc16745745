"""Ports of the live consumers."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol

from kinesight.domain.analysis.pipeline import DetectionPorts, FrameAnalysis
from kinesight.domain.ports import DeadLetters, WorkStore
from kinesight.media.fragments import MediaErrorNotice, MediaFragment
from kinesight.media.selection import Keyframe


@dataclass(frozen=True, slots=True)
class LiveStart:
    """Where reading starts: after a fragment, or else at the first stored fragment from `since_ms` on (server time,
    epoch milliseconds)."""

    after_fragment: str | None = None
    since_ms: int = 0


class LiveMedia(Protocol):
    """Reads a stream while it is recorded."""

    def read(self, stream_name: str, start: LiveStart) -> Iterator[MediaFragment | MediaErrorNotice]:
        """Yields fragments in order, until KVS has no new fragment for three seconds.

        Raises MediaBusyError, StreamGoneError, EvidenceGoneError if the fragment to start after is not stored any more,
        and UnreadableMediaError at a malformed fragment, after yielding all fragments before it.
        """


class KeyframeConverter(Protocol):
    """Converts keyframes to images; safe for threads."""

    def to_jpeg(self, keyframe: Keyframe) -> bytes:
        """Returns a JPEG. Raises UnsupportedImageError."""


class ConsumerStarter(Protocol):
    """Starts live consumers."""

    def start(self, slot: str, share: int) -> None:
        """Starts the consumer of a slot of `share` streams asynchronously. Raises ThrottledError,
        WorkflowRefusedError."""


@dataclass(frozen=True, slots=True)
class LivePorts:
    """Ports of a live stream. `now_ms` returns epoch milliseconds. `log_frame` is called for each finished keyframe,
    from any thread."""

    media: LiveMedia
    stills: KeyframeConverter
    work: WorkStore
    detection: DetectionPorts
    dead_letters: DeadLetters
    now_ms: Callable[[], int]
    log_frame: Callable[[FrameAnalysis], None] = lambda _analysis: None
