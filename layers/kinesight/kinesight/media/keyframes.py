"""Converts keyframes of live or stored video to images.

A keyframe is decoded alone, by a decoder that is kept while the track stays the same: opening a container per fragment
costs more than decoding the image, and frames between keyframes are never decoded. Needs PyAV and Pillow; sampling is
in `kinesight.media.selection`, which needs neither.
"""

import av
from av.codec.context import Flags
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame as Image

from kinesight.media.mkv_model import Track
from kinesight.media.selection import Keyframe
from kinesight.media.stills import StillEncoder, StillForm, UndecodableError, decoder_of


class KeyframeDecoder:
    """Converts keyframes of any number of tracks, one at a time; not safe for threads."""

    def __init__(self, form: StillForm | None = None) -> None:
        self._encode = StillEncoder(form or StillForm())
        self._decoders: dict[Track, VideoCodecContext] = {}

    def still(self, keyframe: Keyframe) -> bytes:
        """Returns the encoded image. Raises UnsupportedCodecError, UndecodableError."""
        return self._encode(self.image(keyframe))

    def image(self, keyframe: Keyframe) -> Image:
        """Returns the decoded image. Raises UnsupportedCodecError, UndecodableError."""
        decoder = self._decoder(keyframe.track)
        images = decoder.decode(av.Packet(keyframe.frame.data))
        if not images:
            images = decoder.decode(None)
        decoder.flush_buffers()  # releases the image, which no other frame references
        if not images:
            raise UndecodableError(0, "the keyframe has no image")
        return images[-1]

    def _decoder(self, track: Track) -> VideoCodecContext:
        """Returns the decoder of a track; private codec data may change between fragments, which needs a new
        decoder."""
        if track not in self._decoders:
            self._decoders.clear()
            decoder = decoder_of(track)
            decoder.flags |= Flags.low_delay  # a keyframe depends on no other frame
            self._decoders[track] = decoder
        return self._decoders[track]
