"""Bytes to pixels."""

import cv2
import numpy as np

from kinesight_local.vision.looking import Pixels

JPEG_OR_PNG = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n")


def decoded(body: bytes) -> Pixels | None:
    """None if these bytes are no picture that OpenCV reads (JPEG, PNG, BMP and GIF among others)."""
    if not body:
        return None
    picture = cv2.imdecode(np.frombuffer(body, np.uint8), cv2.IMREAD_COLOR)
    return None if picture is None else np.asarray(picture, dtype=np.uint8)
