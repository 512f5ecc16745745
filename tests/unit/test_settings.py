"""The environment, checked before any work."""

import pytest
from kinesight.domain.detectors.catalogue import own_models
from kinesight.domain.errors import InvalidEventError, InvalidSettingError
from kinesight.lambda_events import kinesis_records, sqs_messages
from kinesight.settings import AnalyzeImagesSettings, ConfigureStreamsSettings

REQUIRED = {
    "ACCOUNT_ID": "111122223333",
    "RESULTS_STREAM_NAME": "results",
    "CONFIGURATION_BUCKET": "evidence",
    "CROPS_BUCKET": "images",
    "COORDINATION_TABLE": "coordination",
    "IDEMPOTENCY_TABLE": "idempotency",
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
    blank = dict.fromkeys(("DAILY_BUDGET_USD", "HTTP_JSON_BODY", "SAGEMAKER_ENDPOINT_NAME"), "")
    settings = from_environment(monkeypatch, LABELS=" Person, Dog ,", HTTP_MODEL_URL="https://model", **blank)

    assert settings.labels == ["Person", "Dog"]
    assert settings.daily_budget_usd is None
    assert own_models.HTTP.read(settings.values).http_json_body is None
    with pytest.raises(InvalidSettingError, match="SageMakerEndpointName is empty"):
        own_models.SAGEMAKER.read(settings.values)


def test_every_wrong_variable_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InvalidSettingError, match=r"MAX_LABELS.*MINIMUM_CONFIDENCE"):
        from_environment(monkeypatch, MAX_LABELS="0", MINIMUM_CONFIDENCE="many")


def test_what_is_missing_is_named() -> None:
    with pytest.raises(InvalidSettingError, match="RESULTS_STREAM_NAME"):
        AnalyzeImagesSettings.from_environment()


@pytest.mark.parametrize(
    ("text", "documents"),
    [
        ("", []),
        ('{"key":"Location"}', [{"key": "Location"}]),
        ('[{"key":"a"},{"key":"b"}]', [{"key": "a"}, {"key": "b"}]),
    ],
)
def test_tag_filters_are_json(monkeypatch: pytest.MonkeyPatch, text: str, documents: list[object]) -> None:
    for name, value in (STREAMS | {"TAG_FILTERS": text, "WIDTH_PIXELS": ""}).items():
        monkeypatch.setenv(name, value)

    settings = ConfigureStreamsSettings.from_environment()

    assert settings.tag_filter_documents() == documents
    assert settings.width_pixels is None


def test_tag_filters_that_are_no_json_are_an_error() -> None:
    settings = ConfigureStreamsSettings(
        configuration_bucket="evidence",
        coordination_table="t",
        images_uri="s3://b",
        notification_topic_arn="arn",
        tag_filters="nonsense",
    )

    with pytest.raises(InvalidSettingError, match="TagFilters is not JSON"):
        settings.tag_filter_documents()


@pytest.mark.parametrize("event", [{}, {"Records": 1}, {"Records": [{}]}, {"Records": [{"messageId": "1"}]}])
def test_what_is_no_batch_is_refused(event: dict[str, object]) -> None:
    with pytest.raises(InvalidEventError, match="SQS"):
        sqs_messages(event)
    with pytest.raises(InvalidEventError, match="Kinesis"):
        kinesis_records(event)


def test_data_that_is_no_base64_is_refused() -> None:
    with pytest.raises(InvalidEventError, match="Kinesis"):
        kinesis_records({"Records": [{"kinesis": {"sequenceNumber": "1", "data": "!"}}]})
