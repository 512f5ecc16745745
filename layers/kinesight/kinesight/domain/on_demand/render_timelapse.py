"""render_timelapse: renders the images of an execution as a video, one part per invocation; the last one joins them.

Every moment of the grid is a frame, also without an image, so a gap in the recording is visible at its full length.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from kinesight.domain.errors import InvalidEventError, NoMediaError, UnsupportedImageError
from kinesight.domain.model import Value, from_epoch_ms
from kinesight.domain.on_demand.extract_images import image_key, manifest_key
from kinesight.domain.on_demand.messages import RangePlan, TimelapsePlan, WindowManifest
from kinesight.domain.on_demand.seals import read_document
from kinesight.domain.ports import FileStore, FileUploads, WorkStore

_RESERVE_MS = 120_000
"""Time of an invocation that is reserved for uploading its part or joining all parts."""
_AHEAD_BYTES = 64_000_000
_READERS = 16
_LARGEST_DEFAULT = (1280, 720)


class Progress(Value):
    """Progress of a time-lapse: the next frame to render, and the first frame of each rendered part."""

    position: int = 0
    parts: tuple[int, ...] = ()
    done: bool = False


@dataclass(frozen=True, slots=True)
class VideoFormat:
    """Width and height in pixels, and the frame rate."""

    width: int
    height: int
    frames_per_second: int


class VideoWriter(Protocol):
    """An open video file."""

    def add(self, canvas: Any) -> None:
        """Appends a frame."""


class TimelapseEncoder(Protocol):
    """Renders and joins videos. A canvas is an image in the encoder's own representation."""

    def size_of(self, body: bytes) -> tuple[int, int]:
        """Returns an image's width and height in pixels. Raises UnsupportedImageError."""

    def poster(self, body: bytes, form: VideoFormat) -> bytes:
        """Returns a JPEG of the video's size. Raises UnsupportedImageError."""

    def canvas(self, body: bytes, form: VideoFormat, caption: str) -> Any:
        """Returns the image fitted to the video's size, with the caption. Raises UnsupportedImageError."""

    def gap(self, form: VideoFormat, caption: str) -> Any:
        """Returns the frame to show where no image exists."""

    def writer(self, path: Path, form: VideoFormat) -> AbstractContextManager[VideoWriter]:
        """Opens an MP4 that can be played while it loads. The file is complete when the context ends."""

    def join(self, parts: Iterable[Path], target: Path) -> None:
        """Remuxes MP4s of the same format into one."""


@dataclass(frozen=True, slots=True)
class RenderingPorts:
    """Ports of this function. `folder` has space for twice the video."""

    work: WorkStore
    encoder: TimelapseEncoder
    parts: FileStore
    videos: FileUploads
    folder: Path
    remaining_ms: Callable[[], int]


def render(plan: RangePlan, progress: Progress, ports: RenderingPorts) -> Progress:
    """Continues at `progress`; returns the new progress. Raises NoMediaError if no moment of the range has an image."""
    if plan.timelapse is None:
        raise InvalidEventError(f"{plan.execution} has no time-lapse options")
    form, poster = _form(plan, plan.timelapse, ports)
    frames = (plan.end_ms - plan.start_ms) // plan.interval_ms + 1
    if progress.position < frames:
        progress = _rendered(plan, form, progress, ports)
        if progress.position < frames or ports.remaining_ms() < _RESERVE_MS:
            return progress
    _joined(plan, plan.timelapse, progress, ports)
    path = ports.folder / "poster.jpg"
    path.write_bytes(poster)
    ports.videos.upload(path, plan.timelapse.poster_key, "image/jpeg")
    return progress.model_copy(update={"done": True})


def _form(plan: RangePlan, timelapse: TimelapsePlan, ports: RenderingPorts) -> tuple[VideoFormat, bytes]:
    """Returns the video format, and the poster: the first image of the range."""
    image = _first_image(plan, ports.work)
    width, height = timelapse.width, timelapse.height
    if width is None or height is None:
        width, height = _fitted(ports.encoder.size_of(image))
    form = VideoFormat(width, height, timelapse.frames_per_second)
    return form, ports.encoder.poster(image, form)


def _first_image(plan: RangePlan, work: WorkStore) -> bytes:
    for index in range(plan.windows):
        body = read_document(plan, manifest_key(plan, index), work)
        manifest = WindowManifest.model_validate_json(body) if body is not None else None
        for frame in manifest.frames if manifest is not None else ():
            image = work.read(frame.image.key)
            if image is not None:
                return image
    raise NoMediaError(f"{plan.execution} has no image for a time-lapse")


def _fitted(size: tuple[int, int]) -> tuple[int, int]:
    """Returns the size scaled down to 720p; both sides are even, which H.264 requires."""
    scale = min(1.0, _LARGEST_DEFAULT[0] / size[0], _LARGEST_DEFAULT[1] / size[1])
    width, height = (max(2, round(side * scale) // 2 * 2) for side in size)
    return width, height


def _rendered(plan: RangePlan, form: VideoFormat, progress: Progress, ports: RenderingPorts) -> Progress:
    moments = range(plan.start_ms + progress.position * plan.interval_ms, plan.end_ms + 1, plan.interval_ms)
    path = ports.folder / "part.mp4"
    shown = 0
    ahead = min(_READERS, max(2, _AHEAD_BYTES // (3 * form.width * form.height)))
    with ThreadPoolExecutor(_READERS) as pool, ports.encoder.writer(path, form) as video:
        for canvas in _in_order(pool, lambda at_ms: _canvas(plan, form, at_ms, ports), moments, ahead):
            video.add(canvas)
            shown += 1
            if ports.remaining_ms() < _RESERVE_MS:
                break
    ports.parts.upload(path, _part_key(plan, progress.position), "video/mp4")
    path.unlink()
    return Progress(position=progress.position + shown, parts=(*progress.parts, progress.position))


def _in_order[I, O](pool: ThreadPoolExecutor, work: Callable[[I], O], items: Iterable[I], ahead: int) -> Iterator[O]:
    """Yields results in the order of the items; at most `ahead` results are computed in advance."""
    waiting: deque[Future[O]] = deque()
    for item in items:
        waiting.append(pool.submit(work, item))
        if len(waiting) >= ahead:
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()


def _canvas(plan: RangePlan, form: VideoFormat, at_ms: int, ports: RenderingPorts) -> Any:
    moment = f"{from_epoch_ms(at_ms):%Y-%m-%d %H:%M:%S} UTC"
    image = ports.work.read(image_key(plan, at_ms))
    if image is None:
        return ports.encoder.gap(form, f"no video at {moment}")
    burnt = plan.timelapse is not None and plan.timelapse.burn_timestamp
    try:
        return ports.encoder.canvas(image, form, f"{plan.stream_name} {moment}" if burnt else "")
    except UnsupportedImageError:
        return ports.encoder.gap(form, f"unreadable image at {moment}")


def _joined(plan: RangePlan, timelapse: TimelapsePlan, progress: Progress, ports: RenderingPorts) -> None:
    target = ports.folder / "video.mp4"
    ports.encoder.join(_fetched(plan, progress, ports), target)
    ports.videos.upload(target, timelapse.video_key, "video/mp4")
    target.unlink()


def _fetched(plan: RangePlan, progress: Progress, ports: RenderingPorts) -> Iterator[Path]:
    """Yields the parts; one is on disk at a time."""
    path = ports.folder / "part.mp4"
    for position in progress.parts:
        ports.parts.download(_part_key(plan, position), path)
        yield path
        path.unlink()


def _part_key(plan: RangePlan, position: int) -> str:
    return plan.work_key(f"timelapse/{position}.mp4")
