"""Every value of the Detector parameter has its detector, and says which parameter it lacks."""

from decimal import Decimal
from typing import Any, get_args

import pytest
from kinesight.domain.errors import InvalidSettingError
from kinesight.domain.on_demand.messages import DetectorChoice
from kinesight.settings import DetectionSettings, DetectObjectsSettings, DetectorType, PlanWindowsSettings
from kinesight.wiring.detectors import detector
from kinesight_cli.on_demand import DetectorChoice as CommandChoice

REKOGNITIONS = {"face_collection_id": "staff", "custom_labels_model_arn": "arn:a/b/c/d"}
WHOLE = REKOGNITIONS | {
    "sagemaker_endpoint_name": "model",
    "sagemaker_async_output_bucket": "answers",
    "http_model_url": "https://model.example/look",
    "bedrock_model_id": "amazon.nova-lite-v1:0",
}
OWN_MODELS = {
    DetectorType.SAGEMAKER: "SageMakerEndpointName",
    DetectorType.SAGEMAKER_ASYNC: "SageMakerAsyncOutputBucket",
    DetectorType.HTTP: "HttpModelUrl",
    DetectorType.BEDROCK: "BedrockModelId",
}
LACKING = {
    DetectorType.REKOGNITION_FACE_SEARCH: "FaceCollectionId",
    DetectorType.REKOGNITION_CUSTOM_LABELS: "CustomLabelsModelArn",
    **OWN_MODELS,
}


def wanted(kind: DetectorType, **more: Any) -> DetectionSettings:
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


@pytest.mark.parametrize("kind", DetectorType)
def test_every_type_has_its_detector(kind: DetectorType) -> None:
    built = detector(wanted(kind, **WHOLE))

    assert built.fingerprint == detector(wanted(kind, **WHOLE)).fingerprint


def test_executions_and_the_command_offer_the_same_types() -> None:
    assert set(get_args(DetectorChoice)) == {*DetectorType, "NONE"}
    assert {choice.value for choice in CommandChoice} == {kind.value for kind in DetectorType}


@pytest.mark.parametrize("kind", LACKING)
def test_what_is_missing_is_named(kind: DetectorType) -> None:
    lacking = "SageMakerEndpointName" if kind is DetectorType.SAGEMAKER_ASYNC else LACKING[kind]

    with pytest.raises(InvalidSettingError, match=f"{kind}, and {lacking} is empty"):
        detector(wanted(kind))


def test_an_execution_may_choose_what_the_stack_has() -> None:
    bare = PlanWindowsSettings(work_bucket="b")
    whole = bare.model_copy(update=REKOGNITIONS)

    assert bare.missing_parameters() == {kind.value: parameter for kind, parameter in LACKING.items()}
    assert whole.missing_parameters() == {kind.value: parameter for kind, parameter in OWN_MODELS.items()}


@pytest.mark.parametrize("kind", OWN_MODELS)
def test_a_model_of_ones_own_is_there_as_the_stacks_detector(kind: DetectorType) -> None:
    assert kind.value not in PlanWindowsSettings(work_bucket="b", detector=kind).missing_parameters()


def test_a_chain_looks_with_both() -> None:
    chained = wanted(DetectorType.REKOGNITION_LABELS, then_detector="REKOGNITION_FACE_SEARCH", **WHOLE)

    assert detector(chained).fingerprint == (
        f"{detector(wanted(DetectorType.REKOGNITION_LABELS)).fingerprint}>*@80/FRAME>"
        f"{detector(wanted(DetectorType.REKOGNITION_FACE_SEARCH, **WHOLE)).fingerprint}"
    )


def test_none_is_no_second_detector() -> None:
    alone = wanted(DetectorType.REKOGNITION_LABELS, then_detector="NONE")

    assert detector(alone).fingerprint == detector(wanted(DetectorType.REKOGNITION_LABELS)).fingerprint


def test_a_plate_pattern_is_checked_before_any_picture() -> None:
    with pytest.raises(InvalidSettingError, match="PlatePattern"):
        detector(wanted(DetectorType.REKOGNITION_TEXT, plate_pattern="(", known_plates="AB 12, CD 34"))


@pytest.mark.parametrize("equipment", ["", "HELMET", "HEAD_COVER,HELMET"])
def test_equipment_is_what_rekognition_knows(equipment: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("RESULTS_STREAM_NAME", "IDEMPOTENCY_TABLE", "CONFIGURATION_BUCKET", "CROPS_BUCKET"):
        monkeypatch.setenv(name, "x")
    monkeypatch.setenv("REQUIRED_EQUIPMENT", equipment)

    with pytest.raises(InvalidSettingError, match="REQUIRED_EQUIPMENT"):
        DetectionSettings.from_environment()


def test_the_stacks_price_of_a_call_is_that_of_its_own_detector() -> None:
    stack = DetectObjectsSettings.model_validate(
        wanted(DetectorType.HTTP).model_dump()
        | {"work_bucket": "b", "detector_usd_per_thousand_calls": "0.4", "then_detector": DetectorType.REKOGNITION_TEXT}
    )

    own, other = stack.with_detector("HTTP"), stack.with_detector("REKOGNITION_LABELS")

    assert stack.with_detector(None) == stack
    assert (own.detector_usd_per_thousand_calls, own.then_detector) == (Decimal("0.4"), None)
    assert (other.detector, other.detector_usd_per_thousand_calls) == (DetectorType.REKOGNITION_LABELS, None)
