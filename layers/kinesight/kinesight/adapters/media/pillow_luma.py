"""LumaReader on Pillow, which is imported only when an image is read."""

from __future__ import annotations

from io import BytesIO

from kinesight.domain.errors import UnsupportedImageError
from kinesight.domain.gate.image_difference import COLUMNS, ROWS

_FORMATS = ("JPEG", "PNG")
_MAXIMUM_PIXELS = 3840 * 2160 * 2  # twice the largest image of KVS; a larger one is a decompression bomb


class PillowLuma:
    """Decodes a JPEG at an eighth of its size and without color, to save most of the work."""

    def luma(self, body: bytes) -> bytes:
        """Returns one byte per block, the mean of its pixels. Raises UnsupportedImageError."""
        from PIL import Image, UnidentifiedImageError  # imported here, so that only an enabled gate pays for it

        try:
            with Image.open(BytesIO(body), formats=_FORMATS) as image:
                if image.width * image.height > _MAXIMUM_PIXELS:
                    raise UnsupportedImageError(
                        f"the image has {image.width}x{image.height} pixels; the limit is {_MAXIMUM_PIXELS}"
                    )
                image.draft("L", (COLUMNS, ROWS))
                return image.convert("L").resize((COLUMNS, ROWS), Image.Resampling.BOX).tobytes()
        except (UnidentifiedImageError, OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
            raise UnsupportedImageError(f"not a readable image: {error}") from error
