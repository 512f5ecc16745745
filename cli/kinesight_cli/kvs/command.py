"""`kinesight kvs`: the Kinesis Video Streams emulator without the rest of the local cloud."""

from pathlib import Path
from typing import Annotated

import typer

from kinesight_cli.shared.kvs_options import DescribeOption, ImageJoinOption, undocumented
from kinesight_cli.shared.paths import STATE_DIR
from kinesight_cli.shared.serving import print_exports, wait_for_interrupt

app = typer.Typer(name="kvs", no_args_is_help=True, help="The Kinesis Video Streams emulator.")

_DEFAULT_RETENTION_HOURS = 24


@app.command("serve")
def serve(
    port: Annotated[int, typer.Option(help="Port to listen on; 0 takes a free one.")] = 4580,
    data_dir: Annotated[Path, typer.Option(help="Folder of streams and fragments.")] = STATE_DIR / "kvs",
    region: Annotated[str, typer.Option(help="Region in ARNs.")] = "us-east-1",
    account_id: Annotated[str, typer.Option(help="Account ID in ARNs.")] = "123456789012",
    stream: Annotated[
        list[str] | None,
        typer.Option(
            help="Stream to create if it does not exist: NAME, or NAME=HOURS with its retention; may be repeated."
        ),
    ] = None,
    enforce_quotas: Annotated[bool, typer.Option(help="Reject what exceeds the documented quotas.")] = False,
    faults: Annotated[
        Path | None, typer.Option(help="JSON file that configures fault injection (docs/local-kvs.md).")
    ] = None,
    image_join: ImageJoinOption = "one-slash",
    describe: DescribeOption = "as-set",
    host: Annotated[
        str, typer.Option(help="Address to listen on. 0.0.0.0 accepts other machines, without authentication.")
    ] = "127.0.0.1",
    allow_host: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            help="Name by which other machines reach this one; may be repeated. IP addresses need none.",
        ),
    ] = None,
) -> None:
    """Serve Kinesis Video Streams until Ctrl-C."""
    from kinesight_local.kvs.faults import Faults
    from kinesight_local.kvs.quotas import Limits
    from kinesight_local.kvs.server import KvsServer

    seeds = [_seed(text) for text in stream or ()]
    server = KvsServer(
        data_dir,
        host,
        port,
        region=region,
        account_id=account_id,
        limits=Limits() if enforce_quotas else None,
        faults=Faults.load(faults) if faults else None,
        undocumented=undocumented(image_join, describe),
        allowed_hosts=allow_host or (),
    )
    with server:
        for name, hours in seeds:
            server.service.streams.ensure(name, retention_hours=hours)
        print_exports(_exports(server.url, region))
        wait_for_interrupt()


def _exports(url: str, region: str) -> dict[str, str]:
    """Variables that direct the AWS SDKs and the KVS producer SDK (CONTROL_PLANE_URI) to the emulator."""
    return {
        "AWS_ENDPOINT_URL_KINESIS_VIDEO": url,
        "AWS_ENDPOINT_URL_KINESIS_VIDEO_MEDIA": url,
        "AWS_ENDPOINT_URL_KINESIS_VIDEO_ARCHIVED_MEDIA": url,
        "CONTROL_PLANE_URI": url,
        "AWS_ACCESS_KEY_ID": "local",
        "AWS_SECRET_ACCESS_KEY": "local",
        "AWS_DEFAULT_REGION": region,
    }


def _seed(text: str) -> tuple[str, int]:
    """Parses NAME or NAME=HOURS into the name and the retention in hours."""
    name, separator, hours = text.partition("=")
    if not name or (separator and not hours.isdecimal()):
        raise typer.BadParameter(f"{text!r} is neither NAME nor NAME=HOURS")
    return name, int(hours or _DEFAULT_RETENTION_HOURS)
