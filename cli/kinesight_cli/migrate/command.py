"""`kinesight migrate`: converts settings of other AWS solutions for machine learning on KVS, and parameters of earlier
versions. Makes no AWS calls."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated

import typer

from kinesight_cli.migrate.migration import DOCUMENT_FILE, Migration, deploy_line, files
from kinesight_cli.shared.console import print_lines, show
from kinesight_cli.shared.options import JsonOption

app = typer.Typer(
    name="migrate",
    no_args_is_help=True,
    help="Convert KIT or Rekognition stream processor settings, or parameters of an earlier version, to Kinesight's.",
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


@app.command()
def parameters(
    file: Annotated[
        Path,
        typer.Argument(exists=True, dir_okay=False, help="samconfig.toml, output of describe-stacks, or other JSON."),
    ],
    environment: Annotated[str, typer.Option(help="Environment of samconfig.toml.")] = "default",
    class_names: Annotated[
        Path | None,
        typer.Option(exists=True, dir_okay=False, help="Copy of the file that ModelLabelsUri names."),
    ] = None,
    output: OutputOption = Path("migration"),
    as_json: JsonOption = False,
) -> None:
    """Convert parameters of an earlier version of Kinesight: those that moved become a configuration document."""
    from kinesight_cli.migrate.stack_parameters import migrate_parameters, show_places

    migration = migrate_parameters(_text(file), environment, None if class_names is None else _text(class_names))
    _write(migration.files, output, quiet=as_json)
    if as_json:
        facts = {
            "files": list(migration.files),
            "places": dict(migration.places),
            "commands": migration.commands(output),
            "notes": [{"setting": note.setting, "text": note.text} for note in migration.migration.notes],
        }
        show(facts, as_json=True)
    else:
        show_places(migration)
        print_lines("", *migration.commands(output))
        if migration.migration.notes:
            print_lines("", "What behaves differently:", *_items(migration.migration))


def _migrate(read: Callable[[str], Migration], file: Path, output: Path) -> None:
    migration = read(_text(file))
    _write(files(migration), output)
    print_lines("", "sam build", deploy_line(migration))
    if migration.document is not None:
        print_lines(f"kinesight config put {output / DOCUMENT_FILE}")
    print_lines("", "Settings without an equivalent:", *_items(migration))


def _items(migration: Migration) -> list[str]:
    return [f"- {note.setting}: {note.text}" for note in migration.notes]


def _text(file: Path) -> str:
    return file.read_text(encoding="utf-8-sig", errors="replace")


def _write(written: Mapping[str, str], output: Path, *, quiet: bool = False) -> None:
    output.mkdir(parents=True, exist_ok=True)
    for name, text in written.items():
        (output / name).write_text(text)
    if not quiet:
        print_lines(f"written to {output}: {', '.join(written)}")
