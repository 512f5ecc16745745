"""render_timelapse on fakes: every moment is a frame, whatever invocations it takes."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from kinesight.domain.errors import InvalidEventError, NoMediaError, UnsupportedImageError
from kinesight.domain.on_demand.messages import RangePlan
from kinesight.domain.on_demand.render_timelapse import Progress, RenderingPorts, VideoFormat, render

from tests.builders import NOON_MS
from tests.unit.on_demand.test_on_demand import FakeCamera, Workflow


class FakeEncoder:
    """A video is a text file with one canvas per line."""

    def size_of(self, body: bytes) -> tuple[int, int]:
        return 1920, 1081

    def poster(self, body: bytes, form: VideoFormat) -> bytes:
        return b"poster " + body

    def canvas(self, body: bytes, form: VideoFormat, caption: str) -> str:
        if body == b"broken":
            raise UnsupportedImageError("broken")
        return f"{body.decode()} {caption}".strip()

    def gap(self, form: VideoFormat, caption: str) -> str:
        return f"gap: {caption}"

    @contextmanager
    def writer(self, path: Path, form: VideoFormat) -> Iterator["FakeVideoWriter"]:
        writer = FakeVideoWriter()
        yield writer
        path.write_text("".join(f"{line}\n" for line in writer.lines))

    def join(self, parts: Iterable[Path], target: Path) -> None:
        target.write_text("".join(part.read_text() for part in parts))


@dataclass
class FakeVideoWriter:
    lines: list[str] = field(default_factory=list)

    def add(self, canvas: Any) -> None:
        self.lines.append(canvas)


class FakeFiles:
    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}

    def upload(self, path: Path, key: str, content_type: str) -> None:
        self.objects[key] = path.read_bytes()

    def download(self, key: str, path: Path) -> None:
        path.write_bytes(self.objects[key])


@dataclass
class Room:
    """An execution that is extracted, and what rendering makes of it. `capacity` frames fit one invocation."""

    folder: Path
    workflow: Workflow = field(default_factory=Workflow)
    capacity: int = 1000
    parts: FakeFiles = field(default_factory=FakeFiles)
    videos: FakeFiles = field(default_factory=FakeFiles)

    def extracted(self, **options: Any) -> RangePlan:
        plan = self.workflow.plan(Timelapse=options)
        for window in self.workflow.windows(plan):
            self.workflow.extract(plan, window)
        return plan

    def render(self, plan: RangePlan, progress: Progress = Progress()) -> Progress:  # noqa: B008 - it is frozen
        left = iter(range(self.capacity - 1, -1, -1))
        ports = RenderingPorts(
            self.workflow.work,
            FakeEncoder(),
            self.parts,
            self.videos,
            self.folder,
            lambda: 900_000 if next(left, 0) else 1,
        )
        return render(plan, progress, ports)

    def video(self) -> list[str]:
        return self.videos.objects["timelapse/one.mp4"].decode().splitlines()


@pytest.fixture
def room(tmp_path: Path) -> Room:
    return Room(tmp_path)


def test_every_moment_is_a_frame(room: Room) -> None:
    plan = room.extracted(BurnTimestamp=True)

    assert room.render(plan).done
    video = room.video()
    assert len(video) == 61
    assert video[0].endswith("camera 2026-01-01 12:00:00 UTC")
    assert video[59].endswith("camera 2026-01-01 12:00:59 UTC")
    assert video[60] == "gap: no video at 2026-01-01 12:01:00 UTC"
    assert room.videos.objects["timelapse/one.jpg"] == b"poster image"


def test_gaps_keep_their_length(room: Room) -> None:
    room.workflow.camera.dark = room.workflow.camera.broken = {NOON_MS + 1000 * at for at in range(20, 40)}
    plan = room.extracted()
    room.workflow.work.objects[f"on-demand/one/camera/{NOON_MS}.jpg"] = b"broken"

    with pytest.raises(UnsupportedImageError):  # the poster can't be of a broken image
        FakeEncoder().canvas(b"broken", VideoFormat(1, 1, 1), "")
    room.render(plan)

    video = room.video()
    assert video[0] == "gap: unreadable image at 2026-01-01 12:00:00 UTC"
    assert video[1:20] == ["image"] * 19
    assert [line.partition(" at ")[0] for line in video[20:40]] == ["gap: no video"] * 20
    assert video[40:60] == ["image"] * 20


def test_a_long_video_takes_several_invocations(room: Room) -> None:
    plan = room.extracted()
    room.capacity = 25
    progress, runs = Progress(), 0
    while not progress.done:
        progress = Progress.model_validate_json(room.render(plan, progress).model_dump_json(by_alias=True))
        runs += 1

    assert runs == 3
    assert progress.parts == (0, 25, 50)
    assert len(room.video()) == 61
    assert not list(room.folder.glob("*.mp4"))


def test_rendering_is_idempotent(room: Room) -> None:
    plan = room.extracted()
    room.capacity = 40
    half = room.render(plan)
    room.render(plan, half)
    once = room.video()

    assert room.render(plan, half).done
    assert room.video() == once


def test_the_default_size_fits_720p_and_is_even(room: Room) -> None:
    forms: list[VideoFormat] = []
    encoder = FakeEncoder()
    plan = room.extracted()
    ports = RenderingPorts(room.workflow.work, encoder, room.parts, room.videos, room.folder, lambda: 900_000)
    original = encoder.writer
    encoder.writer = lambda path, form: (forms.append(form), original(path, form))[1]  # type: ignore[method-assign, func-returns-value]  # a spy
    render(plan, Progress(), ports)

    assert forms == [VideoFormat(1278, 720, 10)]


def test_a_range_without_images_is_an_error(room: Room) -> None:
    seconds = {NOON_MS + 1000 * at for at in range(60)}
    room.workflow.camera = FakeCamera(dark=seconds, broken=seconds)
    plan = room.extracted()

    with pytest.raises(NoMediaError, match="no image"):
        room.render(plan)


def test_an_execution_without_a_timelapse_is_an_error(room: Room) -> None:
    plan = room.workflow.plan()

    with pytest.raises(InvalidEventError, match="no time-lapse options"):
        room.render(plan)
