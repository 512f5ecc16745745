"""The fault run's accounting: a whole world adds up, and each thing that is wrong with one is named."""

import json
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from kinesight.domain.analysis.result_records import evidence_keys
from kinesight.domain.model import from_epoch_ms

from tests.builders import NOON_MS, a_frame, a_record
from tests.faults.accounting import Come, Given, Phase, Poison, account, table
from tests.faults.stack import RECORDED, Arrival, Letter, Seen

STREAM = "front-door"
RECORDS = [
    a_record(
        a_frame(image_timestamp=from_epoch_ms(NOON_MS + 1000 * n)),
        result_id=f"{n:032d}",
        matched=n < 2,
        matched_labels=(),
    )
    for n in range(3)
]
SESSION = {"sessionId": "s", "streamName": STREAM, "images": 2, "closed": True}
EXECUTION = {
    "status": "SUCCEEDED",
    "input": json.dumps({"StreamName": STREAM, "StartTimestamp": NOON_MS / 1000, "EndTimestamp": NOON_MS / 1000 + 10}),
    "output": json.dumps({"failed": {}}),
}
POISON = Poison("marker", {"images": "InvalidEventError", "sessions": "InvalidEventError"})
PHASE = Phase("S3", NOON_MS, NOON_MS + 1500, {"throttled": 3})


def given(**changes: Any) -> Given:
    usual: dict[str, Any] = {
        "images": {(STREAM, NOON_MS + 1000 * n): NOON_MS + 1000 * n for n in range(3)},
        "notified": frozenset({(STREAM, NOON_MS + 1000)}),
        "poison": (POISON,),
        "alerts_retried": 0,
    }
    return Given(**(usual | changes))


def come(**changes: Any) -> Come:
    """A world in which all is well, but for the changes."""
    seen: dict[str, Any] = {
        "arrivals": [Arrival(NOON_MS + 3000, one.model_dump_json(by_alias=True).encode()) for one in RECORDS],
        "alerts": [{"resultId": one.result_id, "links": {}} for one in RECORDS if one.matched],
        "events": [{"detail-type": f"Session {kind}", "detail": SESSION} for kind in ("NEW", "END")],
        "letters": [Letter(place, reason, "a marker") for place, reason in POISON.reasons.items()],
    }
    keys = {key for one in RECORDS if one.matched for key in keys_of(one)}
    usual: dict[str, Any] = {
        "evidence": Counter(keys),
        "sessions": [SESSION],
        "filmed": {"s"},
        "executions": [EXECUTION],
        "waiting": {"ImagesQueue": 0},
    }
    seen |= {name: value for name, value in changes.items() if name in seen}
    usual |= {name: value for name, value in changes.items() if name in usual}
    return Come(Seen(**seen), **usual)


def keys_of(record: Any) -> set[str]:
    keys = evidence_keys(record)
    return {key for key in (keys.result, keys.annotated, keys.archive) if key is not None}


def test_a_world_in_which_all_is_well() -> None:
    result = account(given(), come())

    assert result.problems == []
    assert set(result.copies.values()) == {0}


ALL_WELL = come()


@pytest.mark.parametrize(
    ("changed", "problem"),
    [
        (lambda: come(arrivals=ALL_WELL.seen.arrivals[:2]), "no result: ('front-door', 1767268802000)"),
        (lambda: come(arrivals=[*ALL_WELL.seen.arrivals, another_id()]), "several results"),
        (lambda: come(arrivals=[*ALL_WELL.seen.arrivals, another_meaning()]), "one result with several meanings"),
        (lambda: come(arrivals=[*ALL_WELL.seen.arrivals, foreign()]), "a result of nothing that was sent"),
        (lambda: come(evidence=Counter()), "no evidence"),
        (lambda: come(evidence=Counter(dict.fromkeys(ALL_WELL.evidence, 2))), "evidence written twice"),
        (lambda: come(evidence=ALL_WELL.evidence + Counter(["results/x.json"])), "evidence of nothing"),
        (lambda: come(alerts=ALL_WELL.seen.alerts[:1]), "no alert"),
        (lambda: come(alerts=ALL_WELL.seen.alerts * 2), "2 alerts were sent again, 0 at most"),
        (lambda: come(alerts=[*ALL_WELL.seen.alerts, {"resultId": "x", "links": {}}]), "an alert of nothing"),
        (lambda: come(sessions=[SESSION | {"images": 1}]), "sessions of 1 images, 2 matched"),
        (lambda: come(sessions=[SESSION | {"images": 3}]), "sessions of 3 images, 2 matched"),
        (lambda: come(sessions=[SESSION | {"closed": False}]), "a session that is open"),
        (lambda: come(events=ALL_WELL.seen.events[:1]), "no Session END"),
        (lambda: come(sessions=[SESSION | {"labels": {}}]), "no event with a session's last state"),
        (lambda: come(filmed=set()), "no video: s"),
        (lambda: come(executions=[]), "notified and not analyzed"),
        (lambda: come(executions=[EXECUTION, EXECUTION]), "a range analyzed twice"),
        (lambda: come(executions=[EXECUTION | {"status": "FAILED"}]), "FAILED"),
        (lambda: come(executions=[EXECUTION | {"output": '{"failed": {"DetectorBusyError": 1}}'}]), "lacks"),
        (lambda: come(letters=ALL_WELL.seen.letters[:1]), "poison marker is not among the dead letters of sessions"),
        (lambda: come(letters=[*ALL_WELL.seen.letters, Letter("live", "x", "y")]), "a dead letter in live: x: y"),
        (lambda: come(letters=[Letter("images", "", "a marker")]), "a dead letter in images: no reason"),
        (lambda: come(waiting={"ImagesQueue": 3}), "3 messages wait in ImagesQueue"),
    ],
)
def test_what_is_wrong_is_named(changed: Callable[[], Come], problem: str) -> None:
    problems = account(given(), changed()).problems

    assert any(problem in one for one in problems), problems


def another_id() -> Arrival:
    return _arrival(RECORDS[2].model_copy(update={"result_id": "f" * 32}))


def another_meaning() -> Arrival:
    return _arrival(RECORDS[2].model_copy(update={"detections": ()}))


def foreign() -> Arrival:
    frame = RECORDS[2].frame.model_copy(update={"stream_name": RECORDED})
    return _arrival(RECORDS[2].model_copy(update={"frame": frame, "result_id": "f" * 32}))


def _arrival(record: Any) -> Arrival:
    return Arrival(NOON_MS + 4000, record.model_dump_json(by_alias=True).encode())


def test_copies_are_counted_and_no_problem_after_a_lost_response() -> None:
    twice = come(arrivals=ALL_WELL.seen.arrivals * 2, alerts=[*ALL_WELL.seen.alerts, ALL_WELL.seen.alerts[0]])

    result = account(given(alerts_retried=1), twice)

    assert result.problems == []
    assert (result.copies["results"], result.copies["alerts"]) == (3, 1)


def test_an_image_belongs_to_the_phase_in_which_it_could_be_had() -> None:
    rows = table([PHASE], given(), account(given(), come(arrivals=ALL_WELL.seen.arrivals[:2]))).splitlines()

    cells = [[cell.strip() for cell in row.strip("|").split("|")] for row in rows]
    assert cells[2] == ["S3", "3", "0", "0", "0", "0", "0", "2", "2", "0", "0", "2.5", "3.0", "1.5"]
    assert cells[3][:1] + cells[3][7:11] == ["none (between)", "1", "0", "1", "0"]
    assert cells[4][7:11] == ["3", "2", "1", "0"]
