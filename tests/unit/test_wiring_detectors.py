"""Every value of the Detector parameter has its detector, and says which parameter it lacks."""

from decimal import Decimal
from typing import Any

import pytest
import typer
from kinesight.domain.detectors.catalogue import DETECTORS
from kinesight.domain.errors import InvalidSettingError
from kinesight.domain.on_demand.messages import DetectorChoice
from kinesight.settings import DetectionSettings, DetectObjectsSettings, PlanWindowsSettings
from kinesight.wiring.detectors import detector
from kinesight_cli.analyze.command import detector_name
from pydantic import TypeAdapter, ValidationError

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
    built = detector(settings(kind, **WHOLE))

    assert built.fingerprint == detector(settings(kind, **WHOLE)).fingerprint


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
    lacking = "SageMakerEndpointName" if kind == "SAGEMAKER_ASYNC" else LACKING[kind]

    with pytest.raises(InvalidSettingError, match=f"{kind}, and {lacking} is empty"):
        detector(settings(kind))


def test_an_execution_may_choose_what_the_stack_has() -> None:
    bare = PlanWindowsSettings(work_bucket="b")
    whole = PlanWindowsSettings.model_validate({"work_bucket": "b"} | REKOGNITIONS)

    assert bare.missing_parameters() == LACKING
    assert whole.missing_parameters() == OWN_MODELS


@pytest.mark.parametrize("kind", OWN_MODELS)
def test_a_model_of_ones_own_is_there_as_the_stacks_detector(kind: str) -> None:
    assert kind not in PlanWindowsSettings(work_bucket="b", detector=kind).missing_parameters()


def test_a_chain_calls_both() -> None:
    chained = settings("REKOGNITION_LABELS", then_detector="REKOGNITION_FACE_SEARCH", **WHOLE)

    assert detector(chained).fingerprint == (
        f"{detector(settings('REKOGNITION_LABELS')).fingerprint}>*@80/FRAME>"
        f"{detector(settings('REKOGNITION_FACE_SEARCH', **WHOLE)).fingerprint}"
    )


def test_none_is_no_second_detector() -> None:
    alone = settings("REKOGNITION_LABELS", then_detector="NONE")

    assert detector(alone).fingerprint == detector(settings("REKOGNITION_LABELS")).fingerprint


def test_a_plate_pattern_is_checked_before_any_image() -> None:
    with pytest.raises(InvalidSettingError, match="PlatePattern"):
        detector(settings("REKOGNITION_TEXT", plate_pattern="(", known_plates="AB 12, CD 34"))


@pytest.mark.parametrize("equipment", ["", "HELMET", "HEAD_COVER,HELMET"])
def test_equipment_is_what_rekognition_knows(equipment: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("RESULTS_STREAM_NAME", "IDEMPOTENCY_TABLE", "CONFIGURATION_BUCKET", "CROPS_BUCKET"):
        monkeypatch.setenv(name, "x")
    monkeypatch.setenv("REQUIRED_EQUIPMENT", equipment)

    with pytest.raises(InvalidSettingError, match="REQUIRED_EQUIPMENT"):
        DetectionSettings.from_environment()


def test_the_stacks_price_of_a_call_is_that_of_its_own_detector() -> None:
    stack = DetectObjectsSettings.model_validate(
        settings("HTTP").model_dump()
        | {"work_bucket": "b", "detector_usd_per_thousand_calls": "0.4", "then_detector": "REKOGNITION_TEXT"}
    )

    own, other = stack.with_detector("HTTP"), stack.with_detector("REKOGNITION_LABELS")

    assert stack.with_detector(None) == stack
    assert (own.detector_usd_per_thousand_calls, own.then_detector) == (Decimal("0.4"), None)
    assert (other.detector, other.detector_usd_per_thousand_calls) == ("REKOGNITION_LABELS", None)
