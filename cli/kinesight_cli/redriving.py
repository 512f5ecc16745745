"""Dead letters sent again: first sent, then deleted, so that an interruption at any moment loses none."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from kinesight_cli import result_ranges
from kinesight_cli.dead_letter_places import (
    EXECUTIONS,
    PLACES,
    Action,
    Invoke,
    Leave,
    Place,
    ReadRange,
    Send,
    StartExecution,
    action_for,
    told,
)
from kinesight_cli.dead_letters import DeadLetterQueue, Letter, LetterBox
from kinesight_cli.failed_executions import FailedExecutions
from kinesight_cli.result_ranges import FunctionRefusedError, Streamed
from kinesight_cli.stacks import Resources, resources

# An invocation may take as long as the slowest function, 300 s, and must not be begun again by botocore meanwhile.
_FUNCTIONS = Config(retries={"total_max_attempts": 1}, connect_timeout=10, read_timeout=330)
_CLIENT = Config(retries={"mode": "standard"}, connect_timeout=10, read_timeout=30)


class RedriveError(Exception):
    """Nothing could be sent again; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Wish:
    """Which letters: of these places and reasons, or of all where there is none, and at most so many of a place."""

    places: Collection[str] = ()
    reasons: Collection[str] = ()
    limit: int = 1000
    dry_run: bool = False


@dataclass(slots=True)
class Group:
    """Letters of one place and reason that have the same fate. `explanation` is that of one of them."""

    place: str
    reason: str
    fate: str
    letters: int = 0
    explanation: str = ""


@dataclass(slots=True)
class Report:
    """`found`: letters by place, at most the limit. `sent` and `stayed`: counts; both are 0 in a dry run."""

    found: dict[str, int] = field(default_factory=dict)
    groups: list[Group] = field(default_factory=list)
    sent: int = 0
    stayed: int = 0

    def add(self, place: Place, letter: Letter, fate: str) -> None:
        key = (place.name, letter.reason, fate)
        group = next((one for one in self.groups if (one.place, one.reason, one.fate) == key), None)
        if group is None:
            group = Group(*key, explanation=letter.explanation)
            self.groups.append(group)
        group.letters += 1

    def document(self) -> dict[str, Any]:
        """For machines."""
        groups = [{name: getattr(one, name) for name in Group.__slots__} for one in self.groups]
        return {"found": self.found, "groups": groups, "sent": self.sent, "stayed": self.stayed}


class Roads(Protocol):
    """How letters of a stack go back."""

    def box(self, place: Place) -> LetterBox:
        """Where the place's letters lie."""

    def go(self, place: Place, letter: Letter, action: Action) -> str | None:
        """Why the letter stays, or None if it was sent. Raises botocore's errors and FunctionRefusedError."""


class AwsRoads:
    """Roads of a deployed stack."""

    def __init__(self, stack: Resources) -> None:
        self._stack = stack
        self._sqs: Any = boto3.client("sqs", config=_CLIENT)
        self._kinesis: Any = boto3.client("kinesis", config=_CLIENT)
        self._lambda: Any = boto3.client("lambda", config=_FUNCTIONS)
        self._workflow: Any = boto3.client("stepfunctions", config=_CLIENT)

    def box(self, place: Place) -> LetterBox:
        """A queue, or the workflow's history."""
        if place is EXECUTIONS:
            return FailedExecutions(self._workflow, self._stack.ids[place.letters])
        return DeadLetterQueue(self._sqs, self._url(place.letters))

    def go(self, place: Place, letter: Letter, action: Action) -> str | None:
        """One call, or as many as a range of records needs."""
        match action:
            case Leave(why):
                return why
            case Send(body):
                self._sqs.send_message(QueueUrl=self._url(place.target), MessageBody=body)
            case Invoke(data):
                self._invoke(place, [Streamed(letter.message_id, data)])
            case ReadRange():
                return self._read_again(place, action)
            case StartExecution(name, document):
                self._start(self._stack.ids[place.target], name, document)
        return None

    def _read_again(self, place: Place, wanted: ReadRange) -> str | None:
        stream = self._stack.ids["ResultsStream"].rpartition("/")[2]
        found = list(result_ranges.read(self._kinesis, stream, wanted.shard_id, wanted.first, wanted.last))
        self._invoke(place, found)
        if len(found) < wanted.records:
            return f"it keeps 48 hours, so {len(found)} of its {wanted.records} records were left to send"
        return None

    def _invoke(self, place: Place, records: Sequence[Streamed]) -> None:
        result_ranges.invoke(self._lambda, self._stack.function(place.target), records)

    def _start(self, machine: str, name: str, document: dict[str, Any]) -> None:
        try:
            self._workflow.start_execution(stateMachineArn=machine, name=name, input=json.dumps(document))
        except ClientError as error:
            if error.response.get("Error", {}).get("Code") != "ExecutionAlreadyExists":
                raise

    def _url(self, logical_id: str) -> str:
        name = self._stack.ids[logical_id].rpartition("/")[2]
        return str(self._sqs.get_queue_url(QueueName=name)["QueueUrl"])


def redrive(stack_name: str, wish: Wish, progress: Callable[[str, int, int], None]) -> Report:
    """`progress` hears a place's name, and of its letters how many are done with.

    Raises RedriveError and StackError.
    """
    stack = resources(stack_name)
    places = [one for one in (*PLACES, EXECUTIONS) if not wish.places or one.name in wish.places]
    roads, report = AwsRoads(stack), Report()
    for place in places:
        if place.letters in stack.ids:
            try:
                empty(place, roads, wish, report, progress)
            except (BotoCoreError, ClientError) as error:
                raise RedriveError(f"the dead letters of {place.name} can't be read: {error}") from error
    return report


def empty(place: Place, roads: Roads, wish: Wish, report: Report, progress: Callable[[str, int, int], None]) -> None:
    """One place's letters: collected first and sent then, so that what is buried again is not sent again and again.

    Raises botocore's errors if the place can't be read; what can't be sent is in the report.
    """
    box = roads.box(place)
    letters = box.collect(wish.limit)
    report.found[place.name] = len(letters)
    chosen = [one for one in letters if not wish.reasons or one.reason in wish.reasons]
    staying = {one.message_id: one for one in letters}
    try:
        for number, letter in enumerate(chosen):
            progress(place.name, number, len(chosen))
            action = action_for(place, letter, insisted=letter.reason in wish.reasons)
            if wish.dry_run:
                report.add(place, letter, told(action, place))
            elif _sent(place, letter, action, roads, report):
                box.delete(letter)
                del staying[letter.message_id]
    finally:
        box.release(staying.values())


def _sent(place: Place, letter: Letter, action: Action, roads: Roads, report: Report) -> bool:
    try:
        why = roads.go(place, letter, action)
    except (BotoCoreError, ClientError, FunctionRefusedError) as error:
        why = str(error)
    report.add(place, letter, told(action, place) if why is None else told(Leave(why), place))
    report.sent += why is None
    report.stayed += why is not None
    return why is None
