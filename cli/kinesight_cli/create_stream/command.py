"""`kinesight create-stream`: creates a stream that Kinesight can analyze."""

from typing import Annotated, Any

import typer

from kinesight_cli.shared.console import errors, print_lines, show, styled
from kinesight_cli.shared.every_command import changes_account
from kinesight_cli.shared.options import JsonOption, pair, stream_name

app = typer.Typer()


@app.command("create-stream")
@changes_account
def create_stream(
    name: Annotated[str, typer.Argument(parser=stream_name, metavar="NAME", help="Name of the stream.")],
    retention_hours: Annotated[
        int, typer.Option(min=0, max=87_600, help="How long KVS keeps video. With 0 it generates no images.")
    ] = 24,
    tag: Annotated[list[str] | None, typer.Option(metavar="KEY=VALUE", help="Tag; may be repeated.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Create a stream and wait until it is ACTIVE. An existing stream is not changed; its retention is printed."""
    from kinesight_cli.shared import aws_session, new_stream

    client = aws_session.client("kinesisvideo")
    try:
        info, created = new_stream.create_stream(client, name, retention_hours, dict(map(pair, tag or ()))), True
    except client.exceptions.ResourceInUseException:
        info, created = new_stream.wait_until_active(client, name), False
    if as_json:
        show(_facts(info, created), as_json=True)
    else:
        what = "created" if created else "exists, nothing was changed"
        print_lines(f"{name}: {what}; {info['Status']}, retention {info['DataRetentionInHours']} hours")
    _warn(info, retention_hours, created=created)
    if not as_json:
        print_lines(
            f"Next: kinesight put-video {name} FILE-OR-URL", f"      or another producer; check: kinesight image {name}"
        )


def _facts(info: Any, created: bool) -> dict[str, Any]:
    return {
        "stream": info["StreamName"],
        "arn": info["StreamARN"],
        "created": created,
        "status": info["Status"],
        "retentionHours": info["DataRetentionInHours"],
    }


def _warn(info: Any, retention_hours: int, *, created: bool) -> None:
    from kinesight_cli.shared.new_stream import increase_retention

    hours, name = info["DataRetentionInHours"], info["StreamName"]
    if hours == 0:
        text = " retention 0: KVS generates no images, and video cannot be analyzed later. Increase it: "
        text += increase_retention(name, info["Version"])
    elif not created and hours != retention_hours:
        text = f" the retention is {hours} hours, not {retention_hours}: `aws kinesisvideo update-data-retention`"
    else:
        return
    errors.print(styled("yellow", "warning:", text), soft_wrap=True)
