"""Summaries of documents, and the differences between two."""

from typing import Any

import pytest
from kinesight_cli.config.difference import difference
from kinesight_cli.config.summary import summary

from tests.unit.cli.config.documents import SQUARE, camera, parsed


class TestSummary:
    def test_an_empty_document(self) -> None:
        assert summary(parsed()) == ["0 cameras, 0 rules, 0 zones"]

    def test_rules_and_zones(self) -> None:
        zones = [{"name": "door", "polygon": SQUARE}, {"name": "street", "polygon": SQUARE, "kind": "EXCLUDE"}]
        rules = [{"name": "all"}, {"name": "pets", "labels": ["Dog", "Cat"], "zones": ["door"]}]

        assert summary(parsed(camera("a", "b-*", zones=zones, rules=rules))) == [
            "1 camera, 2 rules, 2 zones",
            "  a, b-*: rules all (any label), pets (Dog or Cat in door); zones door, street (excluded)",
        ]

    def test_detectors_and_defaults(self) -> None:
        defaults = {"detector": "own", "followUp": {"detector": "REKOGNITION_TEXT"}, "labels": ["Dog"], "gate": {}}

        assert summary(parsed(detectors={"own": {"type": "HTTP"}}, defaults=defaults)) == [
            "1 detector, 0 cameras, 0 rules, 0 zones",
            "  detector own: HTTP",
            "  defaults: detector own; then REKOGNITION_TEXT; sets labels, gate",
        ]

    def test_a_camera_without_rules(self) -> None:
        cameras: list[dict[str, Any]] = [
            {"streams": ["a"], "detector": None, "followUp": None},
            {"streams": ["b"], "streamTags": "Location=Front|Parking,Floor=*"},
            {"streamTags": "Location=Back", "dailyBudgetUsd": 1, "alertChannels": []},
        ]

        assert summary(parsed(*cameras))[1:] == [
            "  a: not analyzed; no second detector",
            "  b, tags Location=Front|Parking,Floor=*: as all others",
            "  tags Location=Back: sets alertChannels, dailyBudgetUsd",
        ]


ORDER = "the order of cameras changed: a stream uses the first that matches"
TAGGED = {"streamTags": "Location=Front", "labels": ["Dog"]}
DIFFERENCES: dict[str, tuple[list[dict[str, Any]], list[dict[str, Any]], list[str]]] = {
    "none": ([camera()], [camera()], []),
    "camera added": ([camera()], [camera(), camera("b")], ["camera b added"]),
    "camera removed": ([camera(), camera("b")], [camera()], ["camera b removed"]),
    "rule renamed": (
        [camera()],
        [camera(rules=[{"name": "dogs"}])],
        ["camera a changed", "  rule dogs added", "  rule people removed"],
    ),
    "rule changed": (
        [camera()],
        [camera(rules=[{"name": "people", "labels": ["Person"], "confirmation": {"frames": 2, "of": 3}}])],
        [
            "camera a changed",
            "  rule people changed",
            "    confirmation.frames: not set → 2",
            "    confirmation.of: not set → 3",
        ],
    ),
    "order of rules": (
        [camera(rules=[{"name": "a"}, {"name": "b"}])],
        [camera(rules=[{"name": "b"}, {"name": "a"}])],
        ["camera a changed", "  the order of rules changed"],
    ),
    "no rules any more": ([camera()], [camera(rules=[])], ["camera a changed", "  rule people removed"]),
    "rules of the defaults hidden": (
        [{"streams": ["a"]}],
        [{"streams": ["a"], "rules": []}],
        ["camera a changed", "  rules: not set → []"],
    ),
    "zones of a rule": (
        [camera(zones=[{"name": "gate", "polygon": SQUARE}])],
        [camera(zones=[{"name": "gate", "polygon": SQUARE}], rules=[{"name": "people", "zones": ["gate"]}])],
        [
            "camera a changed",
            "  rule people changed",
            '    labels: ["Person"] → not set',
            '    zones: not set → ["gate"]',
        ],
    ),
    "zone added": (
        [camera()],
        [camera(zones=[{"name": "gate", "polygon": SQUARE}])],
        ["camera a changed", "  zone gate added"],
    ),
    "long values": (
        [camera(zones=[{"name": "gate", "polygon": SQUARE * 5}])],
        [camera(zones=[{"name": "gate", "polygon": SQUARE}])],
        ["camera a changed", "  zone gate changed", "    polygon changed"],
    ),
    "value added": (
        [camera()],
        [camera(sessions={"quietSeconds": 9})],
        ["camera a changed", "  sessions.quietSeconds: not set → 9"],
    ),
    "value that is the default": (
        [camera()],
        [camera(stationary={"enabled": True})],
        ["camera a changed", "  stationary.enabled: not set → true"],
    ),
    "null and an object": (
        [camera(followUp=None)],
        [camera(followUp={"detector": "HTTP"})],
        ["camera a changed", "  followUp: null → not set", '  followUp.detector: not set → "HTTP"'],
    ),
    "empty object": ([camera()], [camera(gate={})], []),
    "order of cameras": ([camera("a"), camera("b")], [camera("b"), camera("a")], [ORDER]),
    "two cameras of the same name": (
        [camera(), camera(rules=[{"name": "never"}])],
        [camera()],
        ["camera a (2) removed"],
    ),
    "tags": (
        [TAGGED],
        [{**TAGGED, "labels": ["Cat"]}],
        ["camera tags Location=Front changed", '  labels: ["Dog"] → ["Cat"]'],
    ),
}


@pytest.mark.parametrize(("before", "after", "lines"), DIFFERENCES.values(), ids=DIFFERENCES.keys())
def test_the_difference(before: list[Any], after: list[Any], lines: list[str]) -> None:
    assert difference(parsed(*before), parsed(*after)) == lines


def test_the_difference_of_detectors_and_defaults() -> None:
    before = parsed(detectors={"own": {"type": "HTTP"}, "gone": {"type": "HTTP"}}, defaults={"gate": {"mode": "ON"}})
    after = parsed(
        detectors={"new": {"type": "HTTP"}, "own": {"type": "BEDROCK"}},
        defaults={"labels": ["Dog"]},
        **{"$schema": "./configuration.schema.json"},
    )

    assert difference(before, after) == [
        "detector new added",
        "detector gone removed",
        "detector own changed",
        '  type: "HTTP" → "BEDROCK"',
        "defaults changed",
        '  gate.mode: "ON" → not set',
        '  labels: not set → ["Dog"]',
    ]
