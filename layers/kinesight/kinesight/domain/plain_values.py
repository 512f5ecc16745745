"""Values of models, cameras and other producers of records, as types that can always be stored as JSON.

`Text` and `PLAIN` change what cannot be stored; numbers that are not finite, or out of their range, are refused.
"""

import math
from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints, ValidationError

_MOST_DEPTH = 32
_MOST_PROBLEM_CHARACTERS = 300
_ROUNDING = 0.01  # a sum of probabilities as 32-bit floats, in percent
_FARTHEST_RATIO = 1000.0


def storable(text: str) -> str:
    """Returns the text with every lone surrogate, which UTF-8 cannot encode, as U+FFFD."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text


def shortened(text: str, most: int) -> str:
    """Returns at most so many characters, the last of them `…` if some were cut."""
    return text if len(text) <= most else text[: most - 1] + "…"


def plain_json(value: Any, depth: int = 0) -> Any:
    """Returns a value that JSON can express: null for numbers that are not finite and below 32 levels, the text of any
    other object."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return storable(value)
    if isinstance(value, int | float):
        return value if isinstance(value, int) or math.isfinite(value) else None
    if depth >= _MOST_DEPTH:
        return None
    if isinstance(value, Mapping):
        return {storable(str(key)): plain_json(one, depth + 1) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [plain_json(one, depth + 1) for one in value]
    return storable(str(value))


def describe(error: ValidationError) -> str:
    """Returns the first problem of a document in one short line, such as `frame.streamName: …`."""
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    where = ".".join(str(part) for part in first["loc"])
    more = f", and {error.error_count() - 1} more" if error.error_count() > 1 else ""
    return shortened(storable(f"{where}: {first['msg']}" if where else first["msg"]), _MOST_PROBLEM_CHARACTERS) + more


def _at_most(most: int) -> BeforeValidator:
    return BeforeValidator(lambda value: shortened(storable(value), most) if isinstance(value, str) else value)


def _confidence(percent: float) -> float:
    if not -_ROUNDING <= percent <= 100 + _ROUNDING:
        raise ValueError("a confidence is 0 to 100")
    return min(max(percent, 0.0), 100.0)


Text = Annotated[str, _at_most(4096)]
"""At most 4,096 characters."""

Label = Annotated[str, StringConstraints(min_length=1), _at_most(256)]
"""1 to 256 characters."""

StreamName = Annotated[str, StringConstraints(pattern=r"^[a-zA-Z0-9_.-]{1,256}$")]
"""As CreateStream takes them (API_CreateStream)."""

Identity = Annotated[str, StringConstraints(pattern=r"^[a-zA-Z0-9_.-]{1,128}$")]
"""Part of S3 keys."""

Percent = Annotated[float, Field(allow_inf_nan=False), AfterValidator(_confidence)]
"""0 to 100; a value beyond it by rounding is set to it."""

Ratio = Annotated[float, Field(allow_inf_nan=False, ge=-_FARTHEST_RATIO, le=_FARTHEST_RATIO)]
"""A position in ratios of the image size."""

Extent = Annotated[float, Field(allow_inf_nan=False, ge=0, le=_FARTHEST_RATIO)]
"""A length in ratios of the image size."""

PLAIN = BeforeValidator(plain_json)
"""Of a field that holds any JSON."""
