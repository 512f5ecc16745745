"""Which detections match which rules."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kinesight.domain.configuration.configuration import Configuration
from kinesight.domain.configuration.document import Camera, ConfigurationDocument
from kinesight.domain.configuration.matching import CameraRules, matched_labels, matched_rules
from kinesight.domain.model import BoundingBox, Detection

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
LEFT_HALF = {"name": "left", "polygon": [[0, 0], [0.5, 0], [0.5, 1], [0, 1]]}
TOP = {"name": "sky", "polygon": [[0, 0], [1, 0], [1, 0.3], [0, 0.3]], "kind": "EXCLUDE", "by": "OVERLAP"}


def a_detection(
    label: str = "Person", confidence: float = 90, box: tuple[float, float, float, float] | None = (0.1, 0.4, 0.2, 0.4)
) -> Detection:
    where = None if box is None else BoundingBox(left=box[0], top=box[1], width=box[2], height=box[3])
    return Detection(label=label, confidence=confidence, bounding_box=where)


def a_camera(*rules: dict[str, Any], zones: tuple[dict[str, Any], ...] = ()) -> CameraRules:
    named = [{"name": f"rule-{index}"} | rule for index, rule in enumerate(rules)]
    return CameraRules(Camera.model_validate({"streams": ["*"], "zones": zones, "rules": named}))


@pytest.mark.parametrize(
    ("rule", "detection", "passes"),
    [
        ({}, a_detection(box=None), True),
        ({"labels": ["person", "dog"]}, a_detection("DOG"), True),
        ({"labels": ["person"]}, a_detection("Dog"), False),
        ({"minimumConfidence": 90}, a_detection(confidence=90), True),
        ({"minimumConfidence": 90}, a_detection(confidence=89.9), False),
        ({"minimumArea": 0.08}, a_detection(box=(0, 0.5, 0.2, 0.4)), True),
        ({"minimumArea": 0.09}, a_detection(box=(0, 0.5, 0.2, 0.4)), False),
        ({"maximumArea": 0.07}, a_detection(box=(0, 0.5, 0.2, 0.4)), False),
        ({"minimumArea": 0.01}, a_detection(box=None), False),
        ({"minimumAspectRatio": 0.6}, a_detection(box=(0, 0.5, 0.2, 0.4)), False),
        ({"maximumAspectRatio": 0.6}, a_detection(box=(0, 0.5, 0.2, 0.4)), True),
        ({"maximumAspectRatio": 0.6}, a_detection(box=(0, 0.5, 0.2, 0)), False),
        ({"zones": ["left"]}, a_detection(box=(0.1, 0.4, 0.2, 0.4)), True),
        ({"zones": ["left"]}, a_detection(box=(0.6, 0.4, 0.2, 0.4)), False),
        ({"zones": ["left"]}, a_detection(box=None), False),
        ({}, a_detection(box=(0.1, 0.0, 0.2, 0.2)), False),
        ({"tags": {"Door": "open*"}}, a_detection(), True),
        ({"tags": {"door": "closed"}}, a_detection(), False),
        ({"tags": {"window": "*?"}}, a_detection(), False),
        ({"quietHours": [{"start": "11:00", "end": "13:00"}]}, a_detection(), False),
        ({"quietHours": [{"start": "13:00", "end": "14:00"}]}, a_detection(), True),
    ],
)
def test_a_detection_matches_or_not(rule: dict[str, Any], detection: Detection, passes: bool) -> None:
    camera = a_camera(rule, zones=(LEFT_HALF, TOP))

    (matches,) = camera.match([detection], NOON, {"door": "open-wide"})

    assert bool(matches.rules) is passes


def test_a_detection_has_its_zones() -> None:
    camera = a_camera({}, zones=(LEFT_HALF, LEFT_HALF | {"name": "wide", "by": "OVERLAP", "minimumOverlap": 0.2}))

    inside, across, outside = camera.match(
        [
            a_detection(box=(0.1, 0.4, 0.2, 0.4)),
            a_detection(box=(0.4, 0.4, 0.3, 0.4)),
            a_detection(box=(0.8, 0, 0.1, 1)),
        ],
        NOON,
    )

    assert [one.detection.zones for one in (inside, across, outside)] == [("left", "wide"), ("wide",), ()]


def test_labels_and_rules_are_named_once_in_order() -> None:
    camera = a_camera({"labels": ["Dog"]}, {"minimumConfidence": 50})

    matches = camera.match([a_detection("Cat", 60), a_detection("Dog", 40), a_detection("Cat", 70)], NOON)

    assert matched_labels(matches) == ("Cat", "Dog")
    assert matched_rules(matches) == ("rule-1", "rule-0")


def test_the_document_applies_to_its_streams_and_the_parameters_to_the_others() -> None:
    cameras = [{"streams": ["front-*"], "rules": [{"name": "dogs", "labels": ["Dog"]}]}]
    document = ConfigurationDocument.parse(json.dumps({"schemaVersion": 1, "cameras": cameras}))
    rules = Configuration.of([" person ", ""], 80, document)

    matches = {
        name: rules.of_stream(name).match([a_detection("Dog"), a_detection()], NOON) for name in ("front-1", "b")
    }

    assert {name: matched_labels(one) for name, one in matches.items()} == {"front-1": ("Dog",), "b": ("Person",)}


def test_an_execution_overrides_only_the_values_that_it_sets() -> None:
    rules = Configuration.of(["Person"], 80)

    assert rules.overridden(None, None) is rules
    (labels_only,) = rules.overridden(["Dog"], None).default.rules
    (confidence_only,) = rules.overridden(None, 5).default.rules
    assert (labels_only.labels, labels_only.minimum_confidence) == (("Dog",), 80)
    assert (confidence_only.labels, confidence_only.minimum_confidence) == (("Person",), 5)


@given(st.floats(0, 100), st.floats(0, 100), st.sampled_from(["Person", "Dog"]))
def test_higher_confidence_never_matches_fewer_rules(least: float, confidence: float, label: str) -> None:
    camera = a_camera({"labels": ["person"], "minimumConfidence": least})

    (matches,) = camera.match([a_detection(label, confidence)], NOON)

    assert bool(matches.rules) is (label == "Person" and confidence >= least)
