"""Builds of the project by `sam build`, cached by content and shared by all processes that use the same folder."""

import fcntl
import hashlib
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

_SOURCES = ("template.yaml", "functions", "layers", "statemachines")
_IGNORED = {"__pycache__", ".venv"}
_KEPT = 4
_IN_PROGRESS = "in-progress"


class BuildFailedError(Exception):
    """`sam build` failed; the message is its output."""


def default_cache(project_dir: Path) -> Path:
    """The cache that every command and test of a checkout shares."""
    return project_dir / ".kinesight" / "builds"


@contextmanager
def built(project_dir: Path, cache_dir: Path) -> Iterator[Path]:
    """The template of a build of the sources as they are now, which no process removes within the context.

    Raises BuildFailedError.
    """
    project_dir, cache_dir = project_dir.resolve(), cache_dir.resolve()  # sam and the functions run in other folders
    cache_dir.mkdir(parents=True, exist_ok=True)
    entry = cache_dir / _digest(project_dir)
    with ExitStack() as held:
        # One build at a time: sam keeps notes beside its build folder, and a second build of the same would be waste.
        with _locked(cache_dir / ".lock", fcntl.LOCK_EX):
            held.enter_context(_locked(_lock_file(entry), fcntl.LOCK_SH))
            if not entry.exists():
                _build(project_dir, cache_dir, entry)
            entry.touch()
            _remove_oldest(cache_dir)
        yield entry / "template.yaml"


def architecture() -> str:
    """This machine's architecture by Lambda's name."""
    return "arm64" if platform.machine() in ("arm64", "aarch64") else "x86_64"


def _build(project_dir: Path, cache_dir: Path, entry: Path) -> None:
    """An entry is complete or not there: a build that is interrupted leaves only the folder in progress."""
    in_progress = cache_dir / _IN_PROGRESS
    shutil.rmtree(in_progress, ignore_errors=True)
    _run_sam(project_dir, in_progress)
    in_progress.rename(entry)


def _remove_oldest(cache_dir: Path) -> None:
    """Keeps the newest builds, and older ones that a process still uses: their functions run from there."""
    entries = [path for path in cache_dir.iterdir() if _lock_file(path).exists() and path.is_dir()]
    for entry in sorted(entries, key=lambda path: path.stat().st_mtime, reverse=True)[_KEPT:]:
        with suppress(BlockingIOError), _locked(_lock_file(entry), fcntl.LOCK_EX | fcntl.LOCK_NB):
            shutil.rmtree(entry)
            _lock_file(entry).unlink()


@contextmanager
def _locked(path: Path, operation: int) -> Iterator[None]:
    with path.open("a") as file:
        fcntl.flock(file, operation)
        yield


def _lock_file(entry: Path) -> Path:
    return entry.with_suffix(".lock")


def _run_sam(project_dir: Path, build_dir: Path) -> None:
    programs = Path(sys.executable).parent
    command = [
        str(programs / "sam"),
        "build",
        "--cached",
        "--cache-dir",
        str(build_dir.parent / "sam-cache"),
        "--build-dir",
        str(build_dir),
        "--template-file",
        str(project_dir / "template.yaml"),
        "--parameter-overrides",
        f"Architecture={architecture()}",
    ]
    environment = os.environ | {"SAM_CLI_TELEMETRY": "0", "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}"}
    # sam keeps `.aws-sam/deps` in the folder it runs in and clears there what another build put down.
    done = subprocess.run(command, cwd=build_dir.parent, env=environment, capture_output=True, text=True)
    if done.returncode:
        raise BuildFailedError(f"sam build failed:\n{done.stdout}{done.stderr}")


def _digest(project_dir: Path) -> str:
    """Of everything a build depends on. The folder is part of it: a built template refers to the sources' state
    machines by relative paths."""
    digest = hashlib.sha256(f"{sys.version}{architecture()}{project_dir}".encode())
    for path in sorted(_files(project_dir)):
        content = path.read_bytes()
        digest.update(f"{path.relative_to(project_dir)}\0{len(content)}\0".encode() + content)
    return digest.hexdigest()


def _files(project_dir: Path) -> list[Path]:
    roots = [project_dir / name for name in _SOURCES]
    found = [path for root in roots for path in ([root] if root.is_file() else root.rglob("*"))]
    return [path for path in found if path.is_file() and not _IGNORED & set(path.parts)]
