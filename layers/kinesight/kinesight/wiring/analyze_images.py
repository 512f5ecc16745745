"""What analyze_images works with."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import cache

from kinesight.adapters import aws_clients as clients
from kinesight.adapters.dead_letters_sqs import SqsDeadLetters
from kinesight.adapters.documents_dynamodb import DynamoDbDocuments
from kinesight.adapters.image_store_s3 import S3ImageStore
from kinesight.adapters.stream_directory_kvs import KvsStreamDirectory
from kinesight.domain.analysis.analyze_images import AnalysisPlan, AnalysisPorts
from kinesight.domain.analysis.frame_counts import FrameCounts
from kinesight.domain.ports import StreamDirectory
from kinesight.domain.streams.missing_images import LastImageTracker
from kinesight.settings import AnalyzeImagesSettings
from kinesight.wiring import detection

_NAME = "analyze_images"


@cache
def settings() -> AnalyzeImagesSettings:
    return AnalyzeImagesSettings.from_environment()


def plan() -> AnalysisPlan:
    """What the parameters ask of every picture."""
    wanted = settings()
    return AnalysisPlan(wanted.account_id, detection.plan(wanted))


def ports(remaining_ms: Callable[[], int], tell: Callable[[dict[str, FrameCounts]], None]) -> AnalysisPorts:
    """As `detection.ports`."""
    wanted = settings()

    def tell_and_note(tallies: dict[str, FrameCounts]) -> None:
        tell(tallies)
        _notes().saw(name for name in tallies if name)

    return AnalysisPorts(
        images=S3ImageStore(clients.s3()),
        streams=_streams(),
        detection=detection.ports(wanted, remaining_ms, tell_and_note, detection.gate(wanted)),
        dead_letters=SqsDeadLetters(clients.sqs(), wanted.dead_letter_queue_url, source=_NAME),
    )


@cache
def _streams() -> StreamDirectory:
    return KvsStreamDirectory(clients.kinesis_video(), monotonic_s=time.monotonic)


@cache
def _notes() -> LastImageTracker:
    sights = DynamoDbDocuments(clients.dynamodb(), settings().coordination_table, kind="pictures")
    return LastImageTracker(sights, lambda: round(time.time() * 1000))
