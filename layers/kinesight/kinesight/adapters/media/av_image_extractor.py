"""ImageExtractor on PyAV."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction
from typing import Literal, cast

from kinesight.domain.ports import ImageSpec, SlotImage
from kinesight.media.fragments import MediaFragment, read_fragments
from kinesight.media.mkv import MkvError
from kinesight.media.stills import (
    LARGEST_PIXELS,
    EncodedFrame,
    FrameTooLargeError,
    StillEncoder,
    StillForm,
    UnsupportedCodecError,
    decoded,
    shown_at,
)


class AvImageExtractor:
    """Decodes a fragment from its keyframe to the last requested timestamp, if frames have at most `largest_pixels`."""

    def __init__(self, largest_pixels: int = LARGEST_PIXELS) -> None:
        self._largest_pixels = largest_pixels

    def extract(self, matroska: bytes, moments_ms: Sequence[int], spec: ImageSpec) -> Iterator[SlotImage]:
        """Reasons: NO_VIDEO, NO_TIMESTAMP, UNREADABLE, UNDECODABLE, UNSUPPORTED_CODEC with its name, and TOO_LARGE with
        the size."""
        made: dict[int, bytes] = {}
        reason = "UNDECODABLE"
        try:
            made.update(self._made(_only(matroska), moments_ms, spec))  # keeps the images before an error
        except UnsupportedCodecError as error:
            reason = f"UNSUPPORTED_CODEC: {error}"
        except _UnfitError as error:
            reason = str(error)
        except MkvError:
            reason = "UNREADABLE"
        except FrameTooLargeError as error:
            reason = f"TOO_LARGE: {error}"
        for at_ms in moments_ms:
            yield SlotImage(at_ms, made.get(at_ms), "" if at_ms in made else reason)

    def _made(self, fragment: MediaFragment, moments_ms: Sequence[int], spec: ImageSpec) -> Iterator[tuple[int, bytes]]:
        track = next((one for one in fragment.tracks if one.kind == "video"), None)
        if track is None:
            raise _UnfitError("NO_VIDEO")
        begin_ms = Fraction(fragment.cluster_timecode * fragment.timecode_scale_ns, 1_000_000)
        mine = [one for one in fragment.frames if one.track_number == track.number]
        frames = [EncodedFrame(one.timecode_ms - begin_ms, one.keyframe, one.data) for one in mine]
        if not frames:
            raise _UnfitError("NO_VIDEO")
        start_ms = _start_ms(fragment, spec.selector)
        times_ms = sorted({frame.at_ms for frame in frames})
        frame_of = {at_ms: shown_at(times_ms, at_ms - start_ms) for at_ms in moments_ms}
        encode = StillEncoder(_form(spec))
        for offset_ms, decoded_frame in decoded(
            track, frames, set(frame_of.values()), largest_pixels=self._largest_pixels
        ):
            data = encode(decoded_frame)
            yield from ((at_ms, data) for at_ms, shown_ms in frame_of.items() if shown_ms == offset_ms)


class _UnfitError(Exception):
    """A fragment without usable video. The message is the reason."""


def _only(matroska: bytes) -> MediaFragment:
    found = [one for one in read_fragments([matroska]) if isinstance(one, MediaFragment)]
    if not found:
        raise _UnfitError("UNREADABLE")
    return found[0]


def _form(spec: ImageSpec) -> StillForm:
    form = StillForm(cast(Literal["JPEG", "PNG"], spec.format), width=spec.width, height=spec.height)
    return form if spec.jpeg_quality is None else replace(form, quality=spec.jpeg_quality)


def _start_ms(fragment: MediaFragment, selector: str) -> int:
    by_producer = selector == "PRODUCER_TIMESTAMP"
    seconds: Decimal | None = fragment.producer_timestamp if by_producer else fragment.server_timestamp
    if seconds is None:
        raise _UnfitError("NO_TIMESTAMP")
    return int(seconds * 1000)
