"""GetMedia: where it starts, what it sends, when it ends."""

import threading
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import boto3
import pytest
from kinesight.media.fragments import MediaErrorNotice, MediaFragment, read_fragments
from kinesight_local.kvs.faults import ErrorInside, Missing
from kinesight_local.kvs.server import KvsServer

from tests.builders import NOON_MS
from tests.functional.kvs_producer import Producer, eventually, put_clip, stored
from tests.media import END_OF_FRAGMENT, a_clip, clusters, event_tags, producer_header

CLIP = a_clip(3)


@pytest.fixture
def media(kvs: KvsServer, kinesis_video: Any) -> Any:
    kinesis_video.create_stream(StreamName="cam", DataRetentionInHours=1)
    return boto3.client("kinesis-video-media", endpoint_url=kvs.url)


def read(media: Any, kind: str, **selector: Any) -> list[MediaFragment | MediaErrorNotice]:
    """Reads until the emulator ends the response."""
    response = media.get_media(StreamName="cam", StartSelector={"StartSelectorType": kind, **selector})
    return list(read_fragments(response["Payload"].iter_chunks(4096)))


def times(found: list[MediaFragment | MediaErrorNotice]) -> list[int]:
    """Cluster timecodes, in seconds after noon."""
    assert all(isinstance(one, MediaFragment) for one in found)
    return [(one.cluster_timecode - NOON_MS) // 1000 for one in found if isinstance(one, MediaFragment)]


def test_earliest_sends_everything_and_then_ends(kvs: KvsServer, media: Any) -> None:
    put_clip(kvs, CLIP)

    assert times(read(media, "EARLIEST")) == [0, 1, 2]


def test_every_fragment_is_a_document_with_numbers_times_and_position(
    kvs: KvsServer, media: Any, archived_media: Any
) -> None:
    put_clip(kvs, CLIP, tags=event_tags(room="hall"))
    listed = stored(archived_media)

    found = [one for one in read(media, "EARLIEST") if isinstance(one, MediaFragment)]

    assert [one.number for one in found] == [one["FragmentNumber"] for one in listed]
    assert [one.continuation_token for one in found] == [one.number for one in found]
    assert [one.tags for one in found] == [{"room": "hall"}] * 3
    assert [float(one.producer_timestamp or 0) for one in found] == [
        one["ProducerTimestamp"].timestamp() for one in listed
    ]
    assert found[-1].millis_behind_now == 0
    behind = [one.millis_behind_now or 0 for one in found]
    assert behind == sorted(behind, reverse=True)
    assert all(one.raw.startswith(b"\x1a\x45\xdf\xa3") for one in found)


def test_kvs_tags_follow_the_cluster_and_the_producers_tags(kvs: KvsServer, media: Any) -> None:
    put_clip(kvs, a_clip(1), tags=event_tags(room="hall"))

    (one,) = read(media, "EARLIEST")

    assert isinstance(one, MediaFragment)
    places = [
        one.raw.index(text)
        for text in (b"FRAGMENT_NUMBER", b"PRODUCER_TIMESTAMP", b"\x1f\x43\xb6\x75", b"room", b"MILLIS_BEHIND_NOW")
    ]
    assert places == sorted(places)
    assert one.raw.index(b"CONTINUATION_TOKEN") > places[-1]


@pytest.mark.parametrize(("kind", "name"), [("FRAGMENT_NUMBER", "AfterFragmentNumber"), ("CONTINUATION_TOKEN",) * 2])
def test_after_a_fragment(kvs: KvsServer, media: Any, archived_media: Any, kind: str, name: str) -> None:
    put_clip(kvs, CLIP)
    first = stored(archived_media)[0]["FragmentNumber"]
    selector = {"AfterFragmentNumber" if kind == "FRAGMENT_NUMBER" else "ContinuationToken": first}

    assert times(read(media, kind, **selector)) == [1, 2]


def test_a_missing_fragment_is_an_error_in_the_body(kvs: KvsServer, media: Any) -> None:
    put_clip(kvs, CLIP)

    (notice,) = read(media, "FRAGMENT_NUMBER", AfterFragmentNumber="9" * 47)

    assert isinstance(notice, MediaErrorNotice)
    assert (notice.error_id, notice.code) == (4000, "FRAGMENT_NOT_FOUND")


@pytest.mark.parametrize(
    ("seconds", "expected"), [(0, [0, 1, 2]), (1, [1, 2]), (1.5, [1, 2]), (-60, [0, 1, 2]), (60, [])]
)
def test_at_a_producer_timestamp(kvs: KvsServer, media: Any, seconds: float, expected: list[int]) -> None:
    put_clip(kvs, CLIP)
    moment = datetime.fromtimestamp(NOON_MS / 1000 + seconds, UTC)

    assert times(read(media, "PRODUCER_TIMESTAMP", StartTimestamp=moment)) == expected


def test_at_a_server_timestamp(kvs: KvsServer, media: Any, archived_media: Any) -> None:
    before = datetime.now(UTC)
    put_clip(kvs, CLIP)

    assert times(read(media, "SERVER_TIMESTAMP", StartTimestamp=before)) == [0, 1, 2]


def test_a_selector_without_its_argument_is_rejected(media: Any) -> None:
    for kind in ("FRAGMENT_NUMBER", "CONTINUATION_TOKEN", "PRODUCER_TIMESTAMP", "SERVER_TIMESTAMP"):
        with pytest.raises(media.exceptions.InvalidArgumentException, match="requires"):
            read(media, kind)


def test_now_starts_with_the_next_fragment_and_sends_it_at_once(kvs: KvsServer, media: Any) -> None:
    put_clip(kvs, a_clip(1), start_ms=NOON_MS - 60_000)
    payload = media.get_media(StreamName="cam", StartSelector={"StartSelectorType": "NOW"})["Payload"]
    tokens: list[int] = []
    reader = threading.Thread(target=_note_tokens, args=(payload, tokens))
    reader.start()
    producer = Producer(kvs)
    producer.send(producer_header(CLIP))
    for index, (_, cluster) in enumerate(clusters(CLIP, NOON_MS)):
        producer.send(cluster + event_tags(END_OF_FRAGMENT))
        eventually(lambda seen=index + 1: len(tokens) == seen)  # type: ignore[misc]  # before the next is even sent
    producer.end()
    reader.join(timeout=20)

    assert len(tokens) == 3


def _note_tokens(payload: Any, tokens: list[int]) -> None:
    body = b""
    while data := payload._raw_stream.read1():  # as it arrives, not buffered
        body += data
        tokens += [1] * (body.count(b"CONTINUATION_TOKEN") - len(tokens))


def test_an_arriving_fragment_keeps_the_response_open(kvs: KvsServer, media: Any) -> None:
    producer = Producer(kvs)
    producer.send(producer_header(CLIP))
    (_, first), (_, second), _ = clusters(CLIP, NOON_MS, known_size=False)
    producer.send(first)
    producer.until("BUFFERING")
    found: list[MediaFragment | MediaErrorNotice] = []
    reader = threading.Thread(target=lambda: found.extend(read(media, "NOW")))
    reader.start()
    time.sleep(1.5)  # longer than the timeout at the live edge
    assert reader.is_alive()

    producer.send(second)
    producer.until("PERSISTED")
    producer.end()
    reader.join(timeout=20)

    assert times(found) == [0, 1]


def test_without_retention_the_host_buffer_can_be_read(kvs: KvsServer, kinesis_video: Any) -> None:
    kinesis_video.create_stream(StreamName="cam")
    media = boto3.client("kinesis-video-media", endpoint_url=kvs.url)
    kinds = [one["EventType"] for one in put_clip(kvs, CLIP)]

    found = read(media, "EARLIEST")

    assert times(found) == [0, 1, 2]
    assert "PERSISTED" not in kinds
    archived = boto3.client("kinesis-video-archived-media", endpoint_url=kvs.url)
    assert stored(archived) == []


def test_a_later_retention_does_not_archive_the_host_buffer(kvs: KvsServer, kinesis_video: Any) -> None:
    kinesis_video.create_stream(StreamName="cam")
    put_clip(kvs, CLIP)
    version = kinesis_video.describe_stream(StreamName="cam")["StreamInfo"]["Version"]
    kinesis_video.update_data_retention(
        StreamName="cam", CurrentVersion=version, Operation="INCREASE_DATA_RETENTION", DataRetentionChangeInHours=1
    )

    assert stored(boto3.client("kinesis-video-archived-media", endpoint_url=kvs.url)) == []


def test_a_stream_deleted_during_the_response(kvs: KvsServer, media: Any, kinesis_video: Any) -> None:
    put_clip(kvs, CLIP)
    response = media.get_media(StreamName="cam", StartSelector={"StartSelectorType": "NOW"})
    arn = kinesis_video.describe_stream(StreamName="cam")["StreamInfo"]["StreamARN"]
    kinesis_video.delete_stream(StreamARN=arn)

    found = list(read_fragments(response["Payload"].iter_chunks(4096)))

    assert [one.error_id for one in found if isinstance(one, MediaErrorNotice)] in ([4506], [])


def test_three_readers_get_the_same_fragments(kvs: KvsServer, media: Any) -> None:
    put_clip(kvs, CLIP)
    found: list[list[int]] = []
    readers = [threading.Thread(target=lambda: found.append(times(read(media, "EARLIEST")))) for _ in range(3)]
    for reader in readers:
        reader.start()
    for reader in readers:
        reader.join(timeout=20)

    assert found == [[0, 1, 2]] * 3


def test_injected_errors_are_in_the_body(kvs: KvsServer, media: Any) -> None:
    put_clip(kvs, CLIP)
    kvs.service.faults.add(ErrorInside(operation="GetMedia", skip=1, count=1, error_id=4503, code="KMS_SERVICE"))

    first, notice = read(media, "EARLIEST")

    assert isinstance(first, MediaFragment)
    assert isinstance(notice, MediaErrorNotice)
    assert notice.error_id == 4503


def test_a_reader_continues_from_its_token_after_a_missing_fragment(kvs: KvsServer, media: Any) -> None:
    put_clip(kvs, CLIP)
    kvs.service.faults.add(Missing(operation="GetMedia", skip=2, count=1))
    *whole, notice = read(media, "EARLIEST")
    assert isinstance(notice, MediaErrorNotice)
    assert times(whole) == [0, 1]
    last = whole[-1]
    assert isinstance(last, MediaFragment)

    assert times(read(media, "CONTINUATION_TOKEN", ContinuationToken=last.continuation_token)) == [2]


def test_the_host_buffer_expires_after_five_minutes(tmp_path: Path) -> None:
    now_ms = [NOON_MS]
    from kinesight_local.kvs.media.fragment import IngestedFragment
    from kinesight_local.kvs.media.ingest import Ingest
    from kinesight_local.kvs.service import KvsService

    service = KvsService(tmp_path, region="us-east-1", account_id="1" * 12, url="http://x", now_ms=lambda: now_ms[0])
    stream = service.streams.create("cam")
    ingest = Ingest()
    outcomes = ingest.feed(producer_header(CLIP) + b"".join(data for _, data in clusters(CLIP, NOON_MS)))
    for outcome in outcomes + ingest.close():
        if isinstance(outcome, IngestedFragment):
            service.persist(stream.arn, outcome, service.begin_fragment(stream.arn))

    assert service._fragments.latest(stream) is not None
    now_ms[0] += 300_001
    assert service._fragments.latest(stream) is None
    assert service.sweep() == 3
    assert list((tmp_path / "fragments").glob("*/*.mkv")) == []
