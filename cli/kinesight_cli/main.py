"""`kinesight`: assembles the commands. Each command imports what is heavy only when it runs."""

import logging
from importlib import import_module
from typing import Annotated

import typer

COMMANDS = (
    "demo",
    "put_video",
    "analyze",
    "timelapse",
    "replay",
    "trace",
    "redrive",
    "estimate",
    "doctor",
    "local",
    "kvs",
    "rules",
    "migrate",
)
"""Folders of this package, in the order of `kinesight --help`. `command.py` of each defines `app`, a typer application:
with a name it is a group of commands, without one its commands stand beside the others."""

app = typer.Typer(no_args_is_help=True, add_completion=False, help="Machine learning on Kinesis Video Streams cameras.")
for _folder in COMMANDS:
    app.add_typer(import_module(f"kinesight_cli.{_folder}.command").app)


@app.callback()
def _settings(debug: Annotated[bool, typer.Option(help="Log at level DEBUG.")] = False) -> None:
    logging.basicConfig(level=logging.DEBUG if debug else logging.ERROR, format="%(levelname)s %(name)s: %(message)s")


if __name__ == "__main__":
    app()
