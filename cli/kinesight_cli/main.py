"""`kinesight`: commands for people. Heavy imports wait until a command needs them."""

import enum
import logging
import signal
import sys
import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

app = typer.Typer(no_args_is_help=True, add_completion=False, help="Machine learning on Kinesis Video Streams cameras.")
local = typer.Typer(no_args_is_help=True, help="The local cloud: AWS on this machine.")
kvs = typer.Typer(no_args_is_help=True, help="The Kinesis Video Streams emulator by itself.")
app.add_typer(local, name="local")
app.add_typer(kvs, name="kvs")

console = Console()
errors = Console(stderr=True)

PROJECT_DIR = Path(__file__).resolve().parents[2]
STATE_DIR = Path(".kinesight")


def _moment(text: str) -> datetime:
    """ISO 8601; UTC unless it says otherwise."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise typer.BadParameter(
            f"{text!r} is no date and time, such as 2026-11-20T02:00 or 2026-11-20T02:00+01:00"
        ) from error
    return moment.replace(tzinfo=moment.tzinfo or UTC)


class TagChoice(enum.StrEnum):
    """What fragments are tagged for."""

    IMAGE = "image"
    NOTIFICATION = "notification"
    BOTH = "both"
    NONE = "none"


class SelectorChoice(enum.StrEnum):
    """The two clocks of a stream."""

    PRODUCER = "PRODUCER_TIMESTAMP"
    SERVER = "SERVER_TIMESTAMP"


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
    from kinesight_cli.demo import run_demo
    from kinesight_cli.progress import shown_progress

    with _explained(), shown_progress(console) as progress:
        summary, cloud = run_demo(PROJECT_DIR, STATE_DIR.resolve(), video, report_dir, progress)
    try:
        table = Table("", "", show_header=False)
        for name, value in summary.document().items():
            if not isinstance(value, dict):
                table.add_row(_words(name), str(value))
        table.add_row("labels", ", ".join(f"{label} × {count}" for label, count in summary.labels.items()) or "none")
        console.print(table)
        console.print(f"Report: {report_dir / 'index.html'}")
        if keep:
            _print_exports(cloud.endpoints)
            _until_interrupted()
    finally:
        cloud.stop()
    if summary.lost:
        for problem in summary.problems:
            errors.print(f"[red]{problem}[/red]")
        errors.print(f"Logs of the functions: {STATE_DIR / 'logs'}")
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
            parser=_moment, metavar="WHEN", help="When the first frame happened (UTC unless it says otherwise)."
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
        metadata=tuple(_pair(text) for text in metadata or ()),
    )
    with _explained(), shown_progress(console) as progress:
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


@app.command()
def analyze(
    stream: Annotated[str, typer.Argument(help="The stream's name.")],
    begin: Annotated[
        datetime,
        typer.Option(
            "--from", parser=_moment, metavar="WHEN", help="Where the range begins (UTC unless it says otherwise)."
        ),
    ],
    end: Annotated[datetime, typer.Option("--to", parser=_moment, metavar="WHEN", help="Where it ends.")],
    interval_ms: Annotated[
        int, typer.Option(min=200, help="Milliseconds between pictures; each is a paid call.")
    ] = 1000,
    selector: Annotated[SelectorChoice, typer.Option(help="Whose clock.")] = SelectorChoice.PRODUCER,
    label: Annotated[list[str] | None, typer.Option(help="A label that matters; may be repeated.")] = None,
    minimum_confidence: Annotated[float | None, typer.Option(min=0, max=100, help="Percent.")] = None,
    stack: Annotated[str, typer.Option(help="The deployed stack.")] = "kinesight",
    follow: Annotated[
        bool, typer.Option("--follow/--no-follow", help="Wait for the end and print the summary.")
    ] = True,
) -> None:
    """Analyze a time range of a stream: every picture at an interval, on the local cloud or in a real account."""
    from kinesight_cli import analyzing
    from kinesight_cli.progress import shown_progress

    wanted: dict[str, object] = {
        "StreamName": stream,
        "StartTimestamp": begin.isoformat(),
        "EndTimestamp": end.isoformat(),
        "ImageSelectorType": selector.value,
        "SamplingInterval": interval_ms,
    }
    wanted |= {"Labels": label} if label else {}
    wanted |= {"MinimumConfidence": minimum_confidence} if minimum_confidence is not None else {}
    with _explained(), shown_progress(console) as progress:
        execution = analyzing.start(stack, wanted)
        progress.step(f"execution {execution.name}")
        summary = (
            analyzing.follow(execution, lambda done, all_: progress.amount("windows", done, all_)) if follow else None
        )
    if summary is None:
        console.print(execution.arn, soft_wrap=True, highlight=False)
        return
    table = Table("", "", show_header=False)
    for name, value in summary.items():
        if isinstance(value, dict):
            value = ", ".join(f"{key} × {count}" for key, count in value.items()) or "none"
        table.add_row(_words(name), str(value))
    console.print(table)


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

    chosen = dict(_pair(text) for text in parameter or ())
    if not {"StreamNames", "TagFilters"} & set(chosen):
        chosen["StreamNames"] = "*"
    with _explained(), shown_progress(console) as progress:
        cloud = LocalCloud(PROJECT_DIR, data_dir.resolve(), chosen)
        try:
            cloud.start_services()
            cloud.ensure_stream(stream)
            cloud.deploy(progress.step)
        except BaseException:
            cloud.stop()
            raise
    try:
        _print_exports(cloud.endpoints)
        for name, value in cloud.outputs.items():
            console.print(f"# {name}: {value}", soft_wrap=True, highlight=False)
        console.print(f"# then, in another shell: kinesight put-video {stream} FILE --tag image", highlight=False)
        console.print("# other streams are attached within five minutes of being made", highlight=False)
        _until_interrupted()
    finally:
        cloud.stop()


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
    with _explained():
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


class _explained:  # noqa: N801 - used like a function
    """Errors that a person can do something about end the command with a sentence, not a traceback."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if error is not None and type(error).__name__ in _EXPLAINED:
            errors.print(f"[red]error:[/red] {error}", soft_wrap=True, highlight=False)
            raise typer.Exit(1) from error


_EXPLAINED = frozenset(
    {
        "AddressUnavailableError",
        "AnalysisError",
        "BuildFailedError",
        "InvalidFaultsError",
        "DeploymentFailedError",
        "InvalidTemplateError",
        "ProducerError",
        "UnreadableStateError",
        "UnusableVideoError",
    }
)


def _pair(text: str) -> tuple[str, str]:
    name, separator, value = text.partition("=")
    if not separator or not name:
        raise typer.BadParameter(f"{text!r} is not NAME=VALUE")
    return name, value


def _seed(text: str) -> tuple[str, int]:
    """A day of retention unless it is said."""
    name, separator, hours = text.partition("=")
    if not name or (separator and not hours.isdecimal()):
        raise typer.BadParameter(f"{text!r} is neither NAME nor NAME=HOURS")
    return name, int(hours or 24)


def _words(name: str) -> str:
    """imagesGenerated → images generated."""
    return "".join(f" {character.lower()}" if character.isupper() else character for character in name)


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
