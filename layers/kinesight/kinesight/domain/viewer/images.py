"""The viewer's image of a camera: what it shows now, else the last one that something was seen in."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from kinesight.domain.errors import NoCameraImageError, NoRetentionError
from kinesight.domain.model import to_epoch_ms
from kinesight.domain.on_demand.windows import LEAST_INTERVAL_MS
from kinesight.domain.ports import ImageArchive, ImageRequest, ImageSpec
from kinesight.domain.streams.discovery import SelectionGuard
from kinesight.domain.viewer.cameras import RecordedFragments
from kinesight.domain.viewer.events import EventPages
from kinesight.domain.viewer.evidence import EvidenceBuckets, evidence_of

_RECENT_MS = 30_000
_AHEAD_MS = 60_000
_TRIES = 2
"""Fragments that an image is asked of: KVS lists one a moment before it makes images of it."""
_MOST_BYTES = 4_400_000
"""A function answers with at most 6 MB, in which an image takes a third more (Lambda quotas)."""
IMAGE_TYPES = ("image/jpeg", "image/png")
_WISH = ImageSpec("SERVER_TIMESTAMP", "JPEG")


@dataclass(frozen=True, slots=True)
class CameraImage:
    """`taken_ms`: epoch milliseconds, of KVS's clock where the image is a recent one, else the image's own."""

    data: bytes
    content_type: str
    taken_ms: int


@dataclass(frozen=True, slots=True)
class ImagePorts:
    """The outside world of an image."""

    selected: SelectionGuard
    fragments: RecordedFragments
    images: ImageArchive
    events: EventPages
    evidence_buckets: EvidenceBuckets
    now: Callable[[], datetime]


def recent_image(stream_name: str, ports: ImagePorts) -> CameraImage:
    """Of the last 30 s, else of the newest event. Raises StreamNotSelectedError, StreamGoneError, NoCameraImageError,
    StreamRefusedError, MediaBusyError, StorageBusyError."""
    ports.selected.check(stream_name)
    try:
        return _of_the_recording(stream_name, ports)
    except (NoCameraImageError, NoRetentionError) as error:
        found = _of_the_newest_event(stream_name, ports)
        if found is None:
            raise NoCameraImageError(f"{error}, and there is none of an event") from error
        return found


def _of_the_recording(stream_name: str, ports: ImagePorts) -> CameraImage:
    now_ms = to_epoch_ms(ports.now())
    found = ports.fragments.recorded(stream_name, now_ms - _RECENT_MS, now_ms + _AHEAD_MS)
    starts_ms = sorted({one.server_ms for one in found}, reverse=True)[:_TRIES]
    reason = "it sent nothing in the last 30 s"
    for start_ms in starts_ms:
        # One image, of the fragment's first keyframe.
        request = ImageRequest(start_ms, start_ms, LEAST_INTERVAL_MS, ())
        for image in ports.images.images(stream_name, request, _WISH):
            if image.data is not None and len(image.data) <= _MOST_BYTES:
                return CameraImage(image.data, "image/jpeg", image.at_ms)
            reason = f"KVS made no image of it ({image.reason or 'too large'})"
    raise NoCameraImageError(f"{stream_name}: {reason}")


def _of_the_newest_event(stream_name: str, ports: ImagePorts) -> CameraImage | None:
    """The image as the camera took it, or, where that has expired, with its boxes."""
    found = ports.events.of_stream(stream_name, None, None, 1).events
    if not found:
        return None
    evidence, keys = evidence_of(found[0], ports.evidence_buckets, ports.now()), found[0].document["keys"]
    for record in evidence.records([keys["record"]]):
        image, original = record.frame.image, evidence.original_key(record)
        candidates = [(ports.evidence_buckets.images.read(original) if original else None, image.content_type)]
        candidates.append((ports.evidence_buckets.evidence.read(evidence.folder + keys["image"]), "image/jpeg"))
        for data, content_type in candidates:
            if data is not None and content_type in IMAGE_TYPES and len(data) <= _MOST_BYTES:
                return CameraImage(data, content_type, to_epoch_ms(record.frame.image_timestamp))
    return None
