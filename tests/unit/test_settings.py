"""The environment, checked before any work."""

import pytest
from kinesight.domain.detectors.catalogue import own_models
from kinesight.domain.errors import InvalidEventError, InvalidSettingError
from kinesight.lambda_events import kinesis_records, sqs_messages
from kinesight.settings import StreamConfigurationSettings
from kinesight.wiring.analyze_images import AnalyzeImagesSettings

REQUIRED = {
    "ACCOUNT_ID": "111122223333",
    "RESULTS_STREAM_NAME": "results",
    "CONFIGURATION_BUCKET": "evidence",
    "CROPS_BUCKET": "images",
    "COORDINATION_TABLE": "coordination",
    "IDEMPOTENCY_TABLE": "idempotency",
    "IMAGES_QUEUE_URL": "https://sqs/images",
    "DEAD_LETTER_QUEUE_URL": "https://sqs/dead",
}
STREAMS = {
    "CONFIGURATION_BUCKET": "evidence",
    "CROPS_BUCKET": "images",
    "COORDINATION_TABLE": "t",
    "IMAGES_URI": "s3://b/images",
    "NOTIFICATION_TOPIC_ARN": "arn",
}


def from_environment(monkeypatch: pytest.MonkeyPatch, **variables: str) -> AnalyzeImagesSettings:
    for name, value in (REQUIRED | variables).items():
        monkeypatch.setenv(name, value)
    return AnalyzeImagesSettings.from_environment()


def test_lists_and_blanks_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    blank = dict.fromkeys(("DAILY_BUDGET_USD", "HTTP_AUTH_SECRET_ARN", "SAGEMAKER_ENDPOINT_NAME"), "")
    settings = from_environment(monkeypatch, LABELS=" Person, Dog ,", HTTP_MODEL_URL="https://model", **blank)

    assert settings.labels == ["Person", "Dog"]
    assert settings.daily_budget_usd is None
    assert own_models.HTTP.read(settings.values).http_auth_secret_arn is None
    with pytest.raises(InvalidSettingError, match="SageMakerEndpointName is empty"):
        own_models.SAGEMAKER.read(settings.values)


def test_every_wrong_variable_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InvalidSettingError, match=r"DAILY_BUDGET_USD.*IDEMPOTENCY_HOURS"):
        from_environment(monkeypatch, DAILY_BUDGET_USD="-1", IDEMPOTENCY_HOURS="many")


def test_what_is_missing_is_named() -> None:
    with pytest.raises(InvalidSettingError, match="RESULTS_STREAM_NAME"):
        AnalyzeImagesSettings.from_environment()


def test_an_empty_number_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (STREAMS | {"WIDTH_PIXELS": ""}).items():
        monkeypatch.setenv(name, value)

    assert StreamConfigurationSettings.from_environment().width_pixels is None


@pytest.mark.parametrize("event", [{}, {"Records": 1}, {"Records": [{}]}, {"Records": [{"messageId": "1"}]}])
def test_what_is_no_batch_is_refused(event: dict[str, object]) -> None:
    with pytest.raises(InvalidEventError, match="SQS"):
        sqs_messages(event)
    with pytest.raises(InvalidEventError, match="Kinesis"):
        kinesis_records(event)


def test_data_that_is_no_base64_is_refused() -> None:
    with pytest.raises(InvalidEventError, match="Kinesis"):
        kinesis_records({"Records": [{"kinesis": {"sequenceNumber": "1", "data": "!"}}]})
