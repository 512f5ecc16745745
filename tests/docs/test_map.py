"""The map of the repository: what it names exists, its rooms are those of the contract, its index is complete."""

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
MAP = [ROOT / "CONTRIBUTING.md", DOCS / "README.md", DOCS / "architecture.md", *sorted((DOCS / "adr").glob("*.md"))]
DOMAIN = ROOT / "layers/kinesight/kinesight/domain"
FOLDERS = {path.name for path in ROOT.iterdir() if path.is_dir() and not path.name.startswith(".")}
PATH = re.compile(r"[\w.<>*-]+(/[\w.<>*-]*)+|[\w-]+\.(py|md|toml|ya?ml|json)")
STORED = (
    *("images/", "crops/", "on-demand/<execution>/"),
    *("results/", "annotated/", "archive/", "timelapse/", "clips/", "bundles/", "held/"),
)
"""Keys of objects, which the table of state names."""


def links(document: Path) -> list[str]:
    """Targets of links into the repository, without their headings."""
    found = re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", document.read_text())
    return [one for one in found if "://" not in one]


def paths(document: Path) -> Iterator[str]:
    """Paths in code spans: words with a slash, and names of files."""
    for span in re.findall(r"`([^`\n]+)`", document.read_text()):
        yield from (word for word in span.split() if PATH.fullmatch(word) and word not in STORED)


def exists(path: str) -> bool:
    """Whether a path from the root exists; `<verb>` is any name, and a bare name is a file of any folder."""
    pattern = re.sub(r"<[^>]*>", "*", path).rstrip("/")
    if "/" in path:
        return any(ROOT.glob(pattern))
    return (ROOT / path).exists() or any(found for folder in FOLDERS for found in (ROOT / folder).rglob(path))


@pytest.mark.parametrize("document", MAP, ids=lambda path: path.name)
def test_every_link_leads_to_a_file(document: Path) -> None:
    assert [one for one in links(document) if not (document.parent / one).exists()] == []


@pytest.mark.parametrize("document", MAP, ids=lambda path: path.name)
def test_every_path_exists(document: Path) -> None:
    assert [one for one in paths(document) if not exists(one)] == []


def test_the_map_names_many_paths_and_a_missing_one_is_found() -> None:
    assert len(set(paths(ROOT / "CONTRIBUTING.md"))) > 30
    assert len(set(paths(DOCS / "architecture.md"))) > 15
    assert exists("functions/<verb>/app.py")
    assert exists("pyproject.toml")
    assert not exists("functions/<verb>/handler.py")
    assert not exists("layers/kinesight/kinesight/domain/pipeline.py")
    assert not exists("pipelines.py")


def test_every_command_is_a_target_of_make() -> None:
    targets = set(re.findall(r"(?m)^([a-z-]+):", (ROOT / "Makefile").read_text()))
    named = {name for document in MAP for name in re.findall(r"`make ([a-z-]+)", document.read_text())}

    assert len(named) > 10
    assert named - targets == set()


def test_every_module_that_is_run_exists() -> None:
    named = {name for document in MAP for name in re.findall(r"python -m ([\w.]+)", document.read_text())}

    assert named
    assert [name for name in named if not (ROOT / (name.replace(".", "/") + ".py")).exists()] == []


def contract() -> list[set[str]]:
    """The rooms of each level, from the top."""
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    (rooms,) = [one for one in contracts if one.get("containers") == ["kinesight.domain"]]
    return [{name.strip() for name in re.split(r"[|:]", level)} for level in rooms["layers"]]


def test_the_table_of_rooms_is_the_contract() -> None:
    section = (DOCS / "architecture.md").read_text().partition("\n## Rooms\n")[2].partition("\n## ")[0]
    rows = re.findall(r"(?m)^\| (\d+) \| (.*) \|$", section)

    assert [int(level) for level, _ in rows] == list(range(1, len(rows) + 1))
    assert [set(re.findall(r"`(\w+)`:", rooms)) for _, rooms in rows] == contract()


def test_levels_are_folders_or_modules_as_the_map_says() -> None:
    for level, names in enumerate(contract(), 1):
        for name in names:
            assert (DOMAIN / name).is_dir() == (level <= 8), name
            assert (DOMAIN / f"{name}.py").exists() == (level > 8), name


def test_every_page_is_in_the_index() -> None:
    pages = {path.name for path in DOCS.iterdir() if path.suffix in (".md", ".json")} - {"README.md"}

    assert pages - set(links(DOCS / "README.md")) == set()


def anchors(document: Path) -> set[str]:
    """Anchors that GitHub gives a document's headings."""
    headings = re.findall(r"(?m)^#+ (.*)$", document.read_text())
    return {re.sub(r"[^\w\- ]", "", one.lower()).replace(" ", "-") for one in headings}


@pytest.mark.parametrize("document", [ROOT / "README.md", *sorted(DOCS.glob("*.md"))], ids=lambda path: path.name)
def test_every_linked_page_and_heading_exists(document: Path) -> None:
    found = re.findall(r"\]\(([\w./-]*)(?:#([\w-]*))?\)", document.read_text())
    targets = [(document.parent / page if page else document, heading) for page, heading in found]

    assert [str(page) for page, _ in targets if not page.exists()] == []
    assert [f"{page.name}#{heading}" for page, heading in targets if heading and heading not in anchors(page)] == []


def test_every_decision_is_in_the_map() -> None:
    decisions = {f"adr/{path.name}" for path in (DOCS / "adr").iterdir()}

    assert len(decisions) >= 10
    assert {one for one in links(DOCS / "architecture.md") if one.startswith("adr/")} - {"adr/"} == decisions


def test_a_decision_says_why_what_and_what_follows() -> None:
    for path in (DOCS / "adr").iterdir():
        parts = re.findall(r"(?m)^\*\*(\w+)\.\*\*", path.read_text())
        assert parts == ["Context", "Decision", "Consequences"], path.name
