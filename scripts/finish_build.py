"""What `sam build` leaves undone: layers without debug information and with byte code, and new versions of the
functions with every deployment.

PyAV's wheels carry the debug information of its own modules, half of their size. `llvm-strip` takes it out for either
processor; where there is none it stays.

`sam` takes byte code out of layers, and Lambda can't write it, so every cold start would compile every module anew
(docs/deploy.md has the figures). It is the same for both processors. It is checked against nothing at run time: a zip
file keeps times to two seconds only, and what is in a layer does not change.

SAM publishes a version when the template or the code changed, but not when a parameter's value did
(github.com/aws/serverless-application-model/issues/3820). A release that is new each time publishes one always.
"""

import argparse
import compileall
import py_compile
import re
import shutil
import subprocess
import sys
from pathlib import Path

PYTHON = (3, 13)
"""Of `Runtime` in template.yaml; another one's byte code would be ignored."""
_RELEASE = re.compile(r"(?m)^(\s+(?:AutoPublishCodeSha256|PublishedRelease):)\s+(?:Ref: Release|!Ref Release)$")
_NO_STRIP = "debug information stays in the layers, some 20 MB of it: there is no llvm-strip, or it is out already\n"
_RELEASE_FORM = re.compile(r"[a-zA-Z0-9]{1,10}")


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--build-dir", type=Path, default=Path(".aws-sam/build"))
    parser.add_argument("--release", default="", help="1 to 10 letters and digits, new with every deployment")
    given = parser.parse_args(arguments)
    if sys.version_info[:2] != PYTHON:
        sys.exit(f"layers are compiled by Python {PYTHON[0]}.{PYTHON[1]}; run this with .venv/bin/python")
    saved_mb = strip_layers(given.build_dir) / 1e6
    compiled = compile_layers(given.build_dir)
    if not compiled:
        sys.exit(f"{given.build_dir} holds no built layers: run `make build`")
    sys.stdout.write(f"took {saved_mb:.0f} MB of debug information out\n" if saved_mb else _NO_STRIP)
    sys.stdout.write(f"compiled {', '.join(compiled)}\n")
    if given.release:
        functions = stamp(given.build_dir / "template.yaml", given.release)
        sys.stdout.write(f"release {given.release}: new versions of {functions} functions\n")


def strip_layers(build_dir: Path) -> int:
    """How many bytes fewer the layers have. What a wheel brings in `*.libs` is stripped, and patched: it stays."""
    strip = shutil.which("llvm-strip")
    modules = [one for one in build_dir.glob("*Layer/python/**/*.so") if not one.parent.name.endswith(".libs")]
    if strip is None or not modules:
        return 0
    before = sum(one.stat().st_size for one in modules)
    subprocess.run([strip, "--strip-debug", *map(str, modules)], check=True)
    return before - sum(one.stat().st_size for one in modules)


def compile_layers(build_dir: Path) -> list[str]:
    """The names of the layers that were compiled. The same source makes the same bytes."""
    folders = sorted(build_dir.glob("*Layer/python"))
    for folder in folders:
        compiled = compileall.compile_dir(
            folder,
            quiet=1,
            force=True,
            stripdir=str(folder),
            prependdir="/opt/python",
            invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH,
        )
        if not compiled:
            sys.exit(f"{folder} holds a module that does not compile")
    return [folder.parent.name for folder in folders]


def stamp(template: Path, release: str) -> int:
    """Writes the release into the built template, whatever the parameter says; how many functions have it."""
    if not _RELEASE_FORM.fullmatch(release):
        sys.exit(f"{release!r} is no release: one to ten letters and digits")
    text = _RELEASE.sub(rf"\1 '{release}'", template.read_text())
    functions = text.count(f"AutoPublishCodeSha256: '{release}'")
    if not functions:
        sys.exit(f"{template} has no function that takes a release, or has one already: build anew")
    template.write_text(text)
    return functions


if __name__ == "__main__":
    main(sys.argv[1:])
