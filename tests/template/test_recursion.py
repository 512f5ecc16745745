"""Functions that may trigger themselves, through queues, topics, buckets, other functions and the workflow.

Lambda drops about the 17th run of such a chain ("Use Lambda recursive loop detection to prevent infinite loops") unless
the function's RecursiveLoop is Allow. What a function may send to is read from its role, which has the permissions that
its code uses and no other (test_permissions.py).
"""

from collections.abc import Iterator
from fnmatch import fnmatch

import pytest
from kinesight.domain.streams.image_destination import IMAGES_PREFIX

from scripts.operations.alarm_table import SELF_TRIGGERED
from tests.template.choices import CHOICES
from tests.template.role_grants import Deployed, deployed

Edge = tuple[str, str]

_SENDS = {
    "events:PutEvents",
    "kinesis:PutRecord",
    "kinesis:PutRecords",
    "lambda:InvokeFunction",
    "s3:CopyObject",
    "s3:PutObject",
    "sns:Publish",
    "sqs:SendMessage",
    "states:StartExecution",
}
OWN, EXISTING = "all at once", "a bucket and a topic that existed"
"""Every function exists under both choices: only schedules depend on a parameter."""


def edges(stack: Deployed) -> set[Edge]:
    """Each from what sends to what receives, by logical ids; a function's name stands for its role too."""
    return {*_sent(stack), *_received(stack), *_notified(stack)}


def _sent(stack: Deployed) -> Iterator[Edge]:
    for kind in ("AWS::Lambda::Function", "AWS::StepFunctions::StateMachine"):
        for name, properties in stack.of_type(kind).items():
            role = str(properties.get("Role", properties.get("RoleArn")))
            yield from ((name, place) for action, place in stack.grants(role) if action in _SENDS)


def _received(stack: Deployed) -> Iterator[Edge]:
    for source in stack.of_type("AWS::Lambda::EventSourceMapping").values():
        yield source["EventSourceArn"], source["FunctionName"]
    for rule in stack.of_type("AWS::Events::Rule").values():
        if "EventPattern" in rule:
            yield from (("events:event-bus/default", target["Arn"]) for target in rule["Targets"])
    for queue, properties in stack.of_type("AWS::SQS::Queue").items():
        if "RedrivePolicy" in properties:
            yield queue, properties["RedrivePolicy"]["deadLetterTargetArn"]


def _notified(stack: Deployed) -> Iterator[Edge]:
    for subscription in stack.of_type("AWS::SNS::Subscription").values():
        yield subscription["TopicArn"], subscription["Endpoint"]
    for name, bucket in stack.of_type("AWS::S3::Bucket").items():
        for one in bucket.get("NotificationConfiguration", {}).get("QueueConfigurations", ()):
            (prefix,) = one["Filter"]["S3Key"]["Rules"]
            yield f"{name}/{prefix['Value']}*", one["Queue"]
    for one in stack.of_type("Custom::KinesightBucketNotification").values():
        yield f"{one['Bucket']}/{IMAGES_PREFIX}*", one["QueueArn"]


def reached(start: str, known: set[Edge]) -> set[str]:
    """What `start` sends to, directly and through others."""
    found: set[str] = set()
    waiting = [start]
    while waiting:
        one = waiting.pop()
        following = {target for source, target in known if _is_same(one, source)} - found
        found |= following
        waiting += following
    return found


def _is_same(sent_to: str, source: str) -> bool:
    return sent_to == source or fnmatch(sent_to, source) or fnmatch(source, sent_to)


def self_triggered(stack: Deployed, *further: Edge) -> set[str]:
    known = edges(stack) | set(further)
    return {name for name in stack.of_type("AWS::Lambda::Function") if name in reached(name, known)}


@pytest.mark.parametrize("choice", [OWN, EXISTING])
def test_every_function_that_may_trigger_itself_is_allowed_to_and_no_other(choice: str) -> None:
    stack = deployed(**CHOICES[choice])
    allowed = {
        name
        for name, one in stack.of_type("AWS::Lambda::Function").items()
        if one.get("RecursiveLoop", "Terminate") == "Allow"
    }

    assert self_triggered(stack) == allowed == {f"{one}Function" for one in SELF_TRIGGERED}


@pytest.mark.parametrize(
    ("further", "found"),
    [
        (("AnalyzeImagesFunction", "ImagesBucket/images/*"), {"AnalyzeImagesFunction"}),
        (("AnalyzeImagesFunction", "ImagesBucket/*"), {"AnalyzeImagesFunction"}),
        (("AnalyzeImagesFunction", "ImagesBucket/crops/*"), set()),
        (("TrackSessionsFunction", "ResultsStream"), {"TrackSessionsFunction"}),
        (("ConsumeLiveFunction", "ConductLiveFunction"), {"ConductLiveFunction", "ConsumeLiveFunction"}),
        (("SummarizeRangeFunction", "NotificationTopic"), {"SummarizeRangeFunction"}),
    ],
)
def test_a_loop_through_others_is_found(further: Edge, found: set[str]) -> None:
    stack = deployed(**CHOICES[OWN])

    assert self_triggered(stack, further) - {f"{one}Function" for one in SELF_TRIGGERED} == found


def test_every_sender_is_in_the_graph() -> None:
    """Else a loop through it would be missed."""
    known = edges(deployed(**CHOICES[OWN]))

    assert ("NotificationTopic", "NotificationsQueue") in known
    assert (f"ImagesBucket/{IMAGES_PREFIX}*", "ImagesQueue") in known
    assert ("StartAnalysisFunction", "AnalyzeRange") in known
    assert ("AnalyzeRange", "PlanWindowsFunction") in known
    assert ("ConductLiveFunction", "ConsumeLiveFunction") in known
