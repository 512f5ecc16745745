"""The page that says where each capability of KIT and of the KVS Images guides is: what it names exists."""

import importlib.util
import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs/coverage.md"
TESTS = ROOT / "tests"
SOURCES = 6
_ABSENT = re.compile(r"^(none|missing|refused|not (here|included|needed|offered))\b")
"""How the second cell begins if there is no such thing here."""
_REASON = re.compile(r": \S+(?: \S+)+")


@dataclass(frozen=True, slots=True)
class Row:
    """Cells of one line of a table."""

    capability: str
    here: str
    shown_by: str

    @property
    def tests(self) -> list[tuple[str, str]]:
        """(file below `tests/`, name of a test)."""
        return re.findall(r"`([\w/]+\.py)::(\w+)`", self.shown_by)

    @property
    def commands(self) -> list[str]:
        return re.findall(r"`((?:kinesight|make|python -m) [^`]+)`", self.shown_by)


def rows(text: str) -> list[Row]:
    """Rows of all tables, without their heads."""
    lines = [line for line in text.splitlines() if line.startswith("| ") and not line.startswith("| capability |")]
    return [Row(*(cell.strip() for cell in line.strip("|").split(" | "))) for line in lines]


def missing_test(file: str, name: str) -> bool:
    path = TESTS / file
    return not path.exists() or not re.search(rf"(?m)^ *def {name}\(", path.read_text())


def missing_command(command: str) -> bool:
    """Whether there is no such target or module. Commands of `kinesight` are checked like those of every page."""
    program, *listed = command.split()
    if program == "make":
        return not re.search(rf"(?m)^{listed[0]}:", (ROOT / "Makefile").read_text())
    return program == "python" and importlib.util.find_spec(listed[1]) is None


def lacks_reason(row: Row) -> bool:
    return bool(_ABSENT.match(row.here)) and not _REASON.search(row.here)


ROWS = rows(PAGE.read_text())


def test_every_source_has_a_table() -> None:
    sections = PAGE.read_text().split("\n## ")[1:]

    assert len(sections) == SOURCES
    assert [one.partition("\n")[0] for one in sections if "https://" not in one or not rows(one)] == []
    assert len(ROWS) > 120


def test_every_row_is_shown_by_a_test_or_a_command() -> None:
    assert [row.capability for row in ROWS if not row.tests and not row.commands] == []


def test_every_named_test_exists() -> None:
    assert [one for row in ROWS for one in row.tests if missing_test(*one)] == []


def test_every_named_command_exists() -> None:
    assert [one for row in ROWS for one in row.commands if missing_command(one)] == []


def test_no_capability_is_listed_twice() -> None:
    assert [name for name, count in Counter(row.capability for row in ROWS).items() if count > 1] == []


def test_what_is_absent_has_a_reason() -> None:
    assert sum(bool(_ABSENT.match(row.here)) for row in ROWS) > 5
    assert [row.capability for row in ROWS if lacks_reason(row)] == []


@pytest.mark.parametrize(
    ("here", "lacking"),
    [
        ("missing", True),
        ("none", True),
        ("not here: ", True),
        ("not offered", True),
        ("none: a name in logs only", False),
        ("`StreamNames`", False),
    ],
)
def test_a_missing_reason_is_found(here: str, lacking: bool) -> None:
    assert lacks_reason(Row("x", here, "")) == lacking


def test_what_does_not_exist_is_found() -> None:
    assert missing_test("docs/test_coverage.py", "test_of_nothing")
    assert missing_test("docs/test_nothing.py", "test_what_does_not_exist_is_found")
    assert not missing_test("docs/test_coverage.py", "test_what_does_not_exist_is_found")
    assert missing_command("make coffee")
    assert missing_command("python -m benchmarks.nothing")
    assert not missing_command("make demo")
