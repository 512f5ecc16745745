"""The cache of builds: one build per content for all callers, and a limited number of builds."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest
from kinesight_local import build
from kinesight_local.build import BuildFailedError, built


@dataclass
class Project:
    """A checkout with one source file; `builds` counts how often sam ran on it."""

    folder: Path
    builds: int = 0
    broken: bool = False

    @property
    def cache(self) -> Path:
        return self.folder / "builds"

    def write(self, text: str) -> None:
        (self.folder / "template.yaml").write_text(text)

    def run_sam(self, project_dir: Path, build_dir: Path) -> None:
        self.builds += 1
        build_dir.mkdir()
        (build_dir / "half").touch()
        if self.broken:
            raise BuildFailedError("no such runtime")
        time.sleep(0.05)  # other builds come in between, unless a lock holds them
        (build_dir / "template.yaml").write_text((project_dir / "template.yaml").read_text())

    def build(self) -> Path:
        with built(self.folder, self.cache) as template:
            return template


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    project = Project(tmp_path)
    project.write("first")
    monkeypatch.setattr(build, "_run_sam", project.run_sam)
    return project


def test_the_same_sources_are_built_once(project: Project) -> None:
    first = project.build()
    (project.folder / "functions" / "__pycache__").mkdir(parents=True)
    (project.folder / "functions" / "__pycache__" / "app.pyc").touch()

    assert project.build() == first
    assert project.builds == 1
    assert first.read_text() == "first"


def test_a_build_of_relative_folders_is_found_from_every_folder(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(project.folder)
    with built(Path(), Path("builds")) as template:
        monkeypatch.chdir("/")

        assert template.read_text() == "first"
    assert project.build() == template
    assert project.builds == 1


def test_other_sources_are_another_build_and_going_back_costs_none(project: Project) -> None:
    first = project.build()
    project.write("second")
    second = project.build()
    project.write("first")

    assert (first.read_text(), second.read_text()) == ("first", "second")
    assert project.build() == first
    assert project.builds == 2


def test_a_file_that_is_moved_is_another_build(project: Project) -> None:
    (project.folder / "functions").mkdir()
    (project.folder / "functions" / "a.py").write_text("pass")
    first = project.build()
    (project.folder / "functions" / "a.py").rename(project.folder / "functions" / "b.py")

    assert project.build() != first


def test_many_at_once_share_one_build(project: Project) -> None:
    together = threading.Barrier(8)

    def build_it(_: int) -> str:
        together.wait()
        return project.build().read_text()

    with ThreadPoolExecutor(8) as threads:
        assert list(threads.map(build_it, range(8))) == ["first"] * 8
    assert project.builds == 1


def test_a_build_that_failed_is_tried_again(project: Project) -> None:
    project.broken = True
    with pytest.raises(BuildFailedError, match="no such runtime"):
        project.build()
    project.broken = False

    template = project.build()

    assert project.builds == 2
    assert sorted(path.name for path in template.parent.iterdir()) == ["half", "template.yaml"]


def test_old_builds_are_removed_but_none_that_is_in_use(project: Project) -> None:
    with ExitStack() as in_use:
        oldest = in_use.enter_context(built(project.folder, project.cache))
        templates = []
        for number in range(6):
            project.write(f"change {number}")
            templates.append(project.build())
        kept = [template.exists() for template in templates]

        assert oldest.exists()
        assert kept == [False, False, True, True, True, True]
    project.write("one more")
    project.build()

    assert not oldest.exists()
    assert len(list(project.cache.glob("*/template.yaml"))) == len(list(project.cache.glob("?*.lock"))) == 4
