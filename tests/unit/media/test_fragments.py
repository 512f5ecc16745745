"""Bodies as GetMedia and GetMediaForFragmentList send them."""

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kinesight.media import mkv_write as write
from kinesight.media.fragments import FragmentReader, MediaErrorNotice, MediaFragment, read_fragments
from kinesight.media.mkv import ElementTooLargeError, Tag, Track, TruncatedMkvError

TRACK = Track(1, "video", "V_MPEG4/ISO/AVC", b"private", "cam", 640, 360)


def kvs_fragment(number: int, data: bytes = b"key", *, known_size: bool = True, **tags: str) -> bytes:
    """The byte layout of one fragment in a body, as captured from the service."""
    return (
        write.ebml_header()
        + write.segment_start()
        + write.info()
        + write.tracks([TRACK])
        + write.tags(
            [
                Tag("AWS_KINESISVIDEO_FRAGMENT_NUMBER", str(number)),
                Tag("AWS_KINESISVIDEO_SERVER_TIMESTAMP", "1767268800.500"),
                Tag("AWS_KINESISVIDEO_PRODUCER_TIMESTAMP", "1767268800.000"),
            ]
        )
        + write.cluster(5000, [write.simple_block(1, 0, True, data)], known_size=known_size)
        + b"".join(write.tags([Tag(name, value)]) for name, value in tags.items())
        + write.tags(
            [
                Tag("AWS_KINESISVIDEO_MILLIS_BEHIND_NOW", "12"),
                Tag("AWS_KINESISVIDEO_CONTINUATION_TOKEN", str(number)),
            ]
        )
    )


def error_document(number: int) -> bytes:
    return (
        write.ebml_header()
        + write.segment_start()
        + write.tags(
            [
                Tag("AWS_KINESISVIDEO_FRAGMENT_NUMBER", str(number)),
                Tag("AWS_KINESISVIDEO_EXCEPTION_ERROR_CODE", "4000"),
                Tag("AWS_KINESISVIDEO_EXCEPTION_MESSAGE", "Fragment not found"),
            ]
        )
    )


def read(body: bytes, chunk_bytes: int = 1000) -> list[MediaFragment | MediaErrorNotice]:
    return list(read_fragments(body[at : at + chunk_bytes] for at in range(0, len(body), chunk_bytes)))


def test_a_fragment_is_read() -> None:
    body = kvs_fragment(7, place="porch", AWS_KINESISVIDEO_IMAGE_GENERATION="")

    (fragment,) = read(body)

    assert isinstance(fragment, MediaFragment)
    assert (fragment.number, fragment.continuation_token, fragment.millis_behind_now) == ("7", "7", 12)
    assert fragment.producer_timestamp == Decimal("1767268800.000")
    assert fragment.tags == {"place": "porch"}
    assert fragment.event_tags == {"AWS_KINESISVIDEO_IMAGE_GENERATION": ""}
    assert fragment.tracks == (TRACK,)
    assert [(frame.timecode_ms, frame.keyframe, frame.data) for frame in fragment.frames] == [
        (Fraction(5000), True, b"key")
    ]
    assert fragment.raw == body


@given(st.lists(st.tuples(st.binary(max_size=3000), st.booleans()), min_size=1, max_size=10), st.integers(1, 5000))
def test_every_fragment_is_read_once(parts: list[tuple[bytes, bool]], chunk_bytes: int) -> None:
    bodies = [kvs_fragment(index, data, known_size=known) for index, (data, known) in enumerate(parts)]

    found = read(b"".join(bodies), chunk_bytes)

    assert [one.raw for one in found if isinstance(one, MediaFragment)] == bodies


def test_an_error_inside_the_body_is_reported_and_reading_continues() -> None:
    found = read(kvs_fragment(1) + error_document(2) + kvs_fragment(3))

    assert [type(one) for one in found] == [MediaFragment, MediaErrorNotice, MediaFragment]
    assert found[1] == MediaErrorNotice("2", 4000, "4000", "Fragment not found")


def test_the_documented_tag_names_are_read_too() -> None:
    tags = [
        Tag(f"AWS_KINESISVIDEO_{side}_SIDE_TIMESTAMP", f"{at}.000") for side, at in (("SERVER", 2), ("PRODUCER", 1))
    ]
    body = write.ebml_header() + write.segment_start() + write.tags(tags) + write.cluster(0, [])

    (fragment,) = read(body)

    assert isinstance(fragment, MediaFragment)
    assert (fragment.server_timestamp, fragment.producer_timestamp) == (Decimal(2), Decimal(1))


@given(st.data())
def test_a_truncated_body_returns_its_whole_fragments(data: st.DataObject) -> None:
    bodies = [kvs_fragment(index, b"x" * 200) for index in range(3)]
    body = b"".join(bodies)
    cut = data.draw(st.integers(0, len(body)))
    reader = FragmentReader()
    found = reader.feed(body[:cut])
    try:
        found += reader.close()
    except TruncatedMkvError:
        assert cut < len(body)

    whole = [one for one in found if isinstance(one, MediaFragment) and one.raw in bodies]
    header = len(write.ebml_header())  # until it is read, more tags of the fragment before could follow
    assert len(whole) >= max(0, cut - header) // len(bodies[0])


def test_fragments_before_one_beyond_the_limit_are_returned_first() -> None:
    reader = FragmentReader(max_fragment_bytes=1500)

    found = reader.feed(kvs_fragment(1) + kvs_fragment(2, b"x" * 1400))

    assert [one.number for one in found if isinstance(one, MediaFragment)] == ["1"]
    with pytest.raises(ElementTooLargeError):
        reader.feed(b"")
    with pytest.raises(ElementTooLargeError):
        reader.close()


def test_a_fragment_beyond_the_limit_is_an_error() -> None:
    reader = FragmentReader(max_fragment_bytes=500)

    with pytest.raises(ElementTooLargeError):
        reader.feed(kvs_fragment(1, b"x" * 400))


def test_the_continuation_token_ends_a_fragment() -> None:
    reader = FragmentReader()
    body = kvs_fragment(7, place="porch")

    (fragment,) = reader.feed(body)

    assert isinstance(fragment, MediaFragment)
    assert (fragment.number, fragment.continuation_token, fragment.tags) == ("7", "7", {"place": "porch"})
    assert fragment.raw == body
    assert reader.close() == []
