"""The data run's accounting names each thing that is wrong."""

from collections import Counter
from collections.abc import Sequence

import pytest

from tests.hostile.accounting import DeadLetterKind, SentAlert, Walk, account, letter_problems, problems, table

WALKS = [
    Walk(camera, number, 10_000 * number, frozenset(range(10_000 * number, 10_000 * number + 8000, 2000)))
    for camera in ("door", "yard")
    for number in (1, 2)
]
ALERTS = [SentAlert(one.camera, one.ready_ms + 2000, one.ready_ms + 7000) for one in WALKS]


def wrong(walks: Sequence[Walk], alerts: Sequence[SentAlert]) -> list[str]:
    return problems(account(WALKS, ALERTS), account(walks, alerts), ["door"])


def test_one_alert_for_each_walk_is_right() -> None:
    assert wrong(WALKS, ALERTS) == []
    assert "| door | 2 | 2 | 0 | 0 | 0 | 7.0 |" in table(account(WALKS, ALERTS))


@pytest.mark.parametrize(
    ("alerts", "expected"),
    [
        (ALERTS[1:], "door: 1 walks without an alert"),
        ([*ALERTS, ALERTS[3]], "yard: 1 walks with several alerts"),
        ([*ALERTS, SentAlert("yard", 1, 2)], "yard: 1 alerts of nothing"),
        ([SentAlert("door", 12_000, 90_000), *ALERTS[1:]], "door: an alert after 80.0 s, 7.0 s at most before"),
    ],
)
def test_what_is_wrong_is_named(alerts: list[SentAlert], expected: str) -> None:
    assert wrong(WALKS, alerts) == [expected]


def test_only_healthy_cameras_must_be_as_fast_as_before() -> None:
    assert wrong(WALKS, [*ALERTS[:3], SentAlert("yard", 22_000, 90_000)]) == []


FORGED: DeadLetterKind = ("notifications", "FragmentNotListedError")


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        ([FORGED] * 2, []),
        ([FORGED] * 3, []),
        ([FORGED], ["1 of 2 hostile messages are not in the dead letters of notifications as FragmentNotListedError"]),
        ([*[FORGED] * 2, ("evidence", "")], ["1 dead letters of evidence as nothing, which were not expected"]),
    ],
)
def test_hostile_messages_and_no_others_are_dead_lettered(found: list[DeadLetterKind], expected: list[str]) -> None:
    assert letter_problems(Counter([FORGED] * 2), Counter(found)) == expected
