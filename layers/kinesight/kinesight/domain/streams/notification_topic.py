"""The topic that KVS notifies, if it is not the stack's own."""

from kinesight.domain.errors import InvalidSettingError


def check_notification_topic(topic_arn: str, stack_id: str) -> None:
    """Raises InvalidSettingError if the topic has another Region or account than the stack with this id (an ARN).

    The queue accepts messages of topics of its own account only, and an SNS subscription is made in the topic's Region.
    """
    topic, stack = topic_arn.split(":"), stack_id.split(":")
    if topic[3:5] != stack[3:5]:
        raise InvalidSettingError(
            f"NotificationTopicArn names a topic of account {topic[4]} in {topic[3]}, the stack is of account "
            f"{stack[4]} in {stack[3]}: choose a topic there"
        )
