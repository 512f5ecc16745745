"""Counters of what is spent: one suite for the fake and for DynamoDB, and many callers at once."""

import json
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import boto3
import pytest
from botocore.awsrequest import AWSPreparedRequest
from botocore.config import Config
from botocore.exceptions import ReadTimeoutError
from botocore.stub import Stubber
from kinesight.adapters.aws import clients as aws_clients
from kinesight.adapters.dynamodb.spend_counters import DynamoDbSpendCounters
from kinesight.domain.detectors.budget import Budget, BudgetLimits
from kinesight.domain.detectors.ports import ReserveResult, SpendCounters
from kinesight.domain.errors import BudgetReachedError, StorageBusyError
from kinesight_local.moto_support.atomic_writes import make_writes_atomic
from moto import mock_aws
from moto.server import ThreadedMotoServer

from tests.builders import NOON_MS
from tests.contract.dynamodb.test_managed_streams import a_table
from tests.fakes import FakeSpendCounters

DAY = "2026-01-01"


@pytest.fixture(params=["fake", "dynamodb"])
def spending(request: pytest.FixtureRequest) -> Iterator[SpendCounters]:
    if request.param == "fake":
        yield FakeSpendCounters()
        return
    with mock_aws():
        client = a_table()
        yield DynamoDbSpendCounters(client, client, "coordination")


def test_calls_within_the_budget_are_granted_and_others_are_not_counted(spending: SpendCounters) -> None:
    assert spending.reserve("stack", DAY, 3, 5) == ReserveResult(True, 3)
    assert spending.reserve("stack", DAY, 3, 5) == ReserveResult(False, 3)
    assert spending.reserve("stack", DAY, 2, 5) == ReserveResult(True, 5)
    assert spending.reserve("stack", DAY, 1, 5) == ReserveResult(False, 5)


def test_one_call_can_exceed_the_budget_of_a_new_counter(spending: SpendCounters) -> None:
    assert spending.reserve("stack", DAY, 3, 2) == ReserveResult(False, 0)
    assert spending.reserve("stack", DAY, 2, 2) == ReserveResult(True, 2)


def test_days_and_counters_are_separate(spending: SpendCounters) -> None:
    spending.reserve("stack", DAY, 5, 5)

    assert spending.reserve("stream#cam", DAY, 5, 5) == ReserveResult(True, 5)
    assert spending.reserve("stack", "2026-01-02", 5, 5) == ReserveResult(True, 5)


def test_corrected_spend_can_be_reserved_again(spending: SpendCounters) -> None:
    spending.reserve("stack", DAY, 5, 5)

    spending.correct("stack", DAY, -5, calls=-1)

    assert spending.reserve("stack", DAY, 4, 5) == ReserveResult(True, 4)
    spending.correct("stack", DAY, 3, calls=0)
    assert spending.reserve("stack", DAY, 1, 5) == ReserveResult(False, 7)


def test_items_are_readable_and_expire() -> None:
    with mock_aws():
        client = a_table()
        spending = DynamoDbSpendCounters(client, client, "coordination")
        spending.reserve("stream#cam", DAY, 1000, 5000)
        spending.reserve("stream#cam", DAY, 1000, 5000)
        spending.correct("stream#cam", DAY, -1000, calls=-1)

        (item,) = client.scan(TableName="coordination")["Items"]

    assert item == {
        "pk": {"S": "budget#stream#cam"},
        "sk": {"S": DAY},
        "micro_usd": {"N": "1000"},
        "calls": {"N": "1"},
        "expiration": {"N": "1770249600"},  # 2026-02-05
    }


def test_a_missing_table_is_busy() -> None:
    with mock_aws():
        client = boto3.client("dynamodb")
        spending = DynamoDbSpendCounters(client, client, "nowhere")
        with pytest.raises(StorageBusyError):
            spending.reserve("stack", DAY, 1, 5)
        with pytest.raises(StorageBusyError):
            spending.correct("stack", DAY, 1, calls=0)


def test_a_correction_is_sent_once_even_if_it_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only the response may have been lost: a second correction would allow one call too many."""
    monkeypatch.setattr("botocore.endpoint.time.sleep", lambda _: None)
    aws_clients.dynamodb_once.cache_clear()
    client, once = boto3.client("dynamodb"), aws_clients.dynamodb_once()
    sent: list[str] = []

    def lost(request: AWSPreparedRequest, **_: Any) -> None:
        assert isinstance(request.body, bytes)
        sent.append(json.loads(request.body)["UpdateExpression"].partition(" ")[0])
        raise ReadTimeoutError(endpoint_url="https://dynamodb")

    for one in (client, once):
        one.meta.events.register_first("before-send.dynamodb.UpdateItem", lost)
    with pytest.raises(StorageBusyError):
        DynamoDbSpendCounters(client, once, "coordination").correct("stack", DAY, -1, calls=-1)
    aws_clients.dynamodb_once.cache_clear()

    assert sent == ["ADD"]


def test_a_reservation_of_a_throttled_table_is_busy() -> None:
    client = boto3.client("dynamodb", config=Config(retries={"total_max_attempts": 1}))
    with Stubber(client) as stubber:
        stubber.add_client_error("update_item", "ThrottlingException", http_status_code=400)

        with pytest.raises(StorageBusyError, match="ThrottlingException"):
            DynamoDbSpendCounters(client, client, "coordination").reserve("stack", DAY, 1, 5)


@pytest.fixture
def table() -> Iterator[Any]:
    """A table on a server, whose threads are switched so often that writers meet inside it."""
    before = sys.getswitchinterval()
    restore = make_writes_atomic()
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    sys.setswitchinterval(1e-5)
    host, port = server.get_host_and_port()
    client = boto3.client("dynamodb", endpoint_url=f"http://{host}:{port}", config=Config(max_pool_connections=32))
    try:
        a_table(client)
        yield client
    finally:
        sys.setswitchinterval(before)
        client.delete_table(TableName="coordination")
        server.stop()
        restore()


def test_of_many_callers_at_once_exactly_as_many_pass_as_the_limits_have_calls(table: Any) -> None:
    spending = DynamoDbSpendCounters(table, table, "coordination")
    budget = Budget(BudgetLimits(stack=40, stream=25, soft_percent=100), spending, lambda: NOON_MS)

    def passes(stream_name: str) -> bool:
        try:
            budget.reserve(stream_name, 1)
        except BudgetReachedError:
            return False
        return True

    streams = ["front-door", "parking", "yard"] * 30
    with ThreadPoolExecutor(24) as pool:
        passed = [name for name, granted in zip(streams, pool.map(passes, streams), strict=True) if granted]

    items = {item["pk"]["S"]: item for item in table.scan(TableName="coordination")["Items"]}
    assert len(passed) == 40
    assert items["budget#stack"]["calls"] == items["budget#stack"]["micro_usd"] == {"N": "40"}
    for name in set(streams):
        assert items[f"budget#stream#{name}"]["calls"] == {"N": str(passed.count(name))}
        assert passed.count(name) <= 25


def test_unbilled_failures_leave_their_reservation_to_others(table: Any) -> None:
    spending = DynamoDbSpendCounters(table, table, "coordination")
    budget = Budget(BudgetLimits(stack=20, stream=None, soft_percent=100), spending, lambda: NOON_MS)

    def paid(number: int) -> bool:
        """Tries until it is paid or the limit is reached; every third call fails at first, unbilled."""
        for attempt in range(2):
            try:
                reservation = budget.reserve("cam", 1)
            except BudgetReachedError:
                return False
            if number % 3 or attempt:
                return True
            budget.settle(reservation, 0)
        raise AssertionError("two attempts are enough")

    with ThreadPoolExecutor(16) as pool:
        first = sum(pool.map(paid, range(60)))
        rest = sum(pool.map(paid, range(1, 60, 3)))

    assert first + rest == 20
