"""Converts keyframes of live or stored video to images.

A keyframe is decoded alone, by a decoder that is kept while the track stays the same: opening a container per fragment
costs more than decoding the image, and frames between keyframes are never decoded. Needs PyAV and Pillow; sampling is
in `kinesight.media.selection`, which needs neither.
"""

from av.codec.context import Flags

from kinesight.media.mkv_model import Track
from kinesight.media.nal_units import NalForm
from kinesight.media.selection import Keyframe
from kinesight.media.stills import (
    LARGEST_PIXELS,
    DecodedFrame,
    StillEncoder,
    StillForm,
    TrackDecoder,
    UndecodableError,
)

_KEPT_PIXELS = 3840 * 2160
"""A decoder keeps the memory of its last frame. That of a larger frame is released, since many threads have one."""


class KeyframeDecoder:
    """Converts keyframes of any number of tracks, one at a time; not safe for threads."""

    def __init__(self, form: StillForm | None = None, *, largest_pixels: int = LARGEST_PIXELS) -> None:
        self._encode = StillEncoder(form or StillForm())
        self._largest_pixels = largest_pixels
        self._kept: tuple[tuple[Track, NalForm], TrackDecoder] | None = None

    def still(self, keyframe: Keyframe) -> bytes:
        """Returns the encoded image. Raises as `image` does."""
        return self._encode(self.image(keyframe))

    def image(self, keyframe: Keyframe) -> DecodedFrame:
        """Returns the decoded image. Raises UnsupportedCodecError, UndecodableError, FrameTooLargeError."""
        data = keyframe.frame.data
        if not data:  # the end of the stream to libavcodec
            raise UndecodableError(0, "the keyframe is empty")
        form = NalForm.of(keyframe.track, data)
        decoder = self._decoder(keyframe.track, form)
        try:
            images = decoder.decode(data) or decoder.finish()
            decoder.context.flush_buffers()  # releases the image, which no other frame references
        except BaseException:
            self._kept = None  # an error leaves a decoder in an unknown state
            raise
        if not images:
            raise UndecodableError(0, "the keyframe has no image")
        if not form.private or images[-1].frame.width * images[-1].frame.height > _KEPT_PIXELS:
            self._kept = None  # without private data, parameter sets of another camera would remain
        return images[-1]

    def _decoder(self, track: Track, form: NalForm) -> TrackDecoder:
        """Returns the decoder of a track; private codec data may change between fragments, which needs a new
        decoder."""
        if self._kept is None or self._kept[0] != (track, form):
            decoder = TrackDecoder(track, form, self._largest_pixels)
            decoder.context.flags |= Flags.low_delay  # a keyframe depends on no other frame
            self._kept = (track, form), decoder
        return self._kept[1]
