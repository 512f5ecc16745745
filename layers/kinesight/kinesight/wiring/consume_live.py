"""Ports and settings of consume_live."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Mapping
from functools import cache

from pydantic import Field

from kinesight.adapters.aws import clients
from kinesight.adapters.dynamodb.documents import DynamoDbDocuments
from kinesight.adapters.kvs.live_media import KvsLiveMedia
from kinesight.adapters.media.av_keyframe_converter import AvKeyframeConverter
from kinesight.adapters.messages.sqs_dead_letters import SqsDeadLetters
from kinesight.adapters.s3.bucket import S3Bucket
from kinesight.detection_settings import DetectionSettings
from kinesight.domain.analysis.frame_report import FrameReport
from kinesight.domain.analysis.pipeline import FrameAnalysis
from kinesight.domain.live.assignments import read_assignment
from kinesight.domain.live.conduct_live import save_heartbeat
from kinesight.domain.live.consume_live import ConsumerPorts, ConsumerSettings, Ends
from kinesight.domain.live.leased_streams import LeaseChange
from kinesight.domain.live.leases import LeaseClock
from kinesight.domain.live.live_stream import LiveSettings
from kinesight.domain.live.ports import LivePorts
from kinesight.media.stills import StillForm
from kinesight.wiring import detection

clients.create_on_lambda(clients.dynamodb, clients.kinesis_video, clients.s3, clients.sqs)


class ConsumeLiveSettings(DetectionSettings):
    """How streams are read live."""

    work_bucket: str
    dead_letter_queue_url: str
    lease_seconds: float = Field(default=30, gt=0)


_NAME = "consume_live"
_LARGEST_PIXELS = 7680 * 4320
"""8K. Decoding and encoding such a frame takes 200 MB of the function's 2 GB."""


@cache
def _environment() -> ConsumeLiveSettings:
    return ConsumeLiveSettings.from_environment()


def new_owner(slot: str) -> str:
    """Lambda may deliver one start twice, so the owner is not made of it."""
    return f"{slot}-{uuid.uuid4()}"


def settings() -> ConsumerSettings:
    """Raises InvalidSettingError, InvalidConfigurationError, StorageBusyError."""
    environment = _environment()
    pipeline = detection.pipeline_settings(environment)
    limits = pipeline.configuration().limits
    live = LiveSettings(pipeline, limits.live_queue_size)
    return ConsumerSettings(live, limits.live_workers)


def has_stream_metrics(stream_name: str) -> bool:
    """As `detection.has_stream_metrics`."""
    return detection.has_stream_metrics(_environment(), stream_name)


def ports(
    slot: str,
    ends: Ends,
    remaining_ms: Callable[[], int],
    emit_stream: Callable[[str, Mapping[str, int], FrameReport], None],
    log_frame: Callable[[FrameAnalysis], None],
    log_lease: Callable[[LeaseChange], None],
) -> ConsumerPorts:
    """`remaining_ms`: how long this invocation may still run. Calls `emit_stream` for each stream every minute and at
    its end, `log_frame` for each frame, `log_lease` for each change of a lease. Raises InvalidSettingError."""
    environment = _environment()
    lasts_ms = round(1000 * environment.lease_seconds)
    dynamodb, table = clients.dynamodb(), environment.coordination_table
    slots, assignments = (
        DynamoDbDocuments(dynamodb, table, kind="consumers"),
        DynamoDbDocuments(dynamodb, table, kind="assignments"),
    )
    ends_at_ms = now_ms() + remaining_ms() - round(1000 * ends.stop_s)
    live = LivePorts(
        media=KvsLiveMedia(clients.media()),
        stills=AvKeyframeConverter(StillForm(), _LARGEST_PIXELS),
        work=S3Bucket(clients.s3(), environment.work_bucket),
        # Only the holder of a lease works on a frame, so what a dead one began is free when its lease is.
        detection=detection.ports(environment, lambda: lasts_ms, detection.gate(environment)),
        dead_letters=SqsDeadLetters(clients.sqs(), environment.dead_letter_queue_url, source=_NAME),
        now_ms=now_ms,
        log_frame=log_frame,
    )
    return ConsumerPorts(
        leases=DynamoDbDocuments(dynamodb, table, kind="leases", consistent=False),
        clock=LeaseClock(now_ms, lasts_ms),
        live=live,
        assigned=lambda: read_assignment(assignments.load(slot)).stream_arns,
        remaining_s=lambda: remaining_ms() / 1000,
        heartbeat=lambda: save_heartbeat(slot, ends_at_ms, now_ms(), slots),
        emit_stream=emit_stream,
        log_lease=log_lease,
    )


def now_ms() -> int:
    """The present, epoch milliseconds."""
    return round(time.time() * 1000)
