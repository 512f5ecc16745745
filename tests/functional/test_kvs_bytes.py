"""Every frame is returned byte for byte by every operation, for any size, muxing and chunking."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from kinesight.media import mkv_ids as ids
from kinesight.media import mkv_write as write
from kinesight.media.fragments import MediaFragment, read_fragments
from kinesight.media.mkv import Tag, Track
from kinesight_local.kvs.server import KvsServer
from kinesight_local.kvs.timing import Timing

from tests.builders import NOON_MS
from tests.examples import examples
from tests.functional.kvs_producer import Producer, fetch, stored
from tests.functional.test_kvs_get_clip import clip, frames
from tests.media import END_OF_FRAGMENT
from tests.muxed import a_recording

CAMERA = Track(
    1, "video", "V_MPEG4/ISO/AVC", b"\x01\x42\xc0\x1e\xff\xe1\0\x04\x67\x42\xc0\x1e\x01\0\x01\x68", "camera", 64, 64
)
MICROPHONE = Track(2, "audio", "A_AAC", b"\x12\x10", "microphone", sampling_hz=44_100.0, channels=2)

Frame = tuple[int, int, bytes]
"""Track, milliseconds after the fragment's start, data."""


@dataclass(frozen=True)
class Upload:
    """What a producer sends, and its chunks."""

    fragments: list[list[Frame]]
    tags: list[list[Tag]]
    layout: str
    sdk_ends: bool
    chunk_bytes: int
    has_audio: bool


@st.composite
def uploads(draw: st.DrawFn) -> Upload:
    has_audio = draw(st.booleans())
    size = st.one_of(st.integers(1, 40), st.integers(1000, 70_000))
    fragments = []
    for _ in range(draw(st.integers(1, 4))):
        times = sorted(draw(st.sets(st.integers(1, 980), max_size=6)) | {0})
        found = [(1, at, _data(draw(size), draw)) for at in times]
        if has_audio:
            found += [(2, at, _data(draw(st.integers(1, 300)), draw)) for at in range(0, 1000, 250)]
        fragments.append(sorted(found, key=lambda frame: frame[1]))
    name = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=20).filter(
        lambda text: not text.startswith("AWS")
    )
    tag = st.builds(Tag, name, st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=30))
    return Upload(
        fragments,
        [draw(st.lists(tag, max_size=4, unique_by=lambda one: one.name)) for _ in fragments],
        draw(st.sampled_from(["sdk", "ffmpeg", "gstreamer"])),
        draw(st.booleans()),
        draw(st.sampled_from([7, 1000, 65_536, 10**9])),
        has_audio,
    )


def _data(size: int, draw: st.DrawFn) -> bytes:
    """Length-prefixed like H.264 in Matroska, but not decodable."""
    seed = draw(st.binary(min_size=1, max_size=8))
    return size.to_bytes(4) + (seed * (size // len(seed) + 1))[:size]


def void(size: int) -> bytes:
    return write.element(ids.VOID, bytes(size))


def header(upload: Upload) -> bytes:
    """The headers of the three producers differ."""
    tracks = write.tracks([CAMERA, MICROPHONE] if upload.has_audio else [CAMERA])
    begin = write.ebml_header() + write.segment_start()
    if upload.layout == "ffmpeg":
        seek_head = write.element(ids.SEEK_HEAD, b"")
        crc = write.element(ids.CRC_32, b"\1\2\3\4")
        return begin + seek_head + void(120) + write.element(ids.INFO, crc + _payload(write.info())) + tracks
    if upload.layout == "gstreamer":
        return begin + void(32) + write.info() + tracks + write.tags([Tag("ENCODER", "a muxer")])
    return begin + write.info() + tracks


def _payload(element: bytes) -> bytes:
    """The payload of an element with a four-byte id and a one-byte size."""
    assert element[4] & 0x80
    return element[5:]


def cluster(upload: Upload, index: int) -> bytes:
    """GStreamer writes BlockGroups, FFmpeg a known size with a Position, the SDK an unknown size."""
    start_ms = NOON_MS + 1000 * index
    blocks = [_block(upload.layout, frame) for frame in upload.fragments[index]]
    if upload.layout == "ffmpeg":
        position = write.element(0xA7, b"\0")
        return write.element(ids.CLUSTER, write.cluster_timecode(start_ms) + position + b"".join(blocks))
    return write.cluster(start_ms, blocks, known_size=upload.layout == "gstreamer")


def _block(layout: str, frame: Frame) -> bytes:
    track, at_ms, data = frame
    if layout != "gstreamer":
        return write.simple_block(track, at_ms, at_ms == 0, data)
    block = write.element(ids.BLOCK, bytes([0x80 | track]) + at_ms.to_bytes(2, signed=True) + b"\0" + data)
    reference = b"" if at_ms == 0 or track == 2 else write.element(ids.REFERENCE_BLOCK, b"\xff")
    return write.element(ids.BLOCK_GROUP, block + reference)


def body(upload: Upload) -> bytes:
    pieces = [header(upload)]
    for index, tags in enumerate(upload.tags):
        pieces.append(cluster(upload, index))
        pieces += [write.tags([tag]) for tag in tags]
        if upload.sdk_ends:
            pieces.append(write.tags([Tag(END_OF_FRAGMENT, "")]))
    return b"".join(pieces)


def sent(upload: Upload, server: KvsServer) -> list[str]:
    producer = Producer(server)
    data = body(upload)
    for at in range(0, len(data), max(upload.chunk_bytes, len(data) // 2000)):
        producer.send(data[at : at + max(upload.chunk_bytes, len(data) // 2000)])
    producer.end()
    return [one["EventType"] for one in producer.acknowledgements()]


def hashes(frames: Sequence[Frame]) -> list[tuple[int, int, str]]:
    return [(track, at_ms, hashlib.sha256(data).hexdigest()) for track, at_ms, data in frames]


def returned(found: Sequence[Any]) -> Iterator[list[tuple[int, int, str]]]:
    for fragment in found:
        assert isinstance(fragment, MediaFragment)
        yield hashes(
            [
                (one.track_number, round(one.timecode_ms) - fragment.cluster_timecode, one.data)
                for one in fragment.frames
            ]
        )


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KvsServer]:
    with KvsServer(tmp_path_factory.mktemp("bytes"), timing=Timing(live_edge_timeout_s=0.05)) as server:
        yield server


UNEVEN = Upload(
    [
        [(1, 0, b"a"), *((2, at, b"b") for at in (0, 250, 500)), (1, 625, b"c"), (2, 750, b"d")],
        [(1, 0, b"e"), *((2, at, b"f") for at in (0, 250, 500, 750))],
        [(1, 0, b"g"), *((2, at, b"h") for at in (0, 250, 500, 750))],
    ],
    [[], [], []],
    layout="sdk",
    sdk_ends=False,
    chunk_bytes=1000,
    has_audio=True,
)
"""Frames that extend beyond the next fragment's start, and audio with a slower clock."""


@settings(max_examples=examples(40), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(upload=uploads())
@example(upload=UNEVEN)
def test_every_frame_is_returned_by_every_operation(running: KvsServer, upload: Upload) -> None:
    control = boto3.client("kinesisvideo", endpoint_url=running.url)
    arn = control.create_stream(StreamName="cam", DataRetentionInHours=1)["StreamARN"]
    archived = boto3.client("kinesis-video-archived-media", endpoint_url=running.url)
    try:
        kinds = sent(upload, running)
        assert kinds.count("PERSISTED") == len(upload.fragments)
        numbers = [one["FragmentNumber"] for one in stored(archived)]
        expected = [hashes(fragment) for fragment in upload.fragments]
        tags = [{tag.name: tag.value for tag in own} for own in upload.tags]

        by_list = fetch(archived, *numbers)
        assert list(returned(by_list)) == expected
        assert [dict(one.tags) for one in by_list if isinstance(one, MediaFragment)] == tags

        media = boto3.client("kinesis-video-media", endpoint_url=running.url)
        live = media.get_media(StreamName="cam", StartSelector={"StartSelectorType": "EARLIEST"})["Payload"]
        by_media = list(read_fragments(live.iter_chunks(4096)))
        assert list(returned(by_media)) == expected
        assert [dict(one.tags) for one in by_media if isinstance(one, MediaFragment)] == tags

        mp4 = clip(archived, -1, 60)
        for kind, track in (("video", 1), ("audio", 2))[: 1 + upload.has_audio]:
            expected_data = [data for fragment in upload.fragments for number, _, data in fragment if number == track]
            assert [data for _, data in frames(mp4, kind)] == expected_data
    finally:
        control.delete_stream(StreamARN=arn)


@pytest.mark.parametrize("with_audio", [True, False])
@pytest.mark.parametrize("codec", ["h264", "hevc"])
def test_the_output_of_ffmpegs_muxer(running: KvsServer, tmp_path: Path, codec: str, with_audio: bool) -> None:
    control = boto3.client("kinesisvideo", endpoint_url=running.url)
    arn = control.create_stream(StreamName="cam", DataRetentionInHours=1)["StreamARN"]
    archived = boto3.client("kinesis-video-archived-media", endpoint_url=running.url)
    recording = a_recording(3, codec=codec, with_audio=with_audio)
    producer = Producer(running, kind="RELATIVE", start="1700000000.5")
    producer.send(recording.body)
    producer.end()
    assert "ERROR" not in [one["EventType"] for one in producer.acknowledgements()]

    found = fetch(archived, *(one["FragmentNumber"] for one in stored(archived)))

    for track, expected in ((1, recording.video_frames), (2, recording.audio_frames)):
        frames_of = [
            frame.data
            for one in found
            if isinstance(one, MediaFragment)
            for frame in one.frames
            if frame.track_number == track
        ]
        assert frames_of == expected
    control.delete_stream(StreamARN=arn)
