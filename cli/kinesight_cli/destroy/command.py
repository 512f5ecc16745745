"""`kinesight destroy`: deletes a stack, and on request the data in its buckets."""

from typing import TYPE_CHECKING, Annotated

import typer

from kinesight_cli.shared.console import console, errors, print_lines
from kinesight_cli.shared.every_command import changes_account

if TYPE_CHECKING:
    from kinesight_cli.destroy.inventory import Stack

app = typer.Typer()


@app.command()
@changes_account
def destroy(
    stack: Annotated[str | None, typer.Option("--stack", help="Name or id of the stack.")] = None,
    environment: Annotated[
        str, typer.Option(metavar="NAME", help="Take the stack from this environment of samconfig.toml.")
    ] = "default",
    delete_data: Annotated[
        bool, typer.Option("--delete-data", help="Also delete the images and the evidence, all versions, permanently.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not prompt for the stack's name.")] = False,
) -> None:
    """Delete a stack; the streams get their earlier settings back.

    Images and evidence stay in their buckets without --delete-data. Buckets that the stack did not create, streams and
    their video are never deleted. It may be run again after an interruption, and after the stack is gone.
    """
    from kinesight_cli.destroy.inventory import stacks_called
    from kinesight_cli.shared.sam_file import stack_of

    name = stack or stack_of(environment)
    found = stacks_called(name)
    if len(found) == 1 and not found[0].is_deleted:
        _delete(found[0], delete_data=delete_data, yes=yes)
    else:
        _delete_remains(name, found, delete_data=delete_data, yes=yes)


def _delete(stack: "Stack", *, delete_data: bool, yes: bool) -> None:
    from kinesight_cli.destroy.inventory import present_buckets

    print_lines(f"This deletes the stack {stack.name} ({stack.status}).")
    if stack.status == "DELETE_FAILED":
        print_lines("An earlier deletion failed; it is continued.")
    buckets = _announced(present_buckets(stack), delete_data=delete_data)
    if stack.existing_bucket:
        print_lines(f"The bucket {stack.existing_bucket} existed before the stack: it is not touched.")
    _confirm(stack.name, yes=yes)
    _run(stack)
    left = [one for one in present_buckets(stack) if one in buckets]
    if delete_data:
        _delete_buckets(left, stack.account_id)
    elif left:
        print_lines(f"To delete the data as well: kinesight destroy --stack {stack.stack_id} --delete-data")
    commands = _stream_commands(stack)
    if commands:
        print_lines("The streams and their video remain. To delete them:", *commands)


def _delete_remains(name: str, stacks: "list[Stack]", *, delete_data: bool, yes: bool) -> None:
    """Deletes the buckets of a stack that is gone. Raises StackError if there are none, or those of several stacks."""
    from kinesight_cli.destroy.inventory import present_buckets
    from kinesight_cli.shared import aws_session
    from kinesight_cli.shared.stack_lookup import StackError

    remains = [(one, buckets) for one in stacks if (buckets := present_buckets(one))]
    missing = f"there is no stack {name} in the Region {aws_session.session().region_name}"
    if not remains:
        next_step = "it was deleted and left no bucket" if stacks else "pass another --stack, --environment or --region"
        raise StackError(f"{missing}: {next_step}")
    if len(remains) > 1:
        left = "; ".join(f"{one.stack_id} left {', '.join(buckets)}" for one, buckets in remains)
        raise StackError(f"{missing}: several were deleted. Pass the id of one as --stack: {left}")
    ((stack, buckets),) = remains
    if not delete_data:
        raise StackError(
            f"{missing}: it was deleted. Its data is still in {', '.join(buckets)}; --delete-data deletes these buckets"
        )
    print_lines(f"{missing}: it was deleted.")
    unused = _announced(buckets, delete_data=True)
    if unused:
        _confirm(stack.name, yes=yes)
        _delete_buckets(unused, stack.account_id)


def _announced(buckets: list[str], *, delete_data: bool) -> list[str]:
    """Prints what happens to each bucket; returns them without those that are kept because another stack uses them."""
    from kinesight_cli.destroy.inventory import users_of

    if not delete_data:
        print_lines(*(f"The bucket {one} is kept." for one in buckets))
        return buckets
    users = users_of(buckets)
    unused = [one for one in buckets if one not in users]
    print_lines(*(f"The bucket {one} is kept: the stack {user} uses it." for one, user in users.items()))
    print_lines(*(f"The bucket {one} is deleted with all versions of its objects, permanently." for one in unused))
    return unused


def _stream_commands(stack: "Stack") -> list[str]:
    """Returns commands for the user to run, none if the streams cannot be listed."""
    from kinesight_cli.destroy.inventory import selected_streams
    from kinesight_cli.shared.stack_lookup import StackError

    try:
        streams = selected_streams(stack.parameters)
    except StackError as error:
        errors.print(str(error), soft_wrap=True)
        return []
    region = stack.stack_id.split(":")[3]
    return [f"aws kinesisvideo delete-stream --region {region} --stream-arn {one.arn}" for one in streams]


def _confirm(name: str, *, yes: bool) -> None:
    if not yes and typer.prompt("Type the stack's name to go on", default="", show_default=False) != name:
        print_lines("Not confirmed: nothing was deleted.")
        raise typer.Exit(1)


def _run(stack: "Stack") -> None:
    import time

    from kinesight_cli.destroy.stack_deletion import delete_stack
    from kinesight_cli.shared import aws_session
    from kinesight_cli.shared.progress import shown_progress

    with shown_progress(errors) as progress:
        progress.step(f"deleting the stack {stack.name}, some minutes")
        delete_stack(
            aws_session.client("cloudformation"),
            stack.name,
            stack.stack_id,
            sleep=time.sleep,
            update=lambda done, total: progress.amount("resources", done, total),
        )
    print_lines(f"The stack {stack.name} is deleted.")


def _delete_buckets(names: list[str], account_id: str) -> None:
    from kinesight_cli.destroy.bucket_deletion import delete_bucket
    from kinesight_cli.shared import aws_session
    from kinesight_cli.shared.progress import shown_progress

    client = aws_session.client("s3")
    with shown_progress(errors) as progress:
        for name in names:
            progress.step(f"emptying {name}")
            count = delete_bucket(client, name, account_id, lambda done: progress.amount("objects", done, None))
            console.print(f"The bucket {name} is deleted, with {count} versions of objects.", soft_wrap=True)
