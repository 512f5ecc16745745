"""A fragment as PutMedia took it in, and the tags that mean something to the service."""

from dataclasses import dataclass, field
from fractions import Fraction

from kinesight.media.mkv import Tag, Track

IMAGE_GENERATION = "AWS_KINESISVIDEO_IMAGE_GENERATION"
IMAGE_PREFIX = "AWS_KINESISVIDEO_IMAGE_PREFIX"
NOTIFICATION = "AWS_KINESISVIDEO_NOTIFICATION"
END_OF_FRAGMENT = "AWS_KINESISVIDEO_END_OF_FRAGMENT"
EVENT_TAGS = frozenset({IMAGE_GENERATION, IMAGE_PREFIX, NOTIFICATION, END_OF_FRAGMENT})


@dataclass(frozen=True, slots=True)
class Block:
    """One frame; `offset_ms` counts from the cluster's timecode."""

    track_number: int
    offset_ms: Fraction
    keyframe: bool
    data: bytes


@dataclass(slots=True)
class IngestedFragment:
    """One whole fragment. `header`, `cluster` and `trailer` (its Tags) are bytes to be served again."""

    timecode: int
    timecode_ms: Fraction
    producer_ms: int
    header: bytes
    tracks: tuple[Track, ...]
    pieces: list[bytes] = field(default_factory=list)
    trailer: list[bytes] = field(default_factory=list)
    tags: list[Tag] = field(default_factory=list)
    blocks: list[Block] = field(default_factory=list)
    size_bytes: int = 0

    @property
    def cluster(self) -> bytes:
        return b"".join(self.pieces)

    @property
    def length_ms(self) -> int:
        """From the first frame to the end of the last, which lasts as long as its neighbours on average."""
        main_track = min((block.track_number for block in self.blocks), default=0)
        times = sorted(block.offset_ms for block in self.blocks if block.track_number == main_track)
        if len(times) < 2:
            return 0
        return round((times[-1] - times[0]) * Fraction(len(times), len(times) - 1))

    def has(self, tag_name: str) -> bool:
        return any(tag.name == tag_name for tag in self.tags)

    def value(self, tag_name: str) -> str:
        return next((tag.value for tag in self.tags if tag.name == tag_name), "")

    def custom_tags(self) -> dict[str, str]:
        return {tag.name: tag.value for tag in self.tags if tag.name not in EVENT_TAGS}
