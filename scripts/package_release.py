"""The built stack as files of a release, what `make sbom` wrote, and the digests of all.

For each processor: one zip that `sam deploy` takes, with the template and folders of functions and layers; and one with
the folder that is copied to a bucket and launched from CloudFormation's console. They name no bucket, and need no
account to be made. The same sources and the same lock file make the same files, byte for byte.
"""

import argparse
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Mapping
from pathlib import Path

import yaml

from scripts import release_templates as templates

ROOT = Path(__file__).resolve().parent.parent
ARCHITECTURES = ("arm64", "x86_64")
_CHOICE = "    Default: arm64\n    AllowedValues:\n    - arm64\n    - x86_64\n"
_STATE_MACHINES = "statemachines"
_MANY_YEARS_AGO = (1980, 1, 1, 0, 0, 0)
_RELATIVE_LINK = re.compile(r"\]\((?!https?:|#)")


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("version", help="the tag, v1.2.3, or any name")
    parser.add_argument("--architecture", choices=ARCHITECTURES, action="append", help="default: both")
    parser.add_argument("--source-url", default="", help="where the sources of this version can be read")
    parser.add_argument("--dist", type=Path, default=ROOT / "dist")
    given = parser.parse_args(arguments)
    given.dist.mkdir(parents=True, exist_ok=True)
    version = given.version.removeprefix("v")
    for architecture in given.architecture or ARCHITECTURES:
        name = f"kinesight-{version}-{architecture}"
        folder = given.dist / "build" / name
        build(folder, architecture)
        write_console(folder, given.dist / "build" / "console", f"{name}.yaml")
        pack(given.dist / "build" / "console", given.dist / f"{name}-console.zip")
        add_repository_files(folder, version, given.source_url)
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
    _run(*sam, "--parameter-overrides", f"Architecture={architecture}", variables=wheels(architecture))
    _run(sys.executable, str(ROOT / "scripts/finish_build.py"), "--build-dir", str(folder))
    complete(folder, architecture)


def complete(folder: Path, architecture: str) -> None:
    """Adds what the built template refers to outside of the folder, and the licence."""
    shutil.copytree(ROOT / _STATE_MACHINES, folder / _STATE_MACHINES)
    shutil.copy(ROOT / "LICENSE", folder)
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


# ---- for CloudFormation's console ----------------------------------------------------------------------------------


def write_console(built: Path, target: Path, template_name: str, compression: int = 9) -> None:
    """Writes the folder that is copied to a bucket: the template, what it refers to, and the digests of both.

    `built` is a folder with a self-contained template. Exits if a limit of CloudFormation or Lambda is exceeded.
    """
    document = templates.parsed((built / "template.yaml").read_text())
    paths = {name: built / path for name, path in templates.local_paths(document).items()}
    check_code_sizes(document, paths)
    folder = target / templates.FOLDER
    folder.mkdir(parents=True)
    files = {name: _add(path, name, folder, compression) for name, path in paths.items()}
    text = templates.text_of(templates.for_console(document, files))
    if len(text.encode()) > templates.MOST_TEMPLATE_BYTES:
        sys.exit(f"the template has {len(text.encode())} bytes, CloudFormation takes {templates.MOST_TEMPLATE_BYTES}")
    (folder / template_name).write_text(text)
    shutil.copy(ROOT / "LICENSE", folder)
    write_digests(folder)


def _add(source: Path, name: str, folder: Path, compression: int) -> str:
    """Adds a folder as a zip, or a workflow as JSON, which Step Functions reads whatever its name ends in; returns its
    name."""
    file = folder / "in-progress"
    if source.is_dir():
        pack(source, file, compression)
    else:
        file.write_text(json.dumps(yaml.safe_load(source.read_text()), indent=1))
    digest = hashlib.sha256(file.read_bytes()).hexdigest()[:16]
    return file.rename(folder / f"{name}-{digest}.{'zip' if source.is_dir() else 'json'}").name


def check_code_sizes(document: templates.Document, paths: dict[str, Path]) -> None:
    """Exits if a function with its layers is larger than Lambda permits."""
    sizes = {name: _size(path) for name, path in paths.items() if path.is_dir()}
    for name, resource in document["Resources"].items():
        if resource["Type"] == "AWS::Serverless::Function":
            size = sum(sizes[one] for one in [name, *(one["Ref"] for one in resource["Properties"].get("Layers", []))])
            if size > templates.MOST_CODE_BYTES:
                sys.exit(f"{name} has {size} bytes with its layers, Lambda takes {templates.MOST_CODE_BYTES}")


def _size(folder: Path) -> int:
    return sum(one.stat().st_size for one in folder.rglob("*") if one.is_file())


# ---- for the Serverless Application Repository ---------------------------------------------------------------------


def add_repository_files(folder: Path, version: str, source_url: str) -> None:
    """Adds what `sam package` and `sam publish` take: a template of its own, and the readme that it names."""
    document = templates.parsed((folder / "template.yaml").read_text())
    repository = templates.for_repository(document, version, source_url)
    (folder / "serverlessrepo.yaml").write_text(templates.text_of(repository))
    (folder / "README.md").write_text(readme((ROOT / "README.md").read_text(), source_url))


def readme(text: str, source_url: str) -> str:
    """The readme with addresses instead of links to files, which a page of the repository does not have."""
    return _RELATIVE_LINK.sub(f"]({source_url}/", text) if source_url else text


# --------------------------------------------------------------------------------------------------------------------


def pack(folder: Path, target: Path, compression: int = 9) -> None:
    """Files by name and without times, so that the same content is the same zip."""
    with zipfile.ZipFile(target, "w") as archive:
        for path in sorted(one for one in folder.rglob("*") if one.is_file()):
            entry = zipfile.ZipInfo(str(path.relative_to(folder)), _MANY_YEARS_AGO)
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, path.read_bytes(), zipfile.ZIP_DEFLATED, compression)


def write_digests(dist: Path) -> None:
    """SHA256SUMS of everything in the folder, as `sha256sum --check` reads it."""
    files = sorted(one for one in dist.iterdir() if one.is_file() and one.name != "SHA256SUMS")
    lines = [f"{hashlib.sha256(one.read_bytes()).hexdigest()}  {one.name}\n" for one in files]
    (dist / "SHA256SUMS").write_text("".join(lines))


def wheels(architecture: str) -> dict[str, str]:
    """Variables with which pip downloads the wheels of a processor at once, and checks their digests. For another
    processor than this machine's, sam would download again without them."""
    processor = {"arm64": "aarch64"}.get(architecture, architecture)
    platforms = (f"{one}_{processor}" for one in ("manylinux2014", "manylinux_2_17", "manylinux_2_28"))
    return {
        "PIP_ONLY_BINARY": ":all:",
        "PIP_IMPLEMENTATION": "cp",
        "PIP_PYTHON_VERSION": "3.13",
        "PIP_PLATFORM": " ".join(platforms),
    }


def _run(*command: str, variables: Mapping[str, str] | None = None) -> None:
    if subprocess.run(command, cwd=ROOT, env=os.environ | dict(variables or {})).returncode:
        sys.exit(f"failed: {' '.join(command)}")


if __name__ == "__main__":
    main(sys.argv[1:])
