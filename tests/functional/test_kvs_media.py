"""Ingested media is returned: ListFragments and GetMediaForFragmentList through boto3, with real H.264."""

from io import BytesIO
from typing import Any

import av
import pytest
from botocore.exceptions import ClientError
from kinesight.media.fragments import MediaErrorNotice, MediaFragment
from kinesight_local.kvs.server import KvsServer

from tests.builders import NOON_MS
from tests.functional.kvs_producer import Producer, everything, fetch, put_clip, stored
from tests.media import a_clip, clusters, event_tags, producer_header

CLIP = a_clip(3)


@pytest.fixture(autouse=True)
def stream(kinesis_video: Any) -> str:
    kinesis_video.create_stream(StreamName="cam", DataRetentionInHours=24)
    return "cam"


def test_every_frame_is_returned(kvs: KvsServer, archived_media: Any) -> None:
    put_clip(kvs, CLIP)

    listed = stored(archived_media)
    found = fetch(archived_media, *(one["FragmentNumber"] for one in listed))

    assert [data for one in found if isinstance(one, MediaFragment) for data in (f.data for f in one.frames)] == [
        data for *_, data in CLIP.packets
    ]
    first = found[0]
    assert isinstance(first, MediaFragment)
    assert str(first.producer_timestamp) == f"{NOON_MS // 1000}.000"
    assert [one["FragmentLengthInMilliseconds"] for one in listed] == [1000, 1000, 1000]
    with av.open(BytesIO(first.raw), "r") as container:
        assert sum(1 for _ in container.decode(video=0)) == 10


def test_a_fragment_is_returned_byte_for_byte_with_kvs_tags(kvs: KvsServer, archived_media: Any) -> None:
    (_, cluster), *_ = clusters(CLIP, NOON_MS)
    producer = Producer(kvs)
    producer.send(producer_header(CLIP) + cluster + event_tags(door="open"))
    producer.end()
    producer.acknowledgements()

    (one,) = stored(archived_media)
    response = archived_media.get_media_for_fragment_list(StreamName="cam", Fragments=[one["FragmentNumber"]])
    body = response["Payload"].read()

    assert body.startswith(producer_header(CLIP))
    assert body.endswith(cluster + event_tags(door="open"))
    tags = body[len(producer_header(CLIP)) : -len(cluster + event_tags(door="open"))]
    names = [b"FRAGMENT_NUMBER", b"SERVER_TIMESTAMP", b"PRODUCER_TIMESTAMP"]
    places = [tags.find(b"AWS_KINESISVIDEO_" + name) for name in names]
    assert -1 not in places
    assert places == sorted(places)
    assert one["FragmentSizeInBytes"] == len(body) - len(tags)


def test_tags_belong_to_the_cluster_before_them(kvs: KvsServer, archived_media: Any) -> None:
    producer = Producer(kvs)
    producer.send(producer_header(CLIP) + event_tags(session="night"))
    for index, (_, cluster) in enumerate(clusters(CLIP, NOON_MS)):
        producer.send(cluster + event_tags(index=str(index)))
    producer.end()
    producer.acknowledgements()

    found = fetch(archived_media, *(one["FragmentNumber"] for one in stored(archived_media)))

    assert [one.tags for one in found if isinstance(one, MediaFragment)] == [{"index": str(n)} for n in range(3)]


@pytest.mark.parametrize(
    ("start", "offset_ms"),
    [("5", 0), (".5", 5), (".50", 50), (".500", 500), (".500250", 500)],
    ids=["no decimals", "as AWS's SDK prints 5 ms", "as it prints 50 ms", "milliseconds", "microseconds"],
)
def test_relative_timecodes_count_from_the_start_header(
    kvs: KvsServer, archived_media: Any, start: str, offset_ms: int
) -> None:
    whole = f"{NOON_MS // 1000}{start}" if start.startswith(".") else str(NOON_MS // 1000)
    producer = Producer(kvs, kind="RELATIVE", start=whole)
    producer.send(producer_header(CLIP) + clusters(CLIP, 0)[0][1])
    producer.end()
    assert producer.acknowledgements()[-1]["FragmentTimecode"] == 0

    (one,) = stored(archived_media)
    assert round(one["ProducerTimestamp"].timestamp() * 1000) == NOON_MS + offset_ms


def test_the_server_time_is_the_arrival_of_the_first_bytes(kvs: KvsServer, archived_media: Any) -> None:
    first, second, _ = (cluster for _, cluster in clusters(CLIP, NOON_MS))
    producer = Producer(kvs)
    producer.send(producer_header(CLIP) + first)
    begun = producer.acknowledgement()
    producer.send(second)
    persisted = producer.until("PERSISTED")
    producer.end()
    producer.acknowledgements()

    one = stored(archived_media)[0]

    assert begun["FragmentNumber"] == persisted["FragmentNumber"] == one["FragmentNumber"]
    server_ms = (int(one["FragmentNumber"]) >> 28) & (2**64 - 1)
    assert round(one["ServerTimestamp"].timestamp() * 1000) == server_ms


def test_numbers_ascend_as_text_and_over_sessions(kvs: KvsServer, archived_media: Any) -> None:
    put_clip(kvs, CLIP)
    put_clip(kvs, CLIP, start_ms=NOON_MS + 3000)

    by_time = sorted(stored(archived_media), key=lambda one: float(one["ProducerTimestamp"].timestamp()))

    numbers = [str(one["FragmentNumber"]) for one in by_time]
    assert len(numbers) == 6
    assert numbers == sorted(numbers)
    assert {len(number) for number in numbers} == {47}


def test_missing_fragments_are_errors_in_the_body(kvs: KvsServer, archived_media: Any) -> None:
    put_clip(kvs, CLIP)
    number = stored(archived_media)[0]["FragmentNumber"]

    found = fetch(archived_media, "123", number)

    assert [type(one) for one in found] == [MediaErrorNotice, MediaFragment]
    assert isinstance(found[0], MediaErrorNotice)
    assert (found[0].fragment_number, found[0].error_id) == ("123", 4000)


@pytest.mark.parametrize("clock", ["SERVER_TIMESTAMP", "PRODUCER_TIMESTAMP"])
def test_fragments_are_listed_in_pages(kvs: KvsServer, archived_media: Any, clock: str) -> None:
    put_clip(kvs, a_clip(5))
    pages = archived_media.get_paginator("list_fragments").paginate(
        StreamName="cam", FragmentSelector=everything(clock), PaginationConfig={"PageSize": 2}
    )

    numbers = [[one["FragmentNumber"] for one in page["Fragments"]] for page in pages]

    assert [len(page) for page in numbers] == [2, 2, 1]
    assert len({number for page in numbers for number in page}) == 5


@pytest.mark.parametrize(("start_s", "end_s", "offsets_s"), [(0, 2, [0, 1, 2]), (1, 1, [1]), (3, 9, [])])
def test_a_range_selects_fragments_that_start_in_it_ends_included(
    kvs: KvsServer, archived_media: Any, start_s: int, end_s: int, offsets_s: list[int]
) -> None:
    put_clip(kvs, CLIP)
    noon_s = NOON_MS // 1000
    span = {"StartTimestamp": noon_s + start_s, "EndTimestamp": noon_s + end_s}
    selector = {"FragmentSelectorType": "PRODUCER_TIMESTAMP", "TimestampRange": span}

    found = archived_media.list_fragments(StreamName="cam", FragmentSelector=selector)["Fragments"]

    assert sorted(round(one["ProducerTimestamp"].timestamp()) - noon_s for one in found) == offsets_s


def test_without_max_results_a_page_has_a_hundred(kvs: KvsServer, archived_media: Any) -> None:
    short = a_clip(1, fps=1)
    producer = Producer(kvs)
    producer.send(producer_header(short))
    for index in range(101):
        producer.send(clusters(short, NOON_MS + 1000 * index)[0][1])
    producer.end()
    producer.acknowledgements()

    page = archived_media.list_fragments(StreamName="cam", FragmentSelector=everything())

    assert len(page["Fragments"]) == 100
    assert page["NextToken"]


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"NextToken": "e30="},
        {"NextToken": "W1tb"},
        {"NextToken": "not-base64"},
        {"FragmentSelector": everything(), "MaxResults": 1001},
        {"FragmentSelector": everything("WALL_CLOCK")},
        {
            "FragmentSelector": {
                "FragmentSelectorType": "SERVER_TIMESTAMP",
                "TimestampRange": {"StartTimestamp": 2, "EndTimestamp": 1},
            }
        },
    ],
)
def test_invalid_selections_are_rejected(archived_media: Any, wrong: dict[str, Any]) -> None:
    with pytest.raises(ClientError) as caught:
        archived_media.list_fragments(StreamName="cam", **wrong)

    assert caught.value.response["Error"]["Code"] == "InvalidArgumentException"


def test_at_retention_0_nothing_is_persisted(kvs: KvsServer, kinesis_video: Any, archived_media: Any) -> None:
    kinesis_video.create_stream(StreamName="live")
    producer = Producer(kvs, "live")
    producer.send(producer_header(CLIP) + clusters(CLIP, NOON_MS)[0][1])
    producer.end()

    assert [one["EventType"] for one in producer.acknowledgements()] == ["BUFFERING", "RECEIVED"]
    assert stored(archived_media, "live") == []
