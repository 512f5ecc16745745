"""KvsArchive on the emulator: what the on-demand workflow asks KVS, under throttles and failures too."""

import time
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest
from kinesight.adapters.aws.kvs_data_clients import DataClients
from kinesight.adapters.kvs.image_archive import KvsArchive
from kinesight.adapters.kvs.stream_directory import KvsStreamDirectory
from kinesight.domain.errors import MediaBusyError, NoRetentionError, StreamGoneError
from kinesight.domain.ports import ImageRequest, ImageSpec
from kinesight.domain.streams.missing_images import (
    LastImageSeen,
    MissingImagesPorts,
    MissingImagesReport,
    find_missing_images,
)
from kinesight_local.kvs.faults import Fail, Throttle
from kinesight_local.kvs.server import KvsServer

from tests.builders import NOON_MS
from tests.fakes import FakeDocuments
from tests.functional.kvs_producer import put_clip, stored
from tests.media import a_clip

SPEC = ImageSpec("PRODUCER_TIMESTAMP", "JPEG")


@pytest.fixture
def archive(kvs: KvsServer, kinesis_video: Any) -> KvsArchive:
    kinesis_video.create_stream(StreamName="cam", DataRetentionInHours=1)
    put_clip(kvs, a_clip(4))
    clients = DataClients(
        kinesis_video,
        lambda endpoint: boto3.client("kinesis-video-archived-media", endpoint_url=endpoint),
        monotonic_s=lambda: 0.0,
    )
    return KvsArchive(clients, sleep=lambda _: None)


@pytest.fixture
def directory(kinesis_video: Any) -> KvsStreamDirectory:
    return KvsStreamDirectory(kinesis_video, sleep=lambda _: None)


def request(start_ms: int, end_ms: int, interval_ms: int) -> ImageRequest:
    return ImageRequest(NOON_MS + start_ms, NOON_MS + end_ms, interval_ms, ())


@pytest.mark.usefixtures("archive")
def test_a_stream_by_name_and_by_arn(directory: KvsStreamDirectory) -> None:
    stream = directory.describe("cam")

    assert directory.describe(stream.arn) == stream
    assert (stream.name, stream.retention_hours) == ("cam", 1)


def test_fragments_with_their_spans(archive: KvsArchive, archived_media: Any) -> None:
    found = sorted(
        archive.fragments("cam", "PRODUCER_TIMESTAMP", NOON_MS, NOON_MS + 2000), key=lambda one: one.start_ms
    )

    assert [(one.start_ms - NOON_MS, one.length_ms) for one in found] == [(0, 1000), (1000, 1000), (2000, 1000)]
    assert [one.number for one in found] == [one["FragmentNumber"] for one in stored(archived_media)][:3]


def test_fragments_without_images_are_found(archive: KvsArchive, kinesis_video: Any) -> None:
    """An idle stream has none; a deleted stream cannot be checked."""
    kinesis_video.create_stream(StreamName="idle", DataRetentionInHours=1)
    now_ms, last_images = round(time.time() * 1000), FakeDocuments()
    for name in ("cam", "idle", "gone"):
        last_images.save(name, LastImageSeen(at_ms=now_ms - 3_600_000).model_dump_json(), 0)

    report = find_missing_images(
        ["cam", "idle", "gone"], lambda _: 3_600_000, MissingImagesPorts(last_images, archive, now_ms, lambda: False)
    )

    assert report == MissingImagesReport(["cam"], 1)


def test_milliseconds_are_kept(archive: KvsArchive) -> None:
    """Older botocore cuts request timestamps to whole seconds, and every slot would move."""
    slots = list(archive.get_images("cam", request(500, 1500, 500), SPEC))

    assert [slot.at_ms - NOON_MS for slot in slots] == [500, 1000, 1500]
    assert [slot.reason for slot in slots] == ["NO_MEDIA", "", ""]


def test_images_across_pages(archive: KvsArchive) -> None:
    slots = list(archive.get_images("cam", request(0, 8000, 200), SPEC))

    assert len(slots) == 41
    assert [bool(slot.data) for slot in slots] == [True] * 20 + [False] * 21
    assert all(slot.data.startswith(b"\xff\xd8") for slot in slots if slot.data)


def test_a_size(archive: KvsArchive) -> None:
    (slot,) = archive.get_images("cam", request(0, 0, 1000), ImageSpec("PRODUCER_TIMESTAMP", "PNG", 32, 16))

    assert slot.data is not None
    assert slot.data[16:24] == (32).to_bytes(4) + (16).to_bytes(4)


def test_a_quality(archive: KvsArchive) -> None:
    sizes = []
    for quality in (95, 80, None, 20):
        (slot,) = archive.get_images("cam", request(0, 0, 1000), replace(SPEC, jpeg_quality=quality))
        sizes.append(len(slot.data or b""))

    assert sizes[0] > sizes[1] == sizes[2] > sizes[3] > 0


def test_throttles_and_failures_are_retried(kvs: KvsServer, archive: KvsArchive, directory: KvsStreamDirectory) -> None:
    kvs.service.faults.add(
        Throttle(operation="GetImages", count=3),
        Fail(operation="GetImages", count=1, status=500),
        Throttle(operation="ListFragments", count=3),
        Throttle(operation="GetDataEndpoint", count=2),
        Throttle(operation="DescribeStream", count=2),
    )

    assert directory.describe("cam").name == "cam"
    assert len(list(archive.fragments("cam", "PRODUCER_TIMESTAMP", NOON_MS, NOON_MS + 9000))) == 4
    assert len(list(archive.get_images("cam", request(0, 3000, 1000), SPEC))) == 4


def test_continued_failures_are_transient_errors(kvs: KvsServer, archive: KvsArchive) -> None:
    kvs.service.faults.add(Throttle(operation="GetImages"))

    with pytest.raises(MediaBusyError, match="ClientLimitExceededException"):
        list(archive.get_images("cam", request(0, 0, 1000), SPEC))


def test_a_deleted_stream_or_one_without_retention(
    archive: KvsArchive, directory: KvsStreamDirectory, kinesis_video: Any
) -> None:
    with pytest.raises(StreamGoneError):
        directory.describe("no-such-stream")
    kinesis_video.create_stream(StreamName="forgetful")
    with pytest.raises(NoRetentionError):
        list(archive.get_images("forgetful", request(0, 0, 1000), SPEC))


def test_more_fragments_than_one_page(archive: KvsArchive) -> None:
    end_ms = round(datetime(2030, 1, 1, tzinfo=UTC).timestamp() * 1000)

    assert len({one.number for one in archive.fragments("cam", "SERVER_TIMESTAMP", 0, end_ms)}) == 4
