"""docs/configuration.md, its reference and its sample, docs/own-model.md and docs/migration.md: their examples are
valid, and they document every field."""

import json
import re
import runpy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from kinesight.domain.configuration.document import Camera, ConfigurationDocument
from kinesight_cli.migrate.kit import KIT_NAMES
from kinesight_cli.migrate.rekognition import LABELS

ROOT = Path(__file__).resolve().parents[3]
DOCS = ROOT / "docs"
CONFIGURATION = (DOCS / "configuration.md").read_text()
REFERENCE = (DOCS / "configuration-reference.md").read_text()
SAMPLE = (DOCS / "configuration.sample.json").read_text()
MIGRATION = (DOCS / "migration.md").read_text()
OWN_MODELS = re.findall(r"```yaml\n(.*?)```", (DOCS / "own-model.md").read_text(), re.DOTALL)
EXAMPLES = re.findall(r"```json\n(.*?)```", CONFIGURATION, re.DOTALL)
SCHEMA = json.loads((DOCS / "configuration.schema.json").read_text())


def completed(example: str) -> Any:
    """The document around an excerpt: members of a camera, a camera, or a rule."""
    part = json.loads("{" + example + "}" if example.startswith('"') else example)
    if "schemaVersion" in part:
        return part
    if example.startswith('"'):
        part = {"streams": ["a"]} | part
    elif not {"streams", "streamTags"} & part.keys():
        part = {"streams": ["a"], "rules": [part]}
    return {"schemaVersion": 1, "cameras": [part]}


@pytest.mark.parametrize("example", EXAMPLES)
def test_an_example_is_valid(example: str) -> None:
    ConfigurationDocument.parse(json.dumps(completed(example)))


@pytest.mark.parametrize("example", OWN_MODELS)
def test_an_example_of_a_model_is_valid_and_needs_a_parameter(example: str) -> None:
    document = ConfigurationDocument.parse(json.dumps(yaml.safe_load(example)))

    (definition,) = document.detectors.values()
    assert definition.entry.parameters


def test_there_are_examples_of_http_and_sagemaker() -> None:
    assert [re.findall(r"type: (\w+)", one) for one in OWN_MODELS] == [["HTTP"], ["SAGEMAKER"]]


def test_there_are_examples_of_most_settings_of_a_camera() -> None:
    cameras = [camera for example in EXAMPLES for camera in completed(example)["cameras"]]
    used = {name for camera in cameras for name in camera}

    assert len(EXAMPLES) >= 10
    assert {field.alias for field in Camera.model_fields.values()} - used == {
        *(
            "labels",
            "minimumConfidence",
            "sessions",
            "stationary",
            "analysis",
            "budgetSoftPercent",
            "imagesMissingMinutes",
            "metricsPerStream",
        )
    }


def test_the_sample_is_valid_and_needs_no_parameter() -> None:
    document = ConfigurationDocument.parse(SAMPLE)

    assert json.loads(SAMPLE)["$schema"] == "./configuration.schema.json"
    assert list(document.not_permitted({})) == []
    cameras = [document.defaults, *document.cameras]
    names = [one.detector for one in cameras] + [one.follow_up.detector for one in cameras if one.follow_up]
    used = [one for name in names if name is not None and (one := document.definition(name)) is not None]
    assert [one.type for one in used if one.entry.parameters] == []


def test_the_reference_is_current() -> None:
    fresh = runpy.run_path(str(ROOT / "scripts/configuration_reference.py"))["written"]()

    assert fresh == REFERENCE, "python scripts/configuration_reference.py"


def objects() -> Iterator[dict[str, Any]]:
    yield from (one for one in (SCHEMA, *SCHEMA["$defs"].values()) if "properties" in one)


def test_the_reference_has_every_field_of_every_object() -> None:
    declared = {name for one in objects() for name in one["properties"]}
    documented = set(re.findall(r"(?m)^\| `([^`]+)` \|", REFERENCE))

    assert len(declared) > 80
    assert documented == declared


def test_every_link_of_the_reference_leads_to_one_of_its_headings() -> None:
    headings = re.findall(r"(?m)^#+ (.*)$", REFERENCE)
    anchors = [re.sub(r"[^\w -]", "", heading).lower().replace(" ", "-") for heading in headings]

    assert len(anchors) == len(set(anchors))
    assert set(re.findall(r"\]\(#([^)]*)\)", REFERENCE)) <= set(anchors)


@pytest.mark.parametrize("name", sorted(KIT_NAMES))
def test_every_kit_setting_is_documented(name: str) -> None:
    rows = [row.casefold() for row in MIGRATION.splitlines() if row.startswith("| `")]

    assert any(f"`{name}`" in row for row in rows)


@pytest.mark.parametrize("name", LABELS)
def test_every_label_is_documented(name: str) -> None:
    assert f"| `{name}` | {', '.join(LABELS[name])} |" in MIGRATION
