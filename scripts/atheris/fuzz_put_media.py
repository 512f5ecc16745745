"""Coverage-guided fuzzing of PutMedia's state machine and of the fragment reader.

`make fuzz-coverage`; arguments are libFuzzer's, such as -max_total_time=300. A crash leaves its input in a file.
"""

import sys
from itertools import pairwise

import atheris

with atheris.instrument_imports():
    from kinesight.media import mkv_write as write
    from kinesight.media.fragments import FragmentReader
    from kinesight.media.mkv import MkvError, Tag, Track
    from kinesight_local.kvs.media.fragment import IngestedFragment
    from kinesight_local.kvs.media.ingest import Buffering, Ingest, Outcome, Rejected

_HEADER = (
    write.ebml_header()
    + write.segment_start()
    + write.info()
    + write.tracks([Track(1, "video", "V_MPEG4/ISO/AVC", b"private", "camera", 64, 64)])
)


def one_input(data: bytes) -> None:
    """The first byte says where a valid header stands and where the body is cut."""
    if not data:
        return
    mode, body = data[0], data[1:]
    whole = _HEADER + body if mode & 1 else body
    cut = (mode >> 1) * max(1, len(whole)) // 128
    _ingest(whole[:cut], whole[cut:])
    _read(whole[:cut], whole[cut:])


def _ingest(*chunks: bytes) -> None:
    ingest = Ingest()
    outcomes: list[Outcome] = []
    for chunk in chunks:
        outcomes += ingest.feed(chunk)
        if outcomes and isinstance(outcomes[-1], Rejected):
            break
    else:
        outcomes += ingest.close()
    _check(outcomes)


def _check(outcomes: list[Outcome]) -> None:
    """A fragment is begun before it is finished, an error is the last outcome, no fragment lacks its tracks."""
    for before, after in pairwise([None, *outcomes]):
        if isinstance(before, Rejected):
            raise AssertionError("something follows an error")
        if isinstance(after, IngestedFragment):
            if not isinstance(before, Buffering):
                raise AssertionError("a fragment ended that had not begun")
            if {block.track_number for block in after.blocks} != {track.number for track in after.tracks}:
                raise AssertionError("a fragment's frames don't fit its tracks")


def _read(*chunks: bytes) -> None:
    reader = FragmentReader()
    try:
        for chunk in chunks:
            reader.feed(chunk)
        reader.close()
    except MkvError:
        pass


def main() -> None:
    atheris.Setup(sys.argv, one_input)
    seeds = _HEADER + write.cluster(1, [write.simple_block(1, 0, True, b"frame")]) + write.tags([Tag("a", "b")])
    one_input(b"\x41" + seeds)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
