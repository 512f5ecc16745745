"""Parameters that moved to the configuration document: their table, and the document that their values become."""

import json
import re
import runpy
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kinesight.domain.configuration.detector_definitions import DEFINITIONS
from kinesight.domain.configuration.document import ConfigurationDocument
from kinesight_cli.migrate.former_parameters import (
    FORMER_NAMES,
    FORMER_PARAMETERS,
    IDENTITY_PROVIDER,
    IDENTITY_PROVIDER_PARTS,
    NOT_IN_DOCUMENT,
    FormerParameter,
    converted,
    places,
)
from kinesight_cli.migrate.migration import MigrationError
from kinesight_local.template import read_template

ROOT = Path(__file__).resolve().parents[4]
KEPT = read_template(ROOT / "template.yaml")["Parameters"]
SCHEMA = json.loads((ROOT / "docs/configuration.schema.json").read_text())
ANOTHER_DEFAULT = {"ThenDetector", "ThenLabels", "ConcurrentDetections"}
"""Their defaults differ from the document's."""

DEFAULTS = {one.name: one.default for one in FORMER_PARAMETERS if one.name not in ANOTHER_DEFAULT}
VALUES: Mapping[str, tuple[str, ...]] = {
    "Detector": ("REKOGNITION_LABELS", "REKOGNITION_TEXT", "REKOGNITION_PROTECTIVE_EQUIPMENT", "HTTP", "BEDROCK"),
    "ThenDetector": ("NONE", "REKOGNITION_FACE_SEARCH", "REKOGNITION_CUSTOM_LABELS", "SAGEMAKER", "SAGEMAKER_ASYNC"),
    "Labels": ("", "Person,Car"),
    "MaxLabels": ("50", "10"),
    "FaceMatchThreshold": ("80", "99.5"),
    "RequiredEquipment": ("HEAD_COVER", "HEAD_COVER,HAND_COVER"),
    "KnownPlates": ("", "K-TP 1234,AB12 CDE"),
    "PlatePattern": ("", r"[A-Z]{2}\d{2}"),
    "ModelMapping": ("BUILT_IN_OBJECT_DETECTION", '{"rows": "predictions", "label": "name", "score": "score"}'),
    "ModelResize": ("LETTERBOX", "STRETCH"),
    "SageMakerAccept": ("application/json", "application/json;annotation=1"),
    "HttpJsonBody": ("", '{"b64":"$image"}'),
    "BedrockMaxTokens": ("1000", "8192"),
    "DetectorUsdPerThousandCalls": ("", "0", "0.8"),
    "ThenDetectorUsdPerThousandCalls": ("", "12"),
    "ThenLabels": ("Person", "", "Person, Dog"),
    "ThenOn": ("FRAME", "CROP"),
    "FrameGate": ("OFF", "OBSERVE", "ON"),
    "GateThreshold": ("", "0.5"),
    "DailyBudgetUsdPerStream": ("", "2", "0.25"),
    "SweepSettleSeconds": ("120", "0"),
    "LiveWorkers": ("20", "50"),
    "SessionEventBus": ("default", "", "security"),
    "IotTopic": ("", "home/cameras"),
}
files = st.fixed_dictionaries({}, optional={name: st.sampled_from(values) for name, values in VALUES.items()})


def document_of(**parameters: str) -> dict[str, Any]:
    _, document = converted(parameters)
    assert document is not None
    return {name: value for name, value in document.items() if name != "schemaVersion"}


class TestTable:
    def test_no_former_parameter_is_in_the_template(self) -> None:
        assert (FORMER_NAMES | NOT_IN_DOCUMENT) & KEPT.keys() == set()
        assert IDENTITY_PROVIDER in KEPT

    def test_the_parts_of_the_identity_provider_become_one_parameter(self) -> None:
        values = ["https://id.example", "page", "https://id.example/authorize", "https://id.example/token"]
        former = dict(zip(IDENTITY_PROVIDER_PARTS, values, strict=True)) | {"RunbookUrl": "https://wiki.example"}

        kept, document = converted(former)

        assert (kept, document) == ({IDENTITY_PROVIDER: " ".join(values)}, None)
        assert re.fullmatch(KEPT[IDENTITY_PROVIDER]["AllowedPattern"], kept[IDENTITY_PROVIDER])
        assert places(former) == dict.fromkeys(IDENTITY_PROVIDER_PARTS, f"parameter {IDENTITY_PROVIDER}") | {
            "RunbookUrl": "omitted: the dashboard names docs/runbook.md"
        }
        assert converted(dict.fromkeys(IDENTITY_PROVIDER_PARTS, "")) == ({}, None)
        with pytest.raises(MigrationError, match="go together"):
            converted({"ViewerIssuer": "https://id.example"})

    @pytest.mark.parametrize(
        ("parameters", "kept"),
        [
            ({"EnableViewer": "ENABLED", "ViewerUserEmail": "me@example.com"}, {"ViewerUserEmail": "me@example.com"}),
            ({"EnableViewer": "ENABLED", IDENTITY_PROVIDER: "a b c d"}, {IDENTITY_PROVIDER: "a b c d"}),
            ({"EnableViewer": "DISABLED"}, {}),
            ({"ViewerUserEmail": "me@example.com"}, {"ViewerUserEmail": "me@example.com"}),
        ],
    )
    def test_the_viewer_exists_as_before(self, parameters: dict[str, str], kept: dict[str, str]) -> None:
        assert converted(parameters) == (kept, None)
        assert places(parameters) == dict.fromkeys(kept, "parameter") | (
            {"EnableViewer": f"omitted: ViewerUserEmail or {IDENTITY_PROVIDER} creates the viewer"}
            if "EnableViewer" in parameters
            else {}
        )

    def test_the_changelog_has_their_number(self) -> None:
        assert f"\n- {len(FORMER_NAMES)} template parameters moved" in (ROOT / "CHANGELOG.md").read_text()
        assert len(FORMER_NAMES) == len(FORMER_PARAMETERS)

    @pytest.mark.parametrize("one", FORMER_PARAMETERS, ids=lambda one: one.name)
    def test_each_place_is_in_the_document(self, one: FormerParameter) -> None:
        first, *rest = one.place.split(".")
        if first == "detectors":
            assert one.types
            return
        part = SCHEMA
        for name in (first, *rest):
            part = part["properties"][name]
            (reference,) = re.findall(r'"#/\$defs/(\w+)"', json.dumps(part)) or [None]
            part = SCHEMA["$defs"][reference] if reference and name != rest[-1] else part

    @pytest.mark.parametrize("kind", DEFINITIONS)
    def test_each_setting_of_a_detector_is_a_parameter_or_was_one(self, kind: str) -> None:
        entry = DEFINITIONS[kind].model_validate({"type": kind}).entry
        names = {entry.settings.parameter(field) for field in entry.settings.model_fields}

        moved = {one.name for one in FORMER_PARAMETERS if kind in one.types}
        # One minimum confidence, in `defaults`, is that of all detectors; class names were two parameters.
        others = {"DetectorUsdPerThousandCalls", "ThenDetectorUsdPerThousandCalls", "ModelLabels", "ModelLabelsUri"}
        class_names = {"ClassNames"} if "ModelLabels" in moved else set()
        assert names - KEPT.keys() == moved - others | class_names | {"MinimumConfidence"}

    def test_the_page_is_current(self) -> None:
        script = runpy.run_path(str(ROOT / "scripts/former_parameter_table.py"))

        page = (ROOT / "docs/migration.md").read_text()
        assert script["written"]() == page, "python scripts/former_parameter_table.py"
        assert all(f"| `{one.name}` | `{one.place}` |" in page for one in FORMER_PARAMETERS)


class TestConversion:
    @pytest.mark.parametrize("kind", DEFINITIONS)
    def test_former_defaults_need_no_document(self, kind: str) -> None:
        assert converted({**DEFAULTS, "Detector": kind}) == ({"Detector": kind}, None)

    @settings(deadline=None)
    @given(files)
    def test_the_document_is_valid_and_the_rest_stays(self, parameters: dict[str, str]) -> None:
        kept, document = converted(parameters)

        assert kept == {name: value for name, value in parameters.items() if name in KEPT}
        assert converted(kept) == (kept, None)
        if document is not None:
            assert ConfigurationDocument.check(document)[1] == []
            assert json.loads(json.dumps(document)) == document
            assert document.keys() > {"schemaVersion"}

    @settings(deadline=None)
    @given(files)
    def test_every_parameter_has_a_place(self, parameters: dict[str, str]) -> None:
        _, document = converted(parameters)

        found = places(parameters)

        assert found.keys() == parameters.keys()
        named = {path for text in found.values() for path in text.split(", ") if "." in path and ":" not in path}
        assert named == leaves(document or {}, "") - {"schemaVersion"} - (named_by_default(parameters) - named)

    @pytest.mark.parametrize(
        ("parameters", "expected"),
        [
            ({"FrameGate": "ON", "GateThreshold": "0.5"}, {"defaults": {"gate": {"mode": "ON", "threshold": 0.5}}}),
            ({"DailyBudgetUsdPerStream": "2"}, {"defaults": {"dailyBudgetUsd": 2}}),
            ({"LiveWorkers": "8", "LiveQueueSize": "10"}, {"limits": {"liveWorkers": 8}}),
            ({"SessionEventBus": "", "IotTopic": "a/b"}, {"channels": {"eventBridge": False, "iotTopic": "a/b"}}),
            (
                {"NotificationQuietSeconds": "5", "SweepSettleSeconds": "60"},
                {"defaults": {"analysis": {"quietSeconds": 5, "settleSeconds": 60}}},
            ),
            (
                {"MaxLabels": "10"},
                {
                    "detectors": {"main": {"type": "REKOGNITION_LABELS", "maxLabels": 10}},
                    "defaults": {"detector": "main"},
                },
            ),
            (
                {"Detector": "SAGEMAKER", "DetectorUsdPerThousandCalls": "0.8", "MaxLabels": "10"},
                {
                    "detectors": {"main": {"type": "SAGEMAKER", "usdPerThousandCalls": 0.8}},
                    "defaults": {"detector": "main"},
                },
            ),
            (
                {"ThenDetector": "REKOGNITION_FACE_SEARCH"},
                {"defaults": {"followUp": {"detector": "REKOGNITION_FACE_SEARCH", "labels": ["Person"]}}},
            ),
            (
                {"ThenDetector": "REKOGNITION_FACES", "ThenLabels": "", "ThenMinimumConfidence": "90"},
                {"defaults": {"followUp": {"detector": "REKOGNITION_FACES", "minimumConfidence": 90}}},
            ),
            (
                {"ThenDetector": "REKOGNITION_TEXT", "KnownPlates": "A 1,B 2", "ThenOn": "CROP"},
                {
                    "detectors": {"second": {"type": "REKOGNITION_TEXT", "knownPlates": ["A 1", "B 2"]}},
                    "defaults": {"followUp": {"detector": "second", "labels": ["Person"], "on": "CROP"}},
                },
            ),
            (
                {"Detector": "HTTP", "ThenDetector": "SAGEMAKER", "ModelLabels": "a,, b", "HttpAuthHeader": "X"},
                {
                    "detectors": {
                        "main": {"type": "HTTP", "classNames": ["a", "", "b"], "httpAuthHeader": "X"},
                        "second": {"type": "SAGEMAKER", "classNames": ["a", "", "b"]},
                    },
                    "defaults": {"detector": "main", "followUp": {"detector": "second", "labels": ["Person"]}},
                },
            ),
        ],
    )
    def test_documents(self, parameters: dict[str, str], expected: dict[str, Any]) -> None:
        assert document_of(**parameters) == expected

    @pytest.mark.parametrize(
        "parameters",
        [
            {"KnownPlates": "A 1"},
            {"ThenLabels": "Dog", "ThenOn": "CROP", "ThenDetectorUsdPerThousandCalls": "3"},
            {"ThenDetector": "NONE", "MaxLabels": "50.0"},
        ],
    )
    def test_what_has_no_effect_is_omitted(self, parameters: dict[str, str]) -> None:
        assert converted(parameters) == ({}, None)
        assert all(text.startswith("omitted: ") for text in places(parameters).values())

    @pytest.mark.parametrize(
        ("parameters", "said"),
        [
            ({"LiveWorkers": "51"}, "LiveWorkers: the configuration document does not accept limits.liveWorkers"),
            ({"GateThreshold": "0"}, "GateThreshold: the configuration document does not accept defaults.gate.thresh"),
            (
                {"GateMinimumIntervalMilliseconds": "5000", "GateMaximumIntervalSeconds": "1"},
                "GateMinimumIntervalMilliseconds, GateMaximumIntervalSeconds: the configuration document does not",
            ),
            ({"MaxLabels": "0"}, "MaxLabels: the configuration document does not accept detectors.main.maxLabels"),
            (
                {"Detector": "HTTP", "ModelWidthPixels": "640"},
                "ModelWidthPixels: the configuration document does not accept detectors.main",
            ),
            (
                {"Detector": "HTTP", "ModelMapping": '{"label": "name"}'},
                "ModelMapping: the configuration document does not accept detectors.main",
            ),
            (
                {"IotTopic": "a/b/c/d/e/f"},
                "IotTopic: the configuration document does not accept channels.iotTopic: 'a/b",
            ),
            ({"EnableViewer": "ENABLED"}, "Add ViewerUserEmail to the file"),
            ({"EnableViewer": "ENABLED", "ViewerUserEmail": ""}, "Add ViewerUserEmail to the file"),
            (
                {"EnableViewer": "DISABLED", "ViewerUserEmail": "me@example.com"},
                "EnableViewer is DISABLED, but now ViewerUserEmail creates the viewer. Remove one of them",
            ),
            ({"EnableViewer": "YES"}, "EnableViewer is 'YES', it must be one of"),
            ({"MaxLabels": "ten"}, "MaxLabels is 'ten', it must be a number"),
            ({"LiveDropAfterSeconds": ""}, "LiveDropAfterSeconds is '', it must be a number"),
            ({"BudgetSoftPercent": "inf"}, "BudgetSoftPercent is 'inf', it must be a finite number"),
            ({"FrameGate": "MAYBE"}, "FrameGate: the configuration document does not accept defaults.gate.mode"),
            ({"Detector": "CAT"}, "Detector: there is no detector 'CAT'; there are REKOGNITION_LABELS"),
            ({"ThenDetector": "CAT"}, "ThenDetector: there is no detector 'CAT'"),
            (
                {"Detector": "REKOGNITION_PROTECTIVE_EQUIPMENT", "RequiredEquipment": "HAT"},
                "RequiredEquipment: the configuration document does not accept detectors.main.requiredEquipment",
            ),
        ],
    )
    def test_an_error_names_the_former_parameter(self, parameters: dict[str, str], said: str) -> None:
        with pytest.raises(MigrationError) as caught:
            converted(parameters)
        assert said in str(caught.value)

    def test_places_of_a_file(self) -> None:
        given = {
            "StreamNames": "front",
            "Detector": "REKOGNITION_LABELS",
            "MaxLabels": "10",
            "KnownPlates": "A 1",
            "ThenOn": "CROP",
            "LiveQueueSize": "10",
        }

        assert places(given) == {
            "StreamNames": "parameter",
            "Detector": "parameter, detectors.main.type, defaults.detector",
            "MaxLabels": "detectors.main.maxLabels",
            "KnownPlates": "omitted: REKOGNITION_LABELS has no knownPlates",
            "ThenOn": "omitted: there is no ThenDetector",
            "LiveQueueSize": "omitted: it is the default",
        }


def leaves(value: Mapping[str, Any], prefix: str) -> set[str]:
    """Paths of the values."""
    found: set[str] = set()
    for name, one in value.items():
        found |= leaves(one, f"{prefix}{name}.") if isinstance(one, dict) else {prefix + name}
    return found


def named_by_default(parameters: Mapping[str, str]) -> set[str]:
    """Paths of the document whose parameters the file leaves to their defaults."""
    absent = {} if "Detector" in parameters else {"detectors.main.type", "defaults.detector"}
    return {*absent, *(() if "ThenLabels" in parameters else ("defaults.followUp.labels",))}
