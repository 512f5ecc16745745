"""`kinesight migrate`: from AWS's earlier ways to run machine learning on KVS. Asks nothing of AWS."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from kinesight_cli.migration import Migration, deploy_line, files
from kinesight_cli.options import console, explained

migrate = typer.Typer(no_args_is_help=True, help="Settings of KIT and of Rekognition stream processors as ours.")

OutputOption = Annotated[Path, typer.Option(file_okay=False, help="Where the files go; made if it is not there.")]


@migrate.command()
def kit(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="KIT's parameters, JSON.")],
    output: OutputOption = Path("migration"),
) -> None:
    """AWS's Inference Template for SageMaker: the parameters of its stack, as JSON."""
    from kinesight_cli.migration_kit import migrate_kit

    _migrate(migrate_kit, file, output)


@migrate.command()
def rekognition(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="What describe-stream-processor prints.")],
    output: OutputOption = Path("migration"),
) -> None:
    """A Rekognition stream processor: the output of `aws rekognition describe-stream-processor`."""
    from kinesight_cli.migration_rekognition import migrate_rekognition

    _migrate(migrate_rekognition, file, output)


def _migrate(read: Callable[[str], Migration], file: Path, output: Path) -> None:
    with explained():
        migration = read(file.read_text(encoding="utf-8-sig", errors="replace"))
    output.mkdir(parents=True, exist_ok=True)
    written = files(migration)
    for name, text in written.items():
        (output / name).write_text(text)
    _tell(f"written to {output}: {', '.join(written)}", "", "sam build", deploy_line(migration))
    if migration.rules is not None:
        _tell(f"kinesight rules put {output / 'rules.json'}")
    _tell("", "What has no equivalent:", *(f"- {note.of}: {note.said}" for note in migration.notes))


def _tell(*lines: str) -> None:
    for line in lines:
        console.print(line, soft_wrap=True, highlight=False, markup=False)
