"""`kinesight`: assembles the commands. Each command imports what is heavy only when it runs."""

import logging
from importlib import import_module
from typing import Annotated

import typer

from kinesight_cli.shared.every_command import Debugging, prepare

COMMANDS = (
    "demo",
    "init",
    "create_stream",
    "camera_policy",
    "put_video",
    "image",
    "analyze",
    "timelapse",
    "replay",
    "trace",
    "redrive",
    "estimate",
    "doctor",
    "verify",
    "local",
    "kvs",
    "config",
    "migrate",
    "destroy",
)
"""Folders of this package, in the order of `kinesight --help`. `command.py` of each defines `app`, a typer application:
with a name it is a group of commands, without one its commands stand beside the others."""

_LOCAL = frozenset({"demo", "local", "kvs", "migrate"})
"""Those of them that work without an AWS account."""

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Machine learning on Kinesis Video Streams cameras.",
)
for _folder in COMMANDS:
    _commands = import_module(f"kinesight_cli.{_folder}.command").app
    app.add_typer(prepare(_commands, calls_aws=_folder not in _LOCAL))


def _print_version(requested: bool) -> None:
    if requested:
        from importlib.metadata import version

        typer.echo(f"kinesight {version('kinesight-cli')}")
        raise typer.Exit


@app.callback()
def _settings(
    debug: Annotated[bool, typer.Option(help="Log at level DEBUG; print tracebacks of errors.")] = False,
    _version: Annotated[
        bool, typer.Option("--version", is_eager=True, callback=_print_version, help="Print the version.")
    ] = False,
) -> None:
    Debugging.enabled = debug
    logging.basicConfig(level=logging.DEBUG if debug else logging.ERROR, format="%(levelname)s %(name)s: %(message)s")


if __name__ == "__main__":
    app()
