"""GetClip: a playable MP4 with the ingested frames."""

from datetime import UTC, datetime
from fractions import Fraction
from io import BytesIO
from typing import Any

import av
import pytest
from kinesight.media import mkv_write as write
from kinesight_local.kvs.server import KvsServer

from tests.builders import NOON_MS
from tests.functional.kvs_producer import Producer, put_clip
from tests.media import Clip, a_clip, producer_header
from tests.muxed import a_recording

CLIP = a_clip(4)


def at(seconds: float) -> datetime:
    return datetime.fromtimestamp(NOON_MS / 1000 + seconds, UTC)


def clip(client: Any, start: float, end: float, clock: str = "PRODUCER_TIMESTAMP") -> bytes:
    response = client.get_clip(
        StreamName="cam",
        ClipFragmentSelector={
            "FragmentSelectorType": clock,
            "TimestampRange": {"StartTimestamp": at(start), "EndTimestamp": at(end)},
        },
    )
    assert response["ContentType"] == "video/mp4"
    data: bytes = response["Payload"].read()
    return data


def frames(data: bytes, kind: str = "video") -> list[tuple[Fraction, bytes]]:
    """(seconds, data), in decoding order."""
    with av.open(BytesIO(data), "r") as container:
        stream = next(one for one in container.streams if one.type == kind)
        return [
            (packet.pts * packet.time_base, bytes(packet))
            for packet in container.demux(stream)
            if packet.pts is not None and packet.time_base is not None
        ]


@pytest.fixture
def camera(kvs: KvsServer, kinesis_video: Any, archived_media: Any) -> Any:
    kinesis_video.create_stream(StreamName="cam", DataRetentionInHours=1)
    put_clip(kvs, CLIP)
    return archived_media


def test_every_frame_has_its_time(camera: Any) -> None:
    found = frames(clip(camera, 0, 4))

    assert [data for _, data in found] == [data for _, _, data in CLIP.packets]
    assert [round(1000 * seconds) for seconds, _ in found] == [ms for ms, _, _ in CLIP.packets]


def test_it_decodes(camera: Any) -> None:
    with av.open(BytesIO(clip(camera, 0, 4)), "r") as container:
        assert len(list(container.decode(video=0))) == 40


def test_only_fragments_that_start_in_the_range(camera: Any) -> None:
    assert len(frames(clip(camera, 0.5, 2.5))) == 20


def test_gaps_stay_gaps(kvs: KvsServer, camera: Any) -> None:
    put_clip(kvs, a_clip(1), start_ms=NOON_MS + 60_000)

    seconds = [float(second) for second, _ in frames(clip(camera, 0, 100))]

    assert seconds[-10] == 60


def test_by_server_time_nothing_overlaps(camera: Any) -> None:
    now = datetime.now(UTC).timestamp() - NOON_MS / 1000
    seconds = [second for second, _ in frames(clip(camera, now - 60, now + 5, "SERVER_TIMESTAMP"))]

    assert len(seconds) == 40
    assert seconds == sorted(seconds)
    assert 3.8 < seconds[-1] < 4.5


@pytest.mark.parametrize("codec", ["h264", "hevc"])
@pytest.mark.parametrize("with_audio", [True, False])
def test_other_codecs_b_frames_and_sound(
    kvs: KvsServer, kinesis_video: Any, archived_media: Any, codec: str, with_audio: bool
) -> None:
    recording = a_recording(3, codec=codec, with_audio=with_audio)
    kinesis_video.create_stream(StreamName="cam", DataRetentionInHours=1)
    producer = Producer(kvs, kind="RELATIVE", start=f"{NOON_MS // 1000}.0")
    producer.send(recording.body)
    producer.end()
    kinds = [one["EventType"] for one in producer.acknowledgements()]
    assert "ERROR" not in kinds

    data = clip(archived_media, -1, 10)

    assert [frame for _, frame in frames(data)] == recording.video_frames
    if with_audio:
        assert [frame for _, frame in frames(data, "audio")] == recording.audio_frames


def test_an_empty_range(camera: Any) -> None:
    with pytest.raises(camera.exceptions.ResourceNotFoundException):
        clip(camera, 100, 200)


@pytest.mark.parametrize(("start", "end"), [(2, 1), (1, 1), (0, 25 * 3600)])
def test_invalid_ranges_are_rejected(camera: Any, start: float, end: float) -> None:
    with pytest.raises(camera.exceptions.InvalidArgumentException):
        clip(camera, start, end)


def test_without_retention(kinesis_video: Any, archived_media: Any) -> None:
    kinesis_video.create_stream(StreamName="cam")

    with pytest.raises(archived_media.exceptions.NoDataRetentionException):
        clip(archived_media, 0, 4)


def test_codec_private_data_must_not_change(kvs: KvsServer, camera: Any) -> None:
    put_clip(kvs, a_clip(1, width=160, height=120), start_ms=NOON_MS + 10_000)

    with pytest.raises(camera.exceptions.InvalidCodecPrivateDataException):
        clip(camera, 0, 100)


def test_codec_private_data_must_be_there(kvs: KvsServer, kinesis_video: Any, archived_media: Any) -> None:
    kinesis_video.create_stream(StreamName="cam", DataRetentionInHours=1)
    put_clip(kvs, Clip(CLIP.packets, b"", 320, 240))

    with pytest.raises(archived_media.exceptions.MissingCodecPrivateDataException):
        clip(archived_media, 0, 4)


def test_unsupported_media(kvs: KvsServer, kinesis_video: Any, archived_media: Any) -> None:
    kinesis_video.create_stream(StreamName="cam", DataRetentionInHours=1)
    producer = Producer(kvs)
    header = producer_header(CLIP).replace(b"V_MPEG4/ISO/AVC", b"V_MPEG4/ISO/XXX")
    producer.send(header + write.cluster(NOON_MS, [write.simple_block(1, ms, True, b"x") for ms in (0, 500)]))
    producer.end()
    producer.acknowledgements()

    with pytest.raises(archived_media.exceptions.UnsupportedStreamMediaTypeException):
        clip(archived_media, 0, 4)
