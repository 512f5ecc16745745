"""How an image lies in the one that a model is sent, and the way back for the boxes that the model finds there.

Stretched, it fills what the model takes; in a letterbox it keeps its shape, in the middle, between two grey bars.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from kinesight.domain.model import BoundingBox

Resize = Literal["LETTERBOX", "STRETCH"]

Size = tuple[int, int]
"""Width and height, pixels."""


@dataclass(frozen=True, slots=True)
class Fit:
    """An image's place in the sent one, in pixels: `sent` is the size of that, the rest is where the image lies."""

    sent: Size
    left: int
    top: int
    width: int
    height: int

    @classmethod
    def whole(cls, size: Size) -> "Fit":
        """The image as it is."""
        return cls(size, 0, 0, *size)

    def to_sent(self, box: BoundingBox) -> BoundingBox:
        """A box of the image as ratios of the sent one."""
        width, height = self.sent
        return BoundingBox(
            left=(self.left + box.left * self.width) / width,
            top=(self.top + box.top * self.height) / height,
            width=box.width * self.width / width,
            height=box.height * self.height / height,
        )

    def to_original(self, box: BoundingBox) -> BoundingBox:
        """A box of the sent image as ratios of the image itself; outside 0..1 where it lies in a bar."""
        width, height = self.sent
        return BoundingBox(
            left=(box.left * width - self.left) / self.width,
            top=(box.top * height - self.top) / self.height,
            width=box.width * width / self.width,
            height=box.height * height / self.height,
        )


def fitted(image: Size, target: Size, resize: Resize) -> Fit:
    """An image in what the model takes; each of its sides keeps at least a pixel."""
    if resize == "STRETCH":
        return Fit.whole(target)
    scale = min(target[0] / image[0], target[1] / image[1])
    width = min(target[0], max(1, round(image[0] * scale)))
    height = min(target[1], max(1, round(image[1] * scale)))
    return Fit(target, (target[0] - width) // 2, (target[1] - height) // 2, width, height)


def shrunk(image: Size, longest_side: int) -> Size:
    """The image's size, or one of its shape whose longer side is `longest_side` pixels, if that is less."""
    scale = min(1.0, longest_side / max(image))
    return max(1, round(image[0] * scale)), max(1, round(image[1] * scale))


ANY_CONTENT_TYPE = "application/x-image"
"""SageMaker's word for: whatever the image is."""


@dataclass(frozen=True, slots=True)
class ImageForm:
    """What a model takes.

    `size`: exactly this one, or None for any. `largest_bytes` and `longest_side` (pixels) are limits to shrink to.
    `size_matters`: the size that was sent must be known, since boxes come in its pixels.
    """

    content_type: str
    size: Size | None = None
    resize: Resize = "LETTERBOX"
    largest_bytes: int | None = None
    longest_side: int | None = None
    size_matters: bool = False

    @property
    def takes_any_size(self) -> bool:
        """Whether the model accepts any size in pixels, so that the image's size need not be read."""
        return self.size is None and self.longest_side is None and not self.size_matters

    def takes(self, content_type: str, size_bytes: int) -> bool:
        """Whether an image may be sent as it is, but for its size in pixels."""
        is_small = self.largest_bytes is None or size_bytes <= self.largest_bytes
        return is_small and self.content_type in (content_type, ANY_CONTENT_TYPE)


@dataclass(frozen=True, slots=True)
class SentImage:
    """Image as it is sent to a model. `fit` is None if the size was not read: the image is unchanged."""

    body: bytes
    content_type: str
    fit: Fit | None = None

    def to_original(self, box: BoundingBox) -> BoundingBox:
        """A box of this image as ratios of the one it was made of."""
        return box if self.fit is None else self.fit.to_original(box)


Preparer = Callable[[ImageForm, bytes, str], SentImage]
"""Makes of an image, its bytes and content type, what a model takes. Raises UnsupportedImageError."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """An endpoint's name, the images it accepts, and the Accept header of requests."""

    name: str
    form: ImageForm
    accept: str
