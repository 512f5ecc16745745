"""`kinesight`: commands for people. Heavy imports wait until a command needs them."""

import enum
import logging
import signal
import sys
import threading
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from kinesight_cli import diagnose, estimate, on_demand, redrive, replay, trace
from kinesight_cli.migrate import migrate
from kinesight_cli.options import console, errors, explained, moment, pair, show
from kinesight_cli.rules import rules

app = typer.Typer(no_args_is_help=True, add_completion=False, help="Machine learning on Kinesis Video Streams cameras.")
local = typer.Typer(no_args_is_help=True, help="The local cloud: AWS on this machine.")
kvs = typer.Typer(no_args_is_help=True, help="The Kinesis Video Streams emulator by itself.")
app.add_typer(local, name="local")
app.add_typer(kvs, name="kvs")
app.add_typer(rules, name="rules")
app.add_typer(migrate, name="migrate")
app.command()(on_demand.analyze)
app.command()(on_demand.timelapse)
app.command()(replay.replay)
app.command()(trace.trace)
app.command()(redrive.redrive)
app.command()(estimate.estimate)
app.command()(diagnose.doctor)

PROJECT_DIR = Path(__file__).resolve().parents[2]
STATE_DIR = Path(".kinesight")


class TagChoice(enum.StrEnum):
    """What fragments are tagged for."""

    IMAGE = "image"
    NOTIFICATION = "notification"
    BOTH = "both"
    NONE = "none"


@app.callback()
def _settings(debug: Annotated[bool, typer.Option(help="Say more about what happens.")] = False) -> None:
    logging.basicConfig(level=logging.DEBUG if debug else logging.ERROR, format="%(levelname)s %(name)s: %(message)s")


@app.command()
def demo(
    video: Annotated[
        Path | None, typer.Option(help="A video of your own; any file that FFmpeg's libraries read.")
    ] = None,
    report_dir: Annotated[Path, typer.Option(help="Where the report goes.")] = Path("demo-report"),
    keep: Annotated[bool, typer.Option(help="Leave the local cloud running until Ctrl-C.")] = False,
) -> None:
    """Run the whole pipeline on this machine, and account for every picture."""
    from kinesight_cli.demo import demo_cloud, run_demo
    from kinesight_cli.estimate import show_calls
    from kinesight_cli.progress import shown_progress

    with demo_cloud(PROJECT_DIR, STATE_DIR.resolve()) as cloud:
        with explained(), shown_progress(console) as progress:
            summary = run_demo(cloud, video, report_dir, progress)
        show({name: value for name, value in summary.document().items() if name != "calls"})
        if summary.calls:
            show_calls(summary.calls)
        if summary.lost:
            for problem in summary.problems:
                errors.print(f"[red]{problem}[/red]")
            errors.print(f"Logs of the functions: {STATE_DIR / 'logs'}")
        console.print(f"Report: {report_dir / 'index.html'}")
        console.print(f"Viewer: {cloud.outputs['ViewerUrl']}", soft_wrap=True, highlight=False)
        if keep:
            console.print("It runs until Ctrl-C. These let kinesight and the AWS CLI in another shell speak to it:")
            _print_exports(cloud.endpoints)
            _until_interrupted()
        else:
            console.print("It ends with this command; --keep leaves it running.")
    if summary.lost:
        raise typer.Exit(1)


@app.command("put-video")
def put_video(
    stream: Annotated[str, typer.Argument(help="The stream's name.")],
    file: Annotated[Path, typer.Argument(help="Any video that FFmpeg's libraries read.")],
    tag: Annotated[TagChoice, typer.Option(help="What every fragment is tagged for.")] = TagChoice.IMAGE,
    realtime: Annotated[
        bool, typer.Option("--realtime/--fast", help="At the video's own speed, or as fast as accepted.")
    ] = False,
    start: Annotated[
        datetime | None,
        typer.Option(
            parser=moment, metavar="WHEN", help="When the first frame happened (UTC unless it says otherwise)."
        ),
    ] = None,
    create: Annotated[bool, typer.Option(help="Create the stream if there is none.")] = False,
    image_prefix: Annotated[str, typer.Option(help="Prefix of the pictures' names.")] = "",
    metadata: Annotated[list[str] | None, typer.Option(help="A tag of your own, NAME=VALUE; may be repeated.")] = None,
    fragment_ms: Annotated[
        int, typer.Option(min=1000, max=20_000, help="Length of fragments; keyframes decide.")
    ] = 2000,
) -> None:
    """Play a video file into a stream by PutMedia, on the local cloud or in a real account.

    The standard AWS variables say where: AWS_PROFILE, AWS_REGION, AWS_ENDPOINT_URL_KINESIS_VIDEO.
    """
    from kinesight_cli.fragmenting import read_video
    from kinesight_cli.producing import Pace, Tagging, play
    from kinesight_cli.progress import shown_progress

    both = tag is TagChoice.BOTH
    tagging = Tagging(
        image=both or tag is TagChoice.IMAGE,
        notification=both or tag is TagChoice.NOTIFICATION,
        image_prefix=image_prefix,
        metadata=tuple(pair(text) for text in metadata or ()),
    )
    with explained(), shown_progress(console) as progress:
        progress.step(f"reading {file}")
        video = read_video(file, fragment_ms=fragment_ms)
        progress.step(f"sending to {stream}" + (" (encoded anew as H.264)" if video.encoded else ""))
        total = len(video.fragments)
        sent = play(
            stream,
            video,
            tagging,
            lambda done: progress.amount("fragments", done, total),
            Pace(start, realtime, create),
        )
    console.print(f"{sent.fragments} fragments, {sent.bytes_sent / 1e6:.1f} MB, all acknowledged")


@local.command("up")
def local_up(
    parameter: Annotated[
        list[str] | None, typer.Option(help="A parameter of the template, Name=Value; may be repeated.")
    ] = None,
    stream: Annotated[str, typer.Option(help="A stream to make, if there is none of that name.")] = "my-camera",
    data_dir: Annotated[Path, typer.Option(help="Where streams, builds and logs are kept.")] = STATE_DIR,
) -> None:
    """Start the local cloud with the stack deployed, until Ctrl-C."""
    from kinesight_local.cloud import LocalCloud

    from kinesight_cli.progress import shown_progress

    chosen = dict(pair(text) for text in parameter or ())
    if not {"StreamNames", "TagFilters"} & set(chosen):
        chosen["StreamNames"] = "*"
    chosen.setdefault("EnableViewer", "ENABLED")
    with LocalCloud(PROJECT_DIR, data_dir.resolve(), chosen) as cloud:
        with explained(), shown_progress(console) as progress:
            cloud.ensure_stream(stream)
            cloud.deploy(progress.step)
        _print_exports(cloud.endpoints)
        for name, value in cloud.outputs.items():
            console.print(f"# {name}: {value}", soft_wrap=True, highlight=False)
        console.print(f"# then, in another shell: kinesight put-video {stream} FILE --tag image", highlight=False)
        console.print("# other streams are attached within five minutes of being made", highlight=False)
        _until_interrupted()


@kvs.command("serve")
def kvs_serve(
    port: Annotated[int, typer.Option(help="0 takes a free one.")] = 4580,
    data_dir: Annotated[Path, typer.Option(help="Where streams and fragments are kept.")] = STATE_DIR / "kvs",
    region: Annotated[str, typer.Option(help="The Region in ARNs.")] = "us-east-1",
    account_id: Annotated[str, typer.Option(help="The account in ARNs.")] = "123456789012",
    stream: Annotated[
        list[str] | None,
        typer.Option(help="A stream to make unless it is there, NAME or NAME=HOURS of retention; may be repeated."),
    ] = None,
    enforce_quotas: Annotated[bool, typer.Option(help="Refuse what the documented quotas refuse.")] = False,
    faults: Annotated[
        Path | None, typer.Option(help="A JSON file of trouble on purpose; docs/local-kvs.md says how.")
    ] = None,
    host: Annotated[str, typer.Option(help="0.0.0.0 lets other machines in; nothing asks who they are.")] = "127.0.0.1",
) -> None:
    """Serve Kinesis Video Streams, until Ctrl-C."""
    from kinesight_local.kvs.faults import Faults
    from kinesight_local.kvs.quotas import Limits
    from kinesight_local.kvs.server import KvsServer

    seeds = [_seed(text) for text in stream or ()]
    with explained():
        server = KvsServer(
            data_dir,
            host,
            port,
            region=region,
            account_id=account_id,
            limits=Limits() if enforce_quotas else None,
            faults=Faults.load(faults) if faults else None,
        )
    with server:
        for name, hours in seeds:
            server.service.streams.ensure(name, retention_hours=hours)
        _print_exports(
            {
                "AWS_ENDPOINT_URL_KINESIS_VIDEO": server.url,
                "AWS_ENDPOINT_URL_KINESIS_VIDEO_MEDIA": server.url,
                "AWS_ENDPOINT_URL_KINESIS_VIDEO_ARCHIVED_MEDIA": server.url,
                "CONTROL_PLANE_URI": server.url,
                "AWS_ACCESS_KEY_ID": "local",
                "AWS_SECRET_ACCESS_KEY": "local",
                "AWS_DEFAULT_REGION": region,
            }
        )
        _until_interrupted()


def _seed(text: str) -> tuple[str, int]:
    """A day of retention unless it is said."""
    name, separator, hours = text.partition("=")
    if not name or (separator and not hours.isdecimal()):
        raise typer.BadParameter(f"{text!r} is neither NAME nor NAME=HOURS")
    return name, int(hours or 24)


def _print_exports(variables: dict[str, str]) -> None:
    for name, value in variables.items():
        console.print(f"export {name}={value}", soft_wrap=True, highlight=False)


def _until_interrupted() -> None:
    stopping = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopping.set())
    sys.stdout.flush()
    stopping.wait()


if __name__ == "__main__":
    app()
