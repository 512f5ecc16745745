"""BucketNotifications: the fake and S3; and configure_streams, from CloudFormation's request to its response."""

import json
from collections.abc import Iterator, Mapping
from types import SimpleNamespace
from typing import Any, cast

import boto3
import pytest
from kinesight.adapters.aws import clients, propagation
from kinesight.adapters.s3.bucket_notifications import S3BucketNotifications
from kinesight.domain.errors import InvalidSettingError
from kinesight.domain.streams.bucket_notification import BucketNotifications, OwnNotification, add
from kinesight.observability import LambdaContext
from kinesight.wiring import configure_streams as wiring
from moto import mock_aws

from functions.configure_streams import app
from tests.fakes_streams import FakeBucketNotifications
from tests.template.choices import ROOT

ACCOUNT = "123456789012"
QUEUE = f"arn:aws:sqs:us-east-1:{ACCOUNT}:kinesight-images"
THEIRS: Any = {
    "Id": "theirs",
    "QueueArn": f"arn:aws:sqs:us-east-1:{ACCOUNT}:invoices",
    "Events": ["s3:ObjectCreated:*"],
    "Filter": {"Key": {"FilterRules": [{"Name": "prefix", "Value": "invoices/"}]}},
}
CONTEXT = cast(
    LambdaContext,
    SimpleNamespace(
        function_name="configure_streams",
        memory_limit_in_mb=512,
        invoked_function_arn="arn:aws:lambda:us-east-1:123456789012:function:configure_streams",
        aws_request_id="test",
    ),
)


@pytest.fixture
def s3() -> Iterator[Any]:
    with mock_aws():
        clients.s3.cache_clear()
        client = boto3.client("s3", region_name="us-east-1")
        client.create_bucket(Bucket="shared-images")
        sqs = boto3.client("sqs", region_name="us-east-1")
        for name in ("kinesight-images", "invoices"):
            sqs.create_queue(QueueName=name)
        client.put_bucket_notification_configuration(
            Bucket="shared-images", NotificationConfiguration={"QueueConfigurations": [THEIRS]}
        )
        yield client
        clients.s3.cache_clear()


@pytest.fixture(params=["fake", "s3"])
def buckets(request: pytest.FixtureRequest, s3: Any) -> BucketNotifications:
    if request.param == "fake":
        theirs: dict[str, Any] = {"shared-images": {"QueueConfigurations": [THEIRS]}}
        return FakeBucketNotifications(**theirs)
    return S3BucketNotifications(s3, ACCOUNT)


def ids(configuration: Mapping[str, Any] | None) -> list[str]:
    assert configuration is not None
    return [one["Id"] for one in configuration.get("QueueConfigurations", [])]


def test_what_is_saved_is_loaded(buckets: BucketNotifications) -> None:
    assert add(OwnNotification("kinesight-1", "shared-images", QUEUE), buckets)
    assert not add(OwnNotification("kinesight-1", "shared-images", QUEUE), buckets)

    assert ids(buckets.load("shared-images")) == ["theirs", "kinesight-1"]
    assert buckets.region("shared-images") == "us-east-1"


def test_a_missing_bucket_is_none(buckets: BucketNotifications) -> None:
    assert buckets.region("absent-images") is None
    assert buckets.load("absent-images") is None


def test_every_call_expects_the_owner(s3: Any) -> None:
    seen: list[tuple[str, str]] = []
    s3.meta.events.register(
        "provide-client-params.s3.*",
        lambda params, model, **_: seen.append((model.name, params["ExpectedBucketOwner"])),
    )

    add(OwnNotification("kinesight-1", "shared-images", QUEUE), S3BucketNotifications(s3, "444455556666"))

    assert {owner for _, owner in seen} == {"444455556666"}
    assert len(seen) == 3


def test_a_refusal_says_what_may_be_the_reason(s3: Any) -> None:
    """S3 denies calls that expect another owner, which moto does not check."""

    def denied(**_: object) -> tuple[Any, dict[str, Any]]:
        error = {"Error": {"Code": "AccessDenied", "Message": "no"}, "ResponseMetadata": {"HTTPStatusCode": 403}}
        return SimpleNamespace(status_code=403, headers={}, content=b""), error

    s3.meta.events.register("before-call.s3.GetBucketNotificationConfiguration", denied)

    with pytest.raises(InvalidSettingError, match=r"shared-images \(it is of another account than 123456789012"):
        S3BucketNotifications(s3, ACCOUNT).load("shared-images")


# -- the function --


@pytest.fixture
def responses(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str | None]]:
    """Physical id and reason of the failure of each response."""
    found: list[tuple[str, str | None]] = []

    def respond(request: Mapping[str, Any], *, failure: str | None, **_: object) -> None:
        found.append((request["PhysicalResourceId"], failure))

    monkeypatch.setattr(wiring, "respond", respond)
    return found


def sample(kind: str, **changed: Any) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((ROOT / f"events/configure_streams/{kind}_bucket_notification.json").read_text())
    return found | changed


def test_create_adds_and_delete_removes_the_own_configuration(s3: Any, responses: list[tuple[str, str | None]]) -> None:
    assert app.handler(sample("create"), CONTEXT) == {"changed": True}
    assert app.handler(sample("create"), CONTEXT) == {"changed": False}
    own_id = "kinesight-51af3dc0-da77-11e4-872e-1234567db123"
    present = s3.get_bucket_notification_configuration(Bucket="shared-images")
    assert ids(present) == ["theirs", own_id]

    assert app.handler(sample("delete", PhysicalResourceId=responses[0][0]), CONTEXT) == {"changed": True}

    assert ids(s3.get_bucket_notification_configuration(Bucket="shared-images")) == ["theirs"]
    assert responses == [(f"shared-images/{own_id}", None)] * 3


def test_a_failed_creation_gives_its_reason_and_leaves_nothing_to_delete(
    s3: Any, responses: list[tuple[str, str | None]]
) -> None:
    absent = {"Bucket": "absent-images", "QueueArn": QUEUE}
    with pytest.raises(InvalidSettingError):
        app.handler(sample("create", ResourceProperties=absent), CONTEXT)
    ((physical_id, failure),) = responses

    assert failure is not None
    assert "there is no bucket absent-images" in failure
    request = sample("delete", ResourceProperties=absent, PhysicalResourceId=physical_id)
    assert app.handler(request, CONTEXT) == {"changed": False}
    assert responses[1] == (physical_id, None)


def test_a_policy_that_does_not_take_effect_yet_fails_no_creation(
    s3: Any, responses: list[tuple[str, str | None]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A first deployment creates it seconds before."""
    monkeypatch.setattr(propagation, "DELAYS_S", (0.0, 0.0))
    refusals = [403, 403]

    def denied_at_first(**_: object) -> tuple[Any, dict[str, Any]] | None:
        if not refusals:
            return None
        error = {"Error": {"Code": "AccessDenied"}, "ResponseMetadata": {"HTTPStatusCode": refusals.pop()}}
        return SimpleNamespace(status_code=403, headers={}, content=b""), error

    events: Any = clients.s3().meta.events
    events.register("before-call.s3.PutBucketNotificationConfiguration", denied_at_first)

    assert app.handler(sample("create"), CONTEXT) == {"changed": True}
    assert refusals == []
    assert [failure for _, failure in responses] == [None]


def test_a_failed_update_keeps_the_former_physical_id(s3: Any, responses: list[tuple[str, str | None]]) -> None:
    """CloudFormation would delete the notification of the bucket that it returns to."""
    absent = {"Bucket": "absent-images", "QueueArn": QUEUE}
    request = sample("delete", RequestType="Update", ResourceProperties=absent, PhysicalResourceId="shared-images/1")
    with pytest.raises(InvalidSettingError):
        app.handler(request, CONTEXT)

    assert responses[0][0] == "shared-images/1"
