"""LumaReader with Pillow (imported only when a picture is really read)."""

from __future__ import annotations

from io import BytesIO

from kinesight.domain.errors import UnsupportedImageError
from kinesight.domain.gate.image_difference import COLUMNS, ROWS

_FORMATS = ("JPEG", "PNG")
_MAXIMUM_PIXELS = 3840 * 2160 * 2  # twice the largest picture KVS makes; anything beyond is a bomb


class PillowLuma:
    """A JPEG is decoded at an eighth of its size, without its colours: most of the work is never done."""

    def luma(self, picture: bytes) -> bytes:
        """Each block is the mean of its pixels. Raises UnsupportedImageError."""
        from PIL import Image, UnidentifiedImageError  # here, so that only a gate that is on pays for the import

        try:
            with Image.open(BytesIO(picture), formats=_FORMATS) as image:
                if image.width * image.height > _MAXIMUM_PIXELS:
                    raise UnsupportedImageError(f"the picture is {image.width}x{image.height}, beyond what KVS makes")
                image.draft("L", (COLUMNS, ROWS))
                return image.convert("L").resize((COLUMNS, ROWS), Image.Resampling.BOX).tobytes()
        except (UnidentifiedImageError, OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
            raise UnsupportedImageError(f"not a readable picture: {error}") from error
