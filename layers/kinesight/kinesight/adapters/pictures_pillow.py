"""Annotator, and pictures as models take them, with Pillow (imported only when a picture is really touched)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from io import BytesIO
from typing import TYPE_CHECKING

from kinesight.domain.detectors.image_fit import ANY_CONTENT_TYPE, Fit, PictureForm, SentPicture, fitted, shrunk
from kinesight.domain.errors import UnsupportedImageError
from kinesight.domain.model import BoundingBox, Detection

if TYPE_CHECKING:
    from PIL import Image, ImageDraw, ImageFont

_FORMATS = {"image/jpeg": "JPEG", "image/png": "PNG", "image/bmp": "BMP", "image/gif": "GIF"}
_JPEG_QUALITY = 85
_FILTER = 2  # PIL.Image.Resampling.BILINEAR, what detectors are trained on
_BAR = (114, 114, 114)  # the grey of YOLO's letterboxes
_COLOURS = ("#e6194b", "#3cb44b", "#4363d8", "#f58231", "#911eb4", "#008080", "#9a6324", "#808000")
_MAXIMUM_PIXELS = 3840 * 2160 * 2  # twice the largest picture KVS makes; anything beyond is a bomb

_LEAST_CROP_PX = 100  # Rekognition takes 80 and more

Corners = tuple[float, float, float, float]


def prepare(form: PictureForm, picture: bytes, content_type: str) -> SentPicture:
    """The picture as a model takes it, untouched where that is so already. Raises UnsupportedImageError."""
    takes_it = form.takes(content_type, len(picture))
    if takes_it and form.takes_any_size:
        return SentPicture(picture, content_type)
    size = _size(picture)
    fit = _fit(size, form)
    if takes_it and fit == Fit.whole(size):
        return SentPicture(picture, content_type, fit)
    with _opened(picture, (fit.width, fit.height)) as image:
        wanted = content_type if form.content_type == ANY_CONTENT_TYPE else form.content_type
        return _encoded(_laid(image.convert("RGB"), fit), fit, form, wanted)


def _size(picture: bytes) -> tuple[int, int]:
    from PIL import Image  # here, so that only what touches a picture pays for the import

    with _readable():
        return Image.open(BytesIO(picture), formats=tuple(_FORMATS.values())).size


def _fit(size: tuple[int, int], form: PictureForm) -> Fit:
    if form.size is not None:
        return fitted(size, form.size, form.resize)
    return fitted(size, size if form.longest_side is None else shrunk(size, form.longest_side), "STRETCH")


def _laid(image: Image.Image, fit: Fit) -> Image.Image:
    from PIL import Image  # here, so that only what touches a picture pays for the import

    inner = image if image.size == (fit.width, fit.height) else image.resize((fit.width, fit.height), _FILTER)
    if inner.size == fit.sent:
        return inner
    canvas = Image.new("RGB", fit.sent, _BAR)
    canvas.paste(inner, (fit.left, fit.top))
    return canvas


def _encoded(image: Image.Image, fit: Fit, form: PictureForm, content_type: str) -> SentPicture:
    """Smaller and smaller, until it is within the limit. Boxes are ratios, so a smaller picture's lie as before."""
    body = _saved(image, _FORMATS[content_type])
    side = max(image.size)
    while form.size is None and form.largest_bytes is not None and len(body) > form.largest_bytes and side > 1:
        side = side * 3 // 4
        smaller = shrunk(image.size, side)
        fit = Fit.whole(smaller)
        body = _saved(image.resize(smaller, _FILTER), _FORMATS[content_type])
    return SentPicture(body, content_type, fit)


def cropped(picture: bytes, box: BoundingBox) -> tuple[bytes, BoundingBox]:
    """The part around a box as a JPEG, a tenth larger on every side and at least 100 pixels wide and high where the
    picture has them, and where it was cut. Raises UnsupportedImageError."""
    with _opened(picture) as image:
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
    """First pixel, and the one behind the last."""
    wanted_px = min(side_px, max(_LEAST_CROP_PX, round(length * side_px * 1.2)))
    first = round((start + length / 2) * side_px - wanted_px / 2)
    first = max(0, min(first, side_px - wanted_px))
    return first, first + wanted_px


class PillowAnnotator:
    """Draws a frame and a caption for each detection that has a box; one colour per label."""

    def annotate(self, picture: bytes, detections: Sequence[Detection]) -> bytes:
        """A JPEG of the same size. Raises UnsupportedImageError."""
        from PIL import ImageDraw, ImageFont  # here, so that only what draws pays for the import

        with _opened(picture) as image:
            canvas = image.convert("RGB")
        pen = ImageDraw.Draw(canvas)
        line_px = max(2, min(canvas.size) // 180)
        font = ImageFont.load_default(size=max(12, min(canvas.size) // 26))
        for colour, found in _coloured(detections):
            if found.bounding_box is not None:
                corners = _corners(found.bounding_box, canvas.size)
                pen.rectangle(corners, outline=colour, width=line_px)
                _caption(pen, f"{found.label} {found.confidence:.0f} %", corners, (colour, font))
        return _saved(canvas, "JPEG")


def _coloured(detections: Sequence[Detection]) -> Iterator[tuple[str, Detection]]:
    labels = sorted({found.label for found in detections})
    colours = {label: _COLOURS[index % len(_COLOURS)] for index, label in enumerate(labels)}
    return ((colours[found.label], found) for found in detections)


def _corners(box: BoundingBox, size: tuple[int, int]) -> Corners:
    """Pixels inside the picture, the lower right never before the upper left."""
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
    """Above the box, or inside its top where the picture ends."""
    colour, font = style
    left, top, right, bottom = pen.textbbox((0, 0), text, font=font)
    width, height = right - left + 6, bottom - top + 6
    x, y = corners[0], corners[1] - height if corners[1] >= height else corners[1]
    pen.rectangle((x, y, x + width, y + height), fill=colour)
    pen.text((x + 3 - left, y + 3 - top), text, fill="white", font=font)


@contextmanager
def _opened(picture: bytes, at_least: tuple[int, int] | None = None) -> Iterator[Image.Image]:
    """`at_least`: a JPEG is decoded no larger than it must be to have this size, which is several times faster."""
    from PIL import Image  # here, so that only what touches a picture pays for the import

    with _readable():
        image = Image.open(BytesIO(picture), formats=tuple(_FORMATS.values()))
        if image.width * image.height > _MAXIMUM_PIXELS:
            raise UnsupportedImageError(f"the picture is {image.width}x{image.height}, beyond what KVS makes")
        if at_least is not None:
            image.draft(None, at_least)
        image.load()
        yield image


@contextmanager
def _readable() -> Iterator[None]:
    from PIL import Image, UnidentifiedImageError  # here, so that only what touches a picture pays for the import

    try:
        yield
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise UnsupportedImageError(f"not a readable picture: {error}") from error


def _saved(image: Image.Image, image_format: str) -> bytes:
    target = BytesIO()
    image.save(target, image_format, **({"quality": _JPEG_QUALITY} if image_format == "JPEG" else {}))
    return target.getvalue()
