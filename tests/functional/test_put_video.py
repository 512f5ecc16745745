"""Any video into a stream: fragments that KVS accepts, frames that are returned unchanged."""

from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import boto3
import numpy as np
import pytest
from kinesight.media.fragments import MediaFragment, read_fragments
from kinesight_cli.main import app
from kinesight_cli.shared.play_video import Pace, Tagging, play
from kinesight_cli.shared.put_media import ProducerError
from kinesight_cli.shared.video_file import MAXIMUM_FRAGMENT_MS, MINIMUM_FRAGMENT_MS, UnusableVideoError, read_video
from kinesight_local.kvs.server import KvsServer
from typer.testing import CliRunner

from tests.builders import NOON_MS


def a_file(
    path: Path,
    codec: str = "libx264",
    *,
    seconds: int = 6,
    size: tuple[int, int] = (160, 120),
    options: dict[str, str] | None = None,
    container: str | None = None,
    pixels: str = "yuv420p",
) -> Path:
    """Writes a video with a moving ramp, ten frames per second."""
    with av.open(str(path), "w", format=container) as output:
        stream: Any = output.add_stream(codec, rate=10, options=options or {})
        stream.width, stream.height = size
        stream.pix_fmt = pixels
        stream.codec_context.time_base = Fraction(1, 10)
        if codec == "mpeg4":
            stream.codec_context.framerate = Fraction(10)
        for index in range(seconds * 10):
            ramp = (np.add.outer(np.arange(size[1]), np.arange(size[0])) + 5 * index) % 256
            frame = av.VideoFrame.from_ndarray(np.stack([ramp] * 3, axis=2).astype(np.uint8), format="rgb24")
            frame.pts = index
            output.mux(stream.encode(frame))
        output.mux(stream.encode())
    return path


@pytest.mark.parametrize(
    ("name", "codec", "options", "transcoded"),
    [
        ("plain.mp4", "libx264", {"g": "10", "bf": "0"}, False),
        ("b-frames.mp4", "libx264", {"g": "20", "bf": "3"}, False),
        ("annexb.ts", "libx264", {"g": "10"}, True),
        ("one-keyframe.mkv", "libx264", {"g": "1000", "bf": "0", "sc_threshold": "0"}, False),
        ("mpeg4.avi", "mpeg4", {}, True),
        ("odd.mkv", "ffv1", {}, True),
    ],
)
def test_any_file_becomes_fragments_that_kvs_accepts(
    tmp_path: Path, name: str, codec: str, options: dict[str, str], transcoded: bool
) -> None:
    size = (161, 121) if name == "odd.mkv" else (160, 120)

    video = read_video(a_file(tmp_path / name, codec, size=size, options=options))

    assert video.transcoded is transcoded
    assert video.track.codec_private[:1] == b"\x01"
    assert sum(len(fragment.frames) for fragment in video.fragments) == 60
    for fragment in video.fragments:
        assert MINIMUM_FRAGMENT_MS <= fragment.length_ms <= MAXIMUM_FRAGMENT_MS
        assert fragment.frames[0].keyframe
    for before, after in zip(video.fragments, video.fragments[1:], strict=False):
        assert max(frame.at_ms for frame in before.frames) < after.start_ms


def test_a_video_with_one_keyframe_in_half_a_minute_is_transcoded(tmp_path: Path) -> None:
    video = read_video(a_file(tmp_path / "long.mkv", seconds=30, options={"g": "1000", "bf": "0", "sc_threshold": "0"}))

    assert video.transcoded
    assert len(video.fragments) == 15


@pytest.mark.parametrize("body", [b"", b"not a video"])
def test_a_file_that_is_not_a_video_is_rejected(tmp_path: Path, body: bytes) -> None:
    (tmp_path / "video.mp4").write_bytes(body)

    with pytest.raises(UnusableVideoError):
        read_video(tmp_path / "video.mp4")
    with pytest.raises(UnusableVideoError):
        read_video(tmp_path / "none.mp4")


@pytest.fixture
def endpoint(kvs: KvsServer, monkeypatch: pytest.MonkeyPatch) -> KvsServer:
    monkeypatch.setenv("AWS_ENDPOINT_URL_KINESIS_VIDEO", kvs.url)
    return kvs


def test_sent_frames_are_returned_with_their_times_and_tags(
    endpoint: KvsServer, tmp_path: Path, archived_media: Any
) -> None:
    from kinesight.domain.model import from_epoch_ms

    video = read_video(a_file(tmp_path / "video.mp4", options={"g": "20", "bf": "2"}))
    heard: list[int] = []

    sent = play(
        "cam",
        video,
        Tagging(metadata=(("place", "porch"),)),
        heard.append,
        Pace(start=from_epoch_ms(NOON_MS), create=True),
    )

    assert sent.fragments == len(video.fragments) == heard[-1] == 3
    body = archived_media.get_media_for_fragment_list(StreamName="cam", Fragments=sent.numbers)["Payload"].read()
    found = [one for one in read_fragments([body]) if isinstance(one, MediaFragment)]
    assert [frame.data for one in found for frame in one.frames] == [f.data for s in video.fragments for f in s.frames]
    assert {frame.timecode_ms for one in found for frame in one.frames} == {
        NOON_MS + round(frame.at_ms) for fragment in video.fragments for frame in fragment.frames
    }
    assert all(one.tags == {"place": "porch"} for one in found)


def test_every_second_fragment_is_tagged(endpoint: KvsServer, tmp_path: Path, archived_media: Any) -> None:
    video = read_video(a_file(tmp_path / "video.mp4", options={"g": "20"}))

    sent = play("cam", video, Tagging(metadata=(("place", "porch"),), every=2), lambda _: None, Pace(create=True))

    body = archived_media.get_media_for_fragment_list(StreamName="cam", Fragments=sent.numbers)["Payload"].read()
    found = [one for one in read_fragments([body]) if isinstance(one, MediaFragment)]
    assert [dict(one.tags) for one in found] == [{"place": "porch"}, {}, {"place": "porch"}]


def test_a_missing_stream_names_the_option_to_create_it(endpoint: KvsServer, tmp_path: Path) -> None:
    video = read_video(a_file(tmp_path / "video.mp4"))

    with pytest.raises(ProducerError, match="--create"):
        play("unknown", video, Tagging(), lambda _: None)


def test_image_tags_on_a_stream_without_retention_name_the_fix(endpoint: KvsServer, tmp_path: Path) -> None:
    boto3.client("kinesisvideo").create_stream(StreamName="silent")
    video = read_video(a_file(tmp_path / "video.mp4"))

    with pytest.raises(ProducerError, match="update-data-retention"):
        play("silent", video, Tagging(image=True), lambda _: None)
    assert play("silent", video, Tagging(), lambda _: None).fragments == len(video.fragments)


def test_too_many_tags_are_explained(endpoint: KvsServer, tmp_path: Path) -> None:
    video = read_video(a_file(tmp_path / "video.mp4"))

    with pytest.raises(ProducerError, match="at most 10"):
        play("cam", video, Tagging(metadata=tuple((f"t{n}", "") for n in range(11))), lambda _: None, Pace(create=True))


def test_the_command(endpoint: KvsServer, tmp_path: Path) -> None:
    file = a_file(tmp_path / "video.mp4")

    done = CliRunner().invoke(app, ["put-video", "cam", str(file), "--tag", "none", "--create", "--metadata", "a=b"])

    assert done.exit_code == 0, done.output
    assert "all acknowledged" in done.output


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["put-video", "cam", "none.mp4"], "none.mp4"),
        (["put-video", "cam", "none.mp4", "--metadata", "nonsense"], "NAME=VALUE"),
        (["put-video", "cam", "none.mp4", "--tag", "all"], "image"),
        (["local", "up", "--parameter", "nonsense"], "NAME=VALUE"),
    ],
)
def test_an_invalid_call_ends_with_a_message(arguments: list[str], complaint: str) -> None:
    done = CliRunner().invoke(app, arguments)

    assert done.exit_code != 0
    assert complaint in done.output
    assert "Traceback" not in done.output
