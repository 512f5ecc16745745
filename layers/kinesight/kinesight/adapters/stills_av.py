"""KeyframeConverter on PyAV."""

import threading

from kinesight.domain.errors import UnsupportedImageError
from kinesight.media.keyframes import KeyframeDecoder
from kinesight.media.selection import Keyframe
from kinesight.media.stills import StillForm, UndecodableError, UnsupportedCodecError


class AvKeyframeConverter(threading.local):
    """A decoder per thread, since one belongs to one."""

    def __init__(self, form: StillForm) -> None:
        self._decoder = KeyframeDecoder(form)

    def still(self, keyframe: Keyframe) -> bytes:
        """Decoded alone."""
        try:
            return self._decoder.still(keyframe)
        except UnsupportedCodecError as error:
            raise UnsupportedImageError(f"the camera's codec is {error}") from error
        except UndecodableError as error:
            raise UnsupportedImageError(f"the keyframe can't be decoded: {error}") from error
