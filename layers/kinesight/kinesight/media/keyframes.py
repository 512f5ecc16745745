"""Pictures of keyframes, of live or stored video.

A keyframe is decoded alone, by one decoder that lives as long as its track stays the same: opening a container per
fragment costs more than the picture, and what lies between keyframes is never decoded. Needs PyAV and Pillow; which
keyframes to look at is `kinesight.media.selection`, which needs neither.
"""

import av
from av.codec.context import Flags
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame as Picture

from kinesight.media.mkv_model import Track
from kinesight.media.selection import Keyframe
from kinesight.media.stills import StillEncoder, StillForm, UndecodableError, decoder_of


class KeyframeDecoder:
    """Pictures of keyframes, one after the other, of any number of tracks; for one thread."""

    def __init__(self, form: StillForm | None = None) -> None:
        self._encode = StillEncoder(form or StillForm())
        self._decoders: dict[Track, VideoCodecContext] = {}

    def still(self, keyframe: Keyframe) -> bytes:
        """The picture as a file. Raises UnsupportedCodecError, UndecodableError."""
        return self._encode(self.picture(keyframe))

    def picture(self, keyframe: Keyframe) -> Picture:
        """Raises UnsupportedCodecError, UndecodableError."""
        decoder = self._decoder(keyframe.track)
        pictures = decoder.decode(av.Packet(keyframe.frame.data))
        if not pictures:
            pictures = decoder.decode(None)
        decoder.flush_buffers()  # or the decoder keeps the picture, though no other will refer to it
        if not pictures:
            raise UndecodableError(0, "no picture came of the keyframe")
        return pictures[-1]

    def _decoder(self, track: Track) -> VideoCodecContext:
        """Codec private data may change from fragment to fragment; an old decoder is then of no use."""
        if track not in self._decoders:
            self._decoders.clear()
            decoder = decoder_of(track)
            decoder.flags |= Flags.low_delay  # a keyframe needs to wait for no other
            self._decoders[track] = decoder
        return self._decoders[track]
