"""Makes .venv from the lock file with nothing but CPython 3.13 and its standard library.

The packages are installed by uv. It comes by pip where Python has ensurepip; Debian packs that apart
(python3-venv), so without it uv's own wheel is fetched from PyPI and checked against the digest that PyPI publishes.
"""

import hashlib
import importlib.util
import os
import platform
import re
import subprocess
import sys
import urllib.request
import venv
import zipfile
from io import BytesIO
from pathlib import Path

UV_VERSION = "0.13.8"
ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
UV = VENV / "bin" / "uv"
STAMP = VENV / ".synced"


def main() -> None:
    """Does nothing when the environment is already that of the lock file."""
    if sys.version_info[:2] != (3, 13):
        sys.exit(f"Kinesight needs CPython 3.13, this is {platform.python_version()}: make PYTHON=/path/to/python3.13")
    digest = _digest()
    if STAMP.exists() and STAMP.read_text() == digest:
        return
    _say("setting up .venv (the first time takes a minute or two)")
    if not (VENV / "bin" / "python3.13").exists():
        venv.create(VENV, symlinks=True, with_pip=False)
    _install_uv()
    _run(str(UV), "sync", "--frozen", "--no-progress", "--inexact", "--python", str(VENV / "bin" / "python"))
    STAMP.write_text(digest)


def _digest() -> str:
    files = [ROOT / "uv.lock", *_project_files(), Path(__file__)]
    return hashlib.sha256(b"\0".join([sys.version.encode(), *(path.read_bytes() for path in files)])).hexdigest()


def _project_files() -> list[Path]:
    """Every pyproject.toml but those below a hidden folder: what is built and installed there is large."""
    found = []
    for folder, below, names in ROOT.walk():
        below[:] = [name for name in below if not name.startswith(".")]
        found += [folder / name for name in names if name == "pyproject.toml"]
    return sorted(found)


def _install_uv() -> None:
    if UV.exists() and UV_VERSION in subprocess.run([UV, "--version"], capture_output=True, text=True).stdout:
        return
    if importlib.util.find_spec("ensurepip") is not None:
        _run(str(VENV / "bin" / "python"), "-m", "ensurepip", "--upgrade", "--default-pip")
        _run(str(VENV / "bin" / "python"), "-m", "pip", "install", "--quiet", f"uv=={UV_VERSION}")
        return
    _fetch_uv()


def _fetch_uv() -> None:
    """The wheel holds the program as uv-<version>.data/scripts/uv."""
    _say("this Python has no ensurepip; fetching uv from PyPI")
    with urllib.request.urlopen("https://pypi.org/simple/uv/", timeout=60) as response:
        page = response.read().decode()
    machine = {"x86_64": "x86_64", "aarch64": "aarch64", "arm64": "arm64"}[platform.machine()]
    system = "manylinux" if sys.platform == "linux" else "macosx"
    wheel = rf"uv-{re.escape(UV_VERSION)}-py3-none-{system}[^<]*{machine}\.whl"
    found = re.search(rf'href="([^"#]+)#sha256=([0-9a-f]{{64}})"[^>]*>{wheel}<', page)
    if found is None:
        sys.exit(f"PyPI has no uv {UV_VERSION} for {system} on {machine}; install python3-venv and try again")
    with urllib.request.urlopen(found[1], timeout=300) as response:
        body = response.read()
    if hashlib.sha256(body).hexdigest() != found[2]:
        sys.exit("the wheel of uv does not have the digest that PyPI publishes")
    with zipfile.ZipFile(BytesIO(body)) as archive:
        UV.write_bytes(archive.read(f"uv-{UV_VERSION}.data/scripts/uv"))
    UV.chmod(0o755)


def _run(*command: str) -> None:
    environment = {**os.environ, "VIRTUAL_ENV": str(VENV), "UV_PROJECT_ENVIRONMENT": str(VENV)}
    if subprocess.run(command, cwd=ROOT, env=environment).returncode:
        sys.exit(f"setting up failed at: {' '.join(command)}")


def _say(text: str) -> None:
    sys.stdout.write(f"bootstrap: {text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
