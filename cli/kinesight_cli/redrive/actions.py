"""Decides what happens to a message of a dead-letter queue. Pure.

All targets are idempotent, so two people may send the same message again at the same time.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from kinesight.domain.model import ResultRecord
from kinesight.domain.on_demand.sweep_streams import MOST_ATTEMPTS
from pydantic import ValidationError

from kinesight_cli.shared.dead_letter_routes import EXECUTIONS, DeadLetterRoute, TargetType
from kinesight_cli.shared.dead_letters import DeadLetter

_INVALID_MESSAGE = frozenset(
    {
        "FragmentNotListedError",
        "ImageMissingError",
        "InvalidEventError",
        "NotAKvsImageError",
        "StreamGoneError",
        "UnreadableStateError",
    }
)
"""Reasons that concern the message itself: sending it again fails again."""

_INVALID_INPUT = frozenset(
    {
        "InvalidInputError",
        "InvertedRangeError",
        "RangeInFutureError",
        "RangeExpiredError",
        "NoMediaError",
        "NoRetentionError",
        "StreamGoneError",
    }
)
SWEEPS = "sweep-"
"""Prefix of the names of executions that sweeps start (domain.sweep_streams)."""


@dataclass(frozen=True, slots=True)
class SendMessage:
    """Send the body to the queue that it came from."""

    body: str


@dataclass(frozen=True, slots=True)
class InvokeWithRecord:
    """Invoke the function with this record of the results stream; other consumers do not receive it again."""

    data: bytes


@dataclass(frozen=True, slots=True)
class InvokeWithChange:
    """Invoke the function with a change of a session that it could not deliver."""

    document: dict[str, Any]


@dataclass(frozen=True, slots=True)
class InvokeWithRange:
    """Invoke the function with this range of the results stream, as Lambda would have."""

    shard_id: str
    first: str
    last: str
    records: int


@dataclass(frozen=True, slots=True)
class StartExecution:
    """Start an execution of the on-demand workflow. The name is unique, so a second start has no effect."""

    name: str
    document: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Skip:
    """Leave the message in its queue."""

    why: str


Action = SendMessage | InvokeWithRecord | InvokeWithChange | InvokeWithRange | StartExecution | Skip


def action_for(route: DeadLetterRoute, message: DeadLetter, *, forced: bool) -> Action:
    """Returns what to do with a message. `forced`: the user named its reason, so it is sent even if that is futile."""
    if message.reason in _INVALID_MESSAGE and not forced:
        return Skip(f"{message.reason} concerns the message itself and would fail again; use --reason to force")
    match route.target_type:
        case TargetType.QUEUE:
            return SendMessage(message.body)
        case TargetType.FUNCTION:
            return _invocation(message)
        case TargetType.WORKFLOW if route is EXECUTIONS:
            return _restart(message, forced=forced)
        case _:
            return _live_analysis(message)


def redriven_name(identity: str) -> str:
    """Returns the name of the execution that repeats the work with this identity."""
    return f"redrive-{hashlib.sha256(identity.encode()).hexdigest()[:32]}"


def _invocation(message: DeadLetter) -> Action:
    document = message.document()
    batch = document.get("KinesisBatchInfo")
    if "undelivered" in document:
        return InvokeWithChange(document)
    if isinstance(batch, dict):
        first, last = str(batch["startSequenceNumber"]), str(batch["endSequenceNumber"])
        return InvokeWithRange(str(batch["shardId"]), first, last, int(batch["batchSize"]))
    try:
        ResultRecord.model_validate_json(message.body)
    except ValidationError:
        return Skip("it is not a complete result record: the queue cuts records of more than 250,000 bytes")
    return InvokeWithRecord(message.body.encode())


def _live_analysis(message: DeadLetter) -> Action:
    document = message.document()
    if {"streamName", "fragmentNumber", "imageTimestamp"} <= document.keys():
        return _keyframe_analysis(document)
    if {"streamName", "startTimestamp", "endTimestamp"} <= document.keys():
        return _range_analysis(document)
    return Skip(
        "it has no image timestamp, like messages of earlier versions and of unreadable fragments; analyze the "
        "time range with kinesight analyze"
    )


def _range_analysis(document: Mapping[str, Any]) -> StartExecution:
    """Returns an execution for server timestamps of which no frame was analyzed."""
    start, end = document["startTimestamp"], document["endTimestamp"]
    return StartExecution(
        redriven_name(json.dumps([document["streamName"], start, end])),
        {
            "StreamName": document["streamName"],
            "StartTimestamp": start,
            "EndTimestamp": end,
            "ImageSelectorType": "SERVER_TIMESTAMP",
            "AllowEmpty": True,
        },
    )


def _keyframe_analysis(document: Mapping[str, Any]) -> StartExecution:
    """Returns an execution for the timestamp of the keyframe; its result has the result id of the live frame."""
    return StartExecution(
        redriven_name(json.dumps([document["streamName"], document["fragmentNumber"], document["imageTimestamp"]])),
        {
            "StreamName": document["streamName"],
            "StartTimestamp": document["imageTimestamp"],
            "EndTimestamp": document["imageTimestamp"],
            "ImageSelectorType": "PRODUCER_TIMESTAMP",
        },
    )


def _restart(message: DeadLetter, *, forced: bool) -> Action:
    if message.receipt.startswith(SWEEPS) and not message.receipt.endswith(f"-{MOST_ATTEMPTS}"):
        return Skip("the sweep starts its executions again by itself")
    if message.reason in _INVALID_INPUT and not forced:
        return Skip(f"{message.reason} concerns the input of the execution and would fail again; use --reason to force")
    return StartExecution(redriven_name(message.message_id), message.document())


def describe(action: Action, route: DeadLetterRoute) -> str:
    """Returns the action in one line."""
    match action:
        case Skip(why):
            return f"skipped: {why}"
        case SendMessage() | InvokeWithRecord() | InvokeWithChange():
            return f"to {route.target}"
        case InvokeWithRange():
            return f"to {route.target}, read again from the results stream"
        case StartExecution():
            return f"an execution of {route.target}"
