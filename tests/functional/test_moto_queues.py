"""All messages of a queue arrive under concurrent sends, receives and deletions."""

import json
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Thread
from typing import Any

import pytest
from kinesight_local.moto_support.queues import make_queues_safe
from moto.sqs.models import SQSBackend, sqs_backends

_WRITERS = 4
_EACH = 300


@pytest.fixture
def backend() -> Iterator[SQSBackend]:
    """Switches threads so often that calls overlap inside moto."""
    restore, before = make_queues_safe(), sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    made = sqs_backends["111122223333"]["us-east-1"]
    yield made
    made.reset()
    sys.setswitchinterval(before)
    restore()


def test_no_message_is_lost_while_others_are_deleted(backend: SQSBackend) -> None:
    backend.create_queue("work")
    seen: set[str] = set()

    def write(writer: int) -> None:
        for number in range(_EACH):
            backend.send_message("work", f"{writer} {number}")

    def read(_: int) -> None:
        while len(seen) < _WRITERS * _EACH and time.monotonic() < deadline_s:
            for message in backend.receive_message("work", 10, 0, 30):
                seen.add(message.body)
                backend.delete_message("work", message.receipt_handle or "")

    deadline_s = time.monotonic() + 60
    with ThreadPoolExecutor(2 * _WRITERS) as pool:
        done = [pool.submit(write, n) for n in range(_WRITERS)] + [pool.submit(read, n) for n in range(_WRITERS)]
    for one in done:
        one.result()

    assert len(seen) == _WRITERS * _EACH
    assert backend.get_queue("work").attributes["ApproximateNumberOfMessages"] == 0


def test_a_message_sent_between_two_overlapping_deletions_is_kept(backend: SQSBackend) -> None:
    queue = backend.create_queue("work")
    for body in ("first", "second"):
        backend.send_message("work", body)
    handles = [message.receipt_handle or "" for message in backend.receive_message("work", 2, 0, 30)]
    first = queue._messages[0]
    checked: list[str] = []

    def delete_and_send() -> None:
        backend.delete_message("work", handles[1])
        backend.send_message("work", "meanwhile")

    other = Thread(target=delete_and_send)

    def had_receipt_handle(receipt_handle: str) -> bool:
        checked.append(receipt_handle)
        if len(checked) == 2:  # moto checks first whether the message exists, then deletes it
            other.start()
            other.join(0.2)
        return receipt_handle in first.all_receipt_handles

    first.had_receipt_handle = had_receipt_handle  # type: ignore[method-assign]  # the deletion calls it halfway
    backend.delete_message("work", handles[0])
    other.join()

    assert [message.body for message in queue._messages] == ["meanwhile"]


def test_a_message_that_all_readers_give_up_is_dead_lettered_once(backend: SQSBackend) -> None:
    dead = backend.create_queue("dead")
    policy = {"deadLetterTargetArn": dead.queue_arn, "maxReceiveCount": 1}
    backend.create_queue("work", RedrivePolicy=json.dumps(policy))
    for number in range(100):
        backend.send_message("work", str(number))
    while backend.receive_message("work", 10, 0, 0):
        time.sleep(0.002)  # a message is visible again a millisecond later

    with ThreadPoolExecutor(_WRITERS) as pool:
        list(pool.map(lambda _: backend.receive_message("work", 10, 0, 0), range(8 * _WRITERS)))

    assert sorted(int(message.body) for message in dead.messages) == list(range(100))
    assert backend.get_queue("work").messages == []


def test_a_reader_waits_for_messages(backend: SQSBackend) -> None:
    backend.create_queue("work")
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(backend.receive_message, "work", 1, 20, 30)
        backend.send_message("work", "here")
        assert [message.body for message in waiting.result(timeout=15)] == ["here"]


def test_delay_visibility_and_retention_are_kept(backend: SQSBackend) -> None:
    backend.create_queue("work", MessageRetentionPeriod=60)
    backend.send_message("work", "later", delay_seconds=60)
    old: Any = backend.send_message("work", "old")
    old.sent_timestamp = 1000 * (time.time() - 61)
    backend.send_message("work", "new")

    assert backend.receive_message("work", 10, 0, 30) == []  # moto ends a batch at a message that is too old
    assert [message.body for message in backend.receive_message("work", 10, 0, 30)] == ["new"]
    assert backend.receive_message("work", 10, 0, 30) == []
