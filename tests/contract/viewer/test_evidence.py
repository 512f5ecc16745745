"""Playback and bundle of a session through the API: media in the KVS emulator, evidence in S3."""

import hashlib
from collections.abc import Iterator
from io import BytesIO
from typing import Any
from zipfile import ZipFile

import av
import boto3
import httpx
import pytest
from kinesight.adapters.aws import clients as aws_clients
from kinesight.adapters.dynamodb.sessions import DynamoDbSessionClips
from kinesight.domain.analysis.result_records import archive_key, encode_record, evidence_keys, fragment_day
from kinesight.domain.model import ImageReference, ResultRecord, from_epoch_ms
from kinesight.domain.sessions.clip import ClipFragment, SessionClip, SessionRef
from kinesight.media.fragments import MediaFragment
from kinesight.wiring import serve_viewer as wiring
from kinesight_local.kvs.server import KvsServer

from tests.builders import a_frame, a_record
from tests.contract.viewer.test_api import NOW_MS, SESSION_KEY, call_api, deployed  # noqa: F401 - a fixture
from tests.functional.kvs_producer import everything, fetch, put_clip
from tests.media import a_clip

PATH = f"/api/sessions/front-door/{SESSION_KEY}"
STARTED_MS = NOW_MS - 3000


@pytest.fixture(autouse=True)
def kvs_is_there(deployed: Any, kvs: KvsServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:  # noqa: F811 - requests the fixture
    for service in ("KINESIS_VIDEO", "KINESIS_VIDEO_ARCHIVED_MEDIA"):
        monkeypatch.setenv(f"AWS_ENDPOINT_URL_{service}", kvs.url)
    made = (wiring._playback, wiring._archive, aws_clients.kinesis_video, aws_clients.archived_media)
    for one in made:
        one.cache_clear()
    yield
    for one in made:
        one.cache_clear()


def record_media(kvs: KvsServer, kinesis_video: Any) -> None:
    """Records the last four seconds."""
    kinesis_video.create_stream(StreamName="front-door", DataRetentionInHours=1)
    put_clip(kvs, a_clip(4), start_ms=STARTED_MS, stream="front-door")


def archived(archived_media: Any) -> list[str]:
    """Archives the session's video like archive_session; returns the fragment numbers."""
    found = archived_media.list_fragments(StreamName="front-door", FragmentSelector=everything())["Fragments"]
    numbers = sorted(one["FragmentNumber"] for one in found)
    s3 = boto3.client("s3", region_name="us-east-1")
    for one in fetch(archived_media, *numbers, stream="front-door"):
        assert isinstance(one, MediaFragment)
        s3.put_object(Bucket="evidence", Key=archive_key("front-door", str(one.number)), Body=one.raw)
    video = SessionClip(
        images=1,
        selector="PRODUCER_TIMESTAMP",
        started_at=from_epoch_ms(STARTED_MS),
        ended_at=from_epoch_ms(NOW_MS + 1000),
        complete=True,
        fragments=tuple(
            ClipFragment(
                number=one,
                date=fragment_day(one),
                started_at=from_epoch_ms(STARTED_MS + 1000 * index),
                length_ms=1000,
            )
            for index, one in enumerate(numbers)
        ),
    )
    videos = DynamoDbSessionClips(boto3.client("dynamodb", region_name="us-east-1"), "sessions")
    assert videos.save(SessionRef("front-door", NOW_MS, f"{NOW_MS:032x}"), video)
    return numbers


def test_kvs_plays_stored_media(kvs: KvsServer, kinesis_video: Any, archived_media: Any) -> None:
    record_media(kvs, kinesis_video)
    archived(archived_media)

    status, response, _ = call_api("GET", f"{PATH}/playback")

    assert (status, response["kind"]) == (200, "HLS")
    with av.open(response["url"], "r") as played:
        assert len(list(played.decode(video=0))) == 40


def test_a_video_is_played_before_it_is_archived(kvs: KvsServer, kinesis_video: Any) -> None:
    record_media(kvs, kinesis_video)

    status, response, _ = call_api("GET", f"{PATH}/playback")

    assert (status, response["kind"]) == (200, "HLS")
    assert "#EXTM3U" in httpx.get(response["url"]).text


def test_a_deleted_stream_is_played_from_the_archive(kvs: KvsServer, kinesis_video: Any, archived_media: Any) -> None:
    record_media(kvs, kinesis_video)
    archived(archived_media)
    arn = kinesis_video.describe_stream(StreamName="front-door")["StreamInfo"]["StreamARN"]
    kinesis_video.delete_stream(StreamARN=arn)

    status, response, _ = call_api("GET", f"{PATH}/playback")

    assert (status, response["kind"], response["missing"]) == (200, "CLIP", None)
    (clip,) = objects("clips/")
    with av.open(BytesIO(clip), "r") as played:
        assert len(list(played.decode(video=0))) == 40
    assert "response-content-type=video%2Fmp4" in response["url"]


def test_without_media_the_reasons_are_returned(kinesis_video: Any) -> None:
    status, response, _ = call_api("GET", f"{PATH}/playback")

    assert (status, response["error"]["code"]) == (404, "VideoMissing")
    assert "no fragment is archived" in response["error"]["message"]
    assert "ResourceNotFoundException" in response["error"]["message"]


def test_a_bundle_is_downloaded_and_its_digests_hold(kvs: KvsServer, kinesis_video: Any, archived_media: Any) -> None:
    record_media(kvs, kinesis_video)
    numbers = archived(archived_media)
    record = a_seen_record()
    images = boto3.client("s3", region_name="us-east-1")
    images.put_object(Bucket="images", Key=record.frame.image.key, Body=b"as taken")
    images.put_object(Bucket="evidence", Key=evidence_keys(record).annotated, Body=b"annotated")
    images.put_object(Bucket="evidence", Key=evidence_keys(record).result, Body=encode_record(record))

    status, response, _ = call_api("POST", f"{PATH}/bundle")

    assert (status, response["manifest"]["missing"]) == (200, [])
    (body,) = objects("bundles/")
    with ZipFile(BytesIO(body)) as archive:
        assert archive.testzip() is None
        files = {name: archive.read(name) for name in archive.namelist()}
    for one in response["manifest"]["files"]:
        assert hashlib.sha256(files[one["name"]]).hexdigest() == one["sha256"]
    assert {"images/0001-original.jpg", "images/0001-annotated.jpg", "records/0001.json"} < set(files)
    assert [name for name in files if name.endswith(".mkv")] == [f"video/{n + 1:04d}.mkv" for n in range(len(numbers))]
    with av.open(BytesIO(files["video.mp4"]), "r") as played:
        assert len(list(played.decode(video=0))) == 40
    assert "response-content-disposition=attachment" in response["link"]


def a_seen_record() -> ResultRecord:
    image = ImageReference(bucket="images", key="images/1.jpg", content_type="image/jpeg", size_bytes=8)
    return a_record(a_frame(image_timestamp=from_epoch_ms(NOW_MS), image=image), matched=True)


def objects(prefix: str) -> list[bytes]:
    s3 = boto3.client("s3", region_name="us-east-1")
    found = s3.list_objects_v2(Bucket="evidence", Prefix=prefix).get("Contents", [])
    return [s3.get_object(Bucket="evidence", Key=one["Key"])["Body"].read() for one in found]
