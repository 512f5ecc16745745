"""Behaviour that AWS does not document, to choose: what uses the service must work with each."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class ImageJoin(StrEnum):
    """What is between the destination's prefix and an image's name: a SLASH, NOTHING, an UNDERSCORE, or ONE_SLASH,
    which the prefix may have."""

    ONE_SLASH = "one-slash"
    SLASH = "slash"
    NOTHING = "nothing"
    UNDERSCORE = "underscore"


class Describe(StrEnum):
    """How image generation and notification settings are returned: AS_SET, with DEFAULTS for fields that were not set,
    with the destination NORMALIZED (without the slash at its end), or REWRITTEN into an address of HTTPS."""

    AS_SET = "as-set"
    DEFAULTS = "defaults"
    NORMALIZED = "normalized"
    REWRITTEN = "rewritten"


@dataclass(frozen=True, slots=True)
class Undocumented:
    """The chosen behaviour."""

    image_join: ImageJoin = ImageJoin.ONE_SLASH
    describe: Describe = Describe.AS_SET


_SEPARATORS = {ImageJoin.SLASH: "/", ImageJoin.NOTHING: "", ImageJoin.UNDERSCORE: "_"}
_DEFAULTS = {"WidthPixels": 1280, "HeightPixels": 720}


def joined(join: ImageJoin, prefix: str, name: str) -> str:
    """The key of an image."""
    if not prefix:
        return name
    if join is ImageJoin.ONE_SLASH:
        return f"{prefix.rstrip('/')}/{name}"
    return f"{prefix}{_SEPARATORS[join]}{name}"


def described(describe: Describe, settings: dict[str, Any]) -> dict[str, Any]:
    """The settings of a feature as they are returned."""
    destination = settings["DestinationConfig"]
    match describe:
        case Describe.DEFAULTS if "Format" in settings:
            quality = {"FormatConfig": {"JPEGQuality": "80"}} if settings["Format"] == "JPEG" else {}
            return {**_DEFAULTS, **quality, **settings}
        case Describe.NORMALIZED:
            return {**settings, "DestinationConfig": destination | {"Uri": destination["Uri"].rstrip("/")}}
        case Describe.REWRITTEN:
            return {**settings, "DestinationConfig": destination | {"Uri": _https(destination["Uri"])}}
        case _:
            return settings


def _https(uri: str) -> str:
    if not uri.startswith("s3://"):
        return uri
    bucket, _, prefix = uri.removeprefix("s3://").partition("/")
    return f"https://{bucket}.s3.amazonaws.com/{prefix}"
