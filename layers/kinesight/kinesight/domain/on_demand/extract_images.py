"""extract_images: writes the images of one window to S3, and a manifest of frames with a reason for each missing one.

If GetImages returns no image for a moment that a fragment covers, the image is decoded from that fragment.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from kinesight.domain.errors import ForgedDocumentError, WindowUnfinishedError
from kinesight.domain.model import Frame, FrameSource, ImageReference, from_epoch_ms
from kinesight.domain.on_demand.messages import MANIFESTS, RangePlan, WindowManifest
from kinesight.domain.on_demand.ports import ImageExtractor
from kinesight.domain.on_demand.seals import read_document, write_document
from kinesight.domain.on_demand.windows import LEAST_REMAINING_MS, UNLIMITED_MS, Window
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
    """Ports of this function. `remaining_ms`: how long this invocation may still run."""

    archive: ImageArchive
    fragments: FragmentArchive
    maker: ImageExtractor
    work: WorkStore
    remaining_ms: Callable[[], int] = lambda: UNLIMITED_MS


def manifest_key(plan: RangePlan, index: int) -> str:
    """Returns the key of a window's manifest."""
    return plan.work_key(f"{MANIFESTS}/{index}.json")


def image_key(plan: RangePlan, at_ms: int) -> str:
    """Returns the key of the image of a moment."""
    return plan.work_key(f"{plan.stream_name}/{at_ms}.{_EXTENSIONS[plan.format]}")


def extract_window(plan: RangePlan, window: Window, ports: ExtractionPorts) -> WindowManifest:
    """Extracts what earlier attempts have not, and returns the manifest of the whole window. Idempotent.

    The manifest is written before anything is raised: WindowUnfinishedError if the invocation's time is short,
    MediaBusyError, StorageBusyError.
    """
    manifest = before = _earlier_manifest(plan, window.index, ports.work)
    try:
        for request in window.requests[before.requests :]:
            if manifest.requests > before.requests and ports.remaining_ms() < LEAST_REMAINING_MS:
                raise WindowUnfinishedError(f"{manifest.requests} of {len(window.requests)} requests are done")
            manifest = _added(manifest, _extract_request(plan, request, ports))
    finally:
        if manifest.requests > before.requests:
            write_document(plan, manifest_key(plan, window.index), manifest, ports.work)
    return manifest


def _earlier_manifest(plan: RangePlan, index: int, work: WorkStore) -> WindowManifest:
    """A manifest that this execution has not written is replaced."""
    try:
        body = read_document(plan, manifest_key(plan, index), work)
    except ForgedDocumentError:
        body = None
    text = body.decode() if body is not None else None
    return WindowManifest.stored(text) or WindowManifest(index=index, frames=(), missing={})


def _added(before: WindowManifest, more: WindowManifest) -> WindowManifest:
    return WindowManifest(
        index=before.index,
        frames=tuple(_by_time([*before.frames, *more.frames])),
        decoded=before.decoded + more.decoded,
        fragments_fetched=before.fragments_fetched + more.fragments_fetched,
        refusals=Counter(before.refusals) + Counter(more.refusals),
        missing={**before.missing, **more.missing},
        requests=before.requests + 1,
    )


def _extract_request(plan: RangePlan, request: ImageRequest, ports: ExtractionPorts) -> WindowManifest:
    frames: list[Frame] = []
    missing: dict[int, str] = {}
    images = _get_images(plan, request, ports.archive)
    for slot in request.slots:
        image = images.get(slot.at_ms, SlotImage(slot.at_ms, None, "NOT_ANSWERED"))
        if image.data is None:
            missing[slot.at_ms] = image.reason
        else:
            frames.append(_store(plan, slot, image.data, ports.work))
    refusals = Counter(missing.values())
    absent = [slot for slot in request.slots if slot.at_ms in missing]
    decoded: list[Frame] = []
    for slot, image in _decoded(plan, absent, ports):
        if image.data is None:
            missing[slot.at_ms] += f", {image.reason}"
        else:
            decoded.append(_store(plan, slot, image.data, ports.work))
            del missing[slot.at_ms]
    return WindowManifest(
        index=0,
        frames=tuple(frames + decoded),
        decoded=len(decoded),
        fragments_fetched=len({slot.fragment_number for slot in absent}),
        refusals=refusals,
        missing=missing,
    )


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
