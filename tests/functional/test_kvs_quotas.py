"""Quotas, on servers that enforce them."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import httpx
import pytest
from kinesight.media.fragments import read_fragments
from kinesight_local.kvs.exceptions import ClientLimitExceededError
from kinesight_local.kvs.quotas import Limits, Quotas
from kinesight_local.kvs.server import KvsServer
from kinesight_local.kvs.timing import Timing

from tests.builders import NOON_MS
from tests.functional.kvs_producer import Producer, eventually, everything, put_clip
from tests.media import a_clip, clusters, producer_header

CLIP = a_clip(1)


@pytest.fixture
def strict(tmp_path: Path) -> Iterator[KvsServer]:
    with KvsServer(tmp_path, limits=Limits(streams=2), timing=Timing(live_edge_timeout_s=1)) as server:
        boto3.client("kinesisvideo", endpoint_url=server.url).create_stream(StreamName="cam", DataRetentionInHours=1)
        yield server


@pytest.fixture
def archived(strict: KvsServer) -> Any:
    return boto3.client("kinesis-video-archived-media", endpoint_url=strict.url)


def until_throttled(call: Any, limit: int) -> int:
    """The number of calls before the first throttled one; `limit` if none was throttled."""
    for count in range(limit):
        try:
            call()
        except ClientLimitExceededError:
            return count
    return limit


class Clock:
    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


def test_five_calls_a_second_per_stream_and_fifty_per_account() -> None:
    clock = Clock()
    quotas = Quotas(Limits(), clock=clock)

    assert until_throttled(lambda: quotas.charge_call("TagStream", "arn:1"), 100) == 5
    clock.now_s += 1
    assert until_throttled(lambda: quotas.charge_call("TagStream", "arn:1"), 100) == 5
    clock.now_s += 10
    assert sum(until_throttled(lambda n=n: quotas.charge_call("TagStream", f"arn:{n}"), 3) for n in range(30)) == 50


def test_describe_stream_has_a_higher_limit() -> None:
    quotas = Quotas(Limits(), clock=Clock())

    assert sum(until_throttled(lambda n=n: quotas.charge_call("DescribeStream", f"{n}"), 5) for n in range(90)) == 300


@pytest.mark.parametrize(("images", "calls"), [(1, 24), (25, 20), (100, 5)])
def test_get_images_costs_points(images: int, calls: int) -> None:
    """400 metadata points and one per image of 10,000, and one media point per image of 500, a second."""
    quotas = Quotas(Limits(), clock=Clock())

    went = until_throttled(lambda: quotas.charge_points("arn:1", metadata=400 + images, media=images), 100)

    assert went == calls


def test_points_are_per_stream_and_are_refilled() -> None:
    clock = Clock()
    quotas = Quotas(Limits(), clock=clock)
    assert until_throttled(lambda: quotas.charge_points("arn:1", media=500), 2) == 1
    assert until_throttled(lambda: quotas.charge_points("arn:2", media=500), 2) == 1
    clock.now_s += 0.5

    assert until_throttled(lambda: quotas.charge_points("arn:1", media=250), 2) == 1


def test_without_limits_nothing_is_throttled() -> None:
    quotas = Quotas(None)

    assert until_throttled(lambda: quotas.charge_points("arn:1", media=500), 1000) == 1000
    assert until_throttled(lambda: quotas.charge_call("TagStream", "arn:1"), 1000) == 1000


@pytest.fixture
def stopped_clock(strict: KvsServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """No quota refills, however slow the test is."""
    monkeypatch.setattr(strict.service.quotas, "_clock", Clock())


@pytest.mark.usefixtures("stopped_clock")
def test_boto3_raises_the_throttle_as_a_typed_error(strict: KvsServer, archived: Any) -> None:
    control = boto3.client("kinesisvideo", endpoint_url=strict.url)
    with pytest.raises(control.exceptions.ClientLimitExceededException):
        _often(lambda: control.tag_stream(StreamName="cam", Tags={"a": "b"}))
    with pytest.raises(archived.exceptions.ClientLimitExceededException):
        _often(lambda: archived.list_fragments(StreamName="cam", FragmentSelector=everything(), MaxResults=1000))


def _often(call: Callable[[], Any]) -> None:
    for _ in range(100):
        call()


def test_streams_of_an_account(strict: KvsServer) -> None:
    control = boto3.client("kinesisvideo", endpoint_url=strict.url)
    control.create_stream(StreamName="second")

    with pytest.raises(control.exceptions.AccountStreamLimitExceededException):
        control.create_stream(StreamName="third")


def test_the_newest_put_media_connection_is_rejected(strict: KvsServer) -> None:
    first = Producer(strict)
    first.send(producer_header(CLIP))
    first.response = first.connection.getresponse()

    second = Producer(strict)
    second.response = second.connection.getresponse()
    assert second.response.status == 400
    assert second.response.headers["x-amzn-ErrorType"] == "ConnectionLimitExceededException"

    first.send(clusters(CLIP, NOON_MS)[0][1])
    first.end()
    assert first.acknowledgements()[-1]["EventType"] == "PERSISTED"
    third = Producer(strict)
    third.end()
    assert third.connection.getresponse().status == 200


def test_three_get_media_connections(strict: KvsServer) -> None:
    media = boto3.client("kinesis-video-media", endpoint_url=strict.url)
    producer = Producer(strict)  # keeps the readers' connections open
    producer.send(producer_header(CLIP) + clusters(CLIP, NOON_MS, known_size=False)[0][1])
    producer.until("BUFFERING")
    readers = [media.get_media(StreamName="cam", StartSelector={"StartSelectorType": "NOW"}) for _ in range(3)]

    with pytest.raises(media.exceptions.ConnectionLimitExceededException):
        media.get_media(StreamName="cam", StartSelector={"StartSelectorType": "NOW"})

    producer.end()
    for reader in readers:
        assert reader["Payload"].read()
    eventually(lambda: _can_read(strict))


def _can_read(server: KvsServer) -> bool:
    media = boto3.client("kinesis-video-media", endpoint_url=server.url)
    try:
        response = media.get_media(StreamName="cam", StartSelector={"StartSelectorType": "EARLIEST"})
    except (media.exceptions.ClientLimitExceededException, media.exceptions.ConnectionLimitExceededException):
        return False
    return bool(response["Payload"].read())


def test_a_disconnected_reader_frees_its_connection(strict: KvsServer) -> None:
    media = boto3.client("kinesis-video-media", endpoint_url=strict.url)
    producer = Producer(strict)
    producer.send(producer_header(CLIP) + clusters(CLIP, NOON_MS, known_size=False)[0][1])
    producer.until("BUFFERING")
    for _ in range(3):
        media.get_media(StreamName="cam", StartSelector={"StartSelectorType": "NOW"})["Payload"].close()

    eventually(lambda: _opens(strict))
    producer.end()


def _opens(server: KvsServer) -> bool:
    media = boto3.client("kinesis-video-media", endpoint_url=server.url)
    try:
        media.get_media(StreamName="cam", StartSelector={"StartSelectorType": "NOW"})["Payload"].close()
    except (media.exceptions.ClientLimitExceededException, media.exceptions.ConnectionLimitExceededException):
        return False
    return True


def test_put_media_within_the_limits_is_not_throttled(strict: KvsServer) -> None:
    assert [one["EventType"] for one in put_clip(strict, CLIP)] == ["BUFFERING", "RECEIVED", "PERSISTED"]


@pytest.mark.usefixtures("stopped_clock")
def test_the_files_of_an_hls_session_are_limited(strict: KvsServer, archived: Any) -> None:
    put_clip(strict, CLIP)
    session = archived.get_hls_streaming_session_url(StreamName="cam")["HLSStreamingSessionURL"]

    with httpx.Client() as client:
        statuses = [client.get(session).status_code for _ in range(7)]

    assert statuses == [200] * 5 + [400] * 2


def test_paced_bodies_are_complete(strict: KvsServer) -> None:
    put_clip(strict, a_clip(3))

    media = boto3.client("kinesis-video-media", endpoint_url=strict.url)
    payload = media.get_media(StreamName="cam", StartSelector={"StartSelectorType": "EARLIEST"})["Payload"].read()

    assert len(list(read_fragments([payload]))) == 3
