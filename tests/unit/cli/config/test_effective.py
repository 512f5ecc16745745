"""Effective settings: camera entry over `defaults` over parameters over schema defaults, with their origins."""

import json
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kinesight.domain.configuration.camera import CameraSettings
from kinesight.domain.configuration.configuration import Configuration
from kinesight.settings import ConfiguredSettings
from kinesight.settings import StreamConfigurationSettings as StreamSettings
from kinesight.wiring.consume_live import ConsumeLiveSettings
from kinesight.wiring.start_analysis import StartAnalysisSettings
from kinesight_cli.config.effective import EffectiveCamera, effective_camera
from kinesight_cli.shared.parameter_layer import PATHS, ParameterError, overridden, parameter_layer
from kinesight_cli.shared.permissions import permission_problems, permitted_values
from kinesight_cli.shared.setting_paths import leaves

from tests.unit.cli.config.documents import PARAMETERS, camera, parsed

EVERY_PARAMETER = {
    "Detector": "REKOGNITION_FACES",
    "Labels": "Person,,Dog ",
    "ImageGenerationStatus": "DISABLED",
    "ImageSelectorType": "SERVER_TIMESTAMP",
    "SamplingInterval": "5000",
    "Format": "PNG",
    "JPEGQuality": "70",
    "WidthPixels": "640",
    "HeightPixels": "480",
    "NotificationStatus": "ENABLED",
}
"""A value for each parameter that is not its default."""


def fields(model: type[ConfiguredSettings]) -> dict[str, str]:
    """The parameters as a function with these settings gets them: by field, from variables of the same name."""
    by_name = {name.lower(): value for name, value in EVERY_PARAMETER.items()}
    found = {field: by_name.get(field.replace("_", "")) for field in model.model_fields}
    return {field: value for field, value in found.items() if value is not None}


class TestParameters:
    def test_every_parameter_has_an_effect(self) -> None:
        schema_defaults = dict(leaves(CameraSettings().model_dump(mode="json", by_alias=True)))
        found = dict(leaves(parameter_layer(EVERY_PARAMETER).settings.model_dump(mode="json", by_alias=True)))

        assert EVERY_PARAMETER.keys() == PATHS.keys()
        assert [path for path in PATHS.values() if found[path] == schema_defaults.get(path)] == []

    @pytest.mark.parametrize("model", [ConsumeLiveSettings, StartAnalysisSettings, StreamSettings])
    def test_functions_read_the_same_from_their_variables(self, model: type[ConfiguredSettings]) -> None:
        required = dict.fromkeys(model.required_names(), "x")
        values = model.model_validate(required | fields(model)).camera_parameters()
        of_function = CameraSettings.model_validate_json(json.dumps(values, default=str))

        layer = parameter_layer(EVERY_PARAMETER).settings

        assert [name for name in of_function.model_fields_set if name not in layer.model_fields_set] == []
        for name in of_function.model_fields_set:
            assert getattr(of_function, name) == getattr(layer, name)

    def test_a_stack_without_parameters_has_the_schema_defaults(self) -> None:
        layer = parameter_layer({"EvidenceRetentionDays": "30"})

        assert (layer.settings.model_fields_set, layer.names) == (set(), {})

    def test_each_parameter_may_be_missing(self) -> None:
        for name, path in PATHS.items():
            layer = parameter_layer({one: value for one, value in EVERY_PARAMETER.items() if one != name})
            assert path not in layer.names

    def test_empty_parameters_are_null(self) -> None:
        names = ("JPEGQuality", "WidthPixels", "HeightPixels", "Labels")
        settings = parameter_layer(dict.fromkeys(names, "")).settings

        images = settings.image_generation
        assert (images.jpeg_quality, images.width_pixels, images.height_pixels) == (None, None, None)
        assert settings.labels == ()

    def test_a_value_of_another_version_is_named(self) -> None:
        with pytest.raises(ParameterError, match=r"SamplingInterval: Input.*; Format: Input should be 'JPEG'"):
            parameter_layer({"SamplingInterval": "1", "Format": "WEBP"})

    @pytest.mark.parametrize(
        ("defaults", "names"),
        [
            ({}, []),
            ({"sessions": {"quietSeconds": 9}}, []),
            ({"labels": ["Cat"]}, ["Labels"]),
            ({"gate": {}}, []),
            ({"live": {"samplingInterval": 500}}, []),
        ],
    )
    def test_what_defaults_set_overrides_a_parameter(self, defaults: dict[str, Any], names: list[str]) -> None:
        assert overridden(parsed(defaults=defaults).defaults, PARAMETERS) == names


def effective(
    *cameras: dict[str, Any],
    parameters: Mapping[str, str] = PARAMETERS,
    tags: Mapping[str, str] | None = None,
    **more: Any,
) -> EffectiveCamera:
    return effective_camera("a", tags or {}, parsed(*cameras, **more), parameter_layer(parameters))


class TestOrigins:
    def test_every_setting_has_one(self) -> None:
        found = effective(camera())

        assert found.origins.keys() == dict(leaves(found.values)).keys()
        assert [(path, origin) for path, _, origin in found.rows()] == list(found.origins.items())

    def test_a_list_has_the_origin_of_the_uppermost_layer(self) -> None:
        found = effective(camera(labels=["Cat"]), defaults={"labels": ["Dog"], "gate": {"mode": "ON"}})

        assert found.settings.labels == ("Cat",)
        assert (found.origins["labels"], found.origins["gate.mode"]) == ("cameras[0]", "defaults")
        assert found.origins["detector"] == "parameter Detector"

    def test_the_first_entry_that_matches_applies(self) -> None:
        found = effective(camera("b"), {"streamTags": "Floor=1"}, camera("*"), camera("a"), tags={"Floor": "1"})

        assert (found.entry, found.tags) == ("cameras[1]", {"Floor": "1"})

    def test_the_first_of_equal_entries_is_named(self) -> None:
        assert effective(camera("b"), camera("a"), camera("a")).entry == "cameras[1]"

    def test_without_rules_the_rule_comes_from_labels_and_confidence(self) -> None:
        found = effective({"streams": ["a"], "rules": [], "labels": ["Dog"]})

        assert [(rule.name, rule.labels, rule.minimum_confidence) for rule in found.settings.rules] == [
            ("default", ("Dog",), 80)
        ]
        assert found.origins["rules"] == "labels, minimumConfidence"
        assert (found.values["stationary"]["enabled"], found.origins["stationary.enabled"]) == (False, "schema default")

    def test_null_replaces_an_object_and_an_object_replaces_null(self) -> None:
        followed = {"followUp": {"detector": "HTTP"}}

        assert effective(defaults=followed).origins["followUp.detector"] == "defaults"
        removed = effective({"streams": ["a"], "followUp": None}, defaults=followed)
        assert removed.origins["followUp"] == "cameras[0]"
        assert "followUp.detector" not in removed.origins
        again = effective({"streams": ["a"], **followed}, defaults={"followUp": None})
        assert "followUp" not in again.origins
        assert [again.origins[f"followUp.{name}"] for name in ("detector", "labels")] == [
            "cameras[0]",
            "schema default",
        ]


parts = st.fixed_dictionaries(
    {},
    optional={
        "detector": st.sampled_from(["HTTP", None]),
        "followUp": st.none() | st.sampled_from([{"detector": "HTTP"}, {"detector": "HTTP", "labels": ["Dog"]}]),
        "labels": st.lists(st.sampled_from(["Dog", "Cat"]), max_size=2),
        "gate": st.fixed_dictionaries({}, optional={"mode": st.sampled_from(["ON", "OFF"]), "threshold": st.none()}),
        "rules": st.lists(st.just({"name": "x"}), max_size=1),
        "stationary": st.fixed_dictionaries({}, optional={"enabled": st.booleans()}),
        "dailyBudgetUsd": st.none() | st.integers(0, 9),
    },
)
stacks = st.fixed_dictionaries({}, optional={name: st.just(value) for name, value in EVERY_PARAMETER.items()})


@settings(deadline=None)
@given(parts, st.none() | parts, stacks)
def test_the_settings_are_those_of_the_functions(
    defaults: dict[str, Any], entry: dict[str, Any] | None, parameters: dict[str, str]
) -> None:
    cameras = [] if entry is None else [entry | {"streams": ["a"]}]
    document, layer = parsed(*cameras, defaults=defaults), parameter_layer(parameters)

    found = effective_camera("a", {}, document, layer)

    assert found.settings == Configuration(layer.settings, document).of_stream("a").camera
    assert set(found.origins.values()) <= {
        *("defaults", "cameras[0]", "schema default", "labels, minimumConfidence"),
        *(f"parameter {name}" for name in parameters),
    }


class TestPermissions:
    def test_values_are_those_of_the_parameters(self) -> None:
        found = permitted_values({"FaceCollectionId": "staff", "HttpModelUrl": "", "SageMakerEndpointName": "people"})

        assert {field: value for field, value in found.items() if value} == {
            "face_collection_id": "staff",
            "sagemaker_endpoint_name": "people",
        }
        assert found["http_model_url"] is None

    @pytest.mark.parametrize(
        ("document", "problems"),
        [
            ({"detectors": {"x": {"type": "REKOGNITION_FACE_SEARCH"}}}, []),
            ({"detectors": {"x": {"type": "REKOGNITION_FACE_SEARCH", "faceCollectionId": "staff"}}}, []),
            ({"defaults": {"detector": "REKOGNITION_FACE_SEARCH"}}, []),
            ({"defaults": {"detector": None, "followUp": None}}, []),
            (
                {"detectors": {"x": {"type": "REKOGNITION_FACE_SEARCH", "faceCollectionId": "b"}}},
                [
                    "detectors.x.faceCollectionId: 'b' is not permitted: add it to the parameter FaceCollectionId",
                ],
            ),
            (
                {
                    "detectors": {"HTTP": {"type": "HTTP", "httpModelUrl": "https://m"}},
                    "defaults": {"detector": "HTTP"},
                },
                ["detectors.HTTP.httpModelUrl: 'https://m' is not permitted: add it to the parameter HttpModelUrl"],
            ),
            (
                {"detectors": {"x": {"type": "HTTP"}}},
                ["detectors.x.httpModelUrl: set the parameter HttpModelUrl, which HTTP needs"],
            ),
            (
                {"defaults": {"detector": "HTTP"}},
                ["defaults.detector: set the parameter HttpModelUrl, which HTTP needs"],
            ),
            (
                {"cameras": [{"streams": ["a"], "followUp": {"detector": "BEDROCK"}}]},
                ["cameras[0].followUp.detector: set the parameter BedrockModelId, which BEDROCK needs"],
            ),
        ],
    )
    def test_each_problem_names_the_parameter(self, document: dict[str, Any], problems: list[str]) -> None:
        found = permission_problems(parsed(*document.pop("cameras", ()), **document), PARAMETERS)

        assert [said for _, said in found] == problems
