"""StreamRegistry on KVS's control plane."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, cast

from botocore.exceptions import ClientError

from kinesight.adapters.aws_errors import AWS_ERRORS, error_code, is_retryable
from kinesight.domain.errors import (
    KinesightError,
    NoRetentionError,
    StreamBusyError,
    StreamGoneError,
    StreamRefusedError,
    ThrottledError,
)
from kinesight.domain.streams.stream_settings import Feature, FeatureSettings, VideoStream

if TYPE_CHECKING:
    from mypy_boto3_kinesisvideo import KinesisVideoClient

_BY_CODE: Mapping[str, type[KinesightError]] = {
    "NoDataRetentionException": NoRetentionError,
    "ResourceInUseException": StreamBusyError,
    "ResourceNotFoundException": StreamGoneError,
}


class KvsStreamDirectory:
    """One client; thread-safe as boto3's clients are."""

    def __init__(self, client: KinesisVideoClient) -> None:
        self._client = client

    def streams(self) -> Iterator[VideoStream]:
        """Pages of 10,000, the most that ListStreams gives."""
        pages = self._client.get_paginator("list_streams").paginate(PaginationConfig={"PageSize": 10_000})
        try:
            for page in pages:
                yield from (_stream(info) for info in page["StreamInfoList"])
        except AWS_ERRORS as error:
            raise _translated(error, "ListStreams") from error

    def tags(self, stream_arn: str) -> Mapping[str, str]:
        """ListTagsForStream, all pages."""
        tags: dict[str, str] = {}
        token: dict[str, Any] = {}
        while True:
            page = _called("tags", partial(self._client.list_tags_for_stream, StreamARN=stream_arn, **token))
            tags |= page.get("Tags", {})
            if not page.get("NextToken"):
                return tags
            token = {"NextToken": page["NextToken"]}

    def feature_settings(self, feature: Feature, stream_arn: str) -> FeatureSettings | None:
        """Describe…Configuration."""
        if feature is Feature.IMAGE_GENERATION:
            images = _called(
                "image generation",
                lambda: self._client.describe_image_generation_configuration(StreamARN=stream_arn),
            )
            return cast("FeatureSettings | None", images.get("ImageGenerationConfiguration"))
        notices = _called(
            "notification", lambda: self._client.describe_notification_configuration(StreamARN=stream_arn)
        )
        return cast("FeatureSettings | None", notices.get("NotificationConfiguration"))

    def configure(self, feature: Feature, stream_arn: str, configuration: FeatureSettings | None) -> None:
        """Update…Configuration; leaving the configuration out deletes it (boto3 refuses a null)."""
        if feature is Feature.IMAGE_GENERATION:
            images: Any = {} if configuration is None else {"ImageGenerationConfiguration": configuration}
            update = self._client.update_image_generation_configuration
            _called("image generation", lambda: update(StreamARN=stream_arn, **images))
        else:
            notices: Any = {} if configuration is None else {"NotificationConfiguration": configuration}
            change = self._client.update_notification_configuration
            _called("notification", lambda: change(StreamARN=stream_arn, **notices))


def _stream(info: Any) -> VideoStream:
    return VideoStream(
        name=info["StreamName"],
        arn=info["StreamARN"],
        status=info.get("Status", "CREATING"),
        retention_hours=info.get("DataRetentionInHours", 0),
        version=info.get("Version", ""),
    )


def _called(what: str, call: Callable[[], Any]) -> Any:
    try:
        return call()
    except AWS_ERRORS as error:
        raise _translated(error, what) from error


def _translated(error: Exception, what: str) -> KinesightError:
    message = f"{what}: {error}"
    if isinstance(error, ClientError) and error_code(error) in _BY_CODE:
        return _BY_CODE[error_code(error)](message)
    return ThrottledError(message) if is_retryable(error) else StreamRefusedError(message)
