"""Scaffolds a function that a schedule runs: `make new-function NAME=<verb> ROOM=<room> SECTION=<section>`.

It writes handler, domain module, wiring, settings, sample events, template resources with an alarm, the alarm's section
of the runbook and a unit test, then updates the generated blocks and tables. The domain module is left to be decided.
"""

import argparse
import keyword
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from string import Template

ROOT = Path(__file__).resolve().parents[1]
_TEMPLATES = Path(__file__).with_name("function_templates")
_LAYER = Path("layers/kinesight/kinesight")
_DOMAIN = _LAYER / "domain"
_MOST_LETTERS = 40
"""A function's name is the stack's, the logical id's and a suffix of 12 letters: 64 at most (Lambda quotas)."""


class ScaffoldError(Exception):
    """The function cannot be scaffolded. The message says why, and what to do."""


@dataclass(frozen=True, slots=True)
class Scaffold:
    """`verb`: prune_clips. `section`: that of template.yaml, by the name of its block of alarms."""

    verb: str
    room: str
    section: str

    @property
    def words(self) -> Mapping[str, str]:
        """What the templates name."""
        return {
            "verb": self.verb,
            "room": self.room,
            "name": camel(self.verb),
            "feature": self.section.upper().replace("-", "_"),
            "target": self.verb.replace("_", "-"),
        }

    def text(self, template: str) -> str:
        """A template filled in."""
        return Template((_TEMPLATES / f"{template}.txt").read_text()).substitute(self.words)


def camel(verb: str) -> str:
    """The verb as in logical ids: PruneClips."""
    return "".join(word.capitalize() for word in verb.split("_"))


def rooms(root: Path) -> list[str]:
    """The rooms of the domain."""
    return sorted(path.parent.name for path in (root / _DOMAIN).glob("*/__init__.py"))


def sections(root: Path) -> list[str]:
    """The sections of template.yaml that hold alarms and follow all anchors that the new resources refer to."""
    text = (root / "template.yaml").read_text()
    anchors = re.findall(r"\*([a-z_]+)\b", (_TEMPLATES / "resources.yaml.txt").read_text())
    first = max(re.search(rf"&{anchor}\b", text).start() for anchor in anchors)  # type: ignore[union-attr]  # each is there
    return [one[1] for one in re.finditer(r"(?m)^  # <([a-z-]+)-alarms>", text) if one.start() > first]


def check(scaffold: Scaffold, root: Path) -> None:
    """Raises ScaffoldError if the verb, the room or the section cannot be used."""
    verb = scaffold.verb
    if not re.fullmatch(r"[a-z]+(_[a-z]+)+", verb) or len(verb) > _MOST_LETTERS:
        raise ScaffoldError(
            f"{verb!r} is not a name of a function: give a verb and its object in lower case, such as prune_clips, "
            f"at most {_MOST_LETTERS} letters"
        )
    _check_choice("room", "ROOM", scaffold.room, rooms(root))
    _check_choice("section", "SECTION", scaffold.section, sections(root))
    taken = [str(path.relative_to(root)) for path in _existing(verb, root)] + _taken_resources(verb, root)
    if taken:
        raise ScaffoldError(f"{verb} exists already: {', '.join(taken)}. Choose another NAME")


def _check_choice(kind: str, variable: str, value: str, choices: list[str]) -> None:
    if value not in choices or keyword.iskeyword(value):
        raise ScaffoldError(f"there is no {kind} {value!r}: set {variable} to one of {', '.join(choices)}")


def _existing(verb: str, root: Path) -> Iterator[Path]:
    patterns = (f"functions/{verb}", f"events/{verb}", f"{_LAYER}/wiring/{verb}.py", f"{_DOMAIN}/**/{verb}.py")
    for pattern in patterns:
        yield from root.glob(pattern)


def _taken_resources(verb: str, root: Path) -> list[str]:
    found = re.findall(rf"(?m)^  ({camel(verb)}\w*):", (root / "template.yaml").read_text())
    new = {camel(verb) + suffix for suffix in ("Function", "Logs", "Async", "Role", "Rule", "Permission", "Alarm")}
    return [f"{name} in template.yaml" for name in found if name in new]


def write(scaffold: Scaffold, root: Path) -> list[Path]:
    """Writes the new files and the insertions; returns all files that it touched, relative to the root."""
    return [*_new_files(scaffold, root), *_insertions(scaffold, root)]


def _new_files(scaffold: Scaffold, root: Path) -> Iterator[Path]:
    verb, tests = scaffold.verb, Path("tests/unit") / scaffold.room
    texts = {
        Path(f"functions/{verb}/__init__.py"): "",
        Path(f"functions/{verb}/app.py"): scaffold.text("app.py"),
        _DOMAIN / scaffold.room / f"{verb}.py": scaffold.text("domain.py"),
        _LAYER / f"wiring/{verb}.py": scaffold.text("wiring.py"),
        tests / f"test_{verb}.py": scaffold.text("test.py"),
    }
    if not (root / tests / "__init__.py").exists():
        texts[tests / "__init__.py"] = ""
    for path, text in texts.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)
        yield path


def _insertions(scaffold: Scaffold, root: Path) -> Iterator[Path]:
    before = {
        Path("template.yaml"): ("resources.yaml", f"  # <{scaffold.section}-alarms>"),
        Path("scripts/operations/alarm_table.py"): ("alarm.py", "    *(_version("),
        Path("scripts/make_events.py"): ("samples.py", "}\n\n\ndef main("),
    }
    for path, (template, anchor) in before.items():
        (root / path).write_text(_inserted((root / path).read_text(), scaffold.text(template), anchor, path))
        yield path
    runbook = root / "docs/runbook.md"
    runbook.write_text(runbook.read_text().rstrip("\n") + "\n" + scaffold.text("runbook.md"))
    yield Path("docs/runbook.md")


def _inserted(text: str, new: str, anchor: str, path: Path) -> str:
    if text.count(anchor) != 1:
        raise ScaffoldError(f"{path} has no single place {anchor.strip()!r} to insert before: restore it and try again")
    before, _, after = text.partition(anchor)
    return before + new + anchor + after


_DERIVED = (
    ("-m", "scripts.make_events"),
    ("-m", "scripts.operations.generate"),
    ("-m", "tests.template.permissions_table"),
    ("scripts/cost_tables.py",),
)
"""Programs that write sample events, generated blocks and tables. Each runs in a process of its own, because what they
derive from has changed."""


def derive(root: Path) -> None:
    """Runs the programs. Raises ScaffoldError with the output of one that fails."""
    packages = (root, root / "layers/kinesight", root / "cli", root / "local")
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(map(str, packages))}
    for arguments in _DERIVED:
        command = [sys.executable, *arguments]
        done = subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True, check=False)
        if done.returncode:
            raise ScaffoldError(f"python {' '.join(arguments)} failed; fix this and run it again:\n{done.stderr}")


def chosen(value: str, kind: str, choices: list[str]) -> str:
    """The value, or what the user answers if it is empty and there is a terminal."""
    if value or not sys.stdin.isatty():
        return value
    return input(f"{kind} ({', '.join(choices)}): ").strip()


def main(arguments: list[str], root: Path = ROOT) -> None:
    parser = argparse.ArgumentParser(prog="make new-function", description=__doc__.partition("\n")[0])
    parser.add_argument("--name", default="", help="verb and object, such as prune_clips")
    parser.add_argument("--room", default="", help="room of the domain module")
    parser.add_argument("--section", default="", help="section of template.yaml")
    given = parser.parse_args(arguments)
    try:
        scaffold = Scaffold(
            given.name, chosen(given.room, "ROOM", rooms(root)), chosen(given.section, "SECTION", sections(root))
        )
        check(scaffold, root)
        touched = write(scaffold, root)
        derive(root)
    except ScaffoldError as error:
        sys.exit(f"error: {error}")
    sys.stdout.write("".join(f"{path}\n" for path in touched))
    sys.stdout.write(f"Next: decide in {_DOMAIN}/{scaffold.room}/{scaffold.verb}.py, then run make lint.\n")


if __name__ == "__main__":
    main(sys.argv[1:])
