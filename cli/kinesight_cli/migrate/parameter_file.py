"""Files of a stack's parameters: samconfig.toml, a list of the AWS CLI, output of describe-stacks, an object."""

import json
import re
import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from kinesight.domain.json_text import parse_json

from kinesight_cli.migrate.given_parameters import given_parameters
from kinesight_cli.migrate.migration import PARAMETERS_FILE, MigrationError, cli_parameters, overrides, to_json

SAM_FILE = "samconfig.toml"
DEFAULT_ENVIRONMENT = "default"
_VALUE = r""""(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|(?:\\.|[^ "\\])+"""
_OVERRIDE = re.compile(rf" ParameterKey=([A-Za-z0-9]+),ParameterValue=({_VALUE})| ([A-Za-z0-9]+)=({_VALUE})", re.DOTALL)
"""Both forms of SAM's --parameter-overrides."""


@dataclass(frozen=True, slots=True)
class ParameterFile:
    """Parameters of one stack. `render` returns the text of a file of this kind, whose name is `name`, for others.
    `sam_options` select the stack for `sam`; `stack_name` and `region` are None if the file has none."""

    parameters: Mapping[str, str]
    name: str
    render: Callable[[Mapping[str, str]], str]
    sam_options: tuple[str, ...] = ()
    stack_name: str | None = None
    region: str | None = None


def read_parameters(text: str, environment: str = DEFAULT_ENVIRONMENT) -> ParameterFile:
    """Parses the text of a file. `environment` is that of samconfig.toml. Raises MigrationError."""
    try:
        document = parse_json(text)
    except ValueError as error:
        return _sam_file(_toml(text, error), environment)
    if environment != DEFAULT_ENVIRONMENT:
        raise MigrationError("the file is JSON, which has no environments: leave out --environment")
    return _json_file(document)


def _toml(text: str, json_error: ValueError) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise _wrong_file(f"it is neither valid JSON ({json_error}) nor valid TOML ({error})") from error


# ---- JSON --------------------------------------------------------------------------------------------------------


def _json_file(document: Any) -> ParameterFile:
    values = {name: _text(value) for name, value in given_parameters(document, _wrong_file).items()}
    if not values:
        raise _wrong_file("it is empty")
    if isinstance(document, Mapping) and isinstance(document.get("Stacks"), list):
        stack = document["Stacks"][0]
        name, region = stack.get("StackName"), str(stack.get("StackId", "")).split(":")[3:4]
        options = ("--stack-name", name) if name else ()
        return ParameterFile(values, PARAMETERS_FILE, _list, options, name, region[0] if region else None)
    if isinstance(document, list) or isinstance(document.get("Parameters"), list):
        return ParameterFile(values, PARAMETERS_FILE, _list)
    is_wrapped = "Parameters" in document
    return ParameterFile(
        values, PARAMETERS_FILE, lambda kept: to_json({"Parameters": dict(kept)} if is_wrapped else dict(kept))
    )


def _list(kept: Mapping[str, str]) -> str:
    return to_json(cli_parameters(kept))


def _wrong_file(reason: str) -> MigrationError:
    return MigrationError(
        f"the file has no parameters of a Kinesight stack: {reason}. Pass samconfig.toml or the output of "
        "`aws cloudformation describe-stacks --stack-name <stack>`"
    )


def _text(value: Any) -> str:
    """Returns a value as CloudFormation takes it."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Mapping):
        return json.dumps(value, separators=(",", ":"), ensure_ascii=False)
    if isinstance(value, list):
        return ",".join(_text(one).strip() for one in value)
    return "" if value is None else str(value)


# ---- samconfig.toml ----------------------------------------------------------------------------------------------


def _sam_file(document: Mapping[str, Any], environment: str) -> ParameterFile:
    commands = _commands(document, environment)
    command = next((one for one in ("deploy", "global") if "parameter_overrides" in commands[one]), None)
    if command is None:
        others = [name for name in document if any("parameter_overrides" in one for one in _tables(document, name))]
        having = f"the environments {', '.join(others)} have them" if others else "no environment has them"
        raise MigrationError(f"the environment {environment} has no parameter_overrides; {having} (--environment)")
    shared = commands["global"] | commands["deploy"]
    options = () if environment == DEFAULT_ENVIRONMENT else ("--config-env", environment)
    return ParameterFile(
        dict(_overrides(commands[command]["parameter_overrides"])),
        SAM_FILE,
        lambda kept: _sam_text(kept, environment, command),
        options,
        shared.get("stack_name"),
        shared.get("region"),
    )


def _commands(document: Mapping[str, Any], environment: str) -> dict[str, dict[str, Any]]:
    tables = document.get(environment)
    if not isinstance(tables, Mapping):
        known = ", ".join(name for name, one in document.items() if isinstance(one, Mapping)) or "none"
        raise MigrationError(f"the file has no environment {environment}; it has {known} (--environment)")
    return dict(zip(("global", "deploy"), _tables(document, environment), strict=True))


def _tables(document: Mapping[str, Any], environment: str) -> list[dict[str, Any]]:
    """The parameters of all commands, and those of `deploy`, which replace them one by one."""
    tables = document[environment]
    if not isinstance(tables, Mapping):
        return []
    return [_table(_table(tables, command), "parameters") for command in ("global", "deploy")]


def _table(tables: Mapping[str, Any], name: str) -> dict[str, Any]:
    found = tables.get(name)
    return dict(found) if isinstance(found, Mapping) else {}


def _overrides(value: Any) -> Iterator[tuple[str, str]]:
    """Yields names and values in a string, a list of strings, or a table."""
    if isinstance(value, Mapping):
        yield from ((name, _text(one)) for name, one in value.items())
    elif isinstance(value, list):
        for one in value:
            yield from _overrides(one)
    else:
        yield from _pairs(str(value))


def _pairs(text: str) -> Iterator[tuple[str, str]]:
    padded = " " + text.strip()
    rest = _OVERRIDE.sub("", padded).strip()
    if rest:
        raise MigrationError(
            f'parameter_overrides has {rest!r}, which is not Name=Value. Write an empty value as Name="", and a '
            "value with blanks or quotes between quotes; pass a file that is included (file://…) itself"
        )
    for key, value, name, other in _OVERRIDE.findall(padded):
        yield key or name, _unquoted(value or other)


def _unquoted(value: str) -> str:
    """Returns the value as SAM passes it on."""
    if value[0] == value[-1] and value[0] in "\"'" and len(value) > 1:
        value = value[1:-1]
    return value.replace("\\ ", " ").replace('\\"', '"').replace("\\'", "'")


def _sam_text(kept: Mapping[str, str], environment: str, command: str) -> str:
    lines = [f"    {json.dumps(one, ensure_ascii=False)}," for one in overrides(kept)]
    return "\n".join(
        [
            "# Replace parameter_overrides of this table in your samconfig.toml.",
            "version = 0.1",
            "",
            f"[{environment}.{command}.parameters]",
            "parameter_overrides = [",
            *lines,
            "]",
            "",
        ]
    )
