"""What consume_live works with."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Mapping
from functools import cache

from kinesight.adapters import aws_clients as clients
from kinesight.adapters.dead_letters_sqs import SqsDeadLetters
from kinesight.adapters.documents_dynamodb import DynamoDbDocuments
from kinesight.adapters.live_media_kvs import KvsLiveMedia
from kinesight.adapters.stills_av import AvKeyframeConverter
from kinesight.adapters.work_store_s3 import S3Bucket
from kinesight.domain.analysis.frame_counts import FrameBook, FrameCounts
from kinesight.domain.analysis.pipeline import Analysis
from kinesight.domain.live.conduct_live import beat
from kinesight.domain.live.consume_live import ConsumerSettings, ConsumerPorts, Ends
from kinesight.domain.live.leases import LeaseClock
from kinesight.domain.live.stream_reader import LiveSettings, LivePorts
from kinesight.media.selection import EveryInterval, EveryNth
from kinesight.media.stills import StillForm
from kinesight.settings import ConsumeLiveSettings
from kinesight.wiring import detection

_NAME = "consume_live"


@cache
def settings() -> ConsumeLiveSettings:
    return ConsumeLiveSettings.from_environment()


def new_owner(slot: str) -> str:
    """Lambda may deliver one start twice, so the owner is not made of it."""
    return f"{slot}-{uuid.uuid4()}"


def plan(share: int) -> ConsumerSettings:
    """What the parameters ask for. Raises InvalidSettingError."""
    wanted = settings()
    by_count = wanted.live_inference_interval
    live = LiveSettings(
        sampler=EveryNth(by_count) if by_count else EveryInterval(wanted.live_sampling_interval),
        detection=detection.plan(wanted),
        fragments_in_flight=wanted.live_queue_size,
        drop_after_ms=wanted.live_drop_after_seconds * 1000 or None,
    )
    return ConsumerSettings(live, share, wanted.live_workers)


def ports(
    slot: str,
    ends: Ends,
    remaining_ms: Callable[[], int],
    tell: Callable[[str, Mapping[str, int], FrameCounts], None],
    tell_frame: Callable[[Analysis], None],
) -> ConsumerPorts:
    """`remaining_ms`: how long this invocation may still run. `tell` hears of each stream, every minute.

    Raises InvalidSettingError.
    """
    wanted = settings()
    book = FrameBook()
    lasts_ms = round(1000 * wanted.lease_seconds)
    slots = DynamoDbDocuments(clients.dynamodb(), wanted.coordination_table, kind="consumers")
    ends_at_ms = now_ms() + remaining_ms() - round(1000 * ends.stop_s)
    live = LivePorts(
        media=KvsLiveMedia(clients.media()),
        stills=AvKeyframeConverter(StillForm()),
        work=S3Bucket(clients.s3(), wanted.work_bucket),
        # Only the holder of a lease works on a frame, so what a dead one began is free when its lease is.
        detection=detection.ports(wanted, lambda: lasts_ms, book.add, detection.gate(wanted)),
        dead_letters=SqsDeadLetters(clients.sqs(), wanted.dead_letter_queue_url, source=_NAME),
        now_ms=now_ms,
        tell=tell_frame,
    )
    return ConsumerPorts(
        leases=DynamoDbDocuments(clients.dynamodb(), wanted.coordination_table, kind="leases"),
        clock=LeaseClock(now_ms, lasts_ms),
        live=live,
        remaining_s=lambda: remaining_ms() / 1000,
        beat=lambda: beat(slot, ends_at_ms, now_ms(), slots),
        tell=lambda name, counted: tell(name, counted, book.taken(name)),
    )


def now_ms() -> int:
    """The present, epoch milliseconds."""
    return round(time.time() * 1000)
