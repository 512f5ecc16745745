"""`kinesight timelapse`: a time-lapse video of a time range."""

from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from kinesight_cli.shared.console import console, errors, show
from kinesight_cli.shared.errors import CommandError
from kinesight_cli.shared.every_command import changes_account
from kinesight_cli.shared.options import (
    FollowOption,
    FromOption,
    JsonOption,
    SelectorChoice,
    SelectorOption,
    Size,
    StackOption,
    StreamArgument,
    ToOption,
    duration_ms,
    size,
)
from kinesight_cli.shared.run_analysis import range_input, run_analysis

app = typer.Typer()

_DEFAULT_LENGTH_S = 60
_LEAST_DEFAULT_MS = 1000


@app.command()
@changes_account
def timelapse(
    stream: StreamArgument,
    begin: FromOption,
    end: ToOption,
    every: Annotated[
        int | None,
        typer.Option(
            parser=duration_ms,
            metavar="TIME",
            help="Time between frames, such as 10s or 1m. Default: what results in one minute of video.",
        ),
    ] = None,
    fps: Annotated[int, typer.Option(min=1, max=60, help="Frames per second of the video.")] = 10,
    sides: Annotated[
        Size | None,
        typer.Option(
            "--size",
            parser=size,
            metavar="WxH",
            help="Size of the video, such as 1280x720. Default: the camera's, up to 720p.",
        ),
    ] = None,
    timestamp: Annotated[bool, typer.Option("--timestamp/--no-timestamp", help="Burn the time into the video.")] = True,
    out: Annotated[
        Path | None, typer.Option(dir_okay=False, help="File of the video; the poster image is saved beside it.")
    ] = None,
    selector: SelectorOption = SelectorChoice.PRODUCER,
    stack: StackOption = "kinesight",
    direct: Annotated[
        bool, typer.Option("--direct", help="Get the images and make the video on this machine; no stack is needed.")
    ] = False,
    follow: FollowOption = True,
    as_json: JsonOption = False,
) -> None:
    """Make a time-lapse video of a time range: an MP4 and a poster image. The video shows gaps in the recording."""
    options: dict[str, object] = {"FramesPerSecond": fps, "BurnTimestamp": timestamp}
    options |= {"WidthPixels": sides.width, "HeightPixels": sides.height} if sides else {}
    workflow_input = range_input(stream, begin, end, every or _default_interval_ms(begin, end, fps), selector)
    workflow_input |= {"Detector": "NONE", "Timelapse": options}
    video = out or Path(f"{stream}-{begin:%Y%m%dT%H%M%S}.mp4")
    poster = _poster(video)
    if direct:
        _make_directly(workflow_input, video, poster, as_json=as_json)
        return
    summary = run_analysis(stack, workflow_input, follow=follow, as_json=as_json)
    if summary is not None:
        _download(summary, video, poster, as_json=as_json)


def _poster(video: Path) -> Path:
    """Returns the file beside the video. Raises CommandError if it is the video's, or the folder does not exist."""
    poster = video.with_suffix(".jpg")
    if poster == video:
        raise CommandError(f"{video} is the file of the poster image: pass the video's as --out, such as day.mp4")
    if not video.parent.is_dir():
        raise CommandError(f"the folder {video.parent} does not exist: create it, or pass another --out")
    return poster


def _make_directly(workflow_input: dict[str, object], video: Path, poster: Path, *, as_json: bool) -> None:
    from kinesight_cli.shared.progress import shown_progress
    from kinesight_cli.timelapse.direct import make_timelapse

    with shown_progress(errors if as_json else console) as progress:
        progress.step("getting images")
        facts = make_timelapse(
            workflow_input, video, poster, lambda done, total: progress.amount("windows", done, total)
        )
    _show(facts, video, poster, as_json=as_json)


def _download(summary: dict[str, Any], video: Path, poster: Path, *, as_json: bool) -> None:
    from kinesight_cli.shared.progress import shown_progress
    from kinesight_cli.timelapse.download import download

    with shown_progress(errors if as_json else console) as progress:
        progress.step("downloading")
        download(summary["timelapse"]["video"], video, lambda done, of: progress.amount("bytes", done, of))
        download(summary["timelapse"]["poster"], poster, lambda _done, _of: None)
    facts = {name: summary[name] for name in ("requested", "extracted", "decoded", "missing", "cost")}
    _show(facts, video, poster, as_json=as_json)


def _show(facts: dict[str, Any], video: Path, poster: Path, *, as_json: bool) -> None:
    show(facts | ({"video": str(video), "poster": str(poster)} if as_json else {}), as_json=as_json)
    if not as_json:
        console.print(f"Video: {video}\nPoster: {poster}", soft_wrap=True)


def _default_interval_ms(begin: datetime, end: datetime, fps: int) -> int:
    return max(_LEAST_DEFAULT_MS, round((end - begin).total_seconds() * 1000 / (fps * _DEFAULT_LENGTH_S)))
