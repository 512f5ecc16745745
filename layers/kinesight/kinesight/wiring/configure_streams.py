"""Ports of configure_streams."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

from kinesight.adapters.aws import clients, propagation
from kinesight.adapters.dynamodb.documents import DynamoDbDocuments
from kinesight.adapters.dynamodb.managed_streams import DynamoDbManagedStreams
from kinesight.adapters.kvs.image_archive import KvsArchive
from kinesight.adapters.kvs.stream_directory import KvsStreamDirectory
from kinesight.adapters.messages import cloudformation_response
from kinesight.adapters.s3.bucket import S3Bucket
from kinesight.adapters.s3.bucket_notifications import S3BucketNotifications
from kinesight.detection_settings import PermittedSettings
from kinesight.domain.configuration.stream_tags import StreamTagsFile
from kinesight.domain.streams.configure_streams import ConfigureStreamsPorts
from kinesight.domain.streams.missing_images import MissingImagesPorts, MissingImagesReport, find_missing_images
from kinesight.domain.streams.stream_settings import Feature, StreamSettings
from kinesight.settings import StreamConfigurationSettings
from kinesight.wiring.current_configuration import current_configuration
from kinesight.wiring.stream_settings import stream_settings_of
from kinesight.wiring.system_clock import SystemClock

clients.create_on_lambda(clients.dynamodb, clients.kinesis_video, clients.s3)


class ConfigureStreamsSettings(StreamConfigurationSettings, PermittedSettings):
    """With what detectors may use: a deployment checks the configuration document."""


_MARGIN_S = 60.0
"""Reserved at the end of a run to finish what was begun and to respond to CloudFormation."""


_WATCH_S = 40.0
"""Most time to look for streams without images, within that margin."""


@cache
def _environment() -> ConfigureStreamsSettings:
    return ConfigureStreamsSettings.from_environment()


def stream_settings() -> StreamSettings:
    """Returns the stream settings of the document and the parameters, as they are now.

    Raises InvalidSettingError, InvalidConfigurationError, StorageBusyError.
    """
    configuration = current_configuration(_environment(), _environment().permitted).latest()
    return stream_settings_of(_environment(), lambda: configuration, needs_tags=configuration.document.uses_tags)


def ports(remaining_ms: Callable[[], int]) -> ConfigureStreamsPorts:
    """`remaining_ms`: how long this invocation may still run."""
    clock = SystemClock()
    return ConfigureStreamsPorts(
        registry=KvsStreamDirectory(clients.kinesis_video()),
        managed=DynamoDbManagedStreams(clients.dynamodb(), _environment().coordination_table, epoch_s=time.time),
        tags=StreamTagsFile(S3Bucket(clients.s3(), _environment().configuration_bucket)),
        clock=clock,
        epoch_s=time.time(),
        deadline_s=clock.now_s() + remaining_ms() / 1000 - _MARGIN_S,
    )


def bucket_notifications(account_id: str) -> S3BucketNotifications:
    """Of buckets of this account."""
    return S3BucketNotifications(clients.s3(), account_id)


def once_permitted[T](work: Callable[[], T]) -> T:
    """Returns the result of work of a deployment, which waits for up to a minute until policies take effect."""
    return propagation.once_permitted(work, time.sleep)


def missing_images() -> MissingImagesReport:
    """Returns which streams with image generation get no images. Raises StorageBusyError, InvalidConfigurationError."""
    environment = _environment()
    managed = DynamoDbManagedStreams(clients.dynamodb(), environment.coordination_table, epoch_s=time.time).all()
    clock = SystemClock()
    late_s = clock.now_s() + _WATCH_S
    ports = MissingImagesPorts(
        last_images=DynamoDbDocuments(clients.dynamodb(), environment.coordination_table, kind="images"),
        fragments=KvsArchive(clients.archived_media(), sleep=time.sleep),
        now_ms=round(time.time() * 1000),
        is_late=lambda: clock.now_s() >= late_s,
    )
    names = [one.stream_name for one in managed if one.feature is Feature.IMAGE_GENERATION]
    configuration = current_configuration(environment, environment.permitted)()
    return find_missing_images(
        names, lambda name: 60_000 * configuration.of_stream(name).camera.images_missing_minutes, ports
    )


def respond(request: Mapping[str, Any], *, failure: str | None, data: Mapping[str, str]) -> None:
    """Answers CloudFormation. Raises DeliveryError."""
    cloudformation_response.respond(request, failure=failure, data=data, sleep=time.sleep)
