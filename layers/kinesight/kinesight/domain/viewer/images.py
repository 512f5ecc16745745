"""The viewer's image of a camera: a recent one, or else the image of its newest session."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from kinesight.domain.errors import NoCameraImageError, NoRetentionError
from kinesight.domain.model import to_epoch_ms
from kinesight.domain.on_demand.windows import LEAST_INTERVAL_MS
from kinesight.domain.ports import ImageArchive, ImageRequest, ImageSpec, SlotImage
from kinesight.domain.streams.discovery import SelectionGuard
from kinesight.domain.viewer.cameras import RecordedFragments
from kinesight.domain.viewer.evidence import EvidenceBuckets, evidence_of
from kinesight.domain.viewer.sessions import SessionPages

_RECENT_MS = 30_000
_AHEAD_MS = 60_000
_TRIES = 2
"""Fragments to try: KVS lists a fragment a moment before it generates images from it."""
_MOST_BYTES = 4_400_000
"""A Lambda response has at most 6 MB, and base64 adds a third to an image (Lambda quotas)."""
IMAGE_TYPES = ("image/jpeg", "image/png")
_SPEC = ImageSpec("SERVER_TIMESTAMP", "JPEG")


@dataclass(frozen=True, slots=True)
class CameraImage:
    """`taken_ms` is in epoch milliseconds: KVS's clock for a recent image, the image's own timestamp otherwise."""

    data: bytes
    content_type: str
    taken_ms: int


@dataclass(frozen=True, slots=True)
class CameraImagePorts:
    """Ports of a camera's image."""

    selected: SelectionGuard
    fragments: RecordedFragments
    archive: ImageArchive
    sessions: SessionPages
    evidence_buckets: EvidenceBuckets
    now: Callable[[], datetime]


def recent_image(stream_name: str, ports: CameraImagePorts) -> CameraImage:
    """Returns an image of the last 30 s, or else of the newest session.

    Raises StreamNotSelectedError, StreamGoneError, NoCameraImageError, StreamRefusedError, MediaBusyError,
    StorageBusyError.
    """
    ports.selected.check(stream_name)
    try:
        return _recorded_image(stream_name, ports)
    except (NoCameraImageError, NoRetentionError) as error:
        found = _image_of_newest_session(stream_name, ports)
        if found is None:
            raise NoCameraImageError(f"{error}, and no session has an image") from error
        return found


def _recorded_image(stream_name: str, ports: CameraImagePorts) -> CameraImage:
    now_ms = to_epoch_ms(ports.now())
    found = ports.fragments.recorded(stream_name, now_ms - _RECENT_MS, now_ms + _AHEAD_MS)
    reason = "it sent no media in the last 30 s"
    for image in newest_images(stream_name, (one.server_ms for one in found), ports.archive, _SPEC):
        if image.data is not None and len(image.data) <= _MOST_BYTES:
            return CameraImage(image.data, "image/jpeg", image.at_ms)
        reason = f"KVS generated no image of it ({image.reason or 'too large'})"
    raise NoCameraImageError(f"{stream_name}: {reason}")


def newest_images(
    stream_name: str, starts_ms: Iterable[int], archive: ImageArchive, spec: ImageSpec
) -> Iterator[SlotImage]:
    """Yields the image of the first keyframe of each of the newest fragments, the newest first, or the reason why there
    is none; one GetImages call for each. `starts_ms`: of fragments, by the clock of `spec`. Raises as `get_images`."""
    for start_ms in sorted(set(starts_ms), reverse=True)[:_TRIES]:
        yield from archive.get_images(stream_name, ImageRequest(start_ms, start_ms, LEAST_INTERVAL_MS, ()), spec)


def _image_of_newest_session(stream_name: str, ports: CameraImagePorts) -> CameraImage | None:
    """Returns the best image as the camera took it, or the annotated one if the original has expired."""
    found = ports.sessions.of_stream(stream_name, None, None, 1).sessions
    if not found:
        return None
    evidence, keys = evidence_of(found[0], ports.evidence_buckets, ports.now()), found[0].document["keys"]
    for record in evidence.records([keys["record"]]):
        reference, original = record.frame.image, evidence.original_key(record)
        candidates = [(ports.evidence_buckets.images.read(original) if original else None, reference.content_type)]
        candidates.append((ports.evidence_buckets.evidence.read(evidence.folder + keys["image"]), "image/jpeg"))
        for data, content_type in candidates:
            if data is not None and content_type in IMAGE_TYPES and len(data) <= _MOST_BYTES:
                return CameraImage(data, content_type, to_epoch_ms(record.frame.image_timestamp))
    return None
