"""Commands of `kinesight` and `aws` in the documentation exist, with the options that it names."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import botocore.session
import pytest
import typer
from botocore import xform_name
from botocore.exceptions import UnknownServiceError
from kinesight_cli.main import app

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
CLI = typer.main.get_command(app)
SESSION = botocore.session.Session()
AWS_OPTIONS = {"--query", "--output", "--endpoint-url", "--region", "--profile"}
RENAMED_BY_THE_AWS_CLI = {"--notification-endpoint"}
"""`Endpoint` of SNS."""
NAMES_OF_THE_AWS_CLI = {"s3api": "s3", "deploy": "codedeploy"}
OF_THE_AWS_CLI = ("s3 ", "cloudformation deploy ")
"""Commands of the AWS CLI that are no operation of a service."""


def commands(page: Path, program: str) -> Iterator[str]:
    """Lines of code blocks and code spans that call the program; a line that ends in a backslash continues."""
    text = page.read_text()
    spans = re.sub(r"```.*?```", "", text, flags=re.DOTALL)
    lines = [*"\n".join(re.findall(r"```.*?```", text, re.DOTALL)).replace("\\\n", " ").splitlines()]
    for line in (*lines, *re.findall(r"`([^`\n]+)`", spans)):
        if found := re.match(rf"(?:\$ )?(?:\.venv/bin/)?{program} +([a-z].*)", line.strip()):
            yield found[1]


def words(line: str) -> list[str]:
    """Words before a comment, a pipe or another command."""
    plain = re.sub(r"<[^>]*>|\$\([^)]*\)|[\[\]|…]", " ", line)
    try:
        return shlex.split(plain, comments=True)
    except ValueError:
        return plain.split()


def options(listed: list[str]) -> set[str]:
    return {word.partition("=")[0] for word in listed if re.match(r"--[a-z]", word)}


def unknown_to_kinesight(line: str) -> set[str]:
    """What the line names and the command does not have."""
    command, listed = CLI, words(line)
    while (group := getattr(command, "commands", None)) and listed:
        if (name := listed.pop(0)) not in group:
            return {name}
        command = group[name]
    known = {option for one in command.params for option in (*one.opts, *one.secondary_opts)}
    return options(listed) - known - {"--help"}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_of_kinesight_exist(page: Path) -> None:
    assert {line: found for line in commands(page, "kinesight") if (found := unknown_to_kinesight(line))} == {}


def unknown_to_aws(line: str) -> set[str]:
    """The same of an operation of a service, by botocore's model."""
    service, *listed = words(line)
    try:
        model = SESSION.get_service_model(NAMES_OF_THE_AWS_CLI.get(service, service))
    except UnknownServiceError:
        return {service}
    operations = {xform_name(one, "-"): one for one in model.operation_names}
    if not listed or listed[0] == "wait":
        return set()
    if listed[0] not in operations:
        return {listed[0]}
    shape = model.operation_model(operations[listed[0]]).input_shape
    known = {f"--{xform_name(one, '-')}" for one in (shape.members if shape else ())}
    return options(listed) - known - AWS_OPTIONS - RENAMED_BY_THE_AWS_CLI


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_operations_of_aws_exist(page: Path) -> None:
    lines = [line for line in commands(page, "aws") if not line.startswith(OF_THE_AWS_CLI)]

    assert {line: found for line in lines if (found := unknown_to_aws(line))} == {}


def test_there_are_commands_and_wrong_ones_are_found() -> None:
    assert sum(len(list(commands(page, "kinesight"))) for page in PAGES) > 80
    assert sum(len(list(commands(page, "aws"))) for page in PAGES) > 40
    assert unknown_to_kinesight("config push kinesight.yaml") == {"push"}
    assert unknown_to_kinesight("image front-door --detector") == {"--detector"}
    assert unknown_to_aws("kinesisvideo create-stream --name front-door") == {"--name"}
    assert unknown_to_aws("kinesisvideo make-stream") == {"make-stream"}
