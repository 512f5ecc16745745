"""Conditional writes of which the response is lost, so that botocore sends them twice: they are one's own."""

from typing import Any

import boto3
import pytest
from kinesight.adapters.dynamodb.documents import DynamoDbDocuments
from kinesight.adapters.dynamodb.ledger import PowertoolsLedger
from kinesight.adapters.dynamodb.managed_streams import DynamoDbManagedStreams
from kinesight.domain.errors import StillInProgressError
from kinesight.domain.live.leases import Lease, LeaseClock, LiveCheckpoint, all_leases, take

from tests.contract.dynamodb.test_ledger import an_idempotency_table


class LosesResponses:
    """A client whose writes arrive twice."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def __getattr__(self, name: str) -> Any:
        call = getattr(self._client, name)
        if name not in ("put_item", "update_item"):
            return call

        def twice(**arguments: Any) -> Any:
            call(**arguments)
            return call(**arguments)

        return twice


@pytest.fixture
def table(aws: None) -> Any:
    client = boto3.client("dynamodb")
    client.create_table(
        TableName="coordination",
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in ("pk", "sk")],
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
    )
    return client


def test_a_document_is_saved_once_and_by_one(table: Any) -> None:
    mine = DynamoDbDocuments(LosesResponses(table), "coordination", kind="activity")  # type: ignore[arg-type]
    theirs = DynamoDbDocuments(table, "coordination", kind="activity")

    assert mine.save("cam", "one", 0)
    assert not theirs.save("cam", "two", 0)
    assert theirs.save("cam", "two", 1)
    assert not mine.save("cam", "three", 1)
    assert (mine.load("cam").version, mine.load("cam").body) == (2, "two")


def test_a_lease_is_taken_kept_and_released(table: Any) -> None:
    documents = DynamoDbDocuments(LosesResponses(table), "coordination", kind="leases")  # type: ignore[arg-type]
    documents.save("arn", Lease(stream_arn="arn", stream_name="cam", since_ms=0).model_dump_json(), 0)

    held = take("me", *all_leases(documents)["arn"], documents, LeaseClock(lambda: 0, 30_000))

    assert held is not None
    held.move(LiveCheckpoint(fragment_number="1", server_ms=0, sampler_state=0))
    held.renew()
    held.release()
    assert all_leases(documents)["arn"][0].owner is None


def test_the_lock_of_configure_streams_is_taken_by_one(table: Any) -> None:
    mine = DynamoDbManagedStreams(LosesResponses(table), "coordination", epoch_s=lambda: 0)  # type: ignore[arg-type]
    theirs = DynamoDbManagedStreams(table, "coordination", epoch_s=lambda: 0)

    token = mine.lock(930)

    assert token is not None
    assert theirs.lock(930) is None
    mine.unlock(token)
    assert theirs.lock(930) is not None
    assert mine.lock(930) is None


def test_work_is_begun_by_one(aws: None) -> None:
    client = an_idempotency_table()

    def ledger(of: Any) -> PowertoolsLedger:
        return PowertoolsLedger(of, "idempotency", name="f", kept_seconds=60, remaining_ms=lambda: 60_000)

    mine, theirs = ledger(LosesResponses(client)), ledger(client)

    assert mine.begin("key")
    for other in (theirs, mine):
        with pytest.raises(StillInProgressError):
            other.begin("key")
    mine.finish("key")
    assert not theirs.begin("key")
    assert not mine.begin("key")
