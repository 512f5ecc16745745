"""extract_images: writes the images of one window to S3, and a manifest of frames with a reason for each missing one.

If GetImages returns no image for a moment that a fragment covers, the image is decoded from that fragment.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from kinesight.domain.model import Frame, FrameSource, ImageReference, from_epoch_ms
from kinesight.domain.on_demand.messages import MANIFESTS, RangePlan, WindowManifest
from kinesight.domain.on_demand.ports import ImageExtractor
from kinesight.domain.on_demand.seals import write_document
from kinesight.domain.on_demand.windows import Window
from kinesight.domain.ports import (
    FragmentArchive,
    FragmentUnavailable,
    ImageArchive,
    ImageRequest,
    ImageSpec,
    Slot,
    SlotImage,
    WorkStore,
)

_EXTENSIONS = {"JPEG": "jpg", "PNG": "png"}
_CONTENT_TYPES = {"JPEG": "image/jpeg", "PNG": "image/png"}


@dataclass(frozen=True, slots=True)
class ExtractionPorts:
    """Ports of this function."""

    archive: ImageArchive
    fragments: FragmentArchive
    maker: ImageExtractor
    work: WorkStore


def manifest_key(plan: RangePlan, index: int) -> str:
    """Returns the key of a window's manifest."""
    return plan.work_key(f"{MANIFESTS}/{index}.json")


def image_key(plan: RangePlan, at_ms: int) -> str:
    """Returns the key of the image of a moment."""
    return plan.work_key(f"{plan.stream_name}/{at_ms}.{_EXTENSIONS[plan.format]}")


def extract_window(plan: RangePlan, window: Window, ports: ExtractionPorts) -> WindowManifest:
    """Extracts a window. Idempotent: a retry writes the same keys. Raises MediaBusyError, StorageBusyError."""
    frames: list[Frame] = []
    missing: dict[int, str] = {}
    for request in window.requests:
        images = _get_images(plan, request, ports.archive)
        for slot in request.slots:
            image = images.get(slot.at_ms, SlotImage(slot.at_ms, None, "NOT_ANSWERED"))
            if image.data is None:
                missing[slot.at_ms] = image.reason
            else:
                frames.append(_store(plan, slot, image.data, ports.work))
    refusals = Counter(missing.values())
    absent = [slot for slot in window.slots if slot.at_ms in missing]
    decoded: list[Frame] = []
    touched = {slot.fragment_number for slot in absent}
    for slot, image in _decoded(plan, absent, ports):
        if image.data is None:
            missing[slot.at_ms] += f", {image.reason}"
        else:
            decoded.append(_store(plan, slot, image.data, ports.work))
            del missing[slot.at_ms]
    manifest = WindowManifest(
        index=window.index,
        frames=tuple(_by_time(frames + decoded)),
        decoded=len(decoded),
        fragments_fetched=len(touched),
        refusals=refusals,
        missing=missing,
    )
    write_document(plan, manifest_key(plan, window.index), manifest, ports.work)
    return manifest


def _get_images(plan: RangePlan, request: ImageRequest, archive: ImageArchive) -> dict[int, SlotImage]:
    return {one.at_ms: one for one in archive.get_images(plan.stream_name, request, _image_spec(plan))}


def _decoded(plan: RangePlan, slots: Sequence[Slot], ports: ExtractionPorts) -> Iterator[tuple[Slot, SlotImage]]:
    """Yields each slot with an image or the reason for none; one fragment is in memory at a time."""
    by_fragment: defaultdict[str, dict[int, Slot]] = defaultdict(dict)
    for slot in slots:
        by_fragment[slot.fragment_number][slot.at_ms] = slot
    for media in ports.fragments.fetch(plan.stream_name, list(by_fragment)):
        by_moment = by_fragment[media.fragment_number]
        if isinstance(media, FragmentUnavailable):
            yield from ((slot, SlotImage(at_ms, None, "FRAGMENT_UNAVAILABLE")) for at_ms, slot in by_moment.items())
        else:
            for image in ports.maker.extract(media.matroska, list(by_moment), _image_spec(plan)):
                yield by_moment[image.at_ms], image


def _image_spec(plan: RangePlan) -> ImageSpec:
    return ImageSpec(plan.selector, plan.format, plan.width, plan.height, plan.jpeg_quality)


def _by_time(frames: list[Frame]) -> list[Frame]:
    return sorted(frames, key=lambda frame: frame.image_timestamp)


def _store(plan: RangePlan, slot: Slot, data: bytes, work: WorkStore) -> Frame:
    content_type = _CONTENT_TYPES[plan.format]
    key = image_key(plan, slot.at_ms)
    work.write(key, data, content_type)
    moment = from_epoch_ms(slot.at_ms)
    by_producer = plan.selector == "PRODUCER_TIMESTAMP"
    return Frame(
        source=FrameSource.ON_DEMAND,
        stream_name=plan.stream_name,
        stream_arn=plan.stream_arn,
        fragment_number=slot.fragment_number,
        image_timestamp=moment,
        producer_timestamp=moment if by_producer else None,
        server_timestamp=None if by_producer else moment,
        image=ImageReference(
            bucket=work.bucket,
            key=key,
            content_type=content_type,
            size_bytes=len(data),
            width=plan.width,
            height=plan.height,
        ),
    )
