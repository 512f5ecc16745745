"""StreamDirectory and ConfigurableStreams on KVS's control plane."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, cast

from kinesight.adapters.aws.errors import AWS_ERRORS, error_code, translate
from kinesight.adapters.aws.retries import retry
from kinesight.domain.errors import (
    KinesightError,
    NoRetentionError,
    StreamBusyError,
    StreamGoneError,
    StreamRefusedError,
    ThrottledError,
)
from kinesight.domain.ports import VideoStream
from kinesight.domain.streams.stream_settings import Feature, FeatureSettings

if TYPE_CHECKING:
    from mypy_boto3_kinesisvideo import KinesisVideoClient

_BY_CODE: Mapping[str, type[KinesightError]] = {
    "NoDataRetentionException": NoRetentionError,
    "ResourceInUseException": StreamBusyError,
    "ResourceNotFoundException": StreamGoneError,
}
_ATTEMPTS = 6


class KvsStreamDirectory:
    """One client; safe for threads as boto3's clients are."""

    def __init__(
        self,
        client: KinesisVideoClient,
        *,
        sleep: Callable[[float], None] = time.sleep,
        describe_attempts: int = _ATTEMPTS,
    ) -> None:
        self._client = client
        self._sleep = sleep
        self._describe_attempts = describe_attempts

    def streams(self) -> Iterator[VideoStream]:
        """Calls ListStreams with pages of 10,000, the maximum."""
        pages = self._client.get_paginator("list_streams").paginate(PaginationConfig={"PageSize": 10_000})
        try:
            for page in pages:
                yield from (_stream(info) for info in page["StreamInfoList"])
        except AWS_ERRORS as error:
            raise _translated(error, "ListStreams") from error

    def describe(self, name_or_arn: str) -> VideoStream:
        """Calls DescribeStream; retries with full jitter while KVS throttles."""
        named = {"StreamARN" if name_or_arn.startswith("arn:") else "StreamName": name_or_arn}
        call = partial(self._client.describe_stream, **named)
        found = _called(
            f"describe {name_or_arn}", lambda: retry(call, attempts=self._describe_attempts, sleep=self._sleep)
        )
        return _stream(found["StreamInfo"])

    def tags(self, stream_arn: str) -> Mapping[str, str]:
        """Calls ListTagsForStream for every page."""
        tags: dict[str, str] = {}
        token: dict[str, Any] = {}
        while True:
            page = _called("tags", partial(self._client.list_tags_for_stream, StreamARN=stream_arn, **token))
            tags |= page.get("Tags", {})
            if not page.get("NextToken"):
                return tags
            token = {"NextToken": page["NextToken"]}

    def feature_settings(self, feature: Feature, stream_arn: str) -> FeatureSettings | None:
        """Calls DescribeImageGenerationConfiguration or DescribeNotificationConfiguration."""
        if feature is Feature.IMAGE_GENERATION:
            images = _called(
                "image generation",
                lambda: self._client.describe_image_generation_configuration(StreamARN=stream_arn),
            )
            return cast("FeatureSettings | None", images.get("ImageGenerationConfiguration"))
        notifications = _called(
            "notification", lambda: self._client.describe_notification_configuration(StreamARN=stream_arn)
        )
        return cast("FeatureSettings | None", notifications.get("NotificationConfiguration"))

    def configure(self, feature: Feature, stream_arn: str, settings: FeatureSettings | None) -> None:
        """Calls Update…Configuration. Omitting the configuration deletes it (boto3 rejects null)."""
        if feature is Feature.IMAGE_GENERATION:
            images: Any = {} if settings is None else {"ImageGenerationConfiguration": settings}
            update_images = self._client.update_image_generation_configuration
            _called("image generation", lambda: update_images(StreamARN=stream_arn, **images))
        else:
            notifications: Any = {} if settings is None else {"NotificationConfiguration": settings}
            update_notification = self._client.update_notification_configuration
            _called("notification", lambda: update_notification(StreamARN=stream_arn, **notifications))


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
    permanent = _BY_CODE.get(error_code(error), StreamRefusedError)
    return translate(error, what, transient=ThrottledError, permanent=permanent)
