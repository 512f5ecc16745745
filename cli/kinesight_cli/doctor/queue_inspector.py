"""Reads facts about the queues of a stack."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import cached_property

from kinesight_cli.doctor.facts import DeadLetterCount, DeadLettersFacts, PolicyFacts, QueueFacts
from kinesight_cli.doctor.stack_inspector import StackInspector


class QueueInspector:
    """Reads the images queue, the notifications queue and the dead-letter queues.

    Everything raises like `AwsReader.call`.
    """

    def __init__(self, stack: StackInspector, maximum_age_s: float) -> None:
        self._stack = stack
        self._aws = stack.aws
        self._maximum_age_s = maximum_age_s

    @cached_property
    def images_queue(self) -> QueueFacts:
        """The queue of images. The age of the oldest message is from CloudWatch, of the last five minutes."""
        url = self._stack.resource("ImagesQueue")
        name = url.rpartition("/")[2]
        attributes = self._attributes(url)
        if attributes is None:
            return QueueFacts(name, None, 0, None, self._maximum_age_s)
        return QueueFacts(
            queue=name,
            waiting=int(attributes.get("ApproximateNumberOfMessages", 0)),
            in_flight=int(attributes.get("ApproximateNumberOfMessagesNotVisible", 0)),
            oldest_s=self._oldest_s(name),
            maximum_age_s=self._maximum_age_s,
        )

    def _attributes(self, url: str) -> Mapping[str, str] | None:
        response = self._aws.call("sqs", "get_queue_attributes", QueueUrl=url, AttributeNames=["All"])
        return None if response is None else response["Attributes"]

    def _oldest_s(self, queue: str) -> float | None:
        now = datetime.now(UTC)
        points = self._aws.call(
            "cloudwatch",
            "get_metric_statistics",
            Namespace="AWS/SQS",
            MetricName="ApproximateAgeOfOldestMessage",
            Dimensions=[{"Name": "QueueName", "Value": queue}],
            StartTime=now - timedelta(minutes=5),
            EndTime=now,
            Period=60,
            Statistics=["Maximum"],
        )["Datapoints"]
        latest = max(points, key=lambda one: one["Timestamp"], default=None)
        return None if latest is None else float(latest["Maximum"])

    @property
    def images_queue_policy(self) -> PolicyFacts:
        return self._policy("ImagesQueue", self._stack.images_bucket_arn)

    @property
    def notifications_queue_policy(self) -> PolicyFacts:
        return self._policy("NotificationsQueue", self._stack.resource("NotificationTopic"))

    def _policy(self, logical_id: str, caller: str) -> PolicyFacts:
        url = self._stack.resource(logical_id)
        policy = (self._attributes(url) or {}).get("Policy")
        return PolicyFacts(self._stack.queue_arn(logical_id), json.loads(policy) if policy else None, caller, url)

    @property
    def dead_letters(self) -> DeadLettersFacts:
        """Dead-letter queues with messages. Receiving with a visibility timeout of 0 leaves a message available."""
        urls = {name: url for name, url in self._stack.facts.resources.items() if name.endswith("DeadLetterQueue")}
        found = []
        for name, url in sorted(urls.items()):
            count = int((self._attributes(url) or {}).get("ApproximateNumberOfMessages", 0))
            if count:
                found.append(DeadLetterCount(name, count, self._reason(url)))
        return DeadLettersFacts(len(urls), tuple(found))

    def _reason(self, url: str) -> str:
        response = self._aws.call(
            "sqs", "receive_message", QueueUrl=url, MessageAttributeNames=["All"], VisibilityTimeout=0
        )
        attributes = [one.get("MessageAttributes", {}) for one in response.get("Messages", [])]
        reasons = [
            ": ".join(one[name]["StringValue"] for name in ("errorType", "errorMessage") if name in one)
            for one in attributes
        ]
        return next((one for one in reasons if one), "too many failed attempts (see the function's log)")
