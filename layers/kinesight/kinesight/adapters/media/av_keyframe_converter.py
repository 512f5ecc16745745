"""KeyframeConverter on PyAV."""

import threading

from kinesight.domain.errors import UnsupportedImageError
from kinesight.media.keyframes import KeyframeDecoder
from kinesight.media.selection import Keyframe
from kinesight.media.stills import (
    LARGEST_PIXELS,
    FrameTooLargeError,
    StillForm,
    UndecodableError,
    UnsupportedCodecError,
)

_AT_ONCE = threading.Semaphore(2)
"""Conversions at once, which bounds their memory. A function has at most two processors for them."""


class AvKeyframeConverter(threading.local):
    """Holds one decoder per thread, because a decoder is not safe for threads. Frames of more than `largest_pixels` are
    not decoded."""

    def __init__(self, form: StillForm, largest_pixels: int = LARGEST_PIXELS) -> None:
        self._decoder = KeyframeDecoder(form, largest_pixels=largest_pixels)

    def to_jpeg(self, keyframe: Keyframe) -> bytes:
        """Decodes the keyframe on its own."""
        try:
            with _AT_ONCE:
                return self._decoder.still(keyframe)
        except UnsupportedCodecError as error:
            raise UnsupportedImageError(f"cannot decode the camera's codec: {error}") from error
        except FrameTooLargeError as error:
            raise UnsupportedImageError(f"{error}: lower the camera's resolution") from error
        except UndecodableError as error:
            raise UnsupportedImageError(f"cannot decode the keyframe: {error}") from error
