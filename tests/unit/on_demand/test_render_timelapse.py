"""render_timelapse on fakes: every moment is a frame, whatever invocations it takes."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from kinesight.domain.errors import InvalidEventError, NoMediaError, UnsupportedImageError
from kinesight.domain.on_demand.messages import RangePlan
from kinesight.domain.on_demand.render_timelapse import VideoFormat, Progress, RenderingPorts, render

from tests.builders import NOON_MS
from tests.unit.on_demand.test_on_demand import FakeCamera, Workflow


class FakeStudio:
    """A film is a text file of one canvas a line."""

    def size_of(self, picture: bytes) -> tuple[int, int]:
        return 1920, 1081

    def poster(self, picture: bytes, form: VideoFormat) -> bytes:
        return b"poster " + picture

    def canvas(self, picture: bytes, form: VideoFormat, caption: str) -> str:
        if picture == b"broken":
            raise UnsupportedImageError("broken")
        return f"{picture.decode()} {caption}".strip()

    def gap(self, form: VideoFormat, caption: str) -> str:
        return f"gap: {caption}"

    @contextmanager
    def film(self, path: Path, form: VideoFormat) -> Iterator["FakeFilm"]:
        film = FakeFilm()
        yield film
        path.write_text("".join(f"{line}\n" for line in film.lines))

    def join(self, parts: Iterable[Path], target: Path) -> None:
        target.write_text("".join(part.read_text() for part in parts))


@dataclass
class FakeFilm:
    lines: list[str] = field(default_factory=list)

    def show(self, canvas: Any) -> None:
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
    """An execution that is extracted, and what rendering makes of it. `patience` frames fit one invocation."""

    folder: Path
    workflow: Workflow = field(default_factory=Workflow)
    patience: int = 1000
    parts: FakeFiles = field(default_factory=FakeFiles)
    films: FakeFiles = field(default_factory=FakeFiles)

    def extracted(self, **wish: Any) -> RangePlan:
        plan = self.workflow.plan(Timelapse=wish)
        for window in self.workflow.windows(plan):
            self.workflow.extract(plan, window)
        return plan

    def render(self, plan: RangePlan, progress: Progress = Progress()) -> Progress:  # noqa: B008 - it is frozen
        left = iter(range(self.patience - 1, -1, -1))
        ports = RenderingPorts(
            self.workflow.work,
            FakeStudio(),
            self.parts,
            self.films,
            self.folder,
            lambda: 900_000 if next(left, 0) else 1,
        )
        return render(plan, progress, ports)

    def film(self) -> list[str]:
        return self.films.objects["timelapse/one.mp4"].decode().splitlines()


@pytest.fixture
def room(tmp_path: Path) -> Room:
    return Room(tmp_path)


def test_every_moment_is_a_frame(room: Room) -> None:
    plan = room.extracted(BurnTimestamp=True)

    assert room.render(plan).done
    film = room.film()
    assert len(film) == 61
    assert film[0].endswith("camera 2026-01-01 12:00:00 UTC")
    assert film[59].endswith("camera 2026-01-01 12:00:59 UTC")
    assert film[60] == "gap: no video at 2026-01-01 12:01:00 UTC"
    assert room.films.objects["timelapse/one.jpg"] == b"poster picture"


def test_gaps_are_as_long_as_they_were(room: Room) -> None:
    room.workflow.camera.dark = room.workflow.camera.broken = {NOON_MS + 1000 * at for at in range(20, 40)}
    plan = room.extracted()
    room.workflow.work.objects[f"on-demand/one/camera/{NOON_MS}.jpg"] = b"broken"

    with pytest.raises(UnsupportedImageError):  # the poster can't be of a broken picture
        FakeStudio().canvas(b"broken", VideoFormat(1, 1, 1), "")
    room.render(plan)

    film = room.film()
    assert film[0] == "gap: unreadable picture at 2026-01-01 12:00:00 UTC"
    assert film[1:20] == ["picture"] * 19
    assert [line.partition(" at ")[0] for line in film[20:40]] == ["gap: no video"] * 20
    assert film[40:60] == ["picture"] * 20


def test_a_long_film_takes_several_invocations(room: Room) -> None:
    plan = room.extracted()
    room.patience = 25
    progress, runs = Progress(), 0
    while not progress.done:
        progress = Progress.model_validate_json(room.render(plan, progress).model_dump_json(by_alias=True))
        runs += 1

    assert runs == 3
    assert progress.parts == (0, 25, 50)
    assert len(room.film()) == 61
    assert not list(room.folder.glob("*.mp4"))


def test_an_invocation_that_is_repeated_changes_nothing(room: Room) -> None:
    plan = room.extracted()
    room.patience = 40
    half = room.render(plan)
    room.render(plan, half)
    once = room.film()

    assert room.render(plan, half).done
    assert room.film() == once


def test_the_default_size_fits_720p_and_is_even(room: Room) -> None:
    forms: list[VideoFormat] = []
    studio = FakeStudio()
    plan = room.extracted()
    ports = RenderingPorts(room.workflow.work, studio, room.parts, room.films, room.folder, lambda: 900_000)
    original = studio.film
    studio.film = lambda path, form: (forms.append(form), original(path, form))[1]  # type: ignore[method-assign, func-returns-value]  # a spy
    render(plan, Progress(), ports)

    assert forms == [VideoFormat(1278, 720, 10)]


def test_nothing_to_show(room: Room) -> None:
    seconds = {NOON_MS + 1000 * at for at in range(60)}
    room.workflow.camera = FakeCamera(dark=seconds, broken=seconds)
    plan = room.extracted()

    with pytest.raises(NoMediaError, match="no picture"):
        room.render(plan)


def test_an_execution_that_wants_none(room: Room) -> None:
    plan = room.workflow.plan()

    with pytest.raises(InvalidEventError, match="not asked"):
        room.render(plan)
