"""Reads facts about the topics of a stack."""

from kinesight_cli.doctor.facts import Subscription, TopicFacts
from kinesight_cli.doctor.stack_inspector import StackInspector


class TopicInspector:
    """Reads the subscriptions of the topics. Everything raises like `AwsReader.call`."""

    def __init__(self, stack: StackInspector) -> None:
        self._stack = stack

    @property
    def alerts(self) -> TopicFacts:
        return self._topic("AlertTopic", self._stack.parameter("AlertEmail"))

    @property
    def notifications(self) -> TopicFacts:
        return self._topic("NotificationTopic", self._stack.queue_arn("NotificationsQueue"))

    def _topic(self, logical_id: str, endpoint: str) -> TopicFacts:
        arn = self._stack.resource(logical_id)
        pages = list(self._stack.aws.pages("sns", "list_subscriptions_by_topic", TopicArn=arn))
        found = tuple(
            Subscription(one["Protocol"], one.get("Endpoint", ""), one["SubscriptionArn"].startswith("arn:"))
            for page in pages
            for one in page["Subscriptions"]
        )
        return TopicFacts(arn, endpoint, found if pages else None)
