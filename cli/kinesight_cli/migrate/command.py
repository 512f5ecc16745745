"""`kinesight migrate`: converts the settings of other AWS solutions for machine learning on KVS. Makes no AWS calls."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from kinesight_cli.migrate.migration import Migration, deploy_line, files
from kinesight_cli.shared.console import print_lines

app = typer.Typer(
    name="migrate",
    no_args_is_help=True,
    help="Convert KIT or Rekognition stream processor settings to Kinesight's.",
)

OutputOption = Annotated[Path, typer.Option(file_okay=False, help="Folder of the files; created if it does not exist.")]


@app.command()
def kit(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="Parameters of KIT, JSON.")],
    output: OutputOption = Path("migration"),
) -> None:
    """Convert the stack parameters of AWS's Kinesis Video Streams Inference Template for SageMaker (KIT)."""
    from kinesight_cli.migrate.kit import migrate_kit

    _migrate(migrate_kit, file, output)


@app.command()
def rekognition(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="Output of describe-stream-processor.")],
    output: OutputOption = Path("migration"),
) -> None:
    """Convert a Rekognition stream processor: the output of `aws rekognition describe-stream-processor`."""
    from kinesight_cli.migrate.rekognition import migrate_rekognition

    _migrate(migrate_rekognition, file, output)


def _migrate(read: Callable[[str], Migration], file: Path, output: Path) -> None:
    migration = read(file.read_text(encoding="utf-8-sig", errors="replace"))
    output.mkdir(parents=True, exist_ok=True)
    written = files(migration)
    for name, text in written.items():
        (output / name).write_text(text)
    print_lines(f"written to {output}: {', '.join(written)}", "", "sam build", deploy_line(migration))
    if migration.rules is not None:
        print_lines(f"kinesight rules put {output / 'rules.json'}")
    print_lines("", "Settings without an equivalent:", *(f"- {note.setting}: {note.text}" for note in migration.notes))
