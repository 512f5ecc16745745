"""What is remembered of streams: one suite for the fake and for DynamoDB."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import boto3
import pytest
from kinesight.adapters.dynamodb.managed_streams import DynamoDbManagedStreams, key_of
from kinesight.domain.streams.stream_settings import Feature, ManagedFeature, ManagedStreams
from moto import mock_aws

from tests.fakes_streams import FakeManagedStreams

ENTRY = ManagedFeature(
    "cam", "arn:aws:kinesisvideo:us-east-1:1:stream/cam/1", Feature.NOTIFICATION, {"a": 1}, ({"b": 2},), 5.0
)


def a_table(client: Any = None) -> Any:
    client = client or boto3.client("dynamodb")
    client.create_table(
        TableName="coordination",
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[
            {"AttributeName": "pk", "AttributeType": "S"},
            {"AttributeName": "sk", "AttributeType": "S"},
        ],
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
    )
    return client


@pytest.fixture(params=["fake", "dynamodb"])
def managed(request: pytest.FixtureRequest) -> Iterator[ManagedStreams]:
    if request.param == "fake":
        yield FakeManagedStreams()
        return
    with mock_aws():
        yield DynamoDbManagedStreams(a_table(), "coordination", epoch_s=lambda: 1000.0)


def test_an_entry_is_remembered_and_forgotten(managed: ManagedStreams) -> None:
    assert managed.add(ENTRY) == ENTRY
    assert managed.all() == [ENTRY]
    assert managed.manages(ENTRY.feature, ENTRY.stream_arn)
    assert not managed.manages(Feature.IMAGE_GENERATION, ENTRY.stream_arn)
    managed.forget(ENTRY)
    managed.forget(ENTRY)
    assert managed.all() == []
    assert not managed.manages(ENTRY.feature, ENTRY.stream_arn)


def test_the_first_original_stays(managed: ManagedStreams) -> None:
    managed.add(ENTRY)

    assert managed.add(replace(ENTRY, original={"ours": True})) == ENTRY
    later = replace(ENTRY, applied=({"b": 2}, {"c": 3}), verified_at_s=9.0, described={"c": 4})
    managed.update(replace(later, original=None))

    assert managed.all() == [later]


def test_an_entry_of_a_former_version_is_read() -> None:
    with mock_aws():
        client = a_table()
        table = DynamoDbManagedStreams(client, "coordination", epoch_s=lambda: 1000.0)
        table.add(replace(ENTRY, described={"c": 4}))
        key = key_of(ENTRY.feature, ENTRY.stream_arn)
        client.update_item(TableName="coordination", Key=key, UpdateExpression="REMOVE described")

        assert table.all() == [ENTRY]


def test_a_missing_original_is_stored_as_none(managed: ManagedStreams) -> None:
    managed.add(replace(ENTRY, original=None))

    assert managed.all()[0].original is None


def test_one_holds_the_lock(managed: ManagedStreams) -> None:
    token = managed.lock(60)
    assert token is not None
    assert managed.lock(60) is None
    managed.unlock("another token")
    assert managed.lock(60) is None
    managed.unlock(token)
    assert managed.lock(60) is not None


def test_the_mark_comes_and_goes(managed: ManagedStreams) -> None:
    assert not managed.retired()
    managed.retire(True)
    assert managed.retired()
    managed.retire(False)
    assert not managed.retired()


def test_a_lock_that_expired_is_free() -> None:
    now = [1000.0]
    with mock_aws():
        table = DynamoDbManagedStreams(a_table(), "coordination", epoch_s=lambda: now[0])
        assert table.lock(60)
        now[0] += 61
        assert table.lock(60)
