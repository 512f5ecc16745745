"""`kinesight put-video`: plays a video file or a live source into a stream by PutMedia."""

import enum
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kinesight_cli.shared.console import console
from kinesight_cli.shared.errors import CommandError
from kinesight_cli.shared.every_command import changes_account
from kinesight_cli.shared.options import StreamArgument, moment, pair

if TYPE_CHECKING:
    from kinesight_cli.put_video.live_player import LiveOptions
    from kinesight_cli.put_video.live_source import LiveSource
    from kinesight_cli.shared.play_video import Pace, Tagging

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
    source: Annotated[
        str,
        typer.Argument(
            help="Video file, in any format that FFmpeg reads; a live source: a URL such as rtsp://…, a device such as "
            "/dev/video0; or - for standard input."
        ),
    ],
    tag: Annotated[TagChoice, typer.Option(help="What fragments are tagged for.")] = TagChoice.IMAGE,
    tag_every: Annotated[
        int, typer.Option(min=1, metavar="N", help="Tag every N-th fragment only, from the first on.")
    ] = 1,
    realtime: Annotated[
        bool,
        typer.Option("--realtime/--fast", help="Of a file: send at the speed of the video, or as fast as possible."),
    ] = False,
    start: Annotated[
        datetime | None,
        typer.Option(
            parser=moment, metavar="WHEN", help="Of a file: timestamp of the first frame; UTC unless it has an offset."
        ),
    ] = None,
    create: Annotated[bool, typer.Option(help="Create the stream if it does not exist.")] = False,
    image_prefix: Annotated[str, typer.Option(help="Prefix of the image keys (AWS_KINESISVIDEO_IMAGE_PREFIX).")] = "",
    metadata: Annotated[
        list[str] | None, typer.Option(help="Additional tag of tagged fragments, NAME=VALUE; may be repeated.")
    ] = None,
    fragment_ms: Annotated[
        int, typer.Option(min=1000, max=20_000, help="Minimum length of a fragment; it ends at the next keyframe.")
    ] = 2000,
    input_format: Annotated[
        str | None, typer.Option(metavar="NAME", help="Of a live source: FFmpeg's format, if it cannot be detected.")
    ] = None,
) -> None:
    """Play a video file or a live source into a stream by PutMedia, on the local cloud or in an AWS account.

    A live source gets the time of this machine. It is opened again whenever it ends or breaks, after 1 to 30 seconds,
    until Ctrl-C; standard input until it ends. H.264 and H.265 are not re-encoded if they are recorded upright and can
    be cut at keyframes; anything else becomes H.264.

    Options, else the standard AWS variables choose the target: AWS_PROFILE, AWS_REGION, AWS_ENDPOINT_URL_KINESIS_VIDEO.
    """
    from kinesight_cli.put_video.live_player import LiveOptions
    from kinesight_cli.put_video.live_source import LiveSource, is_live
    from kinesight_cli.shared.play_video import Pace, Tagging

    both = tag is TagChoice.BOTH
    tagging = Tagging(
        image=both or tag is TagChoice.IMAGE,
        notification=both or tag is TagChoice.NOTIFICATION,
        image_prefix=image_prefix,
        metadata=tuple(pair(text) for text in metadata or ()),
        every=tag_every,
    )
    if not is_live(source) and input_format is None:
        _play_file(stream, Path(source), tagging, Pace(start, realtime, create), fragment_ms)
    elif start is not None:
        raise CommandError("--start is for files: a live source gets the time of this machine. Leave it out")
    else:
        _play_live(stream, LiveSource(source, input_format), LiveOptions(tagging, fragment_ms, create))


def _play_file(stream: str, file: Path, tagging: "Tagging", pace: "Pace", fragment_ms: int) -> None:
    from kinesight_cli.shared.play_video import play
    from kinesight_cli.shared.progress import shown_progress
    from kinesight_cli.shared.video_file import read_video

    with shown_progress(console) as progress:
        progress.step(f"reading {file}")
        video = read_video(file, fragment_ms=fragment_ms)
        if video.note:
            progress.step(f"note: {video.note}")
        progress.step(f"sending to {stream}" + (" (transcoded to H.264)" if video.transcoded else ""))
        total = len(video.fragments)
        sent = play(stream, video, tagging, lambda done: progress.amount("fragments", done, total), pace)
    console.print(f"{sent.fragments} fragments, {sent.bytes_sent / 1e6:.1f} MB, all acknowledged")


def _play_live(stream: str, source: "LiveSource", options: "LiveOptions") -> None:
    from kinesight_cli.put_video.live_player import LivePlayer, LiveSummary
    from kinesight_cli.shared.progress import shown_progress

    summary = LiveSummary()
    try:
        with shown_progress(console) as progress:
            player = LivePlayer(source, stream, options, progress, summary)
            with _stopped_by_signals(player.stop):
                player.run()
    finally:
        console.print(str(summary))


@contextmanager
def _stopped_by_signals(stop: Callable[[], None]) -> Iterator[None]:
    """Has the first SIGINT (Ctrl-C) or SIGTERM stop the player; the second one ends the program."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    previous = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def restore() -> None:
        for number, handler in previous.items():
            signal.signal(number, handler)

    def handle(_number: int, _frame: object) -> None:
        restore()
        stop()

    for number in previous:
        signal.signal(number, handle)
    try:
        yield
    finally:
        restore()
