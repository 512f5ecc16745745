"""The ledger relies on conditional writes: of many writers with one condition, one succeeds."""

import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

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


def test_one_writer_wins(hasty_threads: None) -> None:
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

    def wins(key: str) -> bool:
        try:
            client.put_item(TableName="ledger", Item={"id": {"S": key}}, ConditionExpression="attribute_not_exists(id)")
        except client.exceptions.ConditionalCheckFailedException:
            return False
        return True

    try:
        with ThreadPoolExecutor(8) as pool:
            winners = [sum(pool.map(wins, [f"frame {n}"] * 8)) for n in range(30)]
    finally:
        server.stop()
        restore()

    assert winners == [1] * 30
