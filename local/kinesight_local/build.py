"""`sam build`, and only when something changed."""

import hashlib
import os
import platform
import subprocess
import sys
from pathlib import Path

_SOURCES = ("template.yaml", "functions", "layers", "statemachines")
_IGNORED = {"__pycache__", ".venv"}


class BuildFailedError(Exception):
    """`sam build` failed; the message is its output."""


def build(project_dir: Path, build_dir: Path) -> Path:
    """The built template. Raises BuildFailedError."""
    template, stamp = build_dir / "template.yaml", build_dir / ".kinesight-digest"
    wanted = _digest(project_dir)
    if template.exists() and stamp.exists() and stamp.read_text() == wanted:
        return template
    _run_sam(project_dir, build_dir)
    stamp.write_text(wanted)
    return template


def architecture() -> str:
    """This machine's architecture by Lambda's name."""
    return "arm64" if platform.machine() in ("arm64", "aarch64") else "x86_64"


def _run_sam(project_dir: Path, build_dir: Path) -> None:
    programs = Path(sys.executable).parent
    command = [
        str(programs / "sam"),
        "build",
        "--cached",
        "--cache-dir",
        str(build_dir.parent / "cache"),
        "--build-dir",
        str(build_dir),
        "--template-file",
        str(project_dir / "template.yaml"),
        "--parameter-overrides",
        f"Architecture={architecture()}",
    ]
    environment = os.environ | {"SAM_CLI_TELEMETRY": "0", "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}"}
    build_dir.parent.mkdir(parents=True, exist_ok=True)
    # sam keeps `.aws-sam/deps` in its working directory, and deletes there what another build has written.
    done = subprocess.run(command, cwd=build_dir.parent, env=environment, capture_output=True, text=True)
    if done.returncode:
        raise BuildFailedError(f"sam build failed:\n{done.stdout}{done.stderr}")


def _digest(project_dir: Path) -> str:
    digest = hashlib.sha256(f"{sys.version}{architecture()}".encode())
    for path in sorted(_files(project_dir)):
        digest.update(str(path.relative_to(project_dir)).encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


def _files(project_dir: Path) -> list[Path]:
    roots = [project_dir / name for name in _SOURCES]
    found = [path for root in roots for path in ([root] if root.is_file() else root.rglob("*"))]
    return [path for path in found if path.is_file() and not _IGNORED & set(path.parts)]
