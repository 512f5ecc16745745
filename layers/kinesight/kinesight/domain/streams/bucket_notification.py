"""Notification of a bucket that existed before the stack: adds and removes one queue configuration, keeps all others.

S3 keeps one notification configuration per bucket, which is read and written as a whole and has no version (S3 API
reference, "PutBucketNotificationConfiguration"): a change from elsewhere between reading and writing is lost.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from kinesight.domain.errors import InvalidSettingError
from kinesight.domain.streams.image_destination import IMAGES_PREFIX

_EVENTS = "s3:ObjectCreated:*"
_FAMILY = "s3:ObjectCreated:"
_QUEUES = "QueueConfigurations"
_KINDS = {_QUEUES: "QueueArn", "TopicConfigurations": "TopicArn", "LambdaFunctionConfigurations": "LambdaFunctionArn"}

NotificationConfiguration = Mapping[str, Any]
"""NotificationConfiguration of S3's API."""


class BucketNotifications(Protocol):
    """Notification configurations of buckets of this account. Everything raises InvalidSettingError if the bucket
    belongs to another account or S3 refuses the call, and StorageBusyError if S3 fails."""

    def region(self, bucket: str) -> str | None:
        """Returns the Region of a bucket, None if there is no such bucket."""

    def load(self, bucket: str) -> NotificationConfiguration | None:
        """Returns the configuration, None if there is no such bucket."""

    def save(self, bucket: str, configuration: NotificationConfiguration, *, check_destinations: bool) -> None:
        """Replaces the configuration; with `check_destinations` S3 refuses destinations that it cannot send to."""


@dataclass(frozen=True, slots=True)
class OwnNotification:
    """The configuration that a stack adds: `config_id` is its own among those of the bucket."""

    config_id: str
    bucket: str
    queue_arn: str

    @property
    def region(self) -> str:
        """The Region of the queue, which S3 requires the bucket to have, too."""
        return self.queue_arn.split(":")[3]

    def configuration(self) -> Mapping[str, Any]:
        """Returns the entry of QueueConfigurations."""
        rules = [{"Name": "prefix", "Value": IMAGES_PREFIX}]
        return {
            "Id": self.config_id,
            "QueueArn": self.queue_arn,
            "Events": [_EVENTS],
            "Filter": {"Key": {"FilterRules": rules}},
        }


def add(own: OwnNotification, notifications: BucketNotifications) -> bool:
    """Adds the configuration, or replaces the one with its id. Returns whether the bucket was changed.

    Raises InvalidSettingError if there is no such bucket, it has another Region, or S3 permits no such configuration
    beside the others; otherwise as BucketNotifications.
    """
    region, current = notifications.region(own.bucket), notifications.load(own.bucket)
    if region is None or current is None:
        raise InvalidSettingError(f"there is no bucket {own.bucket}: create it, or correct ImagesBucketName")
    if region != own.region:
        raise InvalidSettingError(
            f"the bucket {own.bucket} is in {region}, the stack in {own.region}: KVS writes images to buckets of the "
            "stream's own Region; set ImagesBucketName to one of them"
        )
    others = _without(current, own.config_id)
    for kind, other in _all_of(others):
        if overlaps(other):
            raise InvalidSettingError(_overlap(own.bucket, kind, other))
    present = [one for one in current.get(_QUEUES, []) if one.get("Id") == own.config_id]
    if len(present) == 1 and _meaning(present[0]) == _meaning(own.configuration()):
        return False
    desired = {**others, _QUEUES: [*others.get(_QUEUES, []), own.configuration()]}
    notifications.save(own.bucket, desired, check_destinations=True)
    return True


def remove(bucket: str, config_id: str, notifications: BucketNotifications) -> bool:
    """Removes the configuration with this id. Returns whether the bucket was changed. Raises as BucketNotifications."""
    current = notifications.load(bucket)
    if current is None:
        return False
    others = _without(current, config_id)
    if others == current:
        return False
    # A destination of another configuration that is gone must not keep this one in the bucket.
    notifications.save(bucket, others, check_destinations=False)
    return True


def overlaps(other: Mapping[str, Any]) -> bool:
    """Whether S3 refuses a configuration beside the stack's own.

    Both are for an event of one family, and one prefix begins with the other. The stack's own has no suffix, which
    overlaps every suffix (S3 user guide, "Configuring event notifications using object key name filtering").
    """
    prefix = _prefix(other)
    near = prefix.startswith(IMAGES_PREFIX) or IMAGES_PREFIX.startswith(prefix)
    return near and any(event.startswith(_FAMILY) for event in other.get("Events", []))


def _overlap(bucket: str, kind: str, other: Mapping[str, Any]) -> str:
    where = f"keys below {prefix!r}" if (prefix := _prefix(other)) else "all keys"
    return (
        f"the bucket {bucket} has the notification {other.get('Id', '')!r} to {other.get(_KINDS[kind])} for "
        f"{', '.join(other.get('Events', []))} of {where}, which overlaps {IMAGES_PREFIX!r}, and S3 permits only one "
        "destination there. Give it another prefix, or replace it by a rule of EventBridge, which may overlap; then "
        "deploy again"
    )


def _all_of(configuration: NotificationConfiguration) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for kind in _KINDS:
        for one in configuration.get(kind, []):
            yield kind, one


def _without(configuration: NotificationConfiguration, config_id: str) -> NotificationConfiguration:
    if not any(one.get("Id") == config_id for one in configuration.get(_QUEUES, [])):
        return configuration
    queues = [one for one in configuration[_QUEUES] if one.get("Id") != config_id]
    return {**configuration, _QUEUES: queues}


def _rules(one: Mapping[str, Any]) -> dict[str, str]:
    """S3 returns the names of rules with a capital letter."""
    rules = one.get("Filter", {}).get("Key", {}).get("FilterRules", [])
    return {rule["Name"].lower(): rule["Value"] for rule in rules}


def _prefix(one: Mapping[str, Any]) -> str:
    return _rules(one).get("prefix", "")


def _meaning(one: Mapping[str, Any]) -> tuple[object, ...]:
    return one["QueueArn"], frozenset(one["Events"]), tuple(sorted(_rules(one).items()))
