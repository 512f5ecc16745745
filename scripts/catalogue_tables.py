"""Writes the tables of detectors and channels in docs/ from their catalogues; with --check, fails if they are stale."""

import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from kinesight.domain.detectors.catalogue import DETECTORS
from kinesight.domain.detectors.catalogue.entry import DetectorEntry
from kinesight.domain.sessions.channels import CHANNELS

DOCS = Path(__file__).resolve().parents[1] / "docs"
_COMMAND = "written by python scripts/catalogue_tables.py"


def rekognition() -> list[str]:
    """The table of Rekognition's operations."""
    rows = (
        (f"`{kind}`", one.summary, one.documentation.labels, one.documentation.attributes, _needs(one))
        for kind, one in DETECTORS.items()
        if not one.is_own_model
    )
    return _table(("`Detector`", "operation", "labels", "attributes", "needs"), rows)


def own_models() -> list[str]:
    """The table of models of one's own."""
    rows = (
        (f"`{kind}`", one.summary, _needs(one), _actions(one.actions))
        for kind, one in DETECTORS.items()
        if one.is_own_model
    )
    return _table(("`Detector`", "model", "needs", "permission"), rows)


def channels() -> list[str]:
    """The table of channels."""
    rows = (
        (f"`{name}`", one.documentation, one.carries.value, _actions(one.actions)) for name, one in CHANNELS.items()
    )
    return _table(("channel", "where", "carries", "permission"), rows)


def _needs(one: DetectorEntry[Any]) -> str:
    return ", ".join(f"`{name}`" for name in one.parameters) + one.documentation.needs


def _actions(actions: tuple[str, ...]) -> str:
    return ", ".join(f"`{one}`" for one in actions)


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> list[str]:
    lines = [f"| {' | '.join(head)} |", "|" + "---|" * len(head)]
    return [*lines, *(("| " + " | ".join(row) + " |").replace("|  |", "| |") for row in rows)]


TABLES: Mapping[str, Mapping[str, list[str]]] = {
    "detectors.md": {"rekognition": rekognition(), "own models": own_models()},
    "sessions.md": {"channels": channels()},
}


def written(document: str) -> str:
    """A document with current tables."""
    text = (DOCS / document).read_text()
    for name, lines in TABLES[document].items():
        begin, end = f"<!-- {name}: {_COMMAND} -->", f"<!-- end of {name} -->"
        before, _, rest = text.partition(begin)
        text = "\n".join([before + begin, "", *lines, "", end]) + rest.partition(end)[2]
    return text


def main() -> None:
    """Writes the documents, or fails where one is not current."""
    for document in TABLES:
        if "--check" not in sys.argv[1:]:
            (DOCS / document).write_text(written(document))
        elif (DOCS / document).read_text() != written(document):
            sys.exit(f"docs/{document} is not current: python scripts/catalogue_tables.py")


if __name__ == "__main__":
    main()
