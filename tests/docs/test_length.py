"""The documentation stays short."""

import re
from pathlib import Path

DOCS = Path(__file__).resolve().parents[2] / "docs"
README = DOCS.parent / "README.md"
GENERATED_PAGES = {"parameters.md", "configuration-reference.md"}
TABLES = {"coverage.md"}
"""Pages in which a reader looks up one row: what is counted is what has to be read."""
_BLOCKS = (
    re.compile(r"<!-- (\w[\w -]*?): .*?-->.*?<!-- end of \1 -->", re.DOTALL),
    re.compile(r"<!-- <([\w-]+)> .*?-->.*?<!-- </\1> -->", re.DOTALL),
)
"""Tables that scripts write."""
MOST_WORDS = 30_000
MOST_README_LINES = 250


def words_by_hand(text: str) -> int:
    for block in _BLOCKS:
        text = block.sub("", text)
    return len(text.split())


def test_the_words_by_hand_are_few() -> None:
    counts = {
        path.name: words_by_hand(path.read_text())
        for path in DOCS.glob("*.md")
        if path.name not in GENERATED_PAGES | TABLES
    }

    assert sum(counts.values()) <= MOST_WORDS, counts


def test_generated_tables_do_not_count() -> None:
    assert words_by_hand("a <!-- costs: by a script -->\n| b | c |\n<!-- end of costs --> d") == 2
    assert words_by_hand("a <!-- <rows> `make generate` writes this -->\nb\n<!-- </rows> --> d") == 2


def test_the_readme_is_short() -> None:
    assert len(README.read_text().splitlines()) <= MOST_README_LINES
