"""Fragments that wait to be sent: a camera's are dropped when there are too many, a pipe's wait."""

import threading
from collections.abc import Iterator
from fractions import Fraction

import pytest
from kinesight.media.mkv import Track
from kinesight_cli.put_video import source_reader
from kinesight_cli.put_video.live_fragments import LiveFragment, WallClock
from kinesight_cli.put_video.live_source import LiveSource
from kinesight_cli.put_video.source_reader import SourceReader
from kinesight_cli.shared.video_file import EncodedFrame, SourceFragment

TRACK = Track(1, "video", "V_MPEG4/ISO/AVC", b"\1", "camera", 160, 120)


class Source:
    """Delivers numbered fragments, and then fails."""

    def __init__(self, fragments: int) -> None:
        self.fragments = fragments
        self.exhausted = threading.Event()

    def __call__(self, _source: LiveSource, _clock: WallClock, _fragment_ms: int) -> Iterator[LiveFragment]:
        for number in range(self.fragments):
            frame = EncodedFrame(Fraction(1000 * number), True, b"x")
            yield LiveFragment(TRACK, SourceFragment((frame,), Fraction(1000)), number)
        self.exhausted.set()
        raise ConnectionResetError(104, "Connection reset by peer")


def read(address: str, fragments: int, patch: pytest.MonkeyPatch, *, late: bool) -> tuple[SourceReader, list[int]]:
    source = Source(fragments)
    patch.setattr(source_reader, "read_live", source)
    reader = SourceReader(LiveSource(address), WallClock(), 1000)
    if late:
        assert source.exhausted.wait(10)
    return reader, [one.origin_epoch_ms for one in reader.fragments(lambda: False)]


def test_the_oldest_fragments_of_a_camera_are_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    reader, found = read("rtsp://camera/live", 35, monkeypatch, late=True)

    assert (found, reader.dropped) == (list(range(5, 35)), 5)
    assert isinstance(reader.error, ConnectionResetError)


def test_a_pipe_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    reader, found = read("-", 35, monkeypatch, late=False)

    assert (found, reader.dropped) == (list(range(35)), 0)
