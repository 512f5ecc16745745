"""The built stack as files of a release: one zip for each processor, what `make sbom` wrote, and the digests of all.

A zip holds what `sam deploy` takes: the template, and beside it folders of functions and layers. It names no bucket and
needs no account to be made. The same sources and the same lock file make the same files, byte for byte.
"""

import argparse
import hashlib
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
ARCHITECTURES = ("arm64", "x86_64")
_CHOICE = "    Default: arm64\n    AllowedValues:\n    - arm64\n    - x86_64\n"
_STATE_MACHINES = "statemachines"
_MANY_YEARS_AGO = (1980, 1, 1, 0, 0, 0)


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("version", help="the tag, v1.2.3, or any name")
    parser.add_argument("--architecture", choices=ARCHITECTURES, action="append", help="default: both")
    parser.add_argument("--dist", type=Path, default=ROOT / "dist")
    given = parser.parse_args(arguments)
    given.dist.mkdir(parents=True, exist_ok=True)
    for architecture in given.architecture or ARCHITECTURES:
        name = f"kinesight-{given.version.removeprefix('v')}-{architecture}"
        folder = given.dist / "build" / name
        build(folder, architecture)
        pack(folder, given.dist / f"{name}.zip")
    shutil.rmtree(given.dist / "build")
    for document in sorted(ROOT.glob("sbom/*.json")):
        shutil.copy(document, given.dist)
    write_digests(given.dist)


def build(folder: Path, architecture: str) -> None:
    """`sam build`, with byte code, for one processor alone: layers of the other would not load."""
    shutil.rmtree(folder, ignore_errors=True)
    programs = Path(sys.executable).parent
    sam = [str(programs / "sam"), "build", "--no-cached", "--build-dir", str(folder)]
    _run(*sam, "--parameter-overrides", f"Architecture={architecture}")
    _run(sys.executable, str(ROOT / "scripts/finish_build.py"), "--build-dir", str(folder))
    shutil.copytree(ROOT / _STATE_MACHINES, folder / _STATE_MACHINES)
    template = folder / "template.yaml"
    template.write_text(self_contained(template.read_text(), architecture))


def self_contained(template: str, architecture: str) -> str:
    """A built template that takes its workflow from the folder next to it, for this processor alone."""
    lines = template.replace(_CHOICE, f"    Default: {architecture}\n    AllowedValues:\n    - {architecture}\n")
    if lines == template:
        sys.exit("the parameter Architecture is not as it was: see scripts/package_release.py")
    return "".join(_with_local_definition(line) for line in lines.splitlines(keepends=True))


def _with_local_definition(line: str) -> str:
    key, colon, path = line.partition("DefinitionUri: ")
    return f"{key}{colon}{_STATE_MACHINES}/{path.rpartition('/')[2]}" if colon else line


def pack(folder: Path, target: Path) -> None:
    """Files by name and without times, so that the same content is the same zip."""
    with zipfile.ZipFile(target, "w") as archive:
        for path in sorted(one for one in folder.rglob("*") if one.is_file()):
            entry = zipfile.ZipInfo(str(path.relative_to(folder)), _MANY_YEARS_AGO)
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, path.read_bytes(), zipfile.ZIP_DEFLATED, 9)


def write_digests(dist: Path) -> None:
    """SHA256SUMS of everything in the folder, as `sha256sum --check` reads it."""
    files = sorted(one for one in dist.iterdir() if one.is_file() and one.name != "SHA256SUMS")
    lines = [f"{hashlib.sha256(one.read_bytes()).hexdigest()}  {one.name}\n" for one in files]
    (dist / "SHA256SUMS").write_text("".join(lines))


def _run(*command: str) -> None:
    if subprocess.run(command, cwd=ROOT).returncode:
        sys.exit(f"failed: {' '.join(command)}")


if __name__ == "__main__":
    main(sys.argv[1:])
