"""Writes README's tables of parameters from template.yaml; with --check, says whether they are current."""

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from samtranslator.yaml_helper import yaml_parse

ROOT = Path(__file__).resolve().parents[1]
DOCUMENT = ROOT / "README.md"
_BEGIN = "<!-- parameters: written by python scripts/parameter_tables.py -->"
_END = "<!-- end of parameters -->"
_MOST_VALUES = 10
"""Longer lists are left to the document that the description names."""


def tables() -> Iterator[str]:
    """A table for each group of the template's interface, in its order."""
    template = yaml_parse((ROOT / "template.yaml").read_text())
    for group in template["Metadata"]["AWS::CloudFormation::Interface"]["ParameterGroups"]:
        yield from (f"**{group['Label']['default']}**", "", "| parameter | default | what it does |", "|---|---|---|")
        yield from (_row(name, template["Parameters"][name]) for name in group["Parameters"])
        yield ""


def _row(name: str, parameter: dict[str, Any]) -> str:
    default = f"`{parameter['Default']}`" if parameter["Default"] != "" else "none"
    description = re.sub(r"\bdocs/\w+\.md\b", r"[\g<0>](\g<0>)", parameter["Description"].strip())
    values = parameter.get("AllowedValues", ())
    if 0 < len(values) <= _MOST_VALUES:
        description += f" ({', '.join(f'`{one}`' for one in values)})"
    return f"| `{name}` | {default} | {description} |"


def written(text: str) -> str:
    """The document with current tables."""
    before, _, rest = text.partition(_BEGIN)
    return "\n".join([before + _BEGIN, "", *tables(), _END]) + rest.partition(_END)[2]


def main() -> None:
    """Writes the document, or fails where it is not current."""
    text = DOCUMENT.read_text()
    if "--check" in sys.argv[1:]:
        sys.exit(None if text == written(text) else f"{DOCUMENT} is not current: python scripts/parameter_tables.py")
    DOCUMENT.write_text(written(text))


if __name__ == "__main__":
    main()
