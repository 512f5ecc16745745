"""NAL units: which form a frame has, and the way from one to the other."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kinesight.media.mkv_model import Track
from kinesight.media.nal_units import H264, H265, NalForm, has_start_codes, length_prefixed, playable

AVCC = bytes.fromhex("0164000affe10004676400") + bytes([10]) + bytes.fromhex("01000468ebe3cb")
units = st.lists(st.binary(min_size=1, max_size=600).map(lambda unit: b"\x65" + unit.replace(b"\0", b"\1")), min_size=1)


def in_lengths(found: list[bytes], length_bytes: int = 4) -> bytes:
    return b"".join(len(one).to_bytes(length_bytes) + one for one in found)


def in_codes(found: list[bytes]) -> bytes:
    return b"".join(b"\0\0\0\1" + one for one in found)


@given(units)
def test_both_forms_are_recognized_and_converted(found: list[bytes]) -> None:
    assert has_start_codes(in_codes(found))
    assert not has_start_codes(in_lengths(found))
    assert length_prefixed(in_codes(found)) == in_lengths(found)
    form = NalForm.of(Track(1, "video", H264), in_lengths(found))
    assert form.length_bytes is None
    assert form.of_frame(in_lengths(found)) == in_codes(found)
    assert form.of_frame(in_codes(found)) == in_codes(found)


@pytest.mark.parametrize("size", [1, 256, 258, 400, 511])
def test_a_length_of_the_same_bytes_as_a_start_code(size: int) -> None:
    frame = in_lengths([b"\x65" * size])

    assert frame.startswith((b"\0\0\1", b"\0\0\0\1"))
    assert not has_start_codes(frame)


@given(units)
def test_declared_lengths_stay_as_they_are(found: list[bytes]) -> None:
    track = Track(1, "video", H264, AVCC)

    assert NalForm.of(track, in_lengths(found)).of_frame(in_lengths(found)) == in_lengths(found)
    assert NalForm.of(track, in_lengths(found)).of_frame(in_codes(found)) == in_lengths(found)
    assert NalForm.of(track, in_codes(found)).private.startswith(b"\0\0\0\1\x67")


@given(st.sampled_from([H264, H265, "V_VP9"]), st.binary(max_size=80), st.binary(max_size=200))
def test_any_bytes_have_a_form(codec_id: str, private: bytes, frame: bytes) -> None:
    for data in (private, b"\1" + private, b"\1" + bytes(20) + private):
        track = Track(1, "video", codec_id, data)
        NalForm.of(track, frame).of_frame(frame)
        playable(track, frame)


def test_nal_units_get_their_lengths() -> None:
    annex_b = b"\0\0\0\1\x67ab\0\0\1\x68c\0\0\0\1\x65def"

    assert length_prefixed(annex_b) == b"\0\0\0\3\x67ab\0\0\0\2\x68c\0\0\0\4\x65def"
