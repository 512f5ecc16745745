"""Where dead letters of a stack lie, and what becomes of one that is sent again. Pure.

Every way back ends at work that has the effect of once, so a letter may be sent again by two people at once.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from kinesight.domain.model import ResultRecord
from pydantic import ValidationError

from kinesight_cli.dead_letters import ATTEMPTS_EXHAUSTED, Letter

_USELESS = frozenset({"InvalidEventError", "NotAKvsImageError", "ImageMissingError", "StreamGoneError"})
"""What is wrong with the message itself: nobody can mend that."""

_WRONG_INPUT = frozenset(
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
"""How the names of executions begin that sweeps started (domain.sweep_streams)."""


class Road(StrEnum):
    """How a letter goes back."""

    QUEUE = "QUEUE"
    FUNCTION = "FUNCTION"
    WORKFLOW = "WORKFLOW"


@dataclass(frozen=True, slots=True)
class Place:
    """`letters` and `target` are logical ids in the template."""

    name: str
    letters: str
    road: Road
    target: str


PLACES = (
    Place("images", "ImagesDeadLetterQueue", Road.QUEUE, "ImagesQueue"),
    Place("notifications", "NotificationsDeadLetterQueue", Road.QUEUE, "NotificationsQueue"),
    Place("session-videos", "SessionClipsDeadLetterQueue", Road.QUEUE, "SessionClipsQueue"),
    Place("evidence", "EvidenceDeadLetterQueue", Road.FUNCTION, "KeepEvidenceFunction"),
    Place("sessions", "SessionsDeadLetterQueue", Road.FUNCTION, "TrackSessionsFunction"),
    Place("live", "LiveDeadLetterQueue", Road.WORKFLOW, "AnalyzeRange"),
)
EXECUTIONS = Place("executions", "AnalyzeRange", Road.WORKFLOW, "AnalyzeRange")
"""Failed executions of the on-demand workflow, told as letters (`failed_executions`)."""


@dataclass(frozen=True, slots=True)
class Send:
    """The body, to the queue that it came from."""

    body: str


@dataclass(frozen=True, slots=True)
class Invoke:
    """The function, with this record of the results stream; what else reads the stream does not see it again."""

    data: bytes


@dataclass(frozen=True, slots=True)
class ReadRange:
    """The function, with this range of the results stream, as Lambda would have."""

    shard_id: str
    first: str
    last: str
    records: int


@dataclass(frozen=True, slots=True)
class StartExecution:
    """Of the on-demand workflow, under a name that nothing else has: a second start does nothing."""

    name: str
    document: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Leave:
    """It stays where it is."""

    why: str


Action = Send | Invoke | ReadRange | StartExecution | Leave


def action_for(place: Place, letter: Letter, *, insisted: bool) -> Action:
    """`insisted`: somebody named this letter's reason, and wants it sent again though it seems useless."""
    if letter.reason in _USELESS and not insisted:
        return Leave(f"{letter.reason} is about the message itself, so it would come back; --reason insists")
    match place.road:
        case Road.QUEUE:
            return Send(letter.body)
        case Road.FUNCTION:
            return _to_function(letter)
        case Road.WORKFLOW if place is EXECUTIONS:
            return _execution_again(letter, insisted=insisted)
        case _:
            return _keyframe_again(letter)


def redriven_name(identity: str) -> str:
    """The name of the execution that does something again."""
    return f"redrive-{hashlib.sha256(identity.encode()).hexdigest()[:32]}"


def _to_function(letter: Letter) -> Action:
    batch = letter.document().get("KinesisBatchInfo")
    if isinstance(batch, dict):
        first, last = str(batch["startSequenceNumber"]), str(batch["endSequenceNumber"])
        return ReadRange(str(batch["shardId"]), first, last, int(batch["batchSize"]))
    try:
        ResultRecord.model_validate_json(letter.body)
    except ValidationError:
        return Leave("it is no whole result record: queues cut what is longer than 250,000 bytes")
    return Invoke(letter.body.encode())


def _keyframe_again(letter: Letter) -> Action:
    """The very picture: by the producer's clock the workflow's frame has the live one's result id."""
    told = letter.document()
    if not {"streamName", "fragmentNumber", "imageTimestamp"} <= told.keys():
        return Leave(
            "it does not tell a picture's moment, as those of earlier versions and of unreadable fragments don't: "
            "use kinesight analyze"
        )
    return StartExecution(
        redriven_name(json.dumps([told["streamName"], told["fragmentNumber"], told["imageTimestamp"]])),
        {
            "StreamName": told["streamName"],
            "StartTimestamp": told["imageTimestamp"],
            "EndTimestamp": told["imageTimestamp"],
            "ImageSelectorType": "PRODUCER_TIMESTAMP",
        },
    )


def _execution_again(letter: Letter, *, insisted: bool) -> Action:
    if letter.receipt.startswith(SWEEPS):
        return Leave("sweeps start theirs again by themselves")
    if letter.reason in _WRONG_INPUT and not insisted:
        return Leave(f"{letter.reason} is about the execution's input; --reason insists")
    return StartExecution(redriven_name(letter.message_id), letter.document())


def told(action: Action, place: Place) -> str:
    """One line for a person: what is done with such a letter."""
    match action:
        case Leave(why):
            return f"stays: {why}"
        case Send():
            return f"to {place.target}"
        case Invoke():
            return f"to {place.target}"
        case ReadRange():
            return f"to {place.target}, read again from the results stream"
        case StartExecution():
            return f"an execution of {place.target}"


__all__ = [
    "ATTEMPTS_EXHAUSTED",
    "EXECUTIONS",
    "PLACES",
    "Action",
    "Invoke",
    "Leave",
    "Place",
    "ReadRange",
    "Road",
    "Send",
    "StartExecution",
    "action_for",
    "redriven_name",
    "told",
]
