"""Ledger: the fake and the adapter over moto."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import boto3
import pytest
from kinesight.adapters.dynamodb.ledger import PowertoolsLedger
from kinesight.domain.errors import StillInProgressError
from kinesight.domain.ports import Ledger
from kinesight_local.moto_support.atomic_writes import make_writes_atomic

from tests.fakes import FakeLedger


def an_idempotency_table() -> Any:
    client = boto3.client("dynamodb")
    client.create_table(
        TableName="idempotency",
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
    )
    return client


@pytest.fixture(params=["fake", "powertools"])
def ledger(request: pytest.FixtureRequest, aws: None) -> Iterator[Ledger]:
    if request.param == "fake":
        yield FakeLedger()
        return
    restore = make_writes_atomic()
    yield PowertoolsLedger(
        an_idempotency_table(), "idempotency", name="f", kept_seconds=60, remaining_ms=lambda: 60_000
    )
    restore()


class TestLedger:
    """Processing is idempotent."""

    def test_done_is_done(self, ledger: Ledger) -> None:
        assert ledger.begin("key")
        ledger.finish("key")
        assert not ledger.begin("key")
        assert ledger.begin("another")

    def test_work_in_progress_belongs_to_one(self, ledger: Ledger) -> None:
        ledger.begin("key")
        with pytest.raises(StillInProgressError):
            ledger.begin("key")

    def test_work_given_back_is_done_by_the_next(self, ledger: Ledger) -> None:
        ledger.begin("key")
        ledger.release("key")
        assert ledger.begin("key")

    def test_of_many_at_once_one_begins(self, ledger: Ledger) -> None:
        gate = threading.Barrier(8)

        def attempt(_: int) -> bool:
            gate.wait()
            try:
                return ledger.begin("key")
            except StillInProgressError:
                return False

        with ThreadPoolExecutor(8) as pool:
            assert sum(pool.map(attempt, range(8))) == 1


def test_work_of_an_invocation_that_ran_out_of_time_is_free_again(aws: None) -> None:
    ledger = PowertoolsLedger(an_idempotency_table(), "idempotency", name="f", kept_seconds=60, remaining_ms=lambda: -1)
    assert ledger.begin("key")
    assert ledger.begin("key")


def test_functions_share_the_ledger_of_a_name(aws: None, monkeypatch: pytest.MonkeyPatch) -> None:
    table, begun = an_idempotency_table(), []
    for function in ("analyze", "detect"):
        monkeypatch.setenv("AWS_LAMBDA_FUNCTION_NAME", function)
        ledger = PowertoolsLedger(table, "idempotency", name="images", kept_seconds=60, remaining_ms=lambda: 60_000)
        begun.append(ledger.begin("key"))
        ledger.finish("key")
    assert begun == [True, False]
