"""Which settings a stream has: camera entry over defaults over parameters over schema defaults."""

import json
from decimal import Decimal
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kinesight.domain.configuration.camera import AlertChannelName, CameraSettings, RangeAnalysis
from kinesight.domain.configuration.configuration import Configuration
from kinesight.domain.configuration.document import ConfigurationDocument
from kinesight.domain.configuration.layers import overlay
from kinesight.domain.configuration.stream_tags import StreamTagsFile
from kinesight.domain.errors import InvalidConfigurationError
from kinesight.domain.sessions.channels import CHANNELS, Carries

from tests.fakes import FakeWork

PARAMETERS = CameraSettings.model_validate(
    {"labels": ["Person"], "minimumConfidence": 70, "gate": {"mode": "OFF", "maximumIntervalSeconds": 30}}
)


def parsed(**document: Any) -> ConfigurationDocument:
    return ConfigurationDocument.parse(json.dumps({"schemaVersion": 1} | document))


def camera(stream_name: str, tags: dict[str, str] | None = None, **document: Any) -> CameraSettings:
    known = {stream_name: tags} if tags else {}
    return Configuration(PARAMETERS, parsed(**document), known).of_stream(stream_name).camera


def test_a_value_comes_from_the_uppermost_layer_that_sets_it() -> None:
    found = camera(
        "front",
        defaults={"gate": {"mode": "ON"}, "live": {"samplingInterval": 5000}},
        cameras=[{"streams": ["front"], "gate": {"threshold": 3}, "live": {"samplingInterval": 500}}],
    )

    assert (found.gate.threshold, found.live.sampling_interval) == (3, 500)
    assert found.gate.mode == "ON"
    assert found.gate.maximum_interval_seconds == 30
    assert found.analysis == RangeAnalysis()


def test_the_first_camera_that_matches_applies_and_no_other() -> None:
    cameras = [
        {"streams": ["front-*"], "labels": ["Dog"]},
        {"streams": ["front-door"], "labels": ["Cat"], "minimumConfidence": 10},
    ]

    assert camera("front-door", cameras=cameras).labels == ("Dog",)
    assert camera("front-door", cameras=cameras).minimum_confidence == 70
    assert camera("garden", cameras=cameras).labels == ("Person",)


@pytest.mark.parametrize(
    ("filters", "tags", "matches"),
    [
        ("Location=Front|Parking", {"Location": "Parking"}, True),
        ("Location=Front|Parking", {"Location": "Yard"}, False),
        ("Location=Front,Floor=1", {"Location": "Front", "Floor": "1"}, True),
        ("Location=Front,Floor=1", {"Location": "Front"}, False),
        ("Location=*", {"Location": "anywhere"}, True),
        ("Location=*", {}, False),
        ([{"key": "Location", "values": ["Front"]}], {"Location": "Front"}, True),
    ],
)
def test_a_camera_may_be_matched_by_the_tags_of_streams(filters: Any, tags: dict[str, str], matches: bool) -> None:
    found = camera("any", tags, cameras=[{"streamTags": filters, "labels": ["Car"]}])

    assert found.labels == (("Car",) if matches else ("Person",))


def test_names_or_tags_are_enough() -> None:
    entry = {"streams": ["door"], "streamTags": "Location=Front", "labels": ["Car"]}

    assert camera("door", cameras=[entry]).labels == ("Car",)
    assert camera("other", {"Location": "Front"}, cameras=[entry]).labels == ("Car",)


def test_without_rules_the_labels_are_the_rule_and_nothing_is_stationary() -> None:
    found = camera("front", cameras=[{"streams": ["front"], "labels": ["Car"], "minimumConfidence": 55}])

    (rule,) = found.rules
    assert (rule.labels, rule.minimum_confidence) == (("Car",), 55)
    assert not found.stationary.enabled
    assert camera("front", cameras=[{"streams": ["front"], "rules": [{"name": "all"}]}]).stationary.enabled
    assert camera("front", cameras=[{"streams": ["front"], "stationary": {"enabled": True}}]).stationary.enabled


def test_lists_are_taken_as_a_whole() -> None:
    found = camera(
        "front",
        defaults={"rules": [{"name": "one"}, {"name": "two"}]},
        cameras=[{"streams": ["front"], "rules": [{"name": "three"}]}],
    )

    assert [rule.name for rule in found.rules] == ["three"]


def test_null_removes_what_a_lower_layer_sets() -> None:
    found = camera(
        "front",
        defaults={"detector": "REKOGNITION_FACES", "followUp": {"detector": "REKOGNITION_TEXT"}, "dailyBudgetUsd": 3},
        cameras=[{"streams": ["front"], "detector": None, "followUp": None, "dailyBudgetUsd": None}],
    )

    assert (found.detector, found.follow_up, found.daily_budget_usd) == (None, None, None)


@pytest.mark.parametrize(
    ("document", "problem"),
    [
        (
            {"defaults": {"detector": "people"}},
            "defaults.detector: there is no detector 'people'; there are REKOGNITION",
        ),
        (
            {"detectors": {"mine": {"type": "HTTP"}}, "cameras": [{"streams": ["a"], "detector": "yours"}]},
            "cameras[0].detector: there is no detector 'yours'; there are mine, REKOGNITION",
        ),
        ({"cameras": [{"streams": ["a"], "followUp": {"detector": "x"}}]}, "cameras[0].followUp.detector: there is no"),
        (
            {"defaults": {"rules": [{"name": "r", "zones": ["door"]}]}, "cameras": [{"streams": ["a"], "zones": []}]},
            "cameras[0]: rule 'r' names the zones door",
        ),
        ({"cameras": [{"streamTags": "Location"}]}, "cameras[0].streamTags: 'Location' is not a filter such as"),
        ({"cameras": [{"streamTags": [{"key": ""}]}]}, "cameras[0].streamTags[0].key: String should have at least 1"),
        ({"detectors": {"a": {"type": "REKOGNITION_TEXT", "maxLabels": 3}}}, "detectors.a.maxLabels: Extra inputs"),
        ({"cameras": [{"streams": ["a"], "alertChannels": ["fax"]}]}, "alertChannels[0]: Input should be 'sns'"),
    ],
)
def test_what_does_not_fit_together_is_rejected_at_its_place(document: dict[str, Any], problem: str) -> None:
    with pytest.raises(InvalidConfigurationError) as caught:
        parsed(**document)

    assert problem in str(caught.value)


def test_zones_may_be_those_of_the_defaults() -> None:
    zone = {"name": "door", "polygon": [[0, 0], [1, 0], [1, 1]]}

    found = camera(
        "a", defaults={"zones": [zone]}, cameras=[{"streams": ["a"], "rules": [{"name": "r", "zones": ["door"]}]}]
    )

    assert [one.name for one in found.zones] == ["door"]


def test_what_needs_a_permission_must_be_named_by_its_parameter() -> None:
    document = parsed(
        detectors={
            "allowed": {"type": "SAGEMAKER", "sagemakerEndpointName": "mine"},
            "default": {"type": "HTTP"},
            "other": {"type": "SAGEMAKER", "sagemakerEndpointName": "theirs"},
            "missing": {"type": "BEDROCK"},
            "secret": {"type": "HTTP", "httpAuthSecretArn": "arn:theirs"},
            "nothing": {"type": "HTTP", "httpAuthSecretArn": ""},
            "free": {"type": "REKOGNITION_LABELS", "maxLabels": 3},
        },
        cameras=[{"streams": ["a"], "detector": "REKOGNITION_FACE_SEARCH"}],
    )
    permitted = {
        "sagemaker_endpoint_name": "mine",
        "http_model_url": "https://model.example",
        "http_auth_secret_arn": "",
    }

    assert [said for _, said in document.not_permitted(permitted)] == [
        "detectors.other.sagemakerEndpointName: 'theirs' is not permitted: "
        "add it to the parameter SageMakerEndpointName",
        "detectors.missing.bedrockModelId: set the parameter BedrockModelId, which BEDROCK needs",
        "detectors.secret.httpAuthSecretArn: 'arn:theirs' is not permitted: add it to the parameter HttpAuthSecretArn",
        "cameras[0].detector: set the parameter FaceCollectionId, which REKOGNITION_FACE_SEARCH needs",
    ]


def test_each_name_that_a_parameter_lists_is_permitted() -> None:
    document = parsed(
        detectors={
            "first": {"type": "SAGEMAKER"},
            "second": {"type": "SAGEMAKER", "sagemakerEndpointName": "cars"},
            "both": {"type": "SAGEMAKER", "sagemakerEndpointName": "people,cars"},
        }
    )

    assert [said for _, said in document.not_permitted({"sagemaker_endpoint_name": "people,cars"})] == [
        "detectors.both.sagemakerEndpointName: 'people,cars' is not permitted: "
        "add it to the parameter SageMakerEndpointName"
    ]


@given(st.lists(st.dictionaries(st.sampled_from("abc"), st.integers(0, 3)), max_size=4))
def test_an_overlay_is_the_last_value_set_whatever_the_layers(layers: list[dict[str, int]]) -> None:
    names = {"a": "preRollSeconds", "b": "postRollSeconds", "c": "quietSeconds"}
    settings = RangeAnalysis()
    expected = settings.model_dump(by_alias=True)
    for layer in layers:
        values = {names[key]: value + 1 for key, value in layer.items()}
        settings = overlay(settings, RangeAnalysis.model_validate(values))
        expected |= values

    assert settings.model_dump(by_alias=True) == expected


def test_alert_channels_are_those_that_carry_alerts() -> None:
    carrying = [name for name, one in CHANNELS.items() if one.carries is not Carries.EVENTS]

    assert sorted(get_args(AlertChannelName)) == sorted(carrying)


def test_a_budget_is_exact() -> None:
    assert camera("a", defaults={"dailyBudgetUsd": "0.1"}).daily_budget_usd == Decimal("0.1")


def test_stored_tags_that_cannot_be_read_are_none() -> None:
    work = FakeWork()
    file = StreamTagsFile(work)
    work.write("configuration/stream-tags.json", b"[", "application/json")
    assert file.load() == {}

    file.save({"cam": {"Location": "Front"}})
    assert file.load() == {"cam": {"Location": "Front"}}
