"""Keyframes on real video: the same images as decoding everything gives, whatever the codec and the form."""

from fractions import Fraction
from io import BytesIO
from itertools import pairwise

import av
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from kinesight.media import mkv_write as write
from kinesight.media.fragments import MediaFragment, VideoFrame, read_fragments
from kinesight.media.keyframes import KeyframeDecoder
from kinesight.media.mkv_model import Tag, Track
from kinesight.media.selection import EveryInterval, EveryNth, Keyframe, keyframes
from kinesight.media.stills import StillForm, UndecodableError, UnsupportedCodecError
from PIL import Image

from tests.builders import NOON_MS
from tests.media import Clip, a_clip, clusters
from tests.muxed import a_recording


def fragments(clip: Clip) -> list[MediaFragment]:
    """As GetMedia gives them, each a document of its own."""
    body = b"".join(
        write.ebml_header()
        + write.segment_start()
        + write.info()
        + write.tracks([clip.track])
        + write.tags([Tag("AWS_KINESISVIDEO_FRAGMENT_NUMBER", str(number))])
        + cluster
        for number, (_, cluster) in enumerate(clusters(clip, NOON_MS))
    )
    return [one for one in read_fragments([body]) if isinstance(one, MediaFragment)]


def pixels(data: bytes) -> "np.ndarray[tuple[int, ...], np.dtype[np.int16]]":
    with Image.open(BytesIO(data)) as image:
        return np.asarray(image.convert("RGB")).astype(np.int16)


def test_every_keyframe_of_a_fragment_with_its_place_in_it() -> None:
    clip = a_clip(2, fps=10)
    blocks = [write.simple_block(1, at_ms, key, data) for at_ms, key, data in clip.packets]
    head = write.ebml_header() + write.segment_start() + write.info() + write.tracks([clip.track])
    (whole,) = read_fragments([head + write.cluster(NOON_MS, blocks)])

    assert isinstance(whole, MediaFragment)
    assert [one.offset_ms for one in keyframes(whole)] == [0, 1000]
    assert [one.at_ms(NOON_MS + 7) for one in keyframes(whole)] == [NOON_MS + 7, NOON_MS + 1007]


@pytest.mark.parametrize("form", ["JPEG", "PNG", "BMP", "GIF"])
def test_an_image_is_the_one_that_decoding_everything_gives(form: str) -> None:
    clip = a_clip(3, fps=10)
    decoder = KeyframeDecoder(StillForm(form, quality=95))  # type: ignore[arg-type]  # one of the four
    ours = [decoder.still(one) for fragment in fragments(clip) for one in keyframes(fragment)]

    everything = av.CodecContext.create("h264", "r")
    everything.extradata = clip.codec_private
    theirs = [frame for _, _, data in clip.packets for frame in everything.decode(av.Packet(data))]
    theirs += everything.decode(None)
    expected = [frame.to_ndarray(format="rgb24").astype(np.int16) for frame in theirs[::10]]

    assert len(ours) == 3
    apart = [np.abs(pixels(data) - one) for data, one in zip(ours, expected, strict=True)]
    if form in ("PNG", "BMP"):
        assert max(one.max() for one in apart) <= 2
    else:  # coarser colours, and no more than that
        assert max(one.mean() for one in apart) < 12


@pytest.mark.parametrize("codec", ["h264", "hevc"])
@pytest.mark.parametrize("with_audio", [True, False])
def test_both_codecs_with_sound_and_with_b_frames(codec: str, with_audio: bool) -> None:
    decoder = KeyframeDecoder()
    found = list(read_fragments([a_recording(3, codec=codec, with_audio=with_audio).body]))
    stills = [decoder.still(one) for each in found if isinstance(each, MediaFragment) for one in keyframes(each)]

    assert len(stills) == 3
    assert len(set(stills)) == 3
    assert all(pixels(still).shape == (120, 160, 3) for still in stills)


def test_size_and_quality() -> None:
    (first, *_) = fragments(a_clip(1))
    (keyframe,) = keyframes(first)

    assert pixels(KeyframeDecoder(StillForm(width=160)).still(keyframe)).shape == (120, 160, 3)
    small, large = (KeyframeDecoder(StillForm(quality=quality)).still(keyframe) for quality in (10, 95))
    assert len(small) < len(large) / 2


def test_tracks_may_change_between_fragments() -> None:
    decoder = KeyframeDecoder()
    clips = [a_clip(1, width=320, height=240), a_clip(1, width=640, height=360), a_clip(1, width=320, height=240)]
    shapes = [pixels(decoder.still(one)).shape for clip in clips for each in fragments(clip) for one in keyframes(each)]

    assert shapes == [(240, 320, 3), (360, 640, 3), (240, 320, 3)]


def test_a_codec_that_it_does_not_take_is_named() -> None:
    track = Track(1, "video", "V_VP9", b"", "camera", 320, 240)
    keyframe = Keyframe(track, VideoFrame(1, Fraction(0), True, b"any"), Fraction(0))

    with pytest.raises(UnsupportedCodecError, match="V_VP9, not one of V_MPEG4/ISO/AVC, V_MPEGH/ISO/HEVC"):
        KeyframeDecoder().still(keyframe)


def test_a_broken_keyframe_does_not_break_the_next_one() -> None:
    decoder = KeyframeDecoder()
    first, second = fragments(a_clip(2))
    (good,), (other,) = keyframes(first), keyframes(second)
    broken = Keyframe(good.track, VideoFrame(1, Fraction(0), True, b"\0\0\0\5\x65\xff\xff\xff\xff"), Fraction(0))

    with pytest.raises(UndecodableError):
        decoder.still(broken)
    assert decoder.still(other) == KeyframeDecoder().still(other)


def test_a_fragment_without_video_has_none() -> None:
    (fragment, *_) = fragments(a_clip(1))
    sound = Track(1, "audio", "A_AAC")
    silent = MediaFragment(
        **{name: getattr(fragment, name) for name in MediaFragment.__dataclass_fields__} | {"tracks": (sound,)}
    )

    assert list(keyframes(silent)) == []


@given(st.integers(1, 20), st.integers(0, 60), st.integers(0, 60))
def test_one_of_n_wherever_it_was_interrupted(n: int, first: int, second: int) -> None:
    sampler, state, taken = EveryNth(n), 0, []
    for count in (first, second):
        restored = state
        for _ in range(count):
            took, restored = sampler.takes(0, restored)
            taken.append(took)
        state = restored

    assert [index for index, took in enumerate(taken) if took] == list(range(0, first + second, n))


@given(st.integers(200, 10_000), st.lists(st.integers(1, 20_000), min_size=1, max_size=50))
def test_one_in_each_interval(interval_ms: int, steps: list[int]) -> None:
    sampler, state, at_ms, taken = EveryInterval(interval_ms), 0, NOON_MS, []
    intervals = set()
    for step in steps:
        at_ms += step
        intervals.add(at_ms // interval_ms)
        took, state = sampler.takes(at_ms, state)
        taken += [at_ms] if took else []

    assert {one // interval_ms for one in taken} == intervals
    assert all(a // interval_ms < b // interval_ms for a, b in pairwise(taken))
