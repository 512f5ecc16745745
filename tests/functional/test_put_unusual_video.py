"""`kinesight put-video` of files that cameras and phones write: every moment is shown, upright and at its time."""

from collections.abc import Sequence
from datetime import UTC, datetime
from fractions import Fraction
from io import BytesIO
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from kinesight.domain.model import from_epoch_ms
from kinesight.media.stills import DecodedFrame, EncodedFrame, StillEncoder, StillForm, decoded
from kinesight_cli.main import app
from kinesight_cli.put_video.live_fragments import WallClock, read_live
from kinesight_cli.put_video.live_source import LiveSource
from kinesight_cli.shared.play_video import Pace, Tagging, play
from kinesight_cli.shared.video_file import MAXIMUM_FRAGMENT_MS, SourceFragment, SourceVideo, read_video
from kinesight_local.kvs.server import KvsServer
from PIL import Image
from typer.testing import CliRunner

from tests.builders import NOON_MS
from tests.functional.test_on_demand_moments import extracted
from tests.unusual_media import FIELD_CASES

RED, GREEN = (220, 40, 30), (30, 160, 60)


def spans(video: SourceVideo) -> list[tuple[int, int]]:
    """Start and length of each fragment in milliseconds."""
    return [(round(one.start_ms), round(one.length_ms)) for one in video.fragments]


def images(video: SourceVideo, fragment: SourceFragment) -> dict[Fraction, DecodedFrame]:
    """The frames that a consumer can decode from one fragment; others show a neighbor."""
    frames = [EncodedFrame(one.at_ms, one.keyframe, one.data) for one in fragment.frames]
    return dict(decoded(video.track, frames, {one.at_ms for one in frames}))


def check_decodable_alone(video: SourceVideo) -> None:
    for fragment in video.fragments:
        assert fragment.frames[0].keyframe
        assert fragment.frames[0].at_ms == fragment.start_ms, "frames are shown before the keyframe"
        assert len({id(one.frame) for one in images(video, fragment).values()}) == len(fragment.frames)


def first_image(video: SourceVideo) -> "np.ndarray[Any, np.dtype[np.uint8]]":
    found = images(video, video.fragments[0])
    png = StillEncoder(StillForm("PNG"))(found[min(found)])
    return np.asarray(Image.open(BytesIO(png)).convert("RGB"))


def a_file(
    path: Path,
    times: Sequence[int],
    *,
    encoder: str = "libx264",
    options: dict[str, str] | None = None,
    matrix: Sequence[float] = (),
    pixel_aspect: Fraction | None = None,
) -> Path:
    """Writes frames at these times, in tenths of a second: red, the upper left quarter green."""
    with av.open(str(path), "w") as output:
        stream: Any = output.add_stream(encoder, rate=10, options=options or {})
        stream.width, stream.height, stream.pix_fmt = 160, 96, "yuv420p"
        stream.codec_context.time_base = Fraction(1, 10)
        if pixel_aspect is not None:
            stream.codec_context.sample_aspect_ratio = pixel_aspect
        if matrix:
            stream.set_display_matrix(matrix)
        for at in times:
            image = np.full((96, 160, 3), RED, dtype=np.uint8)
            image[:48, :80] = GREEN
            frame = av.VideoFrame.from_ndarray(image, format="rgb24")
            frame.pts = at
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    return path


# -- open GOPs -------------------------------------------------------------------------------------------------------

X264 = "open-gop=1:bframes=2:b-adapt=0:scenecut=0:min-keyint=12:keyint=12"
X265 = f"{X264}:log-level=none"


def test_field_case_05_is_cut_at_closed_gops() -> None:
    video = read_video(FIELD_CASES / "05-open-gop" / "open-gop.mp4")

    assert not video.transcoded
    assert sum(len(one.frames) for one in video.fragments) == 60
    check_decodable_alone(video)


@pytest.mark.parametrize(
    ("encoder", "options"), [("libx264", {"x264-params": X264}), ("libx265", {"x265-params": X265})]
)
def test_a_long_video_of_open_gops_alone_is_transcoded(tmp_path: Path, encoder: str, options: dict[str, str]) -> None:
    short = read_video(a_file(tmp_path / "short.mp4", range(60), encoder=encoder, options=options))
    long = read_video(a_file(tmp_path / "long.mp4", range(250), encoder=encoder, options=options))

    assert (short.transcoded, long.transcoded) == (False, True)
    check_decodable_alone(short)
    check_decodable_alone(long)
    assert sum(len(one.frames) for one in long.fragments) == 250


def test_leading_frames_at_the_start_of_a_video_are_left_out(tmp_path: Path) -> None:
    whole, cut = a_file(tmp_path / "whole.mkv", range(60), options={"x264-params": X264}), tmp_path / "cut.mkv"
    with av.open(str(whole)) as source, av.open(str(cut), "w") as target:
        template = source.streams.video[0]
        stream = target.add_stream_from_template(template)
        packets = [one for one in source.demux(template) if one.pts is not None]
        second = [index for index, one in enumerate(packets) if one.is_keyframe][1]
        for packet in packets[second:]:
            packet.stream = stream
            target.mux(packet)

    video = read_video(cut)

    assert not video.transcoded
    check_decodable_alone(video)
    assert sum(len(one.frames) for one in video.fragments) == len(packets) - second - 2


# -- how frames are shown --------------------------------------------------------------------------------------------


def test_field_case_04_is_upright() -> None:
    video = read_video(FIELD_CASES / "04-rotated-video" / "portrait.mp4")

    image = first_image(video).astype(int)

    assert image.shape == (160, 96, 3)
    is_blue = image[:, :, 2] - image[:, :, 0] > 100
    is_orange = image[:, :, 0] - image[:, :, 2] > 50
    assert is_blue[72:78].all(), "the bar crosses the image"
    assert is_orange[25:55, 15:45].all(), "the block is at the upper left"
    assert not is_orange[:, 55:].any()


@pytest.mark.parametrize(
    ("matrix", "size", "green"),
    [
        ((1, 0, 0, 1), (160, 96), "upper left"),
        ((0, 1, -1, 0), (96, 160), "upper right"),
        ((-1, 0, 0, -1), (160, 96), "lower right"),
        ((0, -1, 1, 0), (96, 160), "lower left"),
        ((-1, 0, 0, 1), (160, 96), "upper right"),
        ((1, 0, 0, -1), (160, 96), "lower left"),
        ((0, 1, 1, 0), (96, 160), "upper left"),
        ((0, -1, -1, 0), (96, 160), "lower right"),
    ],
)
@pytest.mark.parametrize("live", [False, True])
def test_turned_and_mirrored_video_is_upright(
    tmp_path: Path, matrix: tuple[int, ...], size: tuple[int, int], green: str, live: bool
) -> None:
    a, b, c, d = matrix
    path = a_file(tmp_path / "turned.mp4", range(20), matrix=[a, b, 0, c, d, 0, 0, 0, 1])
    if live:
        found = next(read_live(LiveSource(str(path)), WallClock(), 1000))
        video = SourceVideo(found.track, (found.fragment,), transcoded=True)
    else:
        video = read_video(path)
        assert video.transcoded == (matrix != (1, 0, 0, 1))

    image = first_image(video).astype(int)

    assert image.shape == (size[1], size[0], 3)
    rows = image[: size[1] // 2] if "upper" in green else image[size[1] // 2 :]
    quarter = rows[:, : size[0] // 2] if "left" in green else rows[:, size[0] // 2 :]
    is_green = image[:, :, 1] > image[:, :, 0]
    assert (quarter[4:-4, 4:-4, 1] > quarter[4:-4, 4:-4, 0]).all()
    assert abs(is_green.mean() - 0.25) < 0.03


@pytest.mark.parametrize(
    ("name", "encoder", "pixel_aspect", "size"),
    [
        ("wide.mp4", "libx264", Fraction(2), (320, 96)),
        ("high.mkv", "libx264", Fraction(1, 2), (160, 192)),
        ("transcoded.avi", "mpeg4", Fraction(2), (320, 96)),
        ("invalid.mkv", "libx264", Fraction(100), (160, 96)),
    ],
)
def test_anamorphic_video_is_shown_with_square_pixels(
    tmp_path: Path, name: str, encoder: str, pixel_aspect: Fraction, size: tuple[int, int]
) -> None:
    video = read_video(a_file(tmp_path / name, range(20), encoder=encoder, pixel_aspect=pixel_aspect))

    assert video.transcoded == (encoder == "mpeg4")
    assert first_image(video).shape == (size[1], size[0], 3)


# -- times -----------------------------------------------------------------------------------------------------------


def test_field_case_09_becomes_fragments_with_a_gap() -> None:
    video = read_video(FIELD_CASES / "09-gap-in-a-recording" / "motion-recording.mkv")

    assert not video.transcoded
    assert spans(video) == [(0, 1000), (40_000, 1000)]


@pytest.mark.parametrize(
    ("times", "options", "expected"),
    [
        pytest.param([*range(25), *range(600, 625)], {"g": "1000"}, [(0, 2500), (60_000, 2500)], id="within a GOP"),
        pytest.param(
            [*range(25), *range(70, 75), *range(200, 230)],
            {"g": "5"},
            [(0, 2500), (7000, 500), (20_000, 2000), (22_000, 1000)],
            id="two pauses, and little between them",
        ),
        pytest.param(range(0, 600, 50), {"g": "1"}, [(at, 5000) for at in range(0, 60_000, 5000)], id="no pause"),
    ],
)
def test_a_pause_is_no_part_of_a_fragment(
    tmp_path: Path, times: Sequence[int], options: dict[str, str], expected: list[tuple[int, int]]
) -> None:
    video = read_video(a_file(tmp_path / "paused.mkv", times, options=options | {"bf": "0", "sc_threshold": "0"}))

    assert sum(len(one.frames) for one in video.fragments) == len(times)
    assert all(one.length_ms <= MAXIMUM_FRAGMENT_MS for one in video.fragments)
    assert spans(video) == expected


def test_field_case_08_has_the_times_of_its_frame_rate() -> None:
    video = read_video(FIELD_CASES / "08-no-timestamps" / "camera.h264")

    assert spans(video) == [(0, 2000), (2000, 2000)]
    assert sum(len(one.frames) for one in video.fragments) == 40
    assert video.note == ""


@pytest.mark.parametrize(
    ("timing", "length_ms", "note"), [("", 4000, ""), (":vui-timing-info=0", 1600, "25 frames per second assumed")]
)
def test_frames_without_timestamps_are_shown_in_order(tmp_path: Path, timing: str, length_ms: int, note: str) -> None:
    options = {"x265-params": f"bframes=2:keyint=10:log-level=none{timing}"}
    video = read_video(a_file(tmp_path / "camera.hevc", range(40), encoder="libx265", options=options))

    assert round(video.length_ms) == length_ms
    assert sum(len(one.frames) for one in video.fragments) == 40
    assert note in video.note
    assert bool(note) == bool(video.note)


# -- in the stream ---------------------------------------------------------------------------------------------------


@pytest.fixture
def endpoint(kvs: KvsServer, monkeypatch: pytest.MonkeyPatch) -> KvsServer:
    monkeypatch.setenv("AWS_ENDPOINT_URL_KINESIS_VIDEO", kvs.url)
    return kvs


def listed(archived_media: Any, stream: str = "cam") -> list[Any]:
    everything = {
        "FragmentSelectorType": "PRODUCER_TIMESTAMP",
        "TimestampRange": {"StartTimestamp": at(NOON_MS), "EndTimestamp": at(NOON_MS + 3_600_000)},
    }
    found = archived_media.list_fragments(StreamName=stream, FragmentSelector=everything)["Fragments"]
    return sorted(found, key=lambda one: one["ProducerTimestamp"])


def at(epoch_ms: int) -> datetime:
    return datetime.fromtimestamp(epoch_ms / 1000, UTC)


@pytest.mark.parametrize("offset_ms", [0, 400])
def test_field_case_02_is_analyzed_at_every_second(
    endpoint: KvsServer, kinesis_video: Any, archived_media: Any, offset_ms: int
) -> None:
    video = read_video(FIELD_CASES / "02-fragments-of-length-0" / "intra-1fps.mp4", fragment_ms=1000)

    play("cam", video, Tagging(), lambda _: None, Pace(start=from_epoch_ms(NOON_MS), create=True))

    found = listed(archived_media)
    moments = [NOON_MS + 1000 * number for number in range(8)]
    assert [one["ProducerTimestamp"] for one in found] == [at(one) for one in moments]
    assert {one["FragmentLengthInMilliseconds"] for one in found} == {0}
    document = {
        "StreamName": "cam",
        "StartTimestamp": at(moments[0] + offset_ms).isoformat(),
        "EndTimestamp": at(moments[-1] + offset_ms).isoformat(),
        "SamplingInterval": 1000,
    }
    _, manifests = extracted(kinesis_video, archived_media, document)
    frames = [frame for manifest in manifests for frame in manifest.frames]
    assert [one.image_timestamp for one in frames] == [at(one + offset_ms) for one in moments]
    assert [one.fragment_number for one in frames] == [one["FragmentNumber"] for one in found]


def test_a_recording_with_a_pause_is_stored_with_a_gap(endpoint: KvsServer, archived_media: Any) -> None:
    file = str(FIELD_CASES / "09-gap-in-a-recording" / "motion-recording.mkv")

    done = CliRunner().invoke(app, ["put-video", "cam", file, "--create", "--start", at(NOON_MS).isoformat()])

    assert done.exit_code == 0, done.output
    assert [one["ProducerTimestamp"] for one in listed(archived_media)] == [at(NOON_MS), at(NOON_MS + 40_000)]


def test_the_command_prints_the_assumed_frame_rate(endpoint: KvsServer, tmp_path: Path) -> None:
    options = {"x265-params": "keyint=10:log-level=none:vui-timing-info=0"}
    file = a_file(tmp_path / "camera.hevc", range(40), encoder="libx265", options=options)

    done = CliRunner().invoke(app, ["put-video", "cam", str(file), "--create"])

    assert done.exit_code == 0, done.output
    assert "25 frames per second assumed" in " ".join(done.output.split())
