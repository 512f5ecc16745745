"""What commands have in common: options for account and Region, and errors without a traceback."""

import inspect
from collections.abc import Callable, Iterator
from functools import wraps
from typing import Annotated, Any

import typer
from typer.exceptions import TyperException
from typer.models import CommandInfo

from kinesight_cli.shared.console import errors, print_error

INTERRUPTED = 130
"""Exit code of a program that Ctrl-C ends."""

_OPTIONS = {
    "region": typer.Option(help="AWS Region. Default: AWS_REGION, AWS_DEFAULT_REGION, the profile's.", metavar="NAME"),
    "profile": typer.Option(help="AWS profile. Default: AWS_PROFILE.", metavar="NAME"),
}


_LOCAL_CLOUD_ERRORS = frozenset(
    {
        "AddressUnavailableError",
        "BuildFailedError",
        "DeploymentFailedError",
        "InvalidFaultsError",
        "InvalidTemplateError",
        "UnreadableStateError",
    }
)
"""Errors of `kinesight_local`, by name: importing it takes a second, which every command would pay."""


class Debugging:
    """Whether tracebacks are printed; the option --debug sets it."""

    enabled = False


def changes_account(function: Callable[..., Any]) -> Callable[..., Any]:
    """Has a command that changes something print account and Region first."""

    @wraps(function)
    def run(*arguments: Any, **named: Any) -> Any:
        from kinesight_cli.shared import aws_session

        errors.print(aws_session.target(), soft_wrap=True)
        return function(*arguments, **named)

    return run


def prepare(app: typer.Typer, *, calls_aws: bool) -> typer.Typer:
    """Gives every command of an application these errors, and these options if it calls AWS."""
    for command in _commands(app):
        if command.callback is not None:
            command.callback = _with_errors(_with_account(command.callback) if calls_aws else command.callback)
    return app


def _commands(app: typer.Typer) -> Iterator[CommandInfo]:
    yield from app.registered_commands
    for group in app.registered_groups:
        if group.typer_instance is not None:
            yield from _commands(group.typer_instance)


def _with_errors(function: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(function)
    def run(*arguments: Any, **named: Any) -> Any:
        try:
            return function(*arguments, **named)
        except (typer.Exit, typer.Abort, TyperException):
            raise
        except KeyboardInterrupt as error:
            print_error("interrupted")
            raise typer.Exit(INTERRUPTED) from error
        except Exception as error:  # any: a user gets a message, not a traceback
            if Debugging.enabled:
                raise
            print_error(_message(error))
            raise typer.Exit(1) from error

    return run


def _with_account(function: Callable[..., Any]) -> Callable[..., Any]:
    signature = inspect.signature(function, eval_str=True)
    added = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=Annotated[str | None, option])
        for name, option in _OPTIONS.items()
        if name not in signature.parameters
    ]

    @wraps(function)
    def run(*arguments: Any, **named: Any) -> Any:
        from kinesight_cli.shared import aws_session

        aws_session.choose(**{one.name: named.pop(one.name, None) for one in added})
        try:
            return function(*arguments, **named)
        finally:
            aws_session.choose()

    parameters = [*signature.parameters.values(), *added]
    run.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]  # typer reads it
    run.__annotations__ = {one.name: one.annotation for one in parameters}
    return run


def _message(error: Exception) -> str:
    """What went wrong, and what to do about it."""
    from botocore.exceptions import BotoCoreError, ClientError
    from kinesight.domain.errors import KinesightError

    from kinesight_cli.shared.aws_session import problem
    from kinesight_cli.shared.errors import CommandError

    if isinstance(error, BotoCoreError | ClientError):
        return problem(error)
    if isinstance(error, KinesightError | CommandError) or type(error).__name__ in _LOCAL_CLOUD_ERRORS:
        return str(error)
    if isinstance(error, OSError):
        return f"{error.filename}: {error.strerror}" if error.filename and error.strerror else str(error)
    return (
        f"unexpected {type(error).__name__}: {error}. This is a defect of Kinesight: please report it with the output "
        "of `kinesight --debug …`"
    )
