"""The configuration document: which documents are valid, and which problems are reported."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kinesight.domain.configuration.camera import QuietHours
from kinesight.domain.configuration.document import ConfigurationDocument
from kinesight.domain.configuration.json_lines import line_of
from kinesight.domain.errors import InvalidConfigurationError

SQUARE = [[0, 0], [1, 0], [1, 1]]


def a_document(camera: dict[str, Any] | None = None, rule: dict[str, Any] | None = None) -> str:
    rules = [{"name": "people"} | (rule or {})]
    cameras = [{"streams": ["front-*"], "rules": rules} | (camera or {})]
    return json.dumps({"schemaVersion": 1, "cameras": cameras}, indent=1)


def refusal(text: str) -> str:
    with pytest.raises(InvalidConfigurationError) as caught:
        ConfigurationDocument.parse(text)
    return str(caught.value)


WRONG_RULES: list[tuple[dict[str, Any], str]] = [
    ({"minimumConfidence": 101}, "minimumConfidence: Input should be less than or equal to 100"),
    ({"minimumConfidence": -1}, "minimumConfidence: Input should be greater than or equal to 0"),
    ({"minimumConfidence": "high"}, "minimumConfidence: Input should be a valid number"),
    ({"minimumArea": 2}, "minimumArea: Input should be less than or equal to 1"),
    ({"minimumArea": 0.5, "maximumArea": 0.1}, "minimumArea is above maximumArea"),
    ({"minimumAspectRatio": 2, "maximumAspectRatio": 1}, "minimumAspectRatio is above maximumAspectRatio"),
    ({"maximumAspectRatio": 0}, "maximumAspectRatio: Input should be greater than 0"),
    ({"class": "ALARM"}, "class: Input should be 'ALERT' or 'ACTIVITY'"),
    ({"confirmation": {"frames": 3, "of": 2}}, "confirmation: 3 of 2 frames can never match"),
    ({"confirmation": {"frames": 0}}, "confirmation.frames: Input should be greater than or equal to 1"),
    ({"dwellSeconds": -1}, "dwellSeconds: Input should be greater than or equal to 0"),
    ({"cooldownSeconds": 100_000}, "cooldownSeconds: Input should be less than or equal to 86400"),
    ({"quietHours": [{"start": "25:00", "end": "06:00"}]}, "quietHours[0].start: String should match pattern"),
    ({"quietHours": [{"start": "22:00"}]}, "quietHours[0].end: Field required"),
    (
        {"quietHours": [{"start": "22:00", "end": "06:00", "timeZone": "Mars/Olympus"}]},
        "quietHours[0].timeZone: 'Mars/Olympus' is not a time zone of the IANA database",
    ),
    ({"quietHours": [{"start": "22:00", "end": "06:00", "days": []}]}, "days: Tuple should have at least 1 item"),
    ({"quietHours": [{"start": "22:00", "end": "06:00", "days": ["SON"]}]}, "days[0]: Input should be 'MON', 'TUE'"),
    ({"labels": [""]}, "labels[0]: String should have at least 1 character"),
    ({"zones": ["porch"]}, "rule 'people' names the zones porch, which are not among zones"),
    ({"name": ""}, "name: String should have at least 1 character"),
    ({"lables": ["Person"]}, "lables: Extra inputs are not permitted"),
    ({"tags": {"door": 1}}, "tags.door: Input should be a valid string"),
]

WRONG_CAMERAS: list[tuple[dict[str, Any], str]] = [
    ({"streams": []}, "give streams, streamTags, or both"),
    ({"streams": ["front door"]}, "streams[0]: String should match pattern"),
    ({"rules": [{"name": "a"}, {"name": "a"}]}, "several rules have the name a"),
    ({"zones": [{"name": "a", "polygon": SQUARE}] * 2}, "several zones have the name a"),
    ({"zones": [{"name": "a", "polygon": [[0, 0], [1, 1]]}]}, "polygon: Tuple should have at least 3 items"),
    ({"zones": [{"name": "a", "polygon": [[0, 0], [1, 1], [0, 1.5]]}]}, "polygon[2][1]: Input should be less than"),
    ({"zones": [{"name": "a", "polygon": SQUARE, "kind": "NONE"}]}, "kind: Input should be 'INCLUDE' or 'EXCLUDE'"),
    ({"zones": [{"name": "a", "polygon": SQUARE, "by": "TOP"}]}, "by: Input should be 'BOTTOM_CENTER' or 'OVERLAP'"),
    ({"zones": [{"name": "a", "polygon": SQUARE, "minimumOverlap": 0}]}, "minimumOverlap: Input should be greater"),
    ({"sessions": {"quietSeconds": 0}}, "sessions.quietSeconds: Input should be greater than 0"),
    ({"sessions": {"longestSeconds": 0}}, "sessions.longestSeconds: Input should be greater than 0"),
    ({"sessions": {"orderingSeconds": 301}}, "sessions.orderingSeconds: Input should be less than or equal to 300"),
    ({"sessions": {"preRollSeconds": -1}}, "sessions.preRollSeconds: Input should be greater than or equal to 0"),
    ({"sessions": {"preRollSeconds": 301}}, "sessions.preRollSeconds: Input should be less than or equal to 300"),
    ({"sessions": {"postRollSeconds": 301}}, "sessions.postRollSeconds: Input should be less than or equal to 300"),
    ({"sessions": {"postRollSeconds": "long"}}, "sessions.postRollSeconds: Input should be a valid number"),
    ({"stationary": {"minimumOverlap": 2}}, "stationary.minimumOverlap: Input should be less than or equal to 1"),
    ({"stationary": {"afterSeconds": -1}}, "stationary.afterSeconds: Input should be greater than or equal to 0"),
    ({"stationary": {"forgetSeconds": 0}}, "stationary.forgetSeconds: Input should be greater than 0"),
    ({"gate": {"mode": "SOMETIMES"}}, "gate.mode: Input should be 'OFF', 'OBSERVE' or 'ON'"),
    ({"gate": {"method": "EYE"}}, "gate.method: Input should be 'LUMA' or 'PERCEPTUAL_HASH'"),
    ({"gate": {"threshold": 0}}, "gate.threshold: Input should be greater than 0"),
    ({"gate": {"ignoredRegions": [[[0, 0], [1, 1]]]}}, "gate.ignoredRegions[0]: Tuple should have at least 3 items"),
    (
        {"gate": {"maximumIntervalSeconds": 0}},
        "gate.maximumIntervalSeconds: Input should be greater than or equal to 1",
    ),
    ({"gate": {"minimumIntervalMilliseconds": -1}}, "gate.minimumIntervalMilliseconds: Input should be greater than"),
    (
        {"gate": {"minimumIntervalMilliseconds": 5000, "maximumIntervalSeconds": 1}},
        "gate: minimumIntervalMilliseconds is more than maximumIntervalSeconds",
    ),
    ({"gate": {"speed": 1}}, "gate.speed: Extra inputs are not permitted"),
    ({"stationary": {"enabled": 3}}, "stationary.enabled: Input should be a valid boolean"),
]


@pytest.mark.parametrize(("rule", "message"), WRONG_RULES)
def test_an_invalid_rule_is_rejected_by_path(rule: dict[str, Any], message: str) -> None:
    assert message in refusal(a_document(rule=rule))


@pytest.mark.parametrize(("camera", "message"), WRONG_CAMERAS)
def test_an_invalid_camera_is_rejected_by_path(camera: dict[str, Any], message: str) -> None:
    assert message in refusal(a_document(camera))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "not valid JSON: Expecting property name"),
        ("[]", "line 1: the document: Input should be a valid dictionary"),
        ('{"cameras": []}', "line 1: schemaVersion: Field required"),
        ('{"schemaVersion": 2, "cameras": []}', "line 1: schemaVersion: Input should be 1"),
        ("{}", "line 1: schemaVersion: Field required"),
    ],
)
def test_an_invalid_document_is_rejected(text: str, message: str) -> None:
    assert message in refusal(text)


def test_every_problem_is_reported_with_its_line() -> None:
    text = """{
  "schemaVersion": 1,
  "cameras": [
    {"streams": ["a"], "rules": [{"name": "x"}]},
    {
      "streams": ["b"],
      "rules": [
        {"name": "y", "minimumConfidence": 50},
        {"name": "z",
         "minimumConfidence": 500,
         "zone": []}
      ]
    }
  ]
}"""
    assert refusal(text) == (
        "line 10: cameras[1].rules[1].minimumConfidence: Input should be less than or equal to 100; "
        "line 11: cameras[1].rules[1].zone: Extra inputs are not permitted"
    )


def test_the_first_camera_that_matches_applies() -> None:
    both = [{"streams": [name], "rules": [{"name": name[0]}]} for name in ("front-door", "front-*")]
    document = ConfigurationDocument.parse(json.dumps({"schemaVersion": 1, "cameras": both}))

    found = [document.camera(name, {}) for name in ("front-door", "front-gate", "garden")]

    assert [camera.streams if camera else None for camera in found] == [("front-door",), ("front-*",), None]


@pytest.mark.parametrize(
    ("hours", "moment", "quiet"),
    [
        ({"start": "09:00", "end": "17:00"}, "2026-01-01T09:00:00+00:00", True),
        ({"start": "09:00", "end": "17:00"}, "2026-01-01T17:00:00+00:00", False),
        ({"start": "22:00", "end": "06:00"}, "2026-01-01T23:59:00+00:00", True),
        ({"start": "22:00", "end": "06:00"}, "2026-01-02T05:59:00+00:00", True),
        ({"start": "22:00", "end": "06:00"}, "2026-01-02T06:00:00+00:00", False),
        ({"start": "22:00", "end": "06:00", "timeZone": "Europe/Berlin"}, "2026-01-01T21:00:00+00:00", True),
        ({"start": "22:00", "end": "06:00", "timeZone": "Europe/Berlin"}, "2026-07-01T20:30:00+00:00", True),
        ({"start": "22:00", "end": "06:00", "timeZone": "Europe/Berlin"}, "2026-01-01T20:30:00+00:00", False),
        ({"start": "22:00", "end": "06:00", "days": ["FRI"]}, "2026-01-03T03:00:00+00:00", True),
        ({"start": "22:00", "end": "06:00", "days": ["FRI"]}, "2026-01-02T03:00:00+00:00", False),
        ({"start": "00:00", "end": "00:00"}, "2026-01-02T03:00:00+00:00", True),
    ],
)
def test_quiet_hours_follow_local_time(hours: dict[str, Any], moment: str, quiet: bool) -> None:
    assert QuietHours.model_validate(hours).contains(datetime.fromisoformat(moment).astimezone(UTC)) is quiet


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4),
    max_leaves=20,
)


@given(values, st.data())
def test_the_line_of_a_value_is_found(document: Any, data: st.DataObject) -> None:
    """In a document with one value per line, the line is that of a marker that replaces the value."""
    path: list[str | int] = []
    node: Any = document
    while isinstance(node, dict | list) and node and data.draw(st.booleans()):
        keys: list[Any] = list(node) if isinstance(node, dict) else list(range(len(node)))
        key = data.draw(st.sampled_from(keys))
        path.append(key)
        node = node[key]
    text = json.dumps(document, indent=1)
    marked = json.dumps(_with_marker(document, path), indent=1)

    assert line_of(text, path) == marked[: marked.index("the-marker")].count("\n") + 1


def _with_marker(node: Any, path: list[str | int]) -> Any:
    if not path:
        return "the-marker"
    if isinstance(node, dict):
        return {key: _with_marker(value, path[1:]) if key == path[0] else value for key, value in node.items()}
    return [_with_marker(value, path[1:]) if index == path[0] else value for index, value in enumerate(node)]
