"""Media that cameras send and that the standard cases do not cover: what is decoded, and how it is shown."""

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from io import BytesIO
from pathlib import Path

import av
import numpy as np
import pytest
from kinesight.adapters.media.av_clips import AvClips
from kinesight.adapters.media.av_image_extractor import AvImageExtractor
from kinesight.adapters.media.av_keyframe_converter import AvKeyframeConverter
from kinesight.domain.errors import NoMediaError, UnsupportedImageError
from kinesight.domain.ports import ImageSpec, SlotImage
from kinesight.domain.viewer.playback import ClipPart
from kinesight.media.fragments import MediaFragment
from kinesight.media.keyframes import KeyframeDecoder
from kinesight.media.mkv_model import Track
from kinesight.media.selection import keyframes
from kinesight.media.stills import StillForm, UndecodableError
from PIL import Image

from tests.unusual_media import START_MS, Encoded, document, encoded, field_case, only

PNG = ImageSpec("PRODUCER_TIMESTAMP", "PNG")
CODE = b"\0\0\0\1"


def images_at(body: bytes, moments_ms: Sequence[int]) -> list[SlotImage]:
    return list(AvImageExtractor().extract(body, moments_ms, PNG))


def moments(fragment: MediaFragment) -> list[int]:
    """Every moment at which the fragment has a frame."""
    start_ms = int((fragment.producer_timestamp or 0) * 1000)
    return [start_ms + int(one.timecode_ms) - fragment.cluster_timecode for one in fragment.frames]


def shade(image: SlotImage) -> int:
    """Brightness of the lower right corner, 5 times the frame's number."""
    assert image.data is not None, image
    with Image.open(BytesIO(image.data)) as opened:
        return int(np.asarray(opened.convert("L"))[-8:, -8:].mean())


def live_images(fragments: Sequence[MediaFragment]) -> list[tuple[int, int]]:
    converter = AvKeyframeConverter(StillForm())
    found = [converter.to_jpeg(one) for each in fragments for one in keyframes(each)]
    return [Image.open(BytesIO(one)).size for one in found]


def between_codes(data: bytes, length_bytes: int = 4) -> bytes:
    """Replaces lengths by start codes; three bytes for all but the first, as encoders do."""
    units, position = [], 0
    while position < len(data):
        start = position + length_bytes
        position = start + int.from_bytes(data[position:start])
        units.append(data[start:position])
    return CODE + CODE[1:].join(units)


# -- open GOPs -------------------------------------------------------------------------------------------------------


def test_field_case_05_has_an_image_at_every_moment() -> None:
    fragments = field_case("05-open-gop/open-gop.kvs.mkv")

    found = [one for each in fragments for one in images_at(each.raw, moments(each))]

    assert len(found) == 60
    assert all(one.data is not None for one in found)
    assert len(live_images(fragments)) == len(fragments)


@pytest.mark.parametrize("encoder", ["libx264", "libx265"])
def test_leading_frames_of_an_open_gop_show_the_keyframe(encoder: str) -> None:
    clip = encoded(encoder, seconds=3, settings="open-gop=1:bframes=2:b-adapt=0", keyframe_every=12)
    _, second, _ = clip.groups()
    key_ms = second[0].at_ms
    assert min(one.at_ms for one in second) < key_ms, "the fragment does not begin with leading frames"

    body = document(clip.track, second)
    found = images_at(body, sorted(START_MS + one.at_ms for one in second))

    assert all(one.data is not None for one in found)
    shades = {one.at_ms - START_MS: shade(one) for one in found}
    assert all(abs(value - shades[key_ms]) < 4 for at_ms, value in shades.items() if at_ms < key_ms)
    assert shades[max(shades)] > shades[key_ms] + 20


def test_a_frame_more_than_a_second_away_replaces_none() -> None:
    key, *rest = encoded(seconds=1).frames
    broken = [replace(one, at_ms=400 * number, data=b"\0\0\0\2\x41\xff") for number, one in enumerate(rest, 1)]

    found = images_at(document(encoded(seconds=1).track, [key, *broken]), [START_MS, START_MS + 800, START_MS + 1600])

    assert [one.data is not None for one in found] == [True, True, False]
    assert found[-1].reason == "UNDECODABLE"


# -- frames without bytes, and errors --------------------------------------------------------------------------------


def test_field_case_07_loses_the_empty_keyframe_only() -> None:
    (fragment,) = field_case("07-empty-keyframe/empty-keyframe.kvs.mkv")

    assert len(live_images([fragment])) == 19
    assert all(one.data is not None for one in images_at(fragment.raw, moments(fragment)))


@pytest.mark.parametrize("empty", [0, 3, 19])
def test_an_empty_frame_anywhere_loses_no_other(empty: int) -> None:
    clip = encoded(keyframe_every=1) if empty == 0 else encoded()
    frames = [replace(one, data=b"") if number == empty else one for number, one in enumerate(clip.frames)]

    found = images_at(document(clip.track, frames), [START_MS + one.at_ms for one in clip.frames])

    assert all(one.data is not None for one in found)
    assert shade(found[18]) > shade(found[11]) + 20


def test_a_fragment_of_empty_frames_has_no_image_and_no_keyframe() -> None:
    clip = encoded(seconds=1)
    body = document(clip.track, [replace(one, data=b"") for one in clip.frames])

    assert images_at(body, [START_MS]) == [SlotImage(START_MS, None, "UNDECODABLE")]
    assert list(keyframes(only(body))) == []


def test_decoding_continues_at_the_keyframe_after_an_error() -> None:
    clip = encoded(seconds=3)
    frames = [replace(one, data=b"\xff" * 40) if 5 <= number < 12 else one for number, one in enumerate(clip.frames)]

    found = images_at(document(clip.track, frames), [START_MS + one.at_ms for one in clip.frames])

    shades = [shade(one) for one in found]
    assert shades[20:] == sorted(shades[20:])
    assert shades[29] > shades[20] + 20
    assert abs(shades[0] - 0) < 4


def test_a_decoder_survives_a_keyframe_that_raises() -> None:
    clip = encoded(seconds=2)
    good, other = (next(keyframes(only(document(clip.track, group)))) for group in clip.groups())
    decoder = KeyframeDecoder()

    for data in (b"", b"\xff" * 40, b"\0\0\0\5\x65\xff\xff\xff\xff"):
        with pytest.raises(UndecodableError):
            decoder.still(replace(good, frame=good.frame._replace(data=data)))

    assert decoder.still(other) == KeyframeDecoder().still(other)


# -- private data and frames in different forms ----------------------------------------------------------------------


def disagreeing() -> dict[str, Encoded]:
    repeated = {"libx264": "repeat-headers=1:bframes=0", "libx265": "repeat-headers=1:bframes=0"}
    plain, own = encoded(), encoded(settings=repeated["libx264"])
    plain_5, own_5 = encoded("libx265"), encoded("libx265", settings=repeated["libx265"])
    annex_b_private = between_codes(avcc_sets(plain.track))
    found = {
        "avcC, start codes": coded(plain),
        "hvcC, start codes": coded(plain_5),
        "no private data, start codes": coded(own).with_private(b""),
        "no private data, lengths": own.with_private(b""),
        "H.265, no private data, lengths": own_5.with_private(b""),
        "H.265, no private data, start codes": coded(own_5).with_private(b""),
        "start codes in private data, lengths": plain.with_private(annex_b_private),
        "start codes in both": coded(plain).with_private(annex_b_private),
        "lengths of two bytes": of_two_bytes(plain),
        "lengths of two bytes declared, start codes": replace(coded(plain), track=of_two_bytes(plain).track),
        "another camera's private data": own.with_private(encoded(size=(320, 240)).track.codec_private),
    }
    return {**found, "as declared": plain, "H.265, as declared": plain_5}


def avcc_sets(track: Track) -> bytes:
    """The parameter sets of avcC after lengths of four bytes: one SPS and one PPS."""
    private = track.codec_private
    sps_end = 8 + int.from_bytes(private[6:8])
    sps, pps = (
        private[8:sps_end],
        private[sps_end + 3 : sps_end + 3 + int.from_bytes(private[sps_end + 1 : sps_end + 3])],
    )
    return b"".join(len(one).to_bytes(4) + one for one in (sps, pps))


def coded(clip: Encoded) -> Encoded:
    return replace(clip, frames=tuple(replace(one, data=between_codes(one.data)) for one in clip.frames))


def of_two_bytes(clip: Encoded) -> Encoded:
    private = clip.track.codec_private
    frames = tuple(replace(one, data=one.data[2:]) for one in single_units(clip).frames)
    changed = replace(clip, frames=frames)
    return changed.with_private(private[:4] + bytes([private[4] & 0xFC | 1]) + private[5:])


def single_units(clip: Encoded) -> Encoded:
    """Without the units before the slice, so that each frame is one length and one unit."""

    def last_unit(data: bytes) -> bytes:
        position = 0
        while position + 4 + int.from_bytes(data[position : position + 4]) < len(data):
            position += 4 + int.from_bytes(data[position : position + 4])
        return data[position:]

    return replace(clip, frames=tuple(replace(one, data=last_unit(one.data)) for one in clip.frames))


FORMS = disagreeing()


@pytest.mark.parametrize("form", FORMS)
def test_frames_are_decoded_by_what_they_are(form: str) -> None:
    clip = FORMS[form]
    bodies = [document(clip.track, group) for group in clip.groups()]

    assert live_images([only(one) for one in bodies]) == [(160, 96), (160, 96)]
    for body, group in zip(bodies, clip.groups(), strict=True):
        found = images_at(body, [START_MS + one.at_ms for one in group])
        assert [abs(shade(one) - (one.at_ms - START_MS) // 20) < 8 for one in found] == [True] * 10


@pytest.mark.parametrize("form", FORMS)
def test_a_clip_has_lengths_and_private_data(form: str, tmp_path: Path) -> None:
    clip = FORMS[form]
    parts = [ClipPart(document(clip.track, group), None) for group in clip.groups()]

    assert AvClips().remux(parts, tmp_path / "clip.mp4") == 2

    check_playable(tmp_path / "clip.mp4", 20)


def check_playable(path: Path, frames: int) -> None:
    """As a browser reads it: the private data is a record, each sample is units after their lengths."""
    with av.open(str(path), "r") as clip:
        stream = clip.streams.video[0]
        private = bytes(stream.codec_context.extradata or b"")
        tag, samples = stream.codec_context.codec_tag, [bytes(one) for one in clip.demux(stream) if one.size]
    assert tag in ("avc1", "hvc1")
    assert private[0] == 1
    length_bytes = (private[4 if tag == "avc1" else 21] & 3) + 1
    assert len(samples) == frames
    for sample in samples:
        position = 0
        while position < len(sample):
            unit_bytes = int.from_bytes(sample[position : position + length_bytes])
            assert unit_bytes > 0
            position += length_bytes + unit_bytes
        assert position == len(sample)
    with av.open(str(path), "r") as clip:
        sizes = [(one.width, one.height) for one in clip.decode(video=0)]
    assert sizes == [(160, 96)] * frames


@pytest.mark.parametrize("name", ["h264-no-private-inline", "hevc-hvcC-with-start-codes"])
def test_field_case_10_is_decoded_and_played(name: str, tmp_path: Path) -> None:
    fragments = field_case(f"10-private-data-and-frames-disagree/{name}.kvs.mkv")

    assert live_images(fragments) == [(160, 96), (160, 96)]
    assert all(one.data is not None for each in fragments for one in images_at(each.raw, moments(each)))
    AvClips().remux([ClipPart(one.raw, None) for one in fragments], tmp_path / "clip.mp4")
    check_playable(tmp_path / "clip.mp4", 20)


def test_a_clip_without_parameter_sets_names_the_fix(tmp_path: Path) -> None:
    clip = encoded().with_private(b"")

    with pytest.raises(NoMediaError, match="no parameter sets"):
        AvClips().remux([ClipPart(document(clip.track, clip.frames), None)], tmp_path / "clip.mp4")


def test_a_clip_ends_where_the_parameter_sets_in_the_frames_change(tmp_path: Path) -> None:
    clips = [
        FORMS["no private data, start codes"],
        coded(encoded(size=(320, 240), settings="repeat-headers=1:bframes=0")),
    ]
    parts = [ClipPart(document(replace(one.track, codec_private=b""), one.frames), None) for one in clips]

    assert AvClips().remux(parts, tmp_path / "clip.mp4") == 1


# -- how frames are shown --------------------------------------------------------------------------------------------


def anamorphic(pixel_aspect: Fraction, *, by_track: bool) -> Encoded:
    clip = encoded(seconds=1, pixel_aspect=None if by_track else pixel_aspect)
    return replace(clip, track=replace(clip.track, pixel_aspect=pixel_aspect)) if by_track else clip


@pytest.mark.parametrize("by_track", [True, False])
@pytest.mark.parametrize(
    ("pixel_aspect", "size"),
    [
        (Fraction(1), (160, 96)),
        (Fraction(16, 11), (233, 96)),
        (Fraction(2), (320, 96)),
        (Fraction(1, 2), (160, 192)),
        (Fraction(200), (160, 96)),
        (Fraction(1, 200), (160, 96)),
    ],
)
def test_images_have_square_pixels(pixel_aspect: Fraction, size: tuple[int, int], by_track: bool) -> None:
    clip = anamorphic(pixel_aspect, by_track=by_track)
    body = document(clip.track, clip.frames)

    (extracted,) = images_at(body, [START_MS])

    assert live_images([only(body)]) == [size]
    assert extracted.data is not None
    assert Image.open(BytesIO(extracted.data)).size == size


def test_one_given_side_keeps_the_aspect_ratio_that_is_shown() -> None:
    clip = anamorphic(Fraction(2), by_track=False)
    (keyframe,) = keyframes(only(document(clip.track, clip.frames)))

    still = KeyframeDecoder(StillForm(width=160)).still(keyframe)

    assert Image.open(BytesIO(still)).size == (160, 48)


# -- decoded size ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("encoder", ["libx264", "libx265"])
@pytest.mark.parametrize("declared", [(160, 96), (640, 480), (0, 0)])
def test_a_larger_frame_is_refused_with_its_size(encoder: str, declared: tuple[int, int]) -> None:
    clip = encoded(encoder, seconds=1, size=(640, 480))
    track = replace(clip.track, width=declared[0], height=declared[1])
    body = document(track, clip.frames)
    (keyframe,) = keyframes(only(body))

    with pytest.raises(UnsupportedImageError, match="640x480 pixels; the limit is 300000"):
        AvKeyframeConverter(StillForm(), 300_000).to_jpeg(keyframe)
    (image,) = AvImageExtractor(300_000).extract(body, [START_MS], PNG)
    assert image.data is None
    assert image.reason.startswith("TOO_LARGE: the frame has 640x480 pixels")
    assert AvKeyframeConverter(StillForm(), 640 * 480).to_jpeg(keyframe)


def test_a_frame_that_is_larger_than_the_private_data_says_is_refused() -> None:
    small, large = encoded(seconds=1), encoded(seconds=1, size=(640, 480), settings="repeat-headers=1:bframes=0")
    (keyframe,) = keyframes(only(document(small.track, large.frames)))
    converter = AvKeyframeConverter(StillForm(), 192 * 96)

    with pytest.raises(UnsupportedImageError, match="640x480"):
        converter.to_jpeg(keyframe)
    (next_keyframe,) = keyframes(only(document(small.track, small.frames)))
    assert converter.to_jpeg(next_keyframe)


def test_decoding_stops_after_the_last_requested_frame() -> None:
    """A later frame exceeds the limit, so decoding further raises an error."""
    small, large = encoded(seconds=1), encoded(seconds=1, size=(640, 480), settings="repeat-headers=1:bframes=0")
    later = [replace(one, at_ms=one.at_ms + 1000) for one in large.frames]
    body = document(small.track, [*small.frames, *later])
    extractor = AvImageExtractor(192 * 96)

    before = list(extractor.extract(body, [START_MS, START_MS + 300], PNG))
    beyond = list(extractor.extract(body, [START_MS, START_MS + 1200], PNG))

    assert [one.reason for one in before] == ["", ""]
    assert [one.reason[:9] for one in beyond] == ["", "TOO_LARGE"]
