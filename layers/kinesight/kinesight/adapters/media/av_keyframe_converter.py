"""KeyframeConverter on PyAV."""

import threading

from kinesight.domain.errors import UnsupportedImageError
from kinesight.media.keyframes import KeyframeDecoder
from kinesight.media.selection import Keyframe
from kinesight.media.stills import StillForm, UndecodableError, UnsupportedCodecError


class AvKeyframeConverter(threading.local):
    """Holds one decoder per thread, because a decoder is not safe for threads."""

    def __init__(self, form: StillForm) -> None:
        self._decoder = KeyframeDecoder(form)

    def to_jpeg(self, keyframe: Keyframe) -> bytes:
        """Decodes the keyframe on its own."""
        try:
            return self._decoder.still(keyframe)
        except UnsupportedCodecError as error:
            raise UnsupportedImageError(f"cannot decode the camera's codec: {error}") from error
        except UndecodableError as error:
            raise UnsupportedImageError(f"cannot decode the keyframe: {error}") from error
