"""HLS: playlists, played by FFmpeg and by a real browser."""

import time
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import av
import boto3
import httpx
import pytest
from kinesight_local.kvs.faults import Faults
from kinesight_local.kvs.server import KvsServer
from playwright.sync_api import Browser

from tests.builders import NOON_MS
from tests.functional.kvs_producer import Producer, put_clip
from tests.media import END_OF_FRAGMENT, a_clip, clusters, event_tags, producer_header
from tests.muxed import a_recording

CLIP = a_clip(6)
FRAME_OF_SOUND_S = 1024 / 16_000


def on_demand(start: float = 0, end: float = 100) -> dict[str, Any]:
    times = {
        name: datetime.fromtimestamp(NOON_MS / 1000 + seconds, UTC)
        for name, seconds in (("StartTimestamp", start), ("EndTimestamp", end))
    }
    selector = {"FragmentSelectorType": "PRODUCER_TIMESTAMP", "TimestampRange": times}
    return {"PlaybackMode": "ON_DEMAND", "HLSFragmentSelector": selector}


def session(client: Any, **parameters: Any) -> str:
    url: str = client.get_hls_streaming_session_url(StreamName="cam", **parameters)["HLSStreamingSessionURL"]
    return url


def text(url: str) -> list[str]:
    return httpx.get(url).raise_for_status().text.splitlines()


def playlist(master: str) -> tuple[str, list[str]]:
    """(address, lines) of the media playlist."""
    address = urljoin(master, text(master)[-1])
    return address, text(address)


def decoded(master: str) -> int:
    """The frames that FFmpeg's HLS client decodes."""
    with av.open(master, "r") as container:
        return len(list(container.decode(video=0)))


@pytest.fixture
def camera(kvs: KvsServer, kinesis_video: Any, archived_media: Any) -> Any:
    kinesis_video.create_stream(StreamName="cam", DataRetentionInHours=1)
    put_clip(kvs, CLIP)
    return archived_media


def test_the_master_playlist_describes_the_video(camera: Any) -> None:
    lines = text(session(camera, **on_demand()))

    assert lines[0] == "#EXTM3U"
    assert 'CODECS="avc1.' in lines[2]
    assert "RESOLUTION=320x240" in lines[2]
    assert "FRAME-RATE=10.000" in lines[2]


def test_on_demand_is_complete(camera: Any) -> None:
    _, lines = playlist(session(camera, **on_demand()))

    assert "#EXT-X-PLAYLIST-TYPE:VOD" in lines
    assert lines[-1] == "#EXT-X-ENDLIST"
    assert lines.count("#EXTINF:1.000,") == 6
    assert "#EXT-X-DISCONTINUITY" not in lines


@pytest.mark.parametrize("container", ["FRAGMENTED_MP4", "MPEG_TS"])
@pytest.mark.parametrize("codec", ["h264", "hevc"])
def test_ffmpeg_decodes_every_frame(
    kvs: KvsServer, kinesis_video: Any, archived_media: Any, container: str, codec: str
) -> None:
    kinesis_video.create_stream(StreamName="cam", DataRetentionInHours=1)
    producer = Producer(kvs, kind="RELATIVE", start=f"{NOON_MS // 1000}.0")
    producer.send(a_recording(3, codec=codec).body)
    producer.end()
    producer.acknowledgements()

    assert decoded(session(archived_media, ContainerFormat=container, **on_demand())) == 30


@pytest.mark.parametrize("container", ["FRAGMENTED_MP4", "MPEG_TS"])
def test_audio_is_in_sync_with_video(kvs: KvsServer, kinesis_video: Any, archived_media: Any, container: str) -> None:
    kinesis_video.create_stream(StreamName="cam", DataRetentionInHours=1)
    producer = Producer(kvs, kind="RELATIVE", start=f"{NOON_MS // 1000}.0")
    producer.send(a_recording(4).body)
    producer.end()
    producer.acknowledgements()

    with av.open(session(archived_media, ContainerFormat=container, **on_demand()), "r") as played:
        times: dict[str, list[float]] = {"audio": [], "video": []}
        for packet in played.demux():
            if packet.pts is not None and packet.time_base is not None:
                times[packet.stream.type].append(float(packet.pts * packet.time_base))

    assert max(after - before for before, after in pairwise(times["audio"])) < 2 * FRAME_OF_SOUND_S
    assert abs(times["audio"][-1] - times["video"][-1]) < 0.2


@pytest.mark.parametrize("container", ["FRAGMENTED_MP4", "MPEG_TS"])
def test_a_browser_plays_it(camera: Any, kvs: KvsServer, browser: Browser, container: str) -> None:
    page = browser.new_page()
    page.goto(f"{kvs.url}/_kinesight/health")
    page.set_content("<video muted autoplay></video>")
    page.evaluate(
        "(url) => { document.querySelector('video').src = url }",
        session(camera, ContainerFormat=container, **on_demand()),
    )

    page.wait_for_function("document.querySelector('video').currentTime > 1.5", timeout=20_000)

    playback = page.evaluate(
        "(({videoWidth, duration, error}) => [videoWidth, duration, error])(document.querySelector('video'))"
    )
    assert playback == [320, 6, None]
    page.close()


def test_other_origins_are_allowed(camera: Any) -> None:
    for address in (session(camera), playlist(session(camera))[0]):
        assert httpx.get(address).headers["Access-Control-Allow-Origin"] == "*"


def test_live_lists_the_newest_fragments(kvs: KvsServer, camera: Any) -> None:
    master = session(camera, PlaybackMode="LIVE", MaxMediaPlaylistFragmentResults=3)
    address, before = playlist(master)
    put_clip(kvs, a_clip(2), start_ms=NOON_MS + 6000)
    after = text(address)

    assert "#EXT-X-ENDLIST" not in before
    assert "#EXT-X-MEDIA-SEQUENCE:1" in before
    assert "#EXT-X-MEDIA-SEQUENCE:3" in after
    assert [line for line in before if line.startswith("getMP4Media")][-1] in after
    assert before.count("#EXT-X-DISCONTINUITY") == 2


def test_a_browser_plays_live(kvs: KvsServer, kinesis_video: Any, archived_media: Any, browser: Browser) -> None:
    kinesis_video.create_stream(StreamName="cam", DataRetentionInHours=1)
    producer = Producer(kvs)
    producer.send(producer_header(CLIP))
    page = browser.new_page()
    page.goto(f"{kvs.url}/_kinesight/health")
    page.set_content("<video muted autoplay></video>")
    for index, (_, cluster) in enumerate(clusters(CLIP, NOON_MS)):
        producer.send(cluster + event_tags(END_OF_FRAGMENT))
        producer.until("PERSISTED")
        if index == 2:
            live = session(
                archived_media,
                DiscontinuityMode="NEVER",
                HLSFragmentSelector={"FragmentSelectorType": "PRODUCER_TIMESTAMP"},
            )
            page.evaluate("(url) => { document.querySelector('video').src = url }", live)
        time.sleep(0.5)
    producer.end()

    page.wait_for_function("document.querySelector('video').currentTime > 3", timeout=20_000)
    page.close()


def sequence(lines: list[str]) -> int:
    """The number of a playlist's first segment."""
    (line,) = [line for line in lines if line.startswith("#EXT-X-MEDIA-SEQUENCE:")]
    return int(line.rpartition(":")[2])


def test_replay_starts_with_a_window_and_moves_at_the_medias_speed(kvs: KvsServer, camera: Any) -> None:
    request = on_demand()
    del request["HLSFragmentSelector"]["TimestampRange"]["EndTimestamp"]
    started_s = time.monotonic()
    master = session(camera, **request | {"PlaybackMode": "LIVE_REPLAY"}, MaxMediaPlaylistFragmentResults=2)
    address, before = playlist(master)

    kvs.service.faults.set(Faults(clock_skew_ms=2500))
    after = text(address)

    elapsed_s = time.monotonic() - started_s
    assert before.count("#EXTINF:1.000,") == after.count("#EXTINF:1.000,") == 2
    assert 1 <= sequence(before) <= 1 + elapsed_s
    assert sequence(before) + 2 <= sequence(after) <= 3.5 + elapsed_s
    assert "#EXT-X-ENDLIST" not in after


def test_a_changed_codec_is_a_discontinuity_with_its_own_init_segment(kvs: KvsServer, camera: Any) -> None:
    put_clip(kvs, a_clip(1, width=160, height=120), start_ms=NOON_MS + 6000)

    _, lines = playlist(session(camera, **on_demand()))

    assert lines.count("#EXT-X-DISCONTINUITY") == 1
    assert sum(line.startswith("#EXT-X-MAP") for line in lines) == 2


@pytest.mark.parametrize(("mode", "expected"), [("ALWAYS", 6), ("NEVER", 0), ("ON_DISCONTINUITY", 1)])
def test_discontinuity_modes(kvs: KvsServer, camera: Any, mode: str, expected: int) -> None:
    put_clip(kvs, a_clip(1), start_ms=NOON_MS + 60_000)

    _, lines = playlist(session(camera, DiscontinuityMode=mode, **on_demand()))

    assert lines.count("#EXT-X-DISCONTINUITY") == expected


def test_timestamps_on_request(camera: Any) -> None:
    _, lines = playlist(session(camera, DisplayFragmentTimestamp="ALWAYS", **on_demand()))

    first = datetime.fromtimestamp(NOON_MS / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")
    assert f"#EXT-X-PROGRAM-DATE-TIME:{first}" in lines


def test_segments_start_at_their_fragments_start(camera: Any) -> None:
    address, lines = playlist(session(camera, **on_demand()))
    names = [line for line in lines if line.startswith("getMP4Media")]
    segments = [httpx.get(urljoin(address, name)).content for name in names]

    def decode_time(segment: bytes) -> int:
        at = segment.index(b"tfdt")
        return int.from_bytes(segment[at + 8 : at + 16])

    assert [decode_time(segment) / 90_000 for segment in segments] == [0, 1, 2, 3, 4, 5]


def test_a_session_expires(kvs: KvsServer, camera: Any) -> None:
    master = session(camera, Expires=300, **on_demand())
    assert httpx.get(master).status_code == 200

    kvs.service.faults.set(Faults(clock_skew_ms=300_001))

    refused = httpx.get(master)
    assert refused.status_code == 401
    assert refused.headers["x-amzn-ErrorType"] == "NotAuthorizedException"


def test_a_session_survives_a_restart(tmp_path: Path) -> None:
    with KvsServer(tmp_path) as server:
        boto3.client("kinesisvideo", endpoint_url=server.url).create_stream(StreamName="cam", DataRetentionInHours=1)
        put_clip(server, a_clip(1))
        path = session(boto3.client("kinesis-video-archived-media", endpoint_url=server.url), **on_demand())
        path = path.removeprefix(server.url)
    with KvsServer(tmp_path) as server:
        assert decoded(server.url + path) == 10


@pytest.mark.parametrize("token", ["", "x", "a.b", "é.é", "e30.e30", "." * 50])
def test_invalid_tokens_are_rejected(kvs: KvsServer, token: str) -> None:
    response = httpx.get(f"{kvs.url}/hls/v1/getHLSMediaPlaylist.m3u8", params={"SessionToken": token})

    assert response.status_code in (400, 401)


def test_invalid_addresses(kvs: KvsServer, camera: Any) -> None:
    token = session(camera).partition("SessionToken=")[2]
    segment = f"{kvs.url}/hls/v1/getMP4MediaFragment.mp4?SessionToken={token}"

    assert httpx.get(segment).status_code == 400
    assert httpx.get(f"{segment}&FragmentNumber=1").status_code == 404
    assert httpx.get(f"{kvs.url}/hls/v1/other").status_code == 404


@pytest.mark.parametrize(
    "wrong",
    [
        {"PlaybackMode": "ON_DEMAND"},
        {"PlaybackMode": "LIVE_REPLAY"},
        on_demand() | {"PlaybackMode": "LIVE"},
        on_demand(5, 1),
        {"Expires": 43_201},
        {"MaxMediaPlaylistFragmentResults": 5001},
        {"ContainerFormat": "AVI"},
    ],
)
def test_invalid_parameters_are_rejected(camera: Any, wrong: dict[str, Any]) -> None:
    with pytest.raises(camera.exceptions.InvalidArgumentException):
        session(camera, **wrong)


def test_a_session_without_fragments(kvs: KvsServer, camera: Any) -> None:
    with pytest.raises(camera.exceptions.ResourceNotFoundException):
        session(camera, **on_demand(1000, 2000))

    kvs.service.faults.set(Faults(clock_skew_ms=31_000))
    with pytest.raises(camera.exceptions.ResourceNotFoundException):
        session(camera)


def test_without_retention(kinesis_video: Any, archived_media: Any) -> None:
    kinesis_video.create_stream(StreamName="cam")

    with pytest.raises(archived_media.exceptions.NoDataRetentionException):
        session(archived_media)
