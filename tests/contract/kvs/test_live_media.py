"""KvsLiveMedia and KvsFragmentArchive on the emulator: what of a stream can't be read, and what lies behind it."""

from typing import Any

import boto3
import pytest
from kinesight.adapters.aws.kvs_data_clients import DataClients
from kinesight.adapters.kvs.fragment_archive import KvsFragmentArchive
from kinesight.adapters.kvs.live_media import KvsLiveMedia
from kinesight.domain.errors import MediaBusyError, UnreadableMediaError
from kinesight.domain.live.ports import LiveStart
from kinesight.domain.ports import FragmentMedia
from kinesight.media.fragments import MediaFragment
from kinesight_local.kvs.faults import Cut, Unreadable
from kinesight_local.kvs.server import KvsServer

from tests.functional.kvs_producer import put_clip, stored
from tests.media import a_clip


@pytest.fixture
def numbers(kvs: KvsServer, kinesis_video: Any, archived_media: Any) -> list[str]:
    """Of three fragments."""
    kinesis_video.create_stream(StreamName="cam", DataRetentionInHours=1)
    put_clip(kvs, a_clip(3))
    return [one["FragmentNumber"] for one in stored(archived_media)]


def clients(kinesis_video: Any, service: str) -> Any:
    return DataClients(
        kinesis_video,
        lambda endpoint: boto3.client(service, endpoint_url=endpoint),  # type: ignore[call-overload]  # any service
        monotonic_s=lambda: 0.0,
    )


def test_live_reading_ends_at_an_unreadable_fragment_and_names_it(
    kvs: KvsServer, kinesis_video: Any, numbers: list[str]
) -> None:
    kvs.service.faults.add(Unreadable(operation="GetMedia", skip=1, count=1))
    media, read = KvsLiveMedia(clients(kinesis_video, "kinesis-video-media")), []

    with pytest.raises(UnreadableMediaError) as failure:
        read += [one for one in media.read("cam", LiveStart(since_ms=0)) if isinstance(one, MediaFragment)]
    read += [one for one in media.read("cam", LiveStart(since_ms=0)) if isinstance(one, MediaFragment)]

    assert failure.value.fragment_number == numbers[1]
    assert [one.number for one in read] == numbers


def test_a_truncated_response_is_not_an_unreadable_fragment(
    kvs: KvsServer, kinesis_video: Any, numbers: list[str]
) -> None:
    kvs.service.faults.add(Cut(operation="GetMedia", after_bytes=1000))

    with pytest.raises(MediaBusyError):
        list(KvsLiveMedia(clients(kinesis_video, "kinesis-video-media")).read("cam", LiveStart(since_ms=0)))


def test_the_other_fragments_of_a_list_are_complete(kvs: KvsServer, kinesis_video: Any, numbers: list[str]) -> None:
    kvs.service.faults.add(Unreadable(operation="GetMediaForFragmentList", count=1))
    archive = KvsFragmentArchive(clients(kinesis_video, "kinesis-video-archived-media"), sleep=lambda _: None)

    found = list(archive.fetch("cam", numbers))

    assert [(one.fragment_number, isinstance(one, FragmentMedia)) for one in found] == [
        (numbers[0], False),
        (numbers[1], True),
        (numbers[2], True),
    ]
