"""Writes the table of former parameters in docs/migration.md; with --check, fails if it is stale."""

import sys
from pathlib import Path

from kinesight.domain.detectors.catalogue import DETECTORS
from kinesight_cli.migrate.former_parameters import (
    ENABLE_VIEWER,
    FORMER_PARAMETERS,
    IDENTITY_PROVIDER,
    IDENTITY_PROVIDER_PARTS,
    REMOVED,
    VIEWER_USER,
    FormerParameter,
)

PAGE = Path(__file__).resolve().parents[1] / "docs/migration.md"
_COMMAND = "python scripts/former_parameter_table.py"
_BEGIN, _END = f"<!-- former parameters: written by {_COMMAND} -->", "<!-- end of former parameters -->"


def table() -> list[str]:
    """Lines of the table."""
    rows = [f"| `{one.name}` | `{one.place}` | {_types(one)} |".replace("|  |", "| |") for one in FORMER_PARAMETERS]
    rows += [f"| `{name}` | parameter `{IDENTITY_PROVIDER}` | |" for name in IDENTITY_PROVIDER_PARTS]
    rows.append(f"| `{ENABLE_VIEWER}` | parameter `{VIEWER_USER}` or `{IDENTITY_PROVIDER}` | |")
    rows += [f"| `{name}` | none: {reason} | |" for name, reason in REMOVED.items()]
    return [
        "| former parameter | place, in the configuration document unless it says otherwise | types of detectors |",
        "|---|---|---|",
        *rows,
    ]


def _types(one: FormerParameter) -> str:
    return "all" if len(one.types) == len(DETECTORS) else ", ".join(one.types)


def written() -> str:
    """The page with the current table."""
    before, _, rest = PAGE.read_text().partition(_BEGIN)
    return "\n".join([before + _BEGIN, "", *table(), "", _END]) + rest.partition(_END)[2]


def main() -> None:
    """Writes the page, or fails if it is not current."""
    if "--check" not in sys.argv[1:]:
        PAGE.write_text(written())
    elif PAGE.read_text() != written():
        sys.exit(f"docs/migration.md is not current: {_COMMAND}")


if __name__ == "__main__":
    main()
