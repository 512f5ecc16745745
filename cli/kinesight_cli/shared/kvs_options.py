"""Options that choose what AWS does not document of Kinesis Video Streams."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

import typer

if TYPE_CHECKING:
    from kinesight_local.kvs.undocumented import Undocumented

ImageJoinName = Literal["one-slash", "slash", "nothing", "underscore"]
DescribeName = Literal["as-set", "defaults", "normalized", "rewritten"]

ImageJoinOption = Annotated[
    ImageJoinName,
    typer.Option(help="What is between the destination's prefix and an image's name (docs/local-kvs.md)."),
]
DescribeOption = Annotated[
    DescribeName, typer.Option(help="How image generation and notification settings are returned (docs/local-kvs.md).")
]


def undocumented(image_join: ImageJoinName, describe: DescribeName) -> Undocumented:
    """Returns the chosen behaviour of the emulator."""
    from kinesight_local.kvs.undocumented import Describe, ImageJoin, Undocumented

    return Undocumented(ImageJoin(image_join), Describe(describe))
