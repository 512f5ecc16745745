"""Decodes images."""

import cv2
import numpy as np

from kinesight_local.vision.detection import Pixels

JPEG_OR_PNG = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n")


def decoded(body: bytes) -> Pixels | None:
    """None if OpenCV cannot decode the bytes. It supports JPEG, PNG, BMP, GIF and others."""
    if not body:
        return None
    image = cv2.imdecode(np.frombuffer(body, np.uint8), cv2.IMREAD_COLOR)
    return None if image is None else np.asarray(image, dtype=np.uint8)
