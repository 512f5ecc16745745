"""extract_images: one window → pictures in S3 and a manifest of frames, with a reason for each that is missing."""

from collections.abc import Iterator
from dataclasses import dataclass

from kinesight.domain.contracts import RangePlan, WindowManifest
from kinesight.domain.model import Frame, FrameSource, ImageReference, from_epoch_ms
from kinesight.domain.ports import ImageArchive, PictureWish, SlotPicture, WorkStore
from kinesight.domain.windows import ImageRequest, Slot, Window

_TYPES = {"JPEG": ("jpg", "image/jpeg"), "PNG": ("png", "image/png")}


@dataclass(frozen=True, slots=True)
class ExtractionPorts:
    """The outside world of this verb."""

    archive: ImageArchive
    work: WorkStore


def manifest_key(plan: RangePlan, index: int) -> str:
    """Where a window's manifest lies."""
    return plan.work_key(f"windows/{index}.json")


def extract_window(plan: RangePlan, window: Window, ports: ExtractionPorts) -> WindowManifest:
    """Raises MediaBusyError and StorageBusyError to try again: everything is then written again under the same keys."""
    frames: list[Frame] = []
    missing: dict[int, str] = {}
    for request in window.requests:
        pictures = _asked(plan, request, ports.archive)
        for slot in request.slots:
            picture = pictures.get(slot.at_ms)
            if picture is None or picture.data is None:
                missing[slot.at_ms] = picture.reason if picture is not None else "NOT_ANSWERED"
            else:
                frames.append(_kept(plan, slot, picture.data, ports.work))
    manifest = WindowManifest(index=window.index, frames=tuple(frames), missing=missing)
    ports.work.write(
        manifest_key(plan, window.index), manifest.model_dump_json(by_alias=True).encode(), "application/json"
    )
    return manifest


def _asked(plan: RangePlan, request: ImageRequest, archive: ImageArchive) -> dict[int, SlotPicture]:
    wish = PictureWish(plan.selector, plan.format, plan.width, plan.height)
    answers: Iterator[SlotPicture] = archive.images(plan.stream_name, request, wish)
    return {answer.at_ms: answer for answer in answers}


def _kept(plan: RangePlan, slot: Slot, data: bytes, work: WorkStore) -> Frame:
    extension, content_type = _TYPES[plan.format]
    key = plan.work_key(f"{plan.stream_name}/{slot.at_ms}.{extension}")
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
