"""Sends the messages of dead-letter queues again: first sends, then deletes, so that an interruption loses none."""

from __future__ import annotations

from collections.abc import Callable

from botocore.exceptions import BotoCoreError, ClientError

from kinesight_cli.redrive.actions import Action, Skip, action_for, describe
from kinesight_cli.redrive.report import RedriveOptions, Report
from kinesight_cli.redrive.results_range import InvocationError
from kinesight_cli.redrive.targets import AwsRedriveTargets, RedriveTargets
from kinesight_cli.shared.dead_letter_routes import EXECUTIONS, QUEUES, DeadLetterRoute
from kinesight_cli.shared.dead_letters import DeadLetter
from kinesight_cli.shared.errors import CommandError
from kinesight_cli.shared.stack_lookup import resources

type Progress = Callable[[str, int, int], None]
"""Called with the name of a queue, the messages done and all messages."""


class RedriveError(CommandError):
    """A queue could not be read."""


def redrive_stack(stack_name: str, options: RedriveOptions, progress: Progress) -> Report:
    """Sends the messages of all chosen queues of a stack. Raises RedriveError and StackError."""
    stack = resources(stack_name)
    routes = [one for one in (*QUEUES, EXECUTIONS) if not options.queues or one.name in options.queues]
    targets, report = AwsRedriveTargets(stack), Report()
    for route in routes:
        if route.source in stack.ids:
            try:
                redrive_queue(route, targets, options, report, progress)
            except (BotoCoreError, ClientError) as error:
                raise RedriveError(f"cannot read the messages of {route.name}: {error}") from error
    return report


def redrive_queue(
    route: DeadLetterRoute, targets: RedriveTargets, options: RedriveOptions, report: Report, progress: Progress
) -> None:
    """Sends the messages of one queue. Collects all of them first, so that a message that fails again at once is sent
    only once.

    Raises botocore's errors if the queue cannot be read; failures to send are in the report.
    """
    source = targets.source(route)
    messages = source.collect(options.limit)
    report.found[route.name] = len(messages)
    chosen = [one for one in messages if not options.reasons or one.reason in options.reasons]
    remaining = {one.message_id: one for one in messages}
    try:
        for number, message in enumerate(chosen):
            progress(route.name, number, len(chosen))
            action = action_for(route, message, forced=message.reason in options.reasons)
            if options.dry_run:
                report.add(route, message, describe(action, route))
            elif _sent(route, message, action, targets, report):
                source.delete(message)
                del remaining[message.message_id]
    finally:
        source.release(remaining.values())


def _sent(route: DeadLetterRoute, message: DeadLetter, action: Action, targets: RedriveTargets, report: Report) -> bool:
    try:
        why = targets.send(route, message, action)
    except (BotoCoreError, ClientError, InvocationError) as error:
        why = str(error)
    report.add(route, message, describe(action if why is None else Skip(why), route))
    report.sent += why is None
    report.skipped += why is not None
    return why is None
