"""AvClips: fragments as KVS stores them become MP4s that play."""

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import av
import pytest
from kinesight.adapters.media.av_clips import AvClips
from kinesight.domain.errors import NoMediaError
from kinesight.domain.viewer.playback import ClipPart
from kinesight.media import mkv_write as write
from kinesight.media.fragments import MediaFragment
from kinesight.media.mkv import Track
from kinesight_local.kvs.server import KvsServer

from tests.builders import NOON_MS
from tests.functional.kvs_producer import Producer, fetch, put_clip, stored
from tests.media import a_clip
from tests.muxed import a_recording


@pytest.fixture
def camera(kvs: KvsServer, kinesis_video: Any, archived_media: Any) -> Any:
    kinesis_video.create_stream(StreamName="cam", DataRetentionInHours=1)
    return archived_media


def parts(archived_media: Any, length_ms: int | None = None) -> list[ClipPart]:
    numbers = [one["FragmentNumber"] for one in stored(archived_media)]
    found = {one.number: one.raw for one in fetch(archived_media, *numbers) if isinstance(one, MediaFragment)}
    return [ClipPart(found[number], length_ms) for number in numbers]


def sent(kvs: KvsServer, body: bytes) -> None:
    producer = Producer(kvs, kind="RELATIVE", start=str(NOON_MS / 1000))
    producer.send(body)
    producer.end()
    assert all(one["EventType"] != "ERROR" for one in producer.acknowledgements())


def shown(path: Path) -> list[float]:
    """Seconds at which a decoder shows a frame."""
    with av.open(str(path), "r") as clip:
        return [round(float(frame.time or 0), 3) for frame in clip.decode(video=0)]


def test_a_clip_is_playable_frame_by_frame(kvs: KvsServer, camera: Any, tmp_path: Path) -> None:
    put_clip(kvs, a_clip(3))

    assert AvClips().remux(parts(camera), tmp_path / "clip.mp4") == 3

    assert shown(tmp_path / "clip.mp4") == [index / 10 for index in range(30)]


def test_the_index_is_in_front(kvs: KvsServer, camera: Any, tmp_path: Path) -> None:
    put_clip(kvs, a_clip(1))

    AvClips().remux(parts(camera), tmp_path / "clip.mp4")

    body = (tmp_path / "clip.mp4").read_bytes()
    assert 0 < body.index(b"moov") < body.index(b"mdat")


@pytest.mark.parametrize(("codec", "with_audio"), [("h264", True), ("h264", False), ("hevc", False)])
def test_audio_and_frames_in_decoding_order(
    kvs: KvsServer, camera: Any, tmp_path: Path, codec: str, with_audio: bool
) -> None:
    recording = a_recording(3, codec=codec, with_audio=with_audio)
    sent(kvs, recording.body)
    found = parts(camera, 1000)

    assert AvClips().remux(found, tmp_path / "clip.mp4") == len(found)

    times = shown(tmp_path / "clip.mp4")
    assert len(times) == len(recording.video_frames)
    assert times == sorted(set(times))
    with av.open(str(tmp_path / "clip.mp4"), "r") as clip:
        sound = [bytes(one) for stream in clip.streams.audio for one in clip.demux(stream) if one.pts is not None]
    assert sound == recording.audio_frames


def test_gaps_between_fragments_are_omitted(kvs: KvsServer, camera: Any, tmp_path: Path) -> None:
    put_clip(kvs, a_clip(1))
    put_clip(kvs, a_clip(1), start_ms=NOON_MS + 60_000)

    AvClips().remux(parts(camera, 1000), tmp_path / "clip.mp4")

    assert shown(tmp_path / "clip.mp4")[-1] == pytest.approx(1.9)


def test_a_fragment_with_another_codec_ends_the_clip(kvs: KvsServer, camera: Any, tmp_path: Path) -> None:
    put_clip(kvs, a_clip(2))
    put_clip(kvs, a_clip(1, width=160, height=120), start_ms=NOON_MS + 10_000)
    put_clip(kvs, a_clip(1), start_ms=NOON_MS + 20_000)
    given = iter(parts(camera))

    assert AvClips().remux(given, tmp_path / "clip.mp4") == 2

    assert len(shown(tmp_path / "clip.mp4")) == 20
    assert len(list(given)) == 1


def test_unreadable_fragments_are_skipped(kvs: KvsServer, camera: Any, tmp_path: Path) -> None:
    put_clip(kvs, a_clip(2))
    first, second = parts(camera)
    broken = [ClipPart(b"no Matroska", None), first, ClipPart(first.matroska[:200], None), second]

    assert AvClips().remux(broken, tmp_path / "clip.mp4") == 2


def document(tracks: Sequence[Track]) -> bytes:
    block = write.simple_block(1, 0, True, b"frame")
    head = write.ebml_header() + write.segment_start() + write.info() + write.tracks(tracks)
    return head + write.cluster(0, [block])


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ([], "cannot read any archived fragment"),
        ([b"junk"], "cannot read any archived fragment"),
        (
            [document([Track(1, "video", "V_MJPEG", b"x", "", 64, 48)])],
            r"browsers cannot play the archived codecs \(V_MJPEG\)",
        ),
        ([document([Track(1, "video", "V_MPEG4/ISO/AVC", b"", "", 64, 48)])], "browsers cannot play"),
    ],
)
def test_unsupported_codecs_are_reported(tmp_path: Path, given: list[bytes], reason: str) -> None:
    with pytest.raises(NoMediaError, match=reason):
        AvClips().remux([ClipPart(one, None) for one in given], tmp_path / "clip.mp4")


@pytest.mark.parametrize("private", [b"\x01", b"\xff" * 40, bytes(40)])
def test_malformed_codec_data_does_not_crash(tmp_path: Path, private: bytes) -> None:
    """It decides what FFmpeg takes for a frame; whatever that makes of it, the answer is one of ours."""
    body = document([Track(1, "video", "V_MPEG4/ISO/AVC", private, "", 64, 48)])

    with suppress(NoMediaError):
        assert AvClips().remux([ClipPart(body, None)], tmp_path / "clip.mp4") == 1
