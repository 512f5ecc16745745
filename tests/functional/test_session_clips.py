"""Session videos on the KVS emulator: what the adapters find and fetch, under throttles, gaps and deletion too."""

import time
from dataclasses import dataclass, field
from typing import Any

import pytest
from kinesight.adapters.aws.kvs_data_clients import DataClients
from kinesight.adapters.kvs.fragment_archive import KvsFragmentArchive
from kinesight.adapters.kvs.image_archive import KvsArchive
from kinesight.adapters.kvs.stream_directory import KvsStreamDirectory
from kinesight.domain.analysis.result_records import archive_key
from kinesight.domain.batches import QueuedMessage
from kinesight.domain.model import Selector, to_epoch_ms
from kinesight.domain.sessions.archive_session import ArchivePorts, ArchiveReport, archive_sessions
from kinesight.domain.sessions.clip import ClipOrder, SessionClip
from kinesight.media.fragments import MediaFragment, read_fragments
from kinesight_local.kvs.faults import Throttle
from kinesight_local.kvs.server import KvsServer

from tests.builders import NOON_MS
from tests.fakes import FakeDeadLetters, FakeDelayedMessages, FakeEvidenceStore, FakeHeld, FakeSessionClips
from tests.functional.kvs_producer import put_clip, stored
from tests.media import a_clip


@dataclass
class Archive:
    """The verb on a stream `cam` that has eight fragments of a second, from noon on by the camera's clock."""

    control: Any
    media: Any
    store: FakeEvidenceStore = field(default_factory=FakeEvidenceStore)
    videos: FakeSessionClips = field(default_factory=FakeSessionClips)
    held: FakeHeld = field(default_factory=FakeHeld)

    def run(self, start_ms: int, end_ms: int, selector: Selector = "PRODUCER_TIMESTAMP") -> ArchiveReport:
        clients: Any = DataClients(self.control, lambda _: self.media, monotonic_s=lambda: 0.0)
        archive = KvsArchive(clients, sleep=lambda _: None)
        ports = ArchivePorts(
            index=archive,
            streams=KvsStreamDirectory(self.control),
            fragments=KvsFragmentArchive(clients, sleep=lambda _: None),
            store=self.store,
            videos=self.videos,
            legal_hold=self.held,
            orders=FakeDelayedMessages(),
            dead_letters=FakeDeadLetters(),
            remaining_ms=lambda: 120_000,
            now_ms=lambda: round(time.time() * 1000),
        )
        order = ClipOrder(
            video_of="s" * 32,
            stream_name="cam",
            opened_ms=NOON_MS,
            images=1,
            selector=selector,
            start_ms=start_ms,
            end_ms=end_ms,
        )
        return archive_sessions([QueuedMessage("m", order.model_dump_json(by_alias=True))], ports)

    @property
    def video(self) -> SessionClip:
        (video,) = self.videos.videos.values()
        return video

    def archived(self) -> list[str]:
        """The numbers that the listed files hold."""
        found = []
        for one in self.video.fragments:
            body, content_type = self.store.objects[archive_key("cam", one.number)]
            (fragment,) = read_fragments([body])
            assert isinstance(fragment, MediaFragment)
            assert (fragment.number, content_type) == (one.number, "video/x-matroska")
            found.append(one.number)
        return found

    def missing(self) -> list[tuple[str, int, int]]:
        """(reason, from, to) in milliseconds past noon."""
        return [
            (one.reason, to_epoch_ms(one.started_at) - NOON_MS, to_epoch_ms(one.ended_at) - NOON_MS)
            for one in self.video.missing
            if one.started_at is not None and one.ended_at is not None
        ]


@pytest.fixture
def archive(kvs: KvsServer, kinesis_video: Any, archived_media: Any) -> Archive:
    kinesis_video.create_stream(StreamName="cam", DataRetentionInHours=1)
    put_clip(kvs, a_clip(8))
    return Archive(kinesis_video, archived_media)


def recorded(archived_media: Any) -> list[str]:
    return [one["FragmentNumber"] for one in stored(archived_media)]


def test_the_fragments_of_a_range_as_kvs_has_them(archive: Archive, archived_media: Any) -> None:
    archive.run(NOON_MS + 2500, NOON_MS + 5000)

    assert archive.archived() == recorded(archived_media)[2:6]
    assert archive.missing() == []


def test_by_the_services_clock(archive: Archive, archived_media: Any) -> None:
    starts = {one["FragmentNumber"]: to_epoch_ms(one["ServerTimestamp"]) for one in stored(archived_media)}

    archive.run(min(starts.values()), max(starts.values()), "SERVER_TIMESTAMP")

    assert archive.archived() == recorded(archived_media)
    assert {one.number: to_epoch_ms(one.started_at) for one in archive.video.fragments if one.started_at} == starts


def test_parts_without_a_recording_are_reported(archive: Archive, archived_media: Any) -> None:
    archive.run(NOON_MS + 6000, NOON_MS + 12_000)

    assert archive.archived() == recorded(archived_media)[6:]
    assert [(start_ms, end_ms) for _, start_ms, end_ms in archive.missing()] == [(8000, 12_000)]


def test_an_order_is_redelivered_under_throttling_until_everything_is_archived(
    archive: Archive, kvs: KvsServer, archived_media: Any
) -> None:
    kvs.service.faults.add(Throttle(operation="GetMediaForFragmentList", count=4))

    first = archive.run(NOON_MS, NOON_MS + 7000)
    second = archive.run(NOON_MS, NOON_MS + 7000)
    third = archive.run(NOON_MS, NOON_MS + 7000)

    assert (first.failed_item_ids, first.fragments) == (["m"], 0)
    assert (second.failed_item_ids, second.fragments) == ([], 8)
    assert (third.failed_item_ids, third.fragments) == ([], 0)
    assert archive.archived() == recorded(archived_media)


def test_a_deleted_stream_is_reported(archive: Archive, kinesis_video: Any) -> None:
    arn = kinesis_video.describe_stream(StreamName="cam")["StreamInfo"]["StreamARN"]
    kinesis_video.delete_stream(StreamARN=arn)

    report = archive.run(NOON_MS, NOON_MS + 7000)

    assert (report.failed_item_ids, report.dead_lettered) == ([], [])
    assert (archive.archived(), archive.missing()) == ([], [("STREAM_GONE", 0, 7000)])


def test_a_stream_without_retention_is_reported(kinesis_video: Any, archived_media: Any) -> None:
    kinesis_video.create_stream(StreamName="cam", DataRetentionInHours=0)
    archive = Archive(kinesis_video, archived_media)

    report = archive.run(NOON_MS, NOON_MS + 7000)

    assert (report.failed_item_ids, report.dead_lettered) == ([], [])
    assert (archive.archived(), archive.missing()) == ([], [("NO_RETENTION", 0, 7000)])
