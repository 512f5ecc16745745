"""The notification that the stack adds to a bucket that existed before it: adds and removes its own alone."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kinesight.domain.errors import InvalidSettingError
from kinesight.domain.streams.bucket_notification import OwnNotification, add, overlaps, remove
from kinesight.domain.streams.notification_topic import check_notification_topic

from tests.fakes_streams import FakeBucketNotifications

QUEUE = "arn:aws:sqs:us-east-1:111122223333:kinesight-images"
OWN = OwnNotification("kinesight-1", "shared", QUEUE)
LAMBDA = "arn:aws:lambda:us-east-1:111122223333:function:thumbnails"


def notification(prefix: str = "", suffix: str = "", event: str = "s3:ObjectCreated:*", **more: str) -> dict[str, Any]:
    rules = [{"Name": name, "Value": value} for name, value in (("Prefix", prefix), ("Suffix", suffix)) if value]
    return {"Id": "theirs", "Events": [event], "Filter": {"Key": {"FilterRules": rules}}, **more}


OTHERS: dict[str, Any] = {
    "LambdaFunctionConfigurations": [notification("uploads/", LambdaFunctionArn=LAMBDA)],
    "QueueConfigurations": [notification("invoices/", QueueArn="arn:aws:sqs:us-east-1:111122223333:invoices")],
    "TopicConfigurations": [notification(event="s3:ObjectRemoved:*", TopicArn="arn:aws:sns:us-east-1:1:removed")],
    "EventBridgeConfiguration": {},
}


def test_every_other_configuration_is_kept() -> None:
    buckets = FakeBucketNotifications(shared=OTHERS)

    assert add(OWN, buckets)

    found = buckets.configurations["shared"]
    assert found == OTHERS | {"QueueConfigurations": [*OTHERS["QueueConfigurations"], OWN.configuration()]}
    assert buckets.checked == [True]


def test_adding_again_changes_nothing() -> None:
    """S3 returns the names of filter rules with a capital letter."""
    buckets = FakeBucketNotifications(shared=OTHERS)
    add(OWN, buckets)
    for one in buckets.configurations["shared"]["QueueConfigurations"]:
        for rule in one["Filter"]["Key"]["FilterRules"]:
            rule["Name"] = rule["Name"].capitalize()

    assert not add(OWN, buckets)

    assert len(buckets.checked) == 1


def test_another_queue_replaces_the_own_configuration() -> None:
    buckets = FakeBucketNotifications(shared=OTHERS)
    add(OWN, buckets)
    later = OwnNotification(OWN.config_id, "shared", f"{QUEUE}-2")

    assert add(later, buckets)

    queues = buckets.configurations["shared"]["QueueConfigurations"]
    assert [one["QueueArn"] for one in queues] == [OTHERS["QueueConfigurations"][0]["QueueArn"], later.queue_arn]


def test_the_narrower_filter_of_a_former_version_is_replaced() -> None:
    """Without the slash, KVS's keys may lie beside images/."""
    former = {**OWN.configuration(), "Filter": {"Key": {"FilterRules": [{"Name": "Prefix", "Value": "images/"}]}}}
    buckets = FakeBucketNotifications(shared={"QueueConfigurations": [former]})

    assert add(OWN, buckets)

    assert buckets.configurations["shared"]["QueueConfigurations"] == [OWN.configuration()]


def test_removing_leaves_what_was_there_before_and_may_be_repeated() -> None:
    buckets = FakeBucketNotifications(shared=OTHERS)
    add(OWN, buckets)

    assert remove("shared", OWN.config_id, buckets)
    assert not remove("shared", OWN.config_id, buckets)

    assert buckets.configurations["shared"] == OTHERS
    assert buckets.checked == [True, False]


def test_nothing_is_removed_from_a_bucket_that_is_gone() -> None:
    assert not remove("gone", OWN.config_id, FakeBucketNotifications())


def test_a_missing_bucket_is_refused() -> None:
    with pytest.raises(InvalidSettingError, match="there is no bucket shared"):
        add(OWN, FakeBucketNotifications())


def test_a_bucket_of_another_region_is_refused() -> None:
    buckets = FakeBucketNotifications(shared={}, region="eu-west-1")

    with pytest.raises(InvalidSettingError, match="shared is in eu-west-1, the stack in us-east-1"):
        add(OWN, buckets)

    assert buckets.configurations["shared"] == {}


@pytest.mark.parametrize(
    ("kind", "other"),
    [
        ("LambdaFunctionConfigurations", notification(LambdaFunctionArn=LAMBDA)),
        ("LambdaFunctionConfigurations", notification(suffix=".jpg", LambdaFunctionArn=LAMBDA)),
        ("TopicConfigurations", notification("images/cam", event="s3:ObjectCreated:Put", TopicArn="arn:topic")),
        ("QueueConfigurations", notification("ima", QueueArn="arn:queue")),
    ],
)
def test_a_configuration_that_overlaps_is_named(kind: str, other: dict[str, Any]) -> None:
    buckets = FakeBucketNotifications(shared={kind: [other]})

    with pytest.raises(InvalidSettingError, match=r"has the notification 'theirs' to arn.*overlaps 'images'"):
        add(OWN, buckets)

    assert buckets.configurations["shared"] == {kind: [other]}


KEYS = st.text("imagesx/", max_size=9)


@given(KEYS, KEYS)
def test_prefixes_overlap_where_a_key_can_have_both(prefix: str, rest: str) -> None:
    """S3 refuses two configurations that one key may match."""
    matches_both = (prefix + rest).startswith("images") or f"images{rest}".startswith(prefix)

    assert overlaps(notification(prefix)) or not matches_both


def test_a_topic_of_another_region_or_account_is_refused() -> None:
    stack = "arn:aws:cloudformation:us-east-1:111122223333:stack/kinesight/1"
    check_notification_topic("arn:aws:sns:us-east-1:111122223333:motion", stack)

    for topic in ("arn:aws:sns:eu-west-1:111122223333:motion", "arn:aws:sns:us-east-1:444455556666:motion"):
        with pytest.raises(InvalidSettingError, match="choose a topic there"):
            check_notification_topic(topic, stack)
