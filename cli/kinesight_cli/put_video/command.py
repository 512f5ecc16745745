"""`kinesight put-video`: plays a video file into a stream by PutMedia."""

import enum
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from kinesight_cli.shared.console import console
from kinesight_cli.shared.every_command import changes_account
from kinesight_cli.shared.options import StreamArgument, moment, pair

app = typer.Typer()


class TagChoice(enum.StrEnum):
    """Tags of each fragment."""

    IMAGE = "image"
    NOTIFICATION = "notification"
    BOTH = "both"
    NONE = "none"


@app.command("put-video")
@changes_account
def put_video(
    stream: StreamArgument,
    file: Annotated[Path, typer.Argument(help="Video file, in any format that FFmpeg reads.")],
    tag: Annotated[TagChoice, typer.Option(help="What each fragment is tagged for.")] = TagChoice.IMAGE,
    realtime: Annotated[
        bool, typer.Option("--realtime/--fast", help="Send at the speed of the video, or as fast as possible.")
    ] = False,
    start: Annotated[
        datetime | None,
        typer.Option(parser=moment, metavar="WHEN", help="Timestamp of the first frame; UTC unless it has an offset."),
    ] = None,
    create: Annotated[bool, typer.Option(help="Create the stream if it does not exist.")] = False,
    image_prefix: Annotated[str, typer.Option(help="Prefix of the image keys (AWS_KINESISVIDEO_IMAGE_PREFIX).")] = "",
    metadata: Annotated[
        list[str] | None, typer.Option(help="Additional fragment tag, NAME=VALUE; may be repeated.")
    ] = None,
    fragment_ms: Annotated[
        int, typer.Option(min=1000, max=20_000, help="Minimum length of a fragment; it ends at the next keyframe.")
    ] = 2000,
) -> None:
    """Play a video file into a stream by PutMedia, on the local cloud or in an AWS account.

    Options, else the standard AWS variables choose the target: AWS_PROFILE, AWS_REGION, AWS_ENDPOINT_URL_KINESIS_VIDEO.
    """
    from kinesight_cli.shared.play_video import Pace, Tagging, play
    from kinesight_cli.shared.progress import shown_progress
    from kinesight_cli.shared.video_file import read_video

    both = tag is TagChoice.BOTH
    tagging = Tagging(
        image=both or tag is TagChoice.IMAGE,
        notification=both or tag is TagChoice.NOTIFICATION,
        image_prefix=image_prefix,
        metadata=tuple(pair(text) for text in metadata or ()),
    )
    with shown_progress(console) as progress:
        progress.step(f"reading {file}")
        video = read_video(file, fragment_ms=fragment_ms)
        progress.step(f"sending to {stream}" + (" (transcoded to H.264)" if video.transcoded else ""))
        total = len(video.fragments)
        sent = play(
            stream,
            video,
            tagging,
            lambda done: progress.amount("fragments", done, total),
            Pace(start, realtime, create),
        )
    console.print(f"{sent.fragments} fragments, {sent.bytes_sent / 1e6:.1f} MB, all acknowledged")
