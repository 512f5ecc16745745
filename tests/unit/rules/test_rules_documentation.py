"""docs/rules.md and docs/migration.md: their examples are valid, and they document every field."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from kinesight.domain.gate.decision import GateSettings
from kinesight.domain.rules.document import (
    Camera,
    Confirmation,
    QuietHours,
    Rule,
    RulesDocument,
    SessionSettings,
    StationarySettings,
    Zone,
)
from kinesight_cli.migrate.kit import KIT_NAMES
from kinesight_cli.migrate.rekognition import LABELS
from pydantic import BaseModel

DOCS = Path(__file__).resolve().parents[3] / "docs"
RULES = (DOCS / "rules.md").read_text()
MIGRATION = (DOCS / "migration.md").read_text()
EXAMPLES = re.findall(r"```json\n(.*?)```", RULES, re.DOTALL)


def completed(example: str) -> Any:
    """The document around an excerpt."""
    if '"schemaVersion"' in example:
        return json.loads(example)
    if example.startswith('"'):
        part = json.loads("{" + example + "}")
        camera = {"streams": ["a"], "rules": [{"name": "all"}]} | part
        return {"schemaVersion": 1, "cameras": part.get("cameras", [camera])}
    return {"schemaVersion": 1, "cameras": [{"streams": ["a"], "rules": [json.loads(example)]}]}


@pytest.mark.parametrize("example", EXAMPLES)
def test_an_example_is_valid(example: str) -> None:
    RulesDocument.parse(json.dumps(completed(example)))


def test_there_are_examples() -> None:
    assert len(EXAMPLES) >= 5


MODELS: tuple[type[BaseModel], ...] = (
    RulesDocument,
    Camera,
    Zone,
    Rule,
    Confirmation,
    QuietHours,
    SessionSettings,
    StationarySettings,
    GateSettings,
)
FIELDS = [
    pytest.param(field.alias, field.default, id=f"{model.__name__}.{field.alias}")
    for model in MODELS
    for field in model.model_fields.values()
]


@pytest.mark.parametrize(("name", "default"), FIELDS)
def test_every_field_is_documented_with_its_default(name: str, default: Any) -> None:
    rows = [
        row for row in RULES.splitlines() if row.startswith("|") and re.search(rf"`(\w+\.)?{re.escape(name)}`", row)
    ]
    assert rows, name
    if isinstance(default, int | float | str):
        documented = f"{default:g}" if isinstance(default, float) else str(default)
        assert any(re.search(rf"\b{documented}\b", row, re.IGNORECASE) for row in rows), rows


def test_every_documented_field_exists() -> None:
    known = {field.alias for model in MODELS for field in model.model_fields.values()}
    cells = [row.split("|")[1] for row in RULES.splitlines() if row.startswith("| `")]

    documented = {name.rpartition(".")[2] for cell in cells for name in re.findall(r"`([^`]+)`", cell)}
    assert documented <= known


@pytest.mark.parametrize("name", sorted(KIT_NAMES))
def test_every_kit_setting_is_documented(name: str) -> None:
    rows = [row.casefold() for row in MIGRATION.splitlines() if row.startswith("| `")]

    assert any(f"`{name}`" in row for row in rows)


@pytest.mark.parametrize("name", LABELS)
def test_every_label_is_documented(name: str) -> None:
    assert f"| `{name}` | {', '.join(LABELS[name])} |" in MIGRATION
