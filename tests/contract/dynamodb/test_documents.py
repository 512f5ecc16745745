"""VersionedDocuments: the fake and DynamoDB."""

import json
import re
import zlib
from collections.abc import Iterator

import boto3
import pytest
from kinesight.adapters.dynamodb.documents import DynamoDbDocuments, partition_key
from kinesight.domain.errors import StorageBusyError
from kinesight.domain.ports import Versioned, VersionedDocuments
from moto import mock_aws

from tests.contract.dynamodb.test_managed_streams import a_table
from tests.fakes import FakeDocuments


@pytest.fixture(params=["fake", "dynamodb", "spread"])
def documents(request: pytest.FixtureRequest) -> Iterator[VersionedDocuments]:
    if request.param == "fake":
        yield FakeDocuments()
        return
    with mock_aws():
        client = a_table()
        DynamoDbDocuments(client, "coordination", kind="others").save("a", "not mine", 0)
        kind = "leases" if request.param == "spread" else "bursts"
        yield DynamoDbDocuments(client, "coordination", kind=kind)


def test_a_document_is_kept_under_the_next_version(documents: VersionedDocuments) -> None:
    assert documents.load("a") == Versioned(0, None)
    assert documents.all() == {}

    assert documents.save("a", "one", 0)
    assert documents.save("a", "two", 1)

    assert documents.load("a") == Versioned(2, "two")
    assert documents.all() == {"a": Versioned(2, "two")}


def test_a_document_may_be_larger_than_an_item(documents: VersionedDocuments) -> None:
    large = json.dumps([{"at_ms": number, "label": "Größe"} for number in range(20_000)])

    assert documents.save("a", large, 0)
    assert (documents.load("a"), documents.all()) == (Versioned(1, large), {"a": Versioned(1, large)})
    assert documents.save("a", "small", 1)

    assert documents.load("a") == Versioned(2, "small")


@pytest.mark.parametrize("seen", [0, 2])
def test_who_saw_another_version_saves_nothing(documents: VersionedDocuments, seen: int) -> None:
    documents.save("a", "one", 0)

    assert not documents.save("a", "mine", seen)
    assert documents.load("a") == Versioned(1, "one")


def test_a_document_that_went_is_not_written_by_its_version(documents: VersionedDocuments) -> None:
    assert not documents.save("a", "mine", 3)


def test_live_documents_are_spread_over_partitions_apart_from_those_of_the_previous_version() -> None:
    with mock_aws():
        client = a_table()
        spread = DynamoDbDocuments(client, "coordination", kind="leases")
        DynamoDbDocuments(client, "coordination", kind="leases", partitions=1).save("0", "previous", 0)
        for number in range(100):
            assert spread.save(str(number), "body", 0)
        items = client.scan(TableName="coordination")["Items"]

        assert spread.all() == {str(number): Versioned(1, "body") for number in range(100)}
        keys = {item["pk"]["S"] for item in items if item["body"] == {"S": "body"}}
        assert len(keys) > 20
        assert all(re.fullmatch(r"leases#[0-3]\d", key) for key in keys)
        assert all(
            item["pk"]["S"] == partition_key("leases", item["sk"]["S"])
            for item in items
            if item["body"] == {"S": "body"}
        )


def test_a_missing_table_is_busy() -> None:
    with mock_aws():
        documents = DynamoDbDocuments(boto3.client("dynamodb"), "nowhere", kind="bursts")
        for call in (lambda: documents.load("a"), documents.all, lambda: documents.save("a", "b", 0)):
            with pytest.raises(StorageBusyError):
                call()


@pytest.mark.parametrize("body", [b"", b"no zlib", zlib.compress(b"cut short")[:-3], zlib.compress(b"\xff")])
def test_a_damaged_document_is_an_empty_one_and_the_others_are_listed(body: bytes) -> None:
    with mock_aws():
        client = a_table()
        documents = DynamoDbDocuments(client, "coordination", kind="activity")
        documents.save("good", "one", 0)
        item = {"pk": {"S": "activity"}, "sk": {"S": "bad"}, "version": {"N": "3"}, "body": {"B": body}}
        client.put_item(TableName="coordination", Item=item)

        assert documents.all() == {"good": Versioned(1, "one"), "bad": Versioned(3, "")}
        assert documents.load("bad") == Versioned(3, "")
        assert documents.save("bad", "afresh", 3)
