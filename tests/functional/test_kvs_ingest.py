"""The PutMedia state machine without sockets: arbitrary chunking and bytes."""

from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kinesight.media import mkv_write as write
from kinesight.media.mkv import Tag, Track
from kinesight_local.kvs.media.fragment import IngestedFragment
from kinesight_local.kvs.media.ingest import MAX_FRAGMENT_BYTES, Buffering, Ingest, Outcome, Rejected

from tests.examples import examples
from tests.media import END_OF_FRAGMENT, IMAGE, event_tags

VIDEO = Track(1, "video", "V_MPEG4/ISO/AVC", b"private", "camera", 320, 240)
AUDIO = Track(2, "audio", "A_AAC", b"private", "microphone", sampling_hz=48_000.0, channels=1)
HEADER = write.ebml_header() + write.segment_start() + write.info() + write.tracks([VIDEO])


def frame(offset: int = 0, *, track: int = 1, data: bytes = b"frame") -> bytes:
    return write.simple_block(track, offset, True, data)


def a_cluster(timecode: int, *offsets: int, known_size: bool = False) -> bytes:
    return write.cluster(timecode, [frame(offset) for offset in offsets or (0, 40)], known_size=known_size)


def parsed(*chunks: bytes) -> list[Outcome]:
    ingest = Ingest()
    outcomes: list[Outcome] = []
    for chunk in chunks:
        outcomes += ingest.feed(chunk)
        if any(isinstance(outcome, Rejected) for outcome in outcomes):
            return outcomes
    return outcomes + ingest.close()


def fragments(outcomes: list[Outcome]) -> list[IngestedFragment]:
    return [outcome for outcome in outcomes if isinstance(outcome, IngestedFragment)]


BODY = (
    HEADER
    + event_tags(session="night")
    + a_cluster(1000)
    + event_tags(IMAGE, door="open")
    + a_cluster(2000, known_size=True)
    + event_tags(END_OF_FRAGMENT)
    + HEADER
    + a_cluster(3000)
)


@settings(max_examples=examples(60), deadline=None)
@given(cuts=st.lists(st.integers(0, len(BODY)), max_size=12))
def test_chunking_makes_no_difference(cuts: list[int]) -> None:
    edges = [0, *sorted(cuts), len(BODY)]

    cut = parsed(*(BODY[start:end] for start, end in pairwise(edges)))

    assert cut == parsed(BODY)
    assert [outcome.timecode for outcome in cut if isinstance(outcome, Buffering)] == [1000, 2000, 3000]
    assert len(fragments(cut)) == 3


@settings(max_examples=examples(150), deadline=None)
@given(at=st.integers(0, len(BODY) - 1), junk=st.binary(min_size=1, max_size=12))
def test_no_bytes_raise_an_unexpected_error(at: int, junk: bytes) -> None:
    outcomes = parsed(BODY[:at] + junk + BODY[at + len(junk) :])

    assert sum(isinstance(outcome, Rejected) for outcome in outcomes) <= 1
    begun = [outcome.timecode for outcome in outcomes if isinstance(outcome, Buffering)]
    assert [fragment.timecode for fragment in fragments(outcomes)] == begun[: len(fragments(outcomes))]


@settings(max_examples=examples(60), deadline=None)
@given(end=st.integers(0, len(BODY) - 1))
def test_a_cut_fragment_is_never_complete_while_the_body_is_open(end: int) -> None:
    ingest = Ingest()

    found = fragments(ingest.feed(BODY[:end]))

    whole = fragments(parsed(BODY))
    assert [(one.timecode, one.cluster) for one in found] == [
        (one.timecode, one.cluster) for one in whole[: len(found)]
    ]


def test_a_fragment_ends_with_the_next_cluster_end_tag_header_or_end_of_body() -> None:
    ingest = Ingest()
    steps = [HEADER + a_cluster(1000), a_cluster(2000), event_tags(END_OF_FRAGMENT), a_cluster(3000), HEADER]

    finished = [len(fragments(ingest.feed(step))) for step in steps]

    assert finished == [0, 1, 1, 0, 1]
    assert fragments(ingest.feed(a_cluster(4000)) + ingest.close())[0].timecode == 4000


def test_tags_before_the_first_cluster_are_only_in_the_first_fragments_header() -> None:
    first, second, third = fragments(parsed(BODY))

    assert first.header == HEADER + event_tags(session="night")
    assert second.header == third.header == HEADER
    assert first.custom_tags() == {"door": "open"}
    assert first.has(IMAGE)
    assert not second.tags


def test_tags_next_to_the_end_tag_belong_to_the_fragment() -> None:
    tags = write.tags([Tag("door", "open"), Tag(END_OF_FRAGMENT, "")])

    (one,) = fragments(parsed(HEADER + a_cluster(1000) + tags))

    assert one.custom_tags() == {"door": "open"}


def test_tags_after_the_end_tag_are_dropped() -> None:
    one, two = fragments(parsed(HEADER + a_cluster(1000) + event_tags(END_OF_FRAGMENT, door="open") + a_cluster(2000)))

    assert not one.tags
    assert not two.tags


def test_elements_after_the_media_are_not_added_to_the_header() -> None:
    void = b"\xec\x84" + bytes(4)

    *_, last = fragments(parsed(HEADER + a_cluster(1000, known_size=True) + void * 50 + a_cluster(2000)))

    assert last.header == HEADER


def test_other_timecode_scales_give_exact_times() -> None:
    header = write.ebml_header() + write.segment_start() + write.info(100_000) + write.tracks([VIDEO])

    (one,) = fragments(parsed(header + a_cluster(15, 0, 3)))

    assert one.timecode_ms == Fraction(3, 2)
    assert [block.offset_ms for block in one.blocks] == [0, Fraction(3, 10)]


def test_every_track_requires_a_frame() -> None:
    header = write.ebml_header() + write.segment_start() + write.info() + write.tracks([VIDEO, AUDIO])
    both = write.cluster(1000, [frame(), frame(5, track=2)])

    assert len(fragments(parsed(header + both))) == 1
    assert parsed(header + a_cluster(1000))[-1] == Rejected(1000, 4011, "FRAMES_MISSING_FOR_TRACK")


@pytest.mark.parametrize(
    "body",
    [
        HEADER + write.cluster_start() + frame() + a_cluster(1000),
        HEADER + write.cluster_start() + write.cluster_timecode(1) + write.cluster_timecode(2),
        HEADER + write.cluster(1, [])[:1] + b"\x43\xb6\x75\x80" + a_cluster(1000),
    ],
    ids=["a frame before the timecode", "two timecodes", "bytes between elements"],
)
def test_malformed_clusters_are_invalid(body: bytes) -> None:
    rejected = parsed(body)[-1]

    assert isinstance(rejected, Rejected)
    assert rejected.error_id == 4006


def test_a_fragment_has_at_most_50_mib() -> None:
    """Six blocks of ten MiB: none is too large alone, all are together."""
    ingest = Ingest()
    outcomes = ingest.feed(HEADER + write.cluster_start() + write.cluster_timecode(1))
    block = frame(data=bytes(10 * 1024 * 1024))

    refused_at = next(count for count in range(1, 7) if ingest.feed(block))

    assert outcomes == [Buffering(1)]
    assert refused_at == 5


def test_an_element_that_declares_too_many_bytes_is_rejected_at_once() -> None:
    declared = b"\xa3" + (0x10_00_00_00 | 0x0F_FF_FF_F0).to_bytes(4)

    rejected = parsed(HEADER + write.cluster_start() + write.cluster_timecode(1) + declared)[-1]

    assert rejected == Rejected(1, 4001, "MAX_FRAGMENT_SIZE_REACHED")
    assert MAX_FRAGMENT_BYTES == 52_428_800


def test_at_most_three_tracks() -> None:
    tracks = [VIDEO, AUDIO, Track(3, "other", "S_TEXT"), Track(4, "other", "S_TEXT")]
    begin = write.ebml_header() + write.segment_start() + write.info()

    assert parsed(begin + write.tracks(tracks))[-1] == Rejected(None, 4005, "MORE_THAN_ALLOWED_TRACKS_FOUND")
    assert parsed(begin + write.tracks(tracks[:3])) == []
