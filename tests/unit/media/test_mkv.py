"""The incremental parser against the writer, against libavformat, and against hostile bytes."""

from contextlib import suppress
from io import BytesIO

import av
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kinesight.media import mkv_write as write
from kinesight.media.mkv import (
    BlockEvent,
    ClusterEndEvent,
    ElementTooLargeError,
    Event,
    HeaderEvent,
    InvalidMkvError,
    MkvError,
    MkvParser,
    Tag,
    TagsEvent,
    Track,
    TracksEvent,
    TruncatedMkvError,
)
from kinesight.media.mkv_elements import read_head, read_plain_blocks, read_simple_block

from tests.examples import examples
from tests.media import a_clip, clusters, producer_header

frames = st.lists(st.tuples(st.integers(-32768, 32767), st.booleans(), st.binary(max_size=300)), max_size=5)
tag_lists = st.lists(
    st.builds(
        Tag,
        st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=10),
        st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=10),
    ),
    max_size=3,
)
sections = st.lists(st.tuples(st.integers(0, 2**40), frames, st.booleans(), tag_lists), min_size=1, max_size=4)


def parse(body: bytes, chunk_bytes: int) -> list[Event]:
    parser = MkvParser()
    events = [event for at in range(0, len(body), chunk_bytes) for event in parser.feed(body[at : at + chunk_bytes])]
    return events + parser.close()


def document(parts: list[tuple[int, list[tuple[int, bool, bytes]], bool, list[Tag]]]) -> bytes:
    body = write.ebml_header() + write.segment_start() + write.info()
    body += write.tracks([Track(1, "video", "V_MPEG4/ISO/AVC", b"private", "cam", 640, 360)])
    for timecode, blocks, known_size, tags in parts:
        encoded = [write.simple_block(1, at, key, data) for at, key, data in blocks]
        body += write.cluster(timecode, encoded, known_size=known_size)
        body += write.tags(tags) if tags else b""
    return body


@given(sections, st.integers(1, 400))
def test_written_elements_are_read_in_any_chunks(
    parts: list[tuple[int, list[tuple[int, bool, bytes]], bool, list[Tag]]], chunk_bytes: int
) -> None:
    body = document(parts) * 2

    events = parse(body, chunk_bytes)

    blocks = [(e.timecode, e.keyframe, e.frames) for e in events if isinstance(e, BlockEvent)]
    written = [(timecode + at, key, (data,)) for timecode, group, _, _ in parts for at, key, data in group]
    assert blocks == written * 2
    tags = [tag for event in events if isinstance(event, TagsEvent) for tag in event.tags]
    assert tags == [tag for *_, some in parts for tag in some] * 2
    assert sum(isinstance(event, ClusterEndEvent) for event in events) == 2 * len(parts)
    assert sum(isinstance(event, HeaderEvent) for event in events) == 2
    assert b"".join(event.raw for event in events if not isinstance(event, ClusterEndEvent)) == body


@given(sections, st.data())
def test_a_truncated_body_returns_all_events_before_its_end(
    parts: list[tuple[int, list[tuple[int, bool, bytes]], bool, list[Tag]]], data: st.DataObject
) -> None:
    body = document(parts)
    cut = data.draw(st.integers(0, len(body)))
    parser = MkvParser()

    events = parser.feed(body[:cut])
    with suppress(TruncatedMkvError):
        parser.close()

    whole = [event for event in parse(body, 1 << 16) if not isinstance(event, ClusterEndEvent)]
    seen = [event for event in events if not isinstance(event, ClusterEndEvent)]
    assert seen == whole[: len(seen)]
    assert cut - sum(len(event.raw) for event in seen) <= max(len(event.raw) for event in whole)


@settings(max_examples=examples(300))
@given(st.binary(max_size=200), st.integers(1, 50))
def test_malformed_bytes_raise_a_typed_error_or_return_events(noise: bytes, chunk_bytes: int) -> None:
    with suppress(MkvError):
        parse(write.ebml_header() + write.segment_start() + noise, chunk_bytes)


@given(st.data())
def test_a_flipped_byte_raises_a_typed_error_or_returns_events(data: st.DataObject) -> None:
    body = bytearray(document([(1000, [(0, True, b"key"), (40, False, b"delta")], True, [Tag("a", "b")])]))
    body[data.draw(st.integers(0, len(body) - 1))] ^= data.draw(st.integers(1, 255))
    with suppress(MkvError):
        parse(bytes(body), 7)


def test_a_declared_size_beyond_the_limit_is_rejected_at_once() -> None:
    parser = MkvParser(max_element_bytes=1000)

    with pytest.raises(ElementTooLargeError, match="declares"):
        parser.feed(b"\xec\x08\xff\xff\xff\xff\xff\xff\xff"[:1] + b"\x01\x00\x00\x00\xff\xff\xff\xff")


def test_events_before_an_error_are_returned_first() -> None:
    parser = MkvParser()

    events = parser.feed(write.ebml_header() + b"\x00garbage")

    assert [type(event) for event in events] == [HeaderEvent]
    with pytest.raises(InvalidMkvError):
        parser.feed(b"")
    with pytest.raises(InvalidMkvError):
        parser.close()


@pytest.mark.parametrize(
    ("flags", "lace", "expected"),
    [
        (0x02, b"\x02\x02\x01" + b"aabccc", (b"aa", b"b", b"ccc")),
        (0x04, b"\x02" + b"aabbcc", (b"aa", b"bb", b"cc")),
        (0x06, b"\x02\x82\xbe" + b"aabccc", (b"aa", b"b", b"ccc")),
        (0x02, b"\x01\xff\x01" + b"a" * 256 + b"b", (b"a" * 256, b"b")),
    ],
)
def test_laced_blocks_are_split(flags: int, lace: bytes, expected: tuple[bytes, ...]) -> None:
    block = write.element(0xA3, b"\x81\x00\x05" + bytes([flags]) + lace)
    body = write.ebml_header() + write.segment_start() + write.cluster(100, [block])

    (event,) = [event for event in parse(body, 3) if isinstance(event, BlockEvent)]

    assert (event.timecode, event.frames) == (105, expected)


def test_a_block_group_without_reference_is_a_keyframe() -> None:
    plain = write.element(0xA1, b"\x81\x00\x00\x00key")
    groups = [
        write.element(0xA0, plain + write.element(0x9B, b"\x28")),
        write.element(0xA0, plain + write.element(0xFB, b"\xd8")),
    ]
    body = write.ebml_header() + write.segment_start() + write.cluster(0, groups)

    events = [event for event in parse(body, 64) if isinstance(event, BlockEvent)]

    assert [(event.keyframe, event.duration) for event in events] == [(True, 40), (False, None)]


@pytest.mark.parametrize("options", [{}, {"live": "1"}, {"cluster_time_limit": "300"}])
def test_packets_of_libavformat_are_read(options: dict[str, str]) -> None:
    clip = a_clip()
    target = BytesIO()
    with (
        av.open(BytesIO(b"".join([producer_header(clip), *(c for _, c in clusters(clip, 0))])), "r") as source,
        av.open(target, "w", format="matroska", options=options) as sink,
    ):
        stream = sink.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(source.streams.video[0]):
            if packet.pts is not None:
                packet.stream = stream
                sink.mux(packet)

    events = parse(target.getvalue(), 1000)

    assert [event.frames[0] for event in events if isinstance(event, BlockEvent)] == [data for *_, data in clip.packets]
    (tracks,) = [event.tracks for event in events if isinstance(event, TracksEvent)]
    assert (tracks[0].codec_private, tracks[0].width) == (clip.codec_private, 320)


@pytest.mark.parametrize("known_size", [True, False])
def test_libavformat_reads_written_elements(known_size: bool) -> None:
    clip = a_clip()
    body = b"".join([producer_header(clip), *(c for _, c in clusters(clip, 1000, known_size=known_size))])

    with av.open(BytesIO(body), "r") as container:
        video = container.streams.video[0]
        packets = [bytes(packet) for packet in container.demux(video) if packet.pts is not None]
    with av.open(BytesIO(body), "r") as container:
        images = sum(1 for _ in container.decode(video=0))

    assert packets == [data for *_, data in clip.packets]
    assert images == len(clip.packets)


@given(
    st.integers(1, 0x3FFF),
    st.integers(-32768, 32767),
    st.integers(0, 255),
    st.binary(max_size=300),
    st.integers(1, 8),
    st.integers(0, 400),
)
def test_the_fast_path_reads_what_the_slow_path_reads(
    track: int, relative: int, flags: int, data: bytes, size_length: int, cut: int
) -> None:
    """Blocks of any track, lacing and length of size field, whole and cut."""
    number = bytes([0x80 | track]) if track < 0x7F else (0x4000 | track).to_bytes(2)
    payload = number + relative.to_bytes(2, signed=True) + bytes([flags]) + data
    if len(payload) >= (1 << (7 * size_length)) - 1:
        size_length = 2
    raw = b"\xa3" + ((1 << (7 * size_length)) | len(payload)).to_bytes(size_length) + payload

    plain, length, _ = read_plain_blocks(memoryview(raw + raw + b"next"), 2 * len(raw) + 4, 1000)

    head = read_head(raw, 0, len(raw), 0)
    assert head is not None
    is_plain = track < 0x7F and not flags & 0x06
    assert plain == ([read_simple_block(raw, head, 1000, 0)] * 2 if is_plain else [])
    assert length == (2 * len(raw) if is_plain else 0)
    part = raw[: min(cut, len(raw) - 1)]
    assert read_plain_blocks(memoryview(part), len(part), 1000)[:2] == ([], 0)
    blocks, _, needed = read_plain_blocks(memoryview(raw + b"next"), len(raw) - 1, 1000)
    assert (blocks, needed in (1, len(raw))) == ([], True)
