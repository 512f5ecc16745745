"""What the zone editor reads: the entry that applies to a camera, and the camera's effective zones and rules."""

import json
from dataclasses import dataclass
from typing import Any

import pytest
from kinesight.domain.configuration.camera import CameraSettings
from kinesight.domain.configuration.configuration import Configuration
from kinesight.domain.configuration.document import ConfigurationDocument
from kinesight.domain.configuration.stream_tags import TAGS_KEY, StreamTagsFile
from kinesight.domain.errors import InvalidConfigurationError
from kinesight.domain.viewer.rules import RulesPorts, TaggedText, read_rules

from tests.fakes import FakeWork

PARAMETERS = CameraSettings.model_validate({"labels": ["Person"], "minimumConfidence": 70})
OF_PARAMETERS = {
    "rules": [{"name": "default", "labels": ["Person"], "minimumConfidence": 70}],
    "stationary": {"enabled": False},
}
TAGS = {"yard": {"Floor": "1"}, "front-door": {"Floor": "2"}}
PORCH = {"name": "porch", "polygon": [[0, 0.5], [1, 0.5], [1, 1]]}
PEOPLE = {
    "name": "visitor",
    "class": "ACTIVITY",
    "labels": ["Person"],
    "quietHours": [{"start": "22:00", "end": "06:00"}],
}


@dataclass
class FakeRulesFile:
    text: str | None

    def read(self) -> TaggedText | None:
        return None if self.text is None else TaggedText(self.text, "tag")

    def replace(self, text: str, read_tag: str | None) -> str | None:
        raise AssertionError("reading replaces nothing")


def read_text(stream: str, text: str | None) -> dict[str, Any]:
    store = FakeWork()
    store.objects[TAGS_KEY] = json.dumps(TAGS).encode()
    return read_rules(stream, RulesPorts(FakeRulesFile(text), StreamTagsFile(store), PARAMETERS))


def read(stream: str, **document: Any) -> dict[str, Any]:
    return read_text(stream, json.dumps({"schemaVersion": 1} | document))


def test_without_a_document_the_parameters_apply() -> None:
    assert read_text("yard", None) == {"document": None, "entry": None, "camera": OF_PARAMETERS, "etag": "none"}


@pytest.mark.parametrize(
    ("stream", "entry"),
    [("front-door", 1), ("front-porch", 2), ("yard", 3), ("Front-door", 4), ("frontXdoor", 4), ("office-12", None)],
)
def test_the_first_entry_that_matches_by_name_glob_or_tag_applies(stream: str, entry: int | None) -> None:
    cameras: list[dict[str, Any]] = [
        {"streams": ["office-?", "front.door"]},
        {"streams": ["back", "front-door"]},
        {"streams": ["front-*"]},
        {"streamTags": "Floor=1|2"},
        {"streams": ["?ront?door"]},
        {"streams": ["yard"]},
    ]

    found = read(stream, cameras=cameras)

    assert (found["entry"], found["document"]["cameras"], found["etag"]) == (entry, cameras, "tag")


def test_a_document_without_tags_needs_no_tags_of_streams() -> None:
    class Unreadable(FakeWork):
        def read(self, key: str) -> bytes | None:
            raise AssertionError("no tags are needed")

    text = json.dumps({"schemaVersion": 1, "cameras": [{"streams": ["yard"]}]})
    ports = RulesPorts(FakeRulesFile(text), StreamTagsFile(Unreadable()), PARAMETERS)

    assert read_rules("yard", ports)["entry"] == 0


def test_zones_and_rules_are_those_of_the_entry_over_the_defaults() -> None:
    defaults = {"rules": [PEOPLE], "detector": "REKOGNITION_FACES", "stationary": {"afterSeconds": 5}}
    cameras = [{"streamTags": "Floor=1", "zones": [PORCH], "stationary": {"enabled": False}, "gate": {"mode": "ON"}}]

    assert read("yard", defaults=defaults, cameras=cameras)["camera"] == {
        "zones": [PORCH],
        "rules": [PEOPLE],
        "stationary": {"enabled": False, "afterSeconds": 5},
    }
    assert read("office", defaults=defaults, cameras=cameras)["camera"] == {
        "rules": [PEOPLE],
        "stationary": {"afterSeconds": 5},
    }


@pytest.mark.parametrize(
    "document",
    [
        {},
        {"defaults": {"rules": [PEOPLE]}},
        {"defaults": {"labels": ["Car"], "detector": "REKOGNITION_FACES", "stationary": {"learnSeconds": 3}}},
        {
            "defaults": {"zones": [PORCH]},
            "cameras": [{"streams": ["y*"], "minimumConfidence": 9, "gate": {"mode": "ON"}}],
        },
        {"cameras": [{"streamTags": "Floor=1", "stationary": {"enabled": True}, "imageGeneration": {"format": "PNG"}}]},
        {"cameras": [{"streams": ["yard"], "rules": [PEOPLE], "detector": None}]},
    ],
)
def test_an_entry_made_of_it_changes_no_setting(document: dict[str, Any]) -> None:
    """The page writes it so (logic/rules.js)."""
    found = read("yard", **document)
    cameras = document.get("cameras", [])
    before = {} if found["entry"] is None else dict(cameras[found["entry"]])
    before.pop("streamTags", None)
    own = before | {"streams": ["yard"], "zones": []} | found["camera"]
    changed = document | {"cameras": [own, *cameras]}

    assert read("yard", **changed) == found | {
        "document": {"schemaVersion": 1} | changed,
        "entry": 0,
        "camera": {"zones": []} | found["camera"],
    }
    assert effective(changed) == effective(document)


def effective(document: dict[str, Any]) -> CameraSettings:
    parsed = ConfigurationDocument.parse(json.dumps({"schemaVersion": 1} | document))
    return Configuration(PARAMETERS, parsed, TAGS).of_stream("yard").camera


@pytest.mark.parametrize(
    "document",
    [
        {"schemaVersion": 2},
        {"schemaVersion": 1, "cameras": [{"streams": ["yard"], "rules": [{"name": ""}]}]},
        {"schemaVersion": 1, "cameras": [{"streams": ["yard"], "unknown": 1}, {"streamTags": "Floor=1"}]},
        {"schemaVersion": 1, "cameras": [{"rules": []}]},
    ],
)
def test_with_an_invalid_document_the_parameters_apply(document: dict[str, Any]) -> None:
    found = read_text("yard", json.dumps(document))

    assert found == {"document": document, "entry": None, "camera": OF_PARAMETERS, "etag": "tag"}


def test_an_entry_with_a_rule_of_an_unknown_zone_can_be_fixed() -> None:
    rule = {"name": "visitor", "zones": ["gone"]}

    found = read("yard", cameras=[{"streams": ["yard"], "rules": [rule]}])

    assert (found["entry"], found["camera"]) == (0, {"rules": [rule]})


@pytest.mark.parametrize(
    ("text", "problem"), [("{", "not valid JSON"), ("[" * 100_000, "not valid JSON"), ("[]", "not a")]
)
def test_what_is_not_a_json_object_is_an_error(text: str, problem: str) -> None:
    with pytest.raises(InvalidConfigurationError, match=problem):
        read_text("yard", text)
