"""Fault injection: which rule applies, and what a client gets."""

import http.client
import json
from pathlib import Path
from typing import Any

import httpx
import pytest
from botocore.exceptions import ClientError, ResponseStreamingError
from kinesight.media.fragments import MediaErrorNotice, MediaFragment
from kinesight_local.kvs.faults import (
    Cut,
    Duplicate,
    ErrorInside,
    Fail,
    FaultBook,
    Faults,
    InvalidFaultsError,
    Missing,
    Slow,
    Throttle,
)
from kinesight_local.kvs.server import KvsServer

from tests.functional.kvs_producer import Producer, fetch, put_clip, stored
from tests.media import a_clip, producer_header

CLIP = a_clip(3)


@pytest.fixture
def camera(kvs: KvsServer, kinesis_video: Any) -> Any:
    kinesis_video.create_stream(StreamName="cam", DataRetentionInHours=1)
    return kinesis_video


def applies(book: FaultBook, times: int, operation: str = "GetImages", stream: str = "cam") -> list[bool]:
    return [book.draw((Throttle,), operation, stream) is not None for _ in range(times)]


def test_count_and_skip() -> None:
    book = FaultBook(Faults(faults=(Throttle(skip=1, count=2),)))

    assert applies(book, 5) == [False, True, True, False, False]
    assert book.report()["used"] == [2]


def test_probability() -> None:
    chances = iter([0.1, 0.9, 0.29, 0.3])
    book = FaultBook(Faults(faults=(Throttle(probability=0.3),)), random_number=lambda: next(chances))

    assert applies(book, 4) == [True, False, True, False]


def test_operations_and_streams_by_pattern() -> None:
    book = FaultBook(Faults(faults=(Throttle(operation="Get*", stream="north-*"),)))

    assert applies(book, 1, "GetImages", "north-1") == [True]
    assert applies(book, 1, "GetImages", "south-1") == [False]
    assert applies(book, 1, "ListFragments", "north-1") == [False]


def test_a_rule_is_not_used_up_by_other_kinds_of_calls() -> None:
    book = FaultBook(Faults(faults=(Missing(count=1), Throttle(count=1))))

    assert applies(book, 2) == [True, False]
    assert book.report()["used"] == [0, 1]


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ("{", "Invalid JSON"),
        ('{"faults": [{"action": "explode"}]}', "faults.0"),
        ('{"faults": [{"action": "throttle", "operation": "GetEverything"}]}', "no operation matches"),
        ('{"faults": [{"action": "throttle", "probability": 2}]}', "probability"),
        ('{"faults": [{"action": "throttle", "often": true}]}', "often"),
    ],
)
def test_an_invalid_file_is_explained(tmp_path: Path, document: str, message: str) -> None:
    path = tmp_path / "faults.json"
    path.write_text(document)

    with pytest.raises(InvalidFaultsError, match=message):
        Faults.load(path)


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(InvalidFaultsError, match=r"none\.json"):
        Faults.load(tmp_path / "none.json")


def test_throttled(kvs: KvsServer, camera: Any) -> None:
    kvs.service.faults.add(Throttle(operation="DescribeStream", count=2))

    for _ in range(2):
        with pytest.raises(camera.exceptions.ClientLimitExceededException):
            camera.describe_stream(StreamName="cam")
    assert camera.describe_stream(StreamName="cam")


def test_failed_with_a_status_that_botocore_retries(kvs: KvsServer, camera: Any) -> None:
    kvs.service.faults.add(Fail(operation="DescribeStream", status=503, code="ServiceUnavailable", count=1))

    response = camera.describe_stream(StreamName="cam")

    assert response["ResponseMetadata"]["RetryAttempts"] == 1


def test_rules_match_a_stream_by_arn(kvs: KvsServer, camera: Any) -> None:
    arn = camera.describe_stream(StreamName="cam")["StreamInfo"]["StreamARN"]
    kvs.service.faults.add(Fail(operation="DescribeStream", stream="cam", status=418, code="Teapot"))

    with pytest.raises(ClientError, match="Teapot"):
        camera.describe_stream(StreamARN=arn)


def test_a_cut_body(kvs: KvsServer, camera: Any, archived_media: Any) -> None:
    put_clip(kvs, CLIP)
    numbers = [one["FragmentNumber"] for one in stored(archived_media)]
    kvs.service.faults.add(Cut(operation="GetMediaForFragmentList", after_bytes=5000, count=1))

    payload = archived_media.get_media_for_fragment_list(StreamName="cam", Fragments=numbers)["Payload"]
    with pytest.raises((ResponseStreamingError, http.client.IncompleteRead)):
        payload.read()

    assert len(fetch(archived_media, *numbers)) == 3


def test_a_response_that_never_starts(kvs: KvsServer, camera: Any) -> None:
    kvs.service.faults.add(Cut(operation="DescribeStream"))

    with pytest.raises(httpx.RemoteProtocolError):
        httpx.post(f"{kvs.url}/describeStream", json={"StreamName": "cam"})


def test_slow_bodies_are_complete(kvs: KvsServer, camera: Any, archived_media: Any) -> None:
    put_clip(kvs, CLIP)
    numbers = [one["FragmentNumber"] for one in stored(archived_media)]
    before = fetch(archived_media, *numbers)
    kvs.service.faults.add(Slow(operation="GetMediaForFragmentList", delay_ms=20, bytes_per_s=1_000_000))

    assert fetch(archived_media, *numbers) == before


def test_missing_fragments(kvs: KvsServer, camera: Any, archived_media: Any) -> None:
    put_clip(kvs, CLIP)
    numbers = [one["FragmentNumber"] for one in stored(archived_media)]
    kvs.service.faults.add(Missing(operation="GetMediaForFragmentList", skip=1, count=1))

    first, missing, last = fetch(archived_media, *numbers)

    assert isinstance(missing, MediaErrorNotice)
    assert missing.fragment_number == numbers[1]
    assert [one.number for one in (first, last) if isinstance(one, MediaFragment)] == [numbers[0], numbers[2]]


def test_errors_in_acknowledgements(kvs: KvsServer, camera: Any) -> None:
    kvs.service.faults.add(ErrorInside(operation="PutMedia", error_id=4500, code="KMS_KEY_ACCESS_DENIED", count=1))

    acknowledgements = put_clip(kvs, CLIP)

    assert [one["EventType"] for one in acknowledgements] == ["BUFFERING", "ERROR"]
    assert (acknowledgements[1]["ErrorId"], acknowledgements[1]["ErrorCode"]) == (4500, "KMS_KEY_ACCESS_DENIED")
    assert [one["EventType"] for one in put_clip(kvs, CLIP)].count("PERSISTED") == 3


def test_put_media_that_fails_or_is_cut(kvs: KvsServer, camera: Any) -> None:
    kvs.service.faults.add(Throttle(operation="PutMedia", count=1), Cut(operation="PutMedia", after_bytes=100, count=1))
    failed = Producer(kvs)
    assert failed.connection.getresponse().status == 400

    cut = Producer(kvs)
    cut.send(producer_header(CLIP))
    with pytest.raises((http.client.IncompleteRead, ConnectionResetError)):
        cut.acknowledgements()

    assert [one["EventType"] for one in put_clip(kvs, CLIP)].count("PERSISTED") == 3


def test_rules_are_set_over_http(kvs: KvsServer, camera: Any) -> None:
    address = f"{kvs.url}/_kinesight/faults"
    rules = {"clockSkewMs": 5000, "faults": [{"action": "throttle", "operation": "ListStreams", "count": 1}]}

    assert httpx.put(address, json=rules).json()["used"] == [0]
    with pytest.raises(camera.exceptions.ClientLimitExceededException):
        camera.list_streams()
    assert httpx.get(address).json()["used"] == [1]
    assert httpx.put(address, content=b"{").status_code == 400
    assert httpx.get(address).json()["clockSkewMs"] == 5000
    assert httpx.delete(address).json()["faults"] == []


def test_the_services_clock_can_be_skewed(kvs: KvsServer, camera: Any, archived_media: Any) -> None:
    put_clip(kvs, a_clip(1))
    kvs.service.faults.set(Faults(clock_skew_ms=60_000))
    put_clip(kvs, a_clip(1), start_ms=1_800_000_000_000)

    earlier, later = (one["ServerTimestamp"].timestamp() for one in stored(archived_media))

    assert later - earlier > 59


def test_the_example_in_the_documentation_is_valid() -> None:
    text = Path("docs/local-kvs.md").read_text()
    example = text[text.index("```json") + 7 :]

    assert Faults.parse(example[: example.index("```")]).faults
    assert json.loads(example[: example.index("```")])


def test_duplicate_is_for_deliveries() -> None:
    book = FaultBook(Faults(faults=(Duplicate(operation="ImageDelivery"),)))

    assert book.draw((Duplicate,), "ImageDelivery", "cam") is not None
