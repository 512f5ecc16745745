"""CropMaker on S3: writes the cropped part of an image as an image of its own."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable

from kinesight.domain.model import BoundingBox, Frame, ImageReference
from kinesight.domain.ports import ImageStore, WorkStore

Cut = Callable[[bytes, BoundingBox], tuple[bytes, BoundingBox]]


class S3Crops:
    """Writes under `crops/`, which triggers nothing and expires with the images.

    `cut` returns a JPEG of the part around a box, and the box of that part.
    """

    def __init__(self, images: ImageStore, work: WorkStore, cut: Cut) -> None:
        self._images = images
        self._work = work
        self._cut = cut

    def crop(self, frame: Frame, box: BoundingBox) -> tuple[Frame, BoundingBox]:
        """Reads the image and writes the crop; the same crop has the same key."""
        body, cut = self._cut(self._images.read(frame.image), box)
        key = f"crops/{_name(frame.image, cut)}.jpg"
        self._work.write(key, body, "image/jpeg")
        image = ImageReference(bucket=self._work.bucket, key=key, content_type="image/jpeg", size_bytes=len(body))
        return frame.model_copy(update={"image": image}), cut


def _name(image: ImageReference, cut: BoundingBox) -> str:
    identity = json.dumps([image.bucket, image.key, cut.model_dump(mode="json")])
    return hashlib.sha256(identity.encode()).hexdigest()[:32]
