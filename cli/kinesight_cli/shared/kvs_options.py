"""Options that choose what AWS does not document of Kinesis Video Streams."""

from typing import Annotated

import typer
from kinesight_local.kvs.undocumented import Describe, ImageJoin

ImageJoinOption = Annotated[
    ImageJoin, typer.Option(help="What is between the destination's prefix and an image's name (docs/local-kvs.md).")
]
DescribeOption = Annotated[
    Describe, typer.Option(help="How image generation and notification settings are returned (docs/local-kvs.md).")
]
