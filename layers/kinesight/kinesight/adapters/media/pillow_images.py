"""Annotates, resizes and crops images with Pillow, which is imported only when an image is processed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from io import BytesIO
from typing import TYPE_CHECKING

from kinesight.domain.detectors.image_fit import ANY_CONTENT_TYPE, Fit, ImageForm, SentImage, fitted, shrunk
from kinesight.domain.display_text import one_line
from kinesight.domain.errors import UnsupportedImageError
from kinesight.domain.model import BoundingBox, Detection

if TYPE_CHECKING:
    from PIL import Image, ImageDraw, ImageFont

_FORMATS = {"image/jpeg": "JPEG", "image/png": "PNG", "image/bmp": "BMP", "image/gif": "GIF"}
_JPEG_QUALITY = 85
_FILTER = 2  # PIL.Image.Resampling.BILINEAR, which detectors are trained with
_BAR = (114, 114, 114)  # the grey of YOLO's letterboxes
_COLOURS = ("#e6194b", "#3cb44b", "#4363d8", "#f58231", "#911eb4", "#008080", "#9a6324", "#808000")
_MAXIMUM_PIXELS = 3840 * 2160 * 2  # twice the largest image of KVS; a larger one is a decompression bomb

_LEAST_CROP_PX = 100  # Rekognition's minimum is 80

Corners = tuple[float, float, float, float]


def prepare(form: ImageForm, body: bytes, content_type: str) -> SentImage:
    """Returns the image in the form that a model accepts, unchanged if it already is. Raises UnsupportedImageError."""
    is_accepted = form.takes(content_type, len(body))
    if is_accepted and form.takes_any_size:
        return SentImage(body, content_type)
    size = _size(body)
    fit = _fit(size, form)
    if is_accepted and fit == Fit.whole(size):
        return SentImage(body, content_type, fit)
    with _opened(body, (fit.width, fit.height)) as image:
        target_type = content_type if form.content_type == ANY_CONTENT_TYPE else form.content_type
        return _encoded(_laid(image.convert("RGB"), fit), fit, form, target_type)


def _size(body: bytes) -> tuple[int, int]:
    from PIL import Image  # imported here, so that only image processing pays for it

    with _readable():
        return Image.open(BytesIO(body), formats=tuple(_FORMATS.values())).size


def _fit(size: tuple[int, int], form: ImageForm) -> Fit:
    if form.size is not None:
        return fitted(size, form.size, form.resize)
    return fitted(size, size if form.longest_side is None else shrunk(size, form.longest_side), "STRETCH")


def _laid(image: Image.Image, fit: Fit) -> Image.Image:
    from PIL import Image  # imported here, so that only image processing pays for it

    inner = image if image.size == (fit.width, fit.height) else image.resize((fit.width, fit.height), _FILTER)
    if inner.size == fit.sent:
        return inner
    canvas = Image.new("RGB", fit.sent, _BAR)
    canvas.paste(inner, (fit.left, fit.top))
    return canvas


def _encoded(image: Image.Image, fit: Fit, form: ImageForm, content_type: str) -> SentImage:
    """Encodes the image, shrinking it until it is within the limit. Boxes are ratios, so shrinking keeps them valid."""
    body = _saved(image, _FORMATS[content_type])
    side = max(image.size)
    while form.size is None and form.largest_bytes is not None and len(body) > form.largest_bytes and side > 1:
        side = side * 3 // 4
        smaller = shrunk(image.size, side)
        fit = Fit.whole(smaller)
        body = _saved(image.resize(smaller, _FILTER), _FORMATS[content_type])
    return SentImage(body, content_type, fit)


def cropped(body: bytes, box: BoundingBox) -> tuple[bytes, BoundingBox]:
    """Returns the part around a box as a JPEG, and the box of that part. Raises UnsupportedImageError.

    The part has a margin of a tenth on every side and at least 100 pixels per side, as far as the image allows.
    """
    with _opened(body) as image:
        across = _stretch(box.left, box.width, image.width)
        down = _stretch(box.top, box.height, image.height)
        part = image.convert("RGB").crop((across[0], down[0], across[1], down[1]))
        cut = BoundingBox(
            left=across[0] / image.width,
            top=down[0] / image.height,
            width=(across[1] - across[0]) / image.width,
            height=(down[1] - down[0]) / image.height,
        )
    return _saved(part, "JPEG"), cut


def _stretch(start: float, length: float, side_px: int) -> tuple[int, int]:
    """Returns the first pixel and the one after the last."""
    crop_px = min(side_px, max(_LEAST_CROP_PX, round(length * side_px * 1.2)))
    first = round((start + length / 2) * side_px - crop_px / 2)
    first = max(0, min(first, side_px - crop_px))
    return first, first + crop_px


class PillowAnnotator:
    """Draws a rectangle and a caption for each detection that has a box; one color per label."""

    def annotate(self, body: bytes, detections: Sequence[Detection]) -> bytes:
        """Returns a JPEG of the same size. Raises UnsupportedImageError."""
        from PIL import ImageDraw, ImageFont  # imported here, so that only drawing pays for it

        with _opened(body) as image:
            canvas = image.convert("RGB")
        pen = ImageDraw.Draw(canvas)
        line_px = max(2, min(canvas.size) // 180)
        font = ImageFont.load_default(size=max(12, min(canvas.size) // 26))
        for colour, found in _coloured(detections):
            if found.bounding_box is not None:
                corners = _corners(found.bounding_box, canvas.size)
                pen.rectangle(corners, outline=colour, width=line_px)
                _caption(pen, f"{one_line(found.label)} {found.confidence:.0f} %", corners, (colour, font))
        return _saved(canvas, "JPEG")


def _coloured(detections: Sequence[Detection]) -> Iterator[tuple[str, Detection]]:
    labels = sorted({found.label for found in detections})
    colours = {label: _COLOURS[index % len(_COLOURS)] for index, label in enumerate(labels)}
    return ((colours[found.label], found) for found in detections)


def _corners(box: BoundingBox, size: tuple[int, int]) -> Corners:
    """Returns pixels inside the image, with the lower right corner never before the upper left."""
    width, height = size
    left, top = _within(box.left * width, width - 1), _within(box.top * height, height - 1)
    right = _within((box.left + box.width) * width, width - 1)
    bottom = _within((box.top + box.height) * height, height - 1)
    return left, top, max(left, right), max(top, bottom)


def _within(value: float, largest: float) -> float:
    return min(max(value, 0.0), largest)


def _caption(
    pen: ImageDraw.ImageDraw,
    text: str,
    corners: Corners,
    style: tuple[str, ImageFont.FreeTypeFont | ImageFont.ImageFont],
) -> None:
    """Draws the caption above the box, or inside it at the edge of the image."""
    colour, font = style
    left, top, right, bottom = pen.textbbox((0, 0), text, font=font)
    width, height = right - left + 6, bottom - top + 6
    x, y = corners[0], corners[1] - height if corners[1] >= height else corners[1]
    pen.rectangle((x, y, x + width, y + height), fill=colour)
    pen.text((x + 3 - left, y + 3 - top), text, fill="white", font=font)


@contextmanager
def _opened(body: bytes, at_least: tuple[int, int] | None = None) -> Iterator[Image.Image]:
    """Opens an image. With `at_least`, decodes a JPEG at the smallest scale of that size, several times faster."""
    from PIL import Image  # imported here, so that only image processing pays for it

    with _readable():
        image = Image.open(BytesIO(body), formats=tuple(_FORMATS.values()))
        if image.width * image.height > _MAXIMUM_PIXELS:
            raise UnsupportedImageError(
                f"the image has {image.width}x{image.height} pixels; the limit is {_MAXIMUM_PIXELS}"
            )
        if at_least is not None:
            image.draft(None, at_least)
        image.load()
        yield image


@contextmanager
def _readable() -> Iterator[None]:
    from PIL import Image, UnidentifiedImageError  # imported here, so that only image processing pays for it

    try:
        yield
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise UnsupportedImageError(f"not a readable image: {error}") from error


def _saved(image: Image.Image, image_format: str) -> bytes:
    target = BytesIO()
    image.save(target, image_format, **({"quality": _JPEG_QUALITY} if image_format == "JPEG" else {}))
    return target.getvalue()
