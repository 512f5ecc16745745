"""Dead-lettering and retrying the items of a batch."""

import pytest
from kinesight.domain.batches import (
    MOST_ATTEMPTS,
    MOST_DELIVERIES,
    FailedItems,
    ItemFailure,
    QueuedMessage,
    StreamedRecord,
    dead_letter,
    is_final,
    run_safely,
)
from kinesight.domain.errors import DeliveryError, InvalidEventError, KinesightError, MediaBusyError, UnexpectedError

from tests.fakes import FakeDeadLetters

REASON = InvalidEventError("not JSON")


def test_an_item_is_sent_with_its_first_reason_and_all_its_failures_are_reported() -> None:
    queue, report = FakeDeadLetters(), FailedItems()
    first, second = ItemFailure("m0", REASON, "a.jpg"), ItemFailure("m0", InvalidEventError("other"), "b.jpg")

    report.dead_letter("body", queue, first, second)

    assert queue.sent == [("body", REASON)]
    assert (report.dead_lettered, report.retried, report.failed_item_ids) == ([first, second], [], [])


def test_an_item_that_cannot_be_dead_lettered_is_retried_with_the_error_of_the_queue() -> None:
    busy = DeliveryError("throttled")
    report = FailedItems()

    report.dead_letter("body", FakeDeadLetters(failure=busy), ItemFailure("m0", REASON, "a.jpg"))

    assert (report.dead_lettered, report.failed_item_ids) == ([], ["m0"])
    assert report.retried == [ItemFailure("m0", busy, "a.jpg")]


def test_an_item_with_several_failures_is_redelivered_once() -> None:
    report = FailedItems()
    failures = [ItemFailure("m0", MediaBusyError("a")), ItemFailure("m1", MediaBusyError("b"))]

    report.retry(failures[0], failures[0])
    report.retry(*failures)
    report.redeliver(["m1", "m2", "m2"])

    assert report.failed_item_ids == ["m0", "m1", "m2"]
    assert len(report.retried) == 4


def test_a_failure_without_an_item_is_reported_and_nothing_is_redelivered() -> None:
    report = FailedItems()
    failure = ItemFailure(None, MediaBusyError("busy"), subject="front-door")

    report.retry(failure)

    assert (report.retried, report.failed_item_ids) == ([failure], [])


def test_reports_share_no_lists() -> None:
    FailedItems().retry(ItemFailure("m0", REASON))

    assert FailedItems() == FailedItems([], [], [])


def test_sending_returns_the_error_of_the_queue_only() -> None:
    busy = DeliveryError("throttled")

    assert dead_letter("body", REASON, FakeDeadLetters()) is None
    assert dead_letter("body", REASON, FakeDeadLetters(failure=busy)) is busy


def test_the_body_of_a_record_that_is_not_utf_8_is_escaped() -> None:
    assert StreamedRecord("s0", b"caf\xc3\xa9 \xff").body == "café \\xff"


@pytest.mark.parametrize("error", [REASON, DeliveryError("throttled")])
def test_an_expected_error_is_returned_as_it_is(error: Exception) -> None:
    def action() -> None:
        raise error

    assert run_safely(action) is error


def test_an_unexpected_error_is_wrapped_with_its_cause() -> None:
    cause = ZeroDivisionError("division by zero")

    def action() -> None:
        raise cause

    error = run_safely(action)

    assert isinstance(error, UnexpectedError)
    assert str(error) == "ZeroDivisionError: division by zero"
    assert error.__cause__ is cause


def test_an_action_that_succeeds_returns_no_error() -> None:
    assert run_safely(lambda: None) is None


@pytest.mark.parametrize("signal", [KeyboardInterrupt(), SystemExit(1)])
def test_an_exit_is_not_caught(signal: BaseException) -> None:
    def action() -> None:
        raise signal

    with pytest.raises(type(signal)):
        run_safely(action)


@pytest.mark.parametrize(
    ("error", "final_from"),
    [(REASON, 1), (UnexpectedError("a defect"), MOST_ATTEMPTS), (DeliveryError("throttled"), None)],
)
def test_only_an_outage_is_retried_without_bound(error: KinesightError, final_from: int | None) -> None:
    final = [attempt for attempt in range(1, 20) if is_final(error, attempt)]

    assert final == ([] if final_from is None else list(range(final_from, 20)))


def test_an_unexpected_error_is_dead_lettered_in_the_last_attempt_only() -> None:
    queue, reports = FakeDeadLetters(), [FailedItems() for _ in range(MOST_ATTEMPTS)]
    for attempt, report in enumerate(reports, 1):
        report.fail("body", attempt, queue, ItemFailure("m0", UnexpectedError("a defect")))

    assert [one.failed_item_ids for one in reports] == [["m0"]] * (MOST_ATTEMPTS - 1) + [[]]
    assert len(queue.sent) == 1


def test_a_message_of_an_outage_is_dead_lettered_with_its_error_in_its_last_delivery() -> None:
    busy, queue = MediaBusyError("throttled"), FakeDeadLetters()
    deliveries = [QueuedMessage("m0", "body", receive_count=count) for count in range(1, MOST_DELIVERIES + 1)]
    retried = []
    for one in deliveries:
        report = FailedItems()
        report.fail_message(one, queue, ItemFailure("m0", busy))
        retried += report.failed_item_ids

    assert retried == ["m0"] * (MOST_DELIVERIES - 1)
    assert queue.sent == [("body", busy)]


def test_a_message_without_failures_is_finished_in_its_last_delivery_too() -> None:
    queue, report = FakeDeadLetters(), FailedItems()

    report.fail_message(QueuedMessage("m0", "body", receive_count=MOST_DELIVERIES), queue)

    assert (queue.sent, report) == ([], FailedItems())
