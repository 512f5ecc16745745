"""A fragment as PutMedia ingests it, and the tags that the service evaluates."""

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
    """A complete fragment. `header`, `cluster` and `trailer` (its Tags) are the bytes that consumers get."""

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
        """The Cluster element."""
        return b"".join(self.pieces)

    @property
    def length_ms(self) -> int:
        """From the first frame to the end of the last one, whose duration is the average frame interval."""
        main_track = min((block.track_number for block in self.blocks), default=0)
        times = sorted(block.offset_ms for block in self.blocks if block.track_number == main_track)
        if len(times) < 2:
            return 0
        return round((times[-1] - times[0]) * Fraction(len(times), len(times) - 1))

    def has(self, tag_name: str) -> bool:
        """Whether the fragment has a tag of this name."""
        return any(tag.name == tag_name for tag in self.tags)

    def value(self, tag_name: str) -> str:
        """The value of a tag; "" without it."""
        return next((tag.value for tag in self.tags if tag.name == tag_name), "")

    def custom_tags(self) -> dict[str, str]:
        """The tags that the service does not evaluate."""
        return {tag.name: tag.value for tag in self.tags if tag.name not in EVENT_TAGS}
