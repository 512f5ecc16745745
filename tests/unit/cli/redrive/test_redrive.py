"""Dead letters are sent to their targets, and none is lost."""

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from botocore.exceptions import ClientError
from kinesight_cli.redrive.actions import (
    Action,
    InvokeWithChange,
    InvokeWithRange,
    InvokeWithRecord,
    SendMessage,
    Skip,
    StartExecution,
    action_for,
    describe,
)
from kinesight_cli.redrive.command import QueueChoice
from kinesight_cli.redrive.report import RedriveOptions, Report
from kinesight_cli.redrive.run import redrive_queue
from kinesight_cli.shared.dead_letter_routes import EXECUTIONS, QUEUES, DeadLetterRoute, TargetType
from kinesight_cli.shared.dead_letters import ATTEMPTS_EXHAUSTED, DeadLetter
from kinesight_local.template import read_template

from tests.builders import a_record

ROOT = Path(__file__).resolve().parents[4]
BY_NAME = {route.name: route for route in (*QUEUES, EXECUTIONS)}
LIVE = {"streamName": "cam", "fragmentNumber": "1", "imageTimestamp": "2026-01-01T12:00:00.000+00:00"}
RANGE = {"shardId": "shardId-0", "startSequenceNumber": "5", "endSequenceNumber": "9", "batchSize": 3}


def a_dead_letter(
    body: str = "{}", reason: str = "DetectorRejectedError", number: int = 0, receipt: str = "r"
) -> DeadLetter:
    return DeadLetter(f"m{number}", receipt, body, reason)


def test_every_dead_letter_queue_of_the_template_has_a_route() -> None:
    resources = read_template(ROOT / "template.yaml")["Resources"]
    queues = {name: one["Properties"] for name, one in resources.items() if one["Type"] == "AWS::SQS::Queue"}
    fed_by = {
        one["RedrivePolicy"]["deadLetterTargetArn"]["Fn::GetAtt"][0]: name
        for name, one in queues.items()
        if "RedrivePolicy" in one
    }

    assert {route.source for route in QUEUES} == {name for name in queues if name.endswith("DeadLetterQueue")}
    assert {route.source: route.target for route in QUEUES if route.target_type is TargetType.QUEUE} == fed_by
    assert {route.target for route in BY_NAME.values()} <= set(resources)
    assert [choice.value for choice in QueueChoice] == [route.name for route in (*QUEUES, EXECUTIONS)]


@pytest.mark.parametrize(
    ("queue", "body", "action"),
    [
        ("images", "any", SendMessage("any")),
        ("session-videos", "any", SendMessage("any")),
        (
            "evidence",
            a_record().model_dump_json(by_alias=True),
            InvokeWithRecord(a_record().model_dump_json(by_alias=True).encode()),
        ),
        ("sessions", json.dumps({"KinesisBatchInfo": RANGE}), InvokeWithRange("shardId-0", "5", "9", 3)),
    ],
    ids=["images", "videos", "record", "range"],
)
def test_a_message_is_sent_to_the_target_of_its_queue(queue: str, body: str, action: Action) -> None:
    assert action_for(BY_NAME[queue], a_dead_letter(body), forced=False) == action


def test_a_live_keyframe_becomes_an_execution_for_its_timestamp() -> None:
    first, again = (action_for(BY_NAME["live"], a_dead_letter(json.dumps(LIVE)), forced=False) for _ in range(2))
    other = action_for(BY_NAME["live"], a_dead_letter(json.dumps(LIVE | {"fragmentNumber": "2"})), forced=False)

    assert isinstance(first, StartExecution)
    assert isinstance(other, StartExecution)
    assert first == again
    assert first.name != other.name
    assert first.document["StartTimestamp"] == first.document["EndTimestamp"] == LIVE["imageTimestamp"]
    assert len(first.name) <= 80


def test_an_execution_starts_again_with_its_input() -> None:
    action = action_for(EXECUTIONS, a_dead_letter('{"StreamName": "cam"}', "TooManyFailuresError"), forced=False)

    assert isinstance(action, StartExecution)
    assert action.document == {"StreamName": "cam"}


@pytest.mark.parametrize(
    ("queue", "message"),
    [
        ("images", a_dead_letter(reason="NotAKvsImageError")),
        ("evidence", a_dead_letter("cut")),
        ("evidence", a_dead_letter("")),
        ("live", a_dead_letter(json.dumps({"streamName": "cam", "fragmentNumber": "1"}))),
        ("live", a_dead_letter("[]")),
        ("executions", a_dead_letter(reason="TooManyFailuresError", receipt="sweep-cam-1")),
        ("executions", a_dead_letter(reason="RangeExpiredError")),
    ],
)
def test_a_message_that_would_fail_again_is_skipped_with_a_reason(queue: str, message: DeadLetter) -> None:
    action = action_for(BY_NAME[queue], message, forced=False)

    assert isinstance(action, Skip)
    assert describe(action, BY_NAME[queue]).startswith("skipped: ")


def test_the_last_execution_of_a_range_that_a_sweep_skipped_is_started_again() -> None:
    last = a_dead_letter('{"StreamARN": "arn"}', "TooManyFailuresError", receipt="sweep-cam-0a1b2c3d-17-18-5")

    assert isinstance(action_for(EXECUTIONS, last, forced=False), StartExecution)


def test_a_range_that_was_not_read_live_is_analyzed_by_the_clock_of_kvs() -> None:
    start, end = "2026-01-01T12:00:00.000+00:00", "2026-01-01T12:00:02.000+00:00"
    body = {"streamName": "cam", "startTimestamp": start, "endTimestamp": end}

    action = action_for(BY_NAME["live"], a_dead_letter(json.dumps(body), "UnexpectedError"), forced=False)

    assert isinstance(action, StartExecution)
    assert action.document == {
        "StreamName": "cam",
        "StartTimestamp": start,
        "EndTimestamp": end,
        "ImageSelectorType": "SERVER_TIMESTAMP",
        "AllowEmpty": True,
    }


def test_a_change_of_a_session_is_given_back_to_its_function() -> None:
    body = {"state_key": "cam", "undelivered": {"type": "NEW"}}

    action = action_for(BY_NAME["sessions"], a_dead_letter(json.dumps(body), "UnexpectedError"), forced=False)

    assert action == InvokeWithChange(body)


def test_naming_the_reason_forces_a_message() -> None:
    assert action_for(BY_NAME["images"], a_dead_letter("x", "InvalidEventError"), forced=True) == SendMessage("x")
    again = action_for(EXECUTIONS, a_dead_letter('{"StreamName": "cam"}', "NoMediaError"), forced=True)
    assert isinstance(again, StartExecution)


@dataclass
class FakeSource:
    """Messages, of which some are invisible."""

    messages: dict[str, DeadLetter]
    held: set[str] = field(default_factory=set)

    def collect(self, most: int) -> list[DeadLetter]:
        found = [one for name, one in self.messages.items() if name not in self.held][:most]
        self.held |= {one.message_id for one in found}
        return found

    def delete(self, message: DeadLetter) -> None:
        del self.messages[message.message_id]

    def release(self, messages: Iterable[DeadLetter]) -> None:
        self.held -= {one.message_id for one in messages}


@dataclass
class FakeTargets:
    """Records what was sent; raises the failure of a message, by its id."""

    messages: FakeSource
    failures: dict[str, BaseException] = field(default_factory=dict)
    sent: list[str] = field(default_factory=list)

    def source(self, route: DeadLetterRoute) -> FakeSource:
        return self.messages

    def send(self, route: DeadLetterRoute, message: DeadLetter, action: Action) -> str | None:
        if isinstance(action, Skip):
            return action.why
        if message.message_id in self.failures:
            raise self.failures[message.message_id]
        self.sent.append(message.message_id)
        # a message that was sent may fail again at once
        again = DeadLetter(f"{message.message_id}'", "r", message.body, message.reason)
        self.messages.messages[again.message_id] = again
        return None


def some_targets(*reasons: str) -> FakeTargets:
    messages = [a_dead_letter(reason=reason, number=number) for number, reason in enumerate(reasons)]
    return FakeTargets(FakeSource({one.message_id: one for one in messages}))


def run(targets: FakeTargets, options: RedriveOptions | None = None) -> Report:
    report = Report()
    redrive_queue(BY_NAME["images"], targets, options or RedriveOptions(), report, lambda _queue, _done, _total: None)
    return report


def test_each_message_is_sent_once_even_if_it_fails_again_at_once() -> None:
    targets = some_targets("DetectorRejectedError", ATTEMPTS_EXHAUSTED)

    report = run(targets)

    assert targets.sent == ["m0", "m1"]
    assert (report.sent, report.found) == (2, {"images": 2})
    assert (set(targets.messages.messages), targets.messages.held & set(targets.messages.messages)) == (
        {"m0'", "m1'"},
        set(),
    )


def test_a_dry_run_reports_and_changes_nothing() -> None:
    targets = some_targets("DetectorRejectedError", "DetectorRejectedError", "NotAKvsImageError")

    report = run(targets, RedriveOptions(dry_run=True))

    assert [(one.reason, one.messages, one.action.split(":")[0]) for one in report.groups] == [
        ("DetectorRejectedError", 2, "to ImagesQueue"),
        ("NotAKvsImageError", 1, "skipped"),
    ]
    assert (targets.sent, len(targets.messages.messages), targets.messages.held) == ([], 3, set())
    assert report.document()["sent"] == 0


def test_only_the_chosen_reasons_and_no_more_than_the_limit() -> None:
    targets = some_targets("NotAKvsImageError", "DetectorRejectedError", "ModelOutputError", "DetectorRejectedError")

    run(targets, RedriveOptions(reasons=["DetectorRejectedError"], limit=3))

    assert targets.sent == ["m1"]
    assert {"m0", "m2", "m3"} <= set(targets.messages.messages)
    assert targets.messages.held & set(targets.messages.messages) == set()


def test_an_interruption_loses_nothing() -> None:
    targets = some_targets(*["DetectorRejectedError"] * 3)
    targets.failures["m1"] = KeyboardInterrupt()

    with pytest.raises(KeyboardInterrupt):
        run(targets)

    assert targets.sent == ["m0"]
    assert {"m1", "m2"} <= set(targets.messages.messages)
    assert targets.messages.held & {"m1", "m2"} == set()


def test_a_failure_to_send_skips_one_message_only() -> None:
    targets = some_targets(*["DetectorRejectedError"] * 3)
    targets.failures["m1"] = ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, "SendMessage")

    report = run(targets)

    assert (targets.sent, report.sent, report.skipped) == (["m0", "m2"], 2, 1)
    assert "m1" in targets.messages.messages
    assert any("AccessDenied" in one.action for one in report.groups)
