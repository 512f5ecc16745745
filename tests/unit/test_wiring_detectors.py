"""Every value of the Detector parameter has its detector, and says which parameter it lacks."""

import json
from typing import Any

import pytest
import typer
from kinesight.detection_settings import DetectionSettings
from kinesight.domain.configuration.camera import CameraSettings
from kinesight.domain.configuration.configuration import Configuration
from kinesight.domain.configuration.document import ConfigurationDocument
from kinesight.domain.detectors.catalogue import DETECTORS
from kinesight.domain.errors import InvalidConfigurationError
from kinesight.domain.on_demand.messages import DetectorChoice
from kinesight.wiring.detectors import CameraDetectors
from kinesight.wiring.plan_windows import PlanWindowsSettings
from kinesight_cli.analyze.command import detector_name
from pydantic import TypeAdapter, ValidationError

from tests.wired_detectors import wired_detector

REKOGNITIONS = {"face_collection_id": "staff", "custom_labels_model_arn": "arn:a/b/c/d"}
WHOLE = REKOGNITIONS | {
    "sagemaker_endpoint_name": "model",
    "sagemaker_async_output_bucket": "answers",
    "http_model_url": "https://model.example/look",
    "bedrock_model_id": "amazon.nova-lite-v1:0",
}
OWN_MODELS = {
    "SAGEMAKER": "SageMakerEndpointName",
    "SAGEMAKER_ASYNC": "SageMakerAsyncOutputBucket",
    "HTTP": "HttpModelUrl",
    "BEDROCK": "BedrockModelId",
}
LACKING = {
    "REKOGNITION_FACE_SEARCH": "FaceCollectionId",
    "REKOGNITION_CUSTOM_LABELS": "CustomLabelsModelArn",
    **OWN_MODELS,
}


def settings(kind: str, **more: Any) -> DetectionSettings:
    return DetectionSettings.model_validate(
        {
            "results_stream_name": "r",
            "idempotency_table": "t",
            "coordination_table": "t",
            "configuration_bucket": "b",
            "crops_bucket": "b",
            "detector": kind,
            **more,
        }
    )


@pytest.mark.parametrize("kind", DETECTORS)
def test_every_type_has_its_detector(kind: str) -> None:
    built = wired_detector(settings(kind, **WHOLE))

    assert built.fingerprint == wired_detector(settings(kind, **WHOLE)).fingerprint


def test_executions_and_the_command_offer_the_same_types() -> None:
    choice = TypeAdapter(DetectorChoice)

    assert [choice.validate_python(kind) for kind in (*DETECTORS, "NONE")] == [*DETECTORS, "NONE"]
    assert [detector_name(kind) for kind in DETECTORS] == list(DETECTORS)
    with pytest.raises(typer.BadParameter, match="there is no detector 'OTHER'"):
        detector_name("other")
    with pytest.raises(ValidationError, match="there is no detector 'OTHER'"):
        choice.validate_python("OTHER")


@pytest.mark.parametrize("kind", LACKING)
def test_what_is_missing_is_named(kind: str) -> None:
    both = "SageMakerEndpointName, SageMakerAsyncOutputBucket"
    lacking = both if kind == "SAGEMAKER_ASYNC" else LACKING[kind]

    with pytest.raises(InvalidConfigurationError, match=f"{kind}, and {lacking} is empty"):
        wired_detector(settings(kind))


def test_an_execution_may_choose_what_the_stack_has() -> None:
    bare = PlanWindowsSettings(work_bucket="b", coordination_table="c")
    whole = PlanWindowsSettings.model_validate({"work_bucket": "b", "coordination_table": "c"} | WHOLE)

    both = "SageMakerEndpointName, SageMakerAsyncOutputBucket"
    assert bare.missing_parameters() == LACKING | {"SAGEMAKER_ASYNC": both}
    assert whole.missing_parameters() == {}


def test_a_follow_up_calls_both() -> None:
    chained = document(defaults={"followUp": {"detector": "REKOGNITION_FACE_SEARCH"}})
    stack = settings("REKOGNITION_LABELS", **WHOLE)

    assert wired_detector(stack, chained).fingerprint == (
        f"{wired_detector(stack).fingerprint}>*@80/FRAME>"
        f"{wired_detector(settings('REKOGNITION_FACE_SEARCH', **WHOLE)).fingerprint}"
    )


@pytest.mark.parametrize(
    ("definition", "problem"),
    [
        ({"type": "REKOGNITION_TEXT", "platePattern": "("}, "platePattern '(' is not a valid regular expression"),
        ({"type": "HTTP", "modelWidthPixels": 640}, "give modelWidthPixels and modelHeightPixels together"),
        ({"type": "HTTP", "modelMapping": "x"}, "modelMapping: there is no preset 'x'"),
        ({"type": "HTTP", "httpJsonBody": "{}"}, "httpJsonBody does not contain"),
        ({"type": "REKOGNITION_PROTECTIVE_EQUIPMENT", "requiredEquipment": ["HELMET"]}, "requiredEquipment[0]: Input"),
        ({"type": "REKOGNITION_PROTECTIVE_EQUIPMENT", "requiredEquipment": []}, "requiredEquipment: List should have"),
    ],
)
def test_values_of_a_detector_are_checked_with_the_document(definition: dict[str, Any], problem: str) -> None:
    with pytest.raises(InvalidConfigurationError) as caught:
        document(detectors={"mine": definition})

    assert f"detectors.mine{'.' if '[' in problem or 'List' in problem else ': '}{problem}" in str(caught.value)


def test_the_minimum_confidence_of_defaults_is_that_of_detectors_without_one() -> None:
    stack, least = settings("REKOGNITION_LABELS"), {"minimumConfidence": 40}
    own = document(
        detectors={"mine": {"type": "REKOGNITION_LABELS", "minimumConfidence": 55}},
        defaults={"detector": "mine", **least},
    )

    assert inner(wired_detector(stack))._minimum_confidence == 80
    assert inner(wired_detector(stack, document(defaults=least)))._minimum_confidence == 40
    assert inner(wired_detector(stack, own))._minimum_confidence == 55


def test_the_first_name_of_a_parameter_is_that_of_a_detector_without_one() -> None:
    stack = settings("SAGEMAKER", sagemaker_endpoint_name="people,cars")
    own = document(
        detectors={"mine": {"type": "SAGEMAKER", "sagemakerEndpointName": "cars"}}, defaults={"detector": "mine"}
    )

    assert [inner(wired_detector(stack, one))._endpoint.name for one in (None, own)] == ["people", "cars"]


def test_the_secret_of_the_first_http_model_is_not_sent_to_another() -> None:
    stack = settings(
        "HTTP", http_model_url="https://one.example,https://two.example", http_auth_secret_arn="arn:1,arn:2"
    )

    def secret(**own: str) -> str | None:
        found = document(detectors={"mine": {"type": "HTTP", **own}}, defaults={"detector": "mine"})
        held = inner(wired_detector(stack, found))._secret
        return None if held is None else str(held._secret_id)

    assert secret() == secret(httpModelUrl="https://one.example") == "arn:1"
    assert secret(httpModelUrl="https://two.example") is None
    assert secret(httpModelUrl="https://two.example", httpAuthSecretArn="arn:2") == "arn:2"


def inner(detector: Any) -> Any:
    """The adapter behind the budget."""
    return detector._detector._detector


def test_a_detectors_own_price_is_counted() -> None:
    priced = document(detectors={"mine": {"type": "HTTP", "usdPerThousandCalls": 0.4}}, defaults={"detector": "mine"})
    found: Any = wired_detector(settings("REKOGNITION_LABELS", **WHOLE), priced)

    assert found._price.most == 400


def document(**content: Any) -> ConfigurationDocument:
    return ConfigurationDocument.parse(json.dumps({"schemaVersion": 1} | content))


def test_a_named_detector_has_the_parameters_values_where_it_sets_none() -> None:
    named = document(
        detectors={"mine": {"type": "HTTP", "httpImageType": "image/png"}},
        cameras=[{"streams": ["cam"], "detector": "mine"}],
    )

    found = wired_detector(settings("REKOGNITION_LABELS", **WHOLE), named)

    assert found.fingerprint.startswith("http/https://model.example/look")
    assert wired_detector(settings("REKOGNITION_LABELS", **WHOLE), named, "other").fingerprint.startswith(
        "rekognition/"
    )


def test_cameras_with_the_same_detector_share_one_until_the_configuration_changes() -> None:
    cameras = [{"streams": ["a", "b"], "detector": "REKOGNITION_TEXT"}, {"streams": ["none"], "detector": None}]
    current = [Configuration(CameraSettings(), document(cameras=cameras))]
    detectors = CameraDetectors(settings("REKOGNITION_LABELS"), lambda: current[0])

    first = detectors.of_stream("a")
    assert detectors.of_stream("b") is first
    assert detectors.of_stream("c") is not first
    assert detectors.of_stream("none") is None

    current[0] = Configuration(CameraSettings())
    changed = detectors.of_stream("a")
    assert changed is not None
    assert changed.fingerprint == "rekognition/DetectLabels"


def test_a_chosen_detector_holds_for_all_cameras_without_a_second_one() -> None:
    cameras = [{"streams": ["a"], "detector": None, "followUp": {"detector": "REKOGNITION_TEXT"}}]
    configuration = Configuration(CameraSettings(), document(cameras=cameras))
    detectors = CameraDetectors(settings("REKOGNITION_LABELS"), lambda: configuration, "REKOGNITION_FACES")

    found = detectors.of_stream("a")

    assert found is not None
    assert found.fingerprint == "rekognition/DetectFaces"
