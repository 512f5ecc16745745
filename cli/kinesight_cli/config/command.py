"""`kinesight config`: checks a configuration document, and reads or replaces that of a deployed stack."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from kinesight_cli.shared.console import errors, print_lines, show
from kinesight_cli.shared.every_command import changes_account
from kinesight_cli.shared.options import JsonOption, StackOption, pair
from kinesight_cli.shared.paths import PROJECT_DIR

if TYPE_CHECKING:
    from kinesight_cli.config.effective import EffectiveCamera

app = typer.Typer(
    name="config",
    no_args_is_help=True,
    help="The configuration document: detectors, rules and settings of each camera (docs/configuration.md).",
)

SAMPLE = PROJECT_DIR / "docs" / "configuration.sample.json"


def _tags(text: str) -> Mapping[str, str]:
    return dict(pair(one.strip()) for one in text.split(","))


FileArgument = Annotated[
    Path,
    typer.Argument(exists=True, dir_okay=False, readable=True, help="Configuration document, JSON or YAML."),
]
YamlOption = Annotated[bool, typer.Option("--yaml", help="Print YAML instead.")]


@app.command()
def sample(as_yaml: YamlOption = False) -> None:
    """Print a sample document: a door with zones, an office with quiet hours, a parking lot."""
    _print(SAMPLE.read_text(), as_yaml=as_yaml)


@app.command()
def check(
    file: FileArgument,
    stack: Annotated[
        str | None, typer.Option("--stack", help="Also check that the parameters of this stack permit its detectors.")
    ] = None,
) -> None:
    """Validate a document: print every problem with its line and path, or a summary.

    Makes no AWS calls without --stack.
    """
    from kinesight_cli.config.stack_document import check_permissions
    from kinesight_cli.config.summary import summary
    from kinesight_cli.shared.document_file import read_file

    found = read_file(file)
    if stack is not None:
        check_permissions(stack, found)
    print_lines(*summary(found.document))


@app.command()
@changes_account
def put(
    file: FileArgument,
    stack: StackOption = "kinesight",
    environment: Annotated[
        str | None, typer.Option(metavar="NAME", help="Take the stack from this environment of samconfig.toml.")
    ] = None,
    if_none: Annotated[bool, typer.Option("--if-none", help="Change nothing if the stack has a document.")] = False,
) -> None:
    """Validate a document, print the changes, and make it the stack's. YAML is stored as JSON.

    It takes effect within a minute, without a deployment.
    """
    from kinesight_cli.config.stack_document import replace
    from kinesight_cli.shared.configuration_document import fetch
    from kinesight_cli.shared.document_file import read_file
    from kinesight_cli.shared.sam_file import stack_of

    name = stack if environment is None else stack_of(environment)
    found = read_file(file)
    if if_none and fetch(name) is not None:
        print_lines(f"the stack {name} has a configuration document, which stays: kinesight config diff {file}")
        return
    print_lines(*replace(name, found))


@app.command()
def get(
    stack: StackOption = "kinesight",
    camera: Annotated[
        str | None, typer.Option(metavar="STREAM", help="Print the effective settings of this stream instead.")
    ] = None,
    tags: Annotated[
        Mapping[str, str] | None,
        typer.Option(
            parser=_tags,
            metavar="KEY=VALUE,…",
            help="Tags of the stream, such as Location=Front. Default: those that the stack has stored.",
        ),
    ] = None,
    as_yaml: YamlOption = False,
    as_json: JsonOption = False,
) -> None:
    """Print the stack's document unchanged, or the effective settings of one camera and what sets each of them."""
    from kinesight_cli.config.stack_document import current, effective

    if as_yaml and as_json:
        raise typer.BadParameter("--yaml and --json exclude each other")
    if tags is not None and camera is None:
        raise typer.BadParameter("--tags needs --camera")
    if camera is not None:
        _print_camera(camera, effective(stack, camera, tags), as_yaml=as_yaml, as_json=as_json)
        return
    found = current(stack)
    if found.overridden:
        errors.print(f"the document overrides the parameters {', '.join(found.overridden)}", soft_wrap=True)
    _print(found.text, as_yaml=as_yaml)


@app.command()
def diff(file: FileArgument, stack: StackOption = "kinesight", as_json: JsonOption = False) -> None:
    """Print what `put` would change in the stack's document. Exits with 1 if the documents differ."""
    from kinesight_cli.config.stack_document import changes
    from kinesight_cli.shared.document_file import read_file

    lines = changes(stack, read_file(file).document)
    if as_json:
        show({"changes": lines}, as_json=True)
    else:
        print_lines(*(lines or ["no differences from the document of the stack"]))
    if lines:
        raise typer.Exit(1)


@app.command()
def history(stack: StackOption = "kinesight", as_json: JsonOption = False) -> None:
    """List the versions of the stack's document, the newest first."""
    from kinesight_cli.config.tables import show_versions, version_document
    from kinesight_cli.shared.configuration_document import versions

    found = versions(stack)
    if as_json:
        typer.echo(json.dumps([version_document(one) for one in found], indent=2))
    else:
        show_versions(found)


@app.command()
@changes_account
def rollback(
    version: Annotated[str, typer.Argument(help="Version id, as `kinesight config history` prints it.")],
    stack: StackOption = "kinesight",
) -> None:
    """Make an earlier version the stack's document again: validate it, print the changes, write it as the newest."""
    from kinesight_cli.config.stack_document import replace
    from kinesight_cli.shared.configuration_document import fetch_version
    from kinesight_cli.shared.document_file import parse

    print_lines(*replace(stack, parse(fetch_version(stack, version), f"version {version}", is_yaml=False)))


@app.command()
@changes_account
def delete(
    stack: StackOption = "kinesight",
    yes: Annotated[bool, typer.Option("--yes", help="Delete without confirmation.")] = False,
) -> None:
    """Delete the stack's document, so that only its parameters apply. Its versions stay: `rollback` restores them."""
    from kinesight_cli.config.stack_document import current_text
    from kinesight_cli.shared import configuration_document

    current_text(stack)
    if not yes:
        typer.confirm(f"Delete the configuration document of the stack {stack}?", abort=True, err=True)
    configuration_document.delete(stack)
    print_lines(
        f"the configuration document of the stack {stack} is deleted: its parameters alone apply within a minute. "
        "To restore it, run `kinesight config history` and `kinesight config rollback`"
    )


def _print_camera(stream: str, found: "EffectiveCamera", *, as_yaml: bool, as_json: bool) -> None:
    from kinesight_cli.config.tables import show_camera

    if as_yaml or as_json:
        _print_value(found.document, as_yaml=as_yaml)
    else:
        show_camera(stream, found)


def _print(text: str, *, as_yaml: bool) -> None:
    """Prints the text of a document, unchanged or as YAML, for pipes."""
    if as_yaml:
        from kinesight_cli.shared.json_text import read_json

        _print_value(read_json(text).value, as_yaml=True)
    else:
        typer.echo(text, nl=not text.endswith("\n"))


def _print_value(value: Any, *, as_yaml: bool) -> None:
    from kinesight_cli.shared.yaml_text import to_yaml

    typer.echo(to_yaml(value) if as_yaml else json.dumps(value, indent=2, ensure_ascii=False), nl=not as_yaml)
