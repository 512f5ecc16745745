"""AvTimelapseEncoder: real MP4s, read back."""

from io import BytesIO
from pathlib import Path

import av
import numpy as np
import pytest
from kinesight.adapters.media.av_timelapse_encoder import AvTimelapseEncoder
from kinesight.domain.errors import UnsupportedImageError
from kinesight.domain.on_demand.render_timelapse import VideoFormat
from PIL import Image, ImageColor

FORM = VideoFormat(160, 120, 10)
ENCODER = AvTimelapseEncoder()


def an_image(colour: str, size: tuple[int, int] = (320, 240), file_format: str = "JPEG") -> bytes:
    target = BytesIO()
    Image.new("RGB", size, colour).save(target, file_format)
    return target.getvalue()


def a_video(path: Path, *colours: str) -> Path:
    with ENCODER.writer(path, FORM) as video:
        for colour in colours:
            video.add(ENCODER.canvas(an_image(colour), FORM, ""))
    return path


def frames(path: Path) -> list[tuple[float, tuple[int, ...]]]:
    """(seconds, colour in the middle) of each frame."""
    with av.open(str(path), "r") as container:
        return [
            (float(frame.time or 0), tuple(int(part) for part in frame.to_ndarray(format="rgb24")[60, 80]))
            for frame in container.decode(video=0)
        ]


def near(colour: tuple[int, ...], expected: str) -> bool:
    return max(abs(a - b) for a, b in zip(colour, ImageColor.getrgb(expected), strict=True)) < 16


def test_frames_come_in_their_order_at_their_pace(tmp_path: Path) -> None:
    video = frames(a_video(tmp_path / "video.mp4", "red", "lime", "blue"))

    assert [seconds for seconds, _ in video] == pytest.approx([0.0, 0.1, 0.2])
    assert all(near(colour, expected) for (_, colour), expected in zip(video, ("red", "lime", "blue"), strict=True))


def test_the_index_is_in_front(tmp_path: Path) -> None:
    data = a_video(tmp_path / "video.mp4", "red", "lime").read_bytes()

    assert 0 < data.index(b"moov") < data.index(b"mdat")


def test_parts_are_joined_without_a_seam(tmp_path: Path) -> None:
    parts = [
        a_video(tmp_path / "1.mp4", "red", "lime", "blue"),
        a_video(tmp_path / "2.mp4", "white"),
        a_video(tmp_path / "3.mp4", "black", "yellow"),
    ]

    ENCODER.join(parts, tmp_path / "video.mp4")

    video = frames(tmp_path / "video.mp4")
    assert [seconds for seconds, _ in video] == pytest.approx([index / 10 for index in range(6)])
    expected = ("red", "lime", "blue", "white", "black", "yellow")
    assert all(near(colour, name) for (_, colour), name in zip(video, expected, strict=True))
    data = (tmp_path / "video.mp4").read_bytes()
    assert data.index(b"moov") < data.index(b"mdat")


def test_another_shape_gets_bars(tmp_path: Path) -> None:
    tall = np.asarray(ENCODER.canvas(an_image("red", (100, 400), "PNG"), FORM, ""))

    assert tall.shape == (120, 160, 3)
    assert tuple(tall[60, 2]) == (0, 0, 0)
    assert near(tuple(int(part) for part in tall[60, 80]), "red")


def test_captions_and_gaps_are_drawn() -> None:
    plain, captioned = (np.asarray(ENCODER.canvas(an_image("red"), FORM, text)) for text in ("", "12:00:00"))
    gap = np.asarray(ENCODER.gap(FORM, "no video at 12:00:00"))

    assert (plain[:60] == captioned[:60]).all()
    assert (plain[60:] != captioned[60:]).any()
    assert gap.max() > 200
    assert np.median(gap) < 40


def test_a_poster_is_a_jpeg_of_the_videos_size() -> None:
    with Image.open(BytesIO(ENCODER.poster(an_image("red", file_format="PNG"), FORM))) as poster:
        assert (poster.format, poster.size) == ("JPEG", (160, 120))


@pytest.mark.parametrize("image", [b"", b"no image", an_image("red")[:300]])
def test_invalid_images_are_unsupported(image: bytes) -> None:
    with pytest.raises(UnsupportedImageError):
        ENCODER.canvas(image, FORM, "")
