"""The ledger relies on conditional writes: of many writers with one condition, one succeeds."""

import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import boto3
import pytest
from kinesight_local.moto_support.atomic_writes import make_writes_atomic
from moto.server import ThreadedMotoServer


@pytest.fixture
def hasty_threads() -> Iterator[None]:
    """Switches threads so often that writers overlap inside moto."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    yield
    sys.setswitchinterval(before)


@pytest.fixture
def ledger(hasty_threads: None) -> Iterator[Any]:
    """A client, and a table `ledger`."""
    restore = make_writes_atomic()
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    client = boto3.client("dynamodb", endpoint_url=f"http://{host}:{port}", region_name="us-east-1")
    client.create_table(
        TableName="ledger",
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    yield client
    client.delete_table(TableName="ledger")
    server.stop()
    restore()


def test_one_writer_wins(ledger: Any) -> None:
    def wins(key: str) -> bool:
        try:
            ledger.put_item(TableName="ledger", Item={"id": {"S": key}}, ConditionExpression="attribute_not_exists(id)")
        except ledger.exceptions.ConditionalCheckFailedException:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        winners = [sum(pool.map(wins, [f"frame {n}"] * 8)) for n in range(30)]

    assert winners == [1] * 30


def test_a_reader_gets_whole_items(ledger: Any) -> None:
    names = [f"a{n}" for n in range(12)]

    def write(number: int) -> None:
        ledger.update_item(
            TableName="ledger",
            Key={"id": {"S": str(number)}},
            UpdateExpression=f"SET {', '.join(f'{name} = :v' for name in names)}",
            ExpressionAttributeValues={":v": {"S": "v"}},
        )

    def read(number: int) -> set[int]:
        key = {"TableName": "ledger", "KeyConditionExpression": "id = :id"}
        found = ledger.query(**key, ExpressionAttributeValues={":id": {"S": str(number)}})["Items"]
        return {len(one) for one in found}

    with ThreadPoolExecutor(8) as pool:
        for number in range(20):
            writing = pool.submit(write, number)
            sizes = set().union(*pool.map(read, [number] * 6))
            writing.result()
            assert sizes <= {len(names) + 1}
