"""Ports and settings of analyze_images."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import cache

from kinesight.adapters.aws import clients
from kinesight.adapters.dynamodb.documents import DynamoDbDocuments
from kinesight.adapters.dynamodb.managed_streams import DynamoDbManagedStreams
from kinesight.adapters.kvs.stream_directory import KvsStreamDirectory
from kinesight.adapters.messages.sqs_dead_letters import SqsDeadLetters
from kinesight.adapters.messages.sqs_redelivery import SqsRedelivery
from kinesight.adapters.s3.image_store import S3ImageStore
from kinesight.detection_settings import DetectionSettings
from kinesight.domain.analysis.analyze_images import AnalyzeBatchSettings, AnalyzeImagesPorts
from kinesight.domain.analysis.attached_streams import AttachedStreams
from kinesight.domain.analysis.stream_arns import StreamArns
from kinesight.domain.streams.missing_images import LastImageTracker
from kinesight.wiring import detection

clients.create_on_lambda(clients.dynamodb, clients.kinesis_video, clients.s3, clients.sqs)


class AnalyzeImagesSettings(DetectionSettings):
    """Images from the queue. `account_id` is that of the streams. Others may write to a `shared_images_bucket`."""

    account_id: str
    shared_images_bucket: str = ""
    images_queue_url: str
    dead_letter_queue_url: str


_NAME = "analyze_images"


@cache
def _environment() -> AnalyzeImagesSettings:
    return AnalyzeImagesSettings.from_environment()


def settings() -> AnalyzeBatchSettings:
    """Settings of every image. Raises InvalidSettingError."""
    environment = _environment()
    return AnalyzeBatchSettings(environment.account_id, detection.pipeline_settings(environment))


def has_stream_metrics(stream_name: str) -> bool:
    """As `detection.has_stream_metrics`."""
    return detection.has_stream_metrics(_environment(), stream_name)


def ports(remaining_ms: Callable[[], int]) -> AnalyzeImagesPorts:
    """As `detection.ports`."""
    environment = _environment()
    return AnalyzeImagesPorts(
        images=S3ImageStore(clients.s3()),
        streams=_streams(),
        detection=detection.ports(environment, remaining_ms, detection.gate(environment)),
        dead_letters=SqsDeadLetters(clients.sqs(), environment.dead_letter_queue_url, source=_NAME),
        redelivery=SqsRedelivery(clients.sqs(), environment.images_queue_url),
        last_images=_last_images(),
        attached=_attached() if environment.shared_images_bucket else None,
    )


@cache
def _streams() -> StreamArns:
    # One attempt: an ARN is not worth delaying a batch.
    return StreamArns(KvsStreamDirectory(clients.kinesis_video(), describe_attempts=1), monotonic_s=time.monotonic)


@cache
def _attached() -> AttachedStreams:
    """Kept for the environment's life, as what it caches."""
    environment = _environment()
    return AttachedStreams(
        KvsStreamDirectory(clients.kinesis_video()),
        DynamoDbManagedStreams(clients.dynamodb(), environment.coordination_table, epoch_s=time.time),
        environment.account_id,
        monotonic_s=time.monotonic,
    )


@cache
def _last_images() -> LastImageTracker:
    """Kept for the environment's life, so that a stream is written at most once in a few minutes."""
    images = DynamoDbDocuments(clients.dynamodb(), _environment().coordination_table, kind="images")
    return LastImageTracker(images, lambda: round(time.time() * 1000))
