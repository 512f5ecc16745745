"""What a run makes in the account, and its removal.

The temporary queue is made first and removed last: its tags name stack and stream, so that what an interrupted run
left can be found and removed later.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from kinesight_cli.shared import aws_session
from kinesight_cli.verify.run import SCHEDULED
from kinesight_cli.verify.temporary_data import DATA, executions_of, is_absent
from kinesight_cli.verify.temporary_stream import MARK

if TYPE_CHECKING:
    from kinesight_cli.verify.deployment import Deployment

_STACK, _STREAM = f"{MARK}:stack", f"{MARK}:stream"
_DAY_S = "86400"


@dataclass(frozen=True, slots=True)
class TemporaryQueue:
    """The queue of one run."""

    url: str
    arn: str
    stream: str


def make_queue(deployment: Deployment) -> TemporaryQueue:
    """Creates the queue; the topics of the stack may send to it. Raises botocore's errors."""
    sqs = deployment.clients("sqs")
    url = sqs.create_queue(
        QueueName=f"{MARK}-{secrets.token_hex(4)}",
        tags={_STACK: deployment.stack, _STREAM: deployment.stream.name},
        Attributes={"MessageRetentionPeriod": _DAY_S},
    )["QueueUrl"]
    queue = TemporaryQueue(url, _arn_of(sqs, url), deployment.stream.name)
    allowed = {
        "Effect": "Allow",
        "Principal": {"Service": "sns.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": queue.arn,
        "Condition": {"ArnEquals": {"aws:SourceArn": _topics(deployment)}},
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [allowed]})
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})
    return queue


def subscribe(deployment: Deployment, queue_arn: str) -> list[str]:
    """Subscribes the queue to the alert topic, and to that of notifications if the stream has them. Returns their
    ARNs. Raises botocore's errors."""
    topics = _topics(deployment)
    for topic in topics:
        deployment.clients("sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue_arn)
    return topics


def leftovers(clients: Callable[[str], Any], stack: str) -> list[TemporaryQueue]:
    """Returns the queues that earlier runs of a stack have left, or that other runs use now. Raises botocore's
    errors."""
    sqs = clients("sqs")
    pages = sqs.get_paginator("list_queues").paginate(QueueNamePrefix=f"{MARK}-")
    found = []
    for url in (url for page in pages for url in page.get("QueueUrls", [])):
        tags = sqs.list_queue_tags(QueueUrl=url).get("Tags", {})
        if tags.get(_STACK) == stack and _STREAM in tags:
            found.append(TemporaryQueue(url, _arn_of(sqs, url), tags[_STREAM]))
    return found


def _arn_of(sqs: Any, url: str) -> str:
    return str(sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"])


def _topics(deployment: Deployment) -> list[str]:
    notified = [deployment.id_of("NotificationTopic")] if deployment.has_notifications else []
    return [deployment.id_of("AlertTopic"), *notified]


@dataclass(slots=True)
class Removal:
    """Removes everything of one run. May be repeated: what is gone already is no error.

    `settle`: called before each pass over the data, to wait for what is still in flight. Two passes in succession that
    find nothing are the last; there are at most `passes`.
    """

    deployment: Deployment
    queue: TemporaryQueue
    settle: Callable[[], None]
    passes: int = 12

    def run(self) -> list[str]:
        """Returns what could not be removed, each with the reason."""
        left = [
            *self._attempt("subscriptions", self._unsubscribe),
            *self._attempt("stream", self._delete_stream),
            *self._attempt("stream settings", self._forget_settings),
            *self._attempt("analyses", self._stop_executions),
        ]
        left += self._passes()
        if not left:
            left += self._attempt("queue", self._delete_queue)
        return left

    def _passes(self) -> list[str]:
        empty = 0
        for _ in range(self.passes):
            self.settle()
            found, problems = self._delete_data()
            empty = 0 if found else empty + 1
            if problems or empty == 2:
                return problems
        return []

    def _attempt(self, what: str, remove: Callable[[], object]) -> Iterator[str]:
        try:
            remove()
        except (BotoCoreError, ClientError) as error:
            if is_absent(error):
                return
            yield f"{what} of {self.queue.stream}: {aws_session.problem(error)}"

    def _unsubscribe(self) -> None:
        sns, ids = self.deployment.clients("sns"), self.deployment.resources.ids
        for topic in (ids[name] for name in ("AlertTopic", "NotificationTopic") if name in ids):
            for page in sns.get_paginator("list_subscriptions_by_topic").paginate(TopicArn=topic):
                for one in page["Subscriptions"]:
                    if one.get("Endpoint") == self.queue.arn and one["SubscriptionArn"].startswith("arn:"):
                        sns.unsubscribe(SubscriptionArn=one["SubscriptionArn"])

    def _delete_stream(self) -> None:
        """Deletes the stream if a run of this command has created it."""
        client = self.deployment.clients("kinesisvideo")
        try:
            arn = client.describe_stream(StreamName=self.queue.stream)["StreamInfo"]["StreamARN"]
            if MARK in client.list_tags_for_stream(StreamARN=arn).get("Tags", {}):
                client.delete_stream(StreamARN=arn)
        except client.exceptions.ResourceNotFoundException:
            return

    def _forget_settings(self) -> None:
        """Has configure_streams forget the stream; if this fails, its next scheduled run does."""
        function = self.deployment.resources.function("ConfigureStreamsFunction")
        self.deployment.clients("lambda").invoke(FunctionName=function, Payload=SCHEDULED)

    def _stop_executions(self) -> None:
        client = self.deployment.clients("stepfunctions")
        for arn, is_running in executions_of(self.deployment, self.queue.stream):
            if is_running:
                client.stop_execution(executionArn=arn, cause=MARK)

    def _delete_data(self) -> tuple[int, list[str]]:
        """Returns how many objects and items were deleted, and what could not be deleted."""
        count, problems = 0, list[str]()
        for what, remove in DATA.items():
            try:
                count += remove(self.deployment, self.queue.stream)
            except (BotoCoreError, ClientError) as error:
                if not is_absent(error):
                    problems.append(f"{what} of {self.queue.stream}: {aws_session.problem(error)}")
        return count, problems

    def _delete_queue(self) -> None:
        sqs = self.deployment.clients("sqs")
        try:
            sqs.delete_queue(QueueUrl=self.queue.url)
        except sqs.exceptions.QueueDoesNotExist:
            return
