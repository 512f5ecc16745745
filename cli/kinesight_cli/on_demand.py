"""`kinesight analyze` and `kinesight timelapse`: the on-demand workflow, on the local cloud or in a real account."""

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from kinesight.domain.detectors.catalogue import DETECTORS, known_detector

from kinesight_cli.options import (
    FollowOption,
    FromOption,
    SelectorChoice,
    SelectorOption,
    Size,
    StackOption,
    StreamArgument,
    ToOption,
    console,
    duration_ms,
    explained,
    show,
    size,
)

_DEFAULT_FILM_S = 60
_LEAST_DEFAULT_MS = 1000


def detector_name(value: str) -> str:
    """A name of the catalogue, in any case of letters."""
    try:
        return known_detector(value.upper())
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error


def analyze(
    stream: StreamArgument,
    begin: FromOption,
    end: ToOption,
    interval_ms: Annotated[
        int, typer.Option(min=200, help="Milliseconds between pictures; each is a paid call.")
    ] = 1000,
    selector: SelectorOption = SelectorChoice.PRODUCER,
    detector: Annotated[
        str | None,
        typer.Option(
            parser=detector_name, metavar=f"[{'|'.join(DETECTORS)}]", help="Another detector than the stack's."
        ),
    ] = None,
    label: Annotated[list[str] | None, typer.Option(help="A label that matters; may be repeated.")] = None,
    minimum_confidence: Annotated[float | None, typer.Option(min=0, max=100, help="Percent.")] = None,
    stack: StackOption = "kinesight",
    follow: FollowOption = True,
) -> None:
    """Analyze a time range of a stream: every picture at an interval, on the local cloud or in a real account."""
    wanted = _range(stream, begin, end, interval_ms, selector)
    wanted |= {"Labels": label} if label else {}
    wanted |= {"MinimumConfidence": minimum_confidence} if minimum_confidence is not None else {}
    wanted |= {"Detector": detector} if detector is not None else {}
    summary = _run(stack, wanted, follow=follow)
    if summary is not None:
        show(summary)


def timelapse(
    stream: StreamArgument,
    begin: FromOption,
    end: ToOption,
    every: Annotated[
        int | None,
        typer.Option(
            parser=duration_ms,
            metavar="TIME",
            help="Time between frames, such as 10s or 1m. Without it, what makes a minute of video.",
        ),
    ] = None,
    fps: Annotated[int, typer.Option(min=1, max=60, help="Frames per second of the video.")] = 10,
    sides: Annotated[
        Size | None,
        typer.Option("--size", parser=size, metavar="WxH", help="Such as 1280x720; else the camera's, up to 720p."),
    ] = None,
    timestamp: Annotated[bool, typer.Option("--timestamp/--no-timestamp", help="Burn the time into the video.")] = True,
    out: Annotated[
        Path | None, typer.Option(dir_okay=False, help="Where the video goes; the poster picture lies beside it.")
    ] = None,
    selector: SelectorOption = SelectorChoice.PRODUCER,
    stack: StackOption = "kinesight",
    follow: FollowOption = True,
) -> None:
    """Make a time-lapse video of a time range: an MP4 and a poster picture; gaps in the recording are seen as gaps."""
    from kinesight_cli import analyzing
    from kinesight_cli.progress import shown_progress

    wanted = _range(stream, begin, end, every or _default_interval_ms(begin, end, fps), selector)
    film: dict[str, object] = {"FramesPerSecond": fps, "BurnTimestamp": timestamp}
    film |= {"WidthPixels": sides.width, "HeightPixels": sides.height} if sides else {}
    summary = _run(stack, wanted | {"Detector": "NONE", "Timelapse": film}, follow=follow)
    if summary is None:
        return
    video = out or Path(f"{stream}-{begin:%Y%m%dT%H%M%S}.mp4")
    poster = video.with_suffix(".jpg")
    with explained(), shown_progress(console) as progress:
        progress.step("downloading")
        analyzing.download(summary["timelapse"]["video"], video, lambda done, of: progress.amount("bytes", done, of))
        analyzing.download(summary["timelapse"]["poster"], poster, lambda _done, _of: None)
    show({name: summary[name] for name in ("asked", "found", "decoded", "missing", "cost")})
    console.print(f"Video: {video}\nPoster: {poster}", soft_wrap=True, highlight=False)


def _range(
    stream: str, begin: datetime, end: datetime, interval_ms: int, selector: SelectorChoice
) -> dict[str, object]:
    return {
        "StreamName": stream,
        "StartTimestamp": begin.isoformat(),
        "EndTimestamp": end.isoformat(),
        "ImageSelectorType": selector.value,
        "SamplingInterval": interval_ms,
    }


def _default_interval_ms(begin: datetime, end: datetime, fps: int) -> int:
    return max(_LEAST_DEFAULT_MS, round((end - begin).total_seconds() * 1000 / (fps * _DEFAULT_FILM_S)))


def _run(stack: str, wanted: Mapping[str, object], *, follow: bool) -> dict[str, Any] | None:
    """The summary, or None after saying which execution was started."""
    from kinesight_cli import analyzing
    from kinesight_cli.progress import shown_progress

    with explained(), shown_progress(console) as progress:
        execution = analyzing.start(stack, wanted)
        progress.step(f"execution {execution.name}")
        if follow:
            return analyzing.follow(execution, lambda done, all_: progress.amount("windows", done, all_))
    console.print(execution.arn, soft_wrap=True, highlight=False)
    return None
