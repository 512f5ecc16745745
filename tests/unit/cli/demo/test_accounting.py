"""Counts of a demo run."""

from dataclasses import replace

import pytest
from kinesight.domain.analysis.result_records import evidence_keys
from kinesight.domain.model import from_epoch_ms
from kinesight_cli.demo.accounting import Observed, Waiting, summarize
from kinesight_cli.estimate.call_comparison import CallComparison

from tests.builders import NOON_MS, a_frame, a_record

RECORDS = tuple(
    a_record(a_frame(image_timestamp=from_epoch_ms(NOON_MS + index)), matched=index != 2) for index in range(3)
)
KEYS = frozenset(
    key
    for record in RECORDS
    if record.matched
    for key in (evidence_keys(record).result, evidence_keys(record).annotated, str(evidence_keys(record).archive))
)
COMPLETE = Observed(
    fragments_sent=1,
    images_generated=3,
    image_failures=0,
    records=RECORDS,
    evidence=KEYS,
    alerted=frozenset(record.result_id for record in RECORDS if record.matched),
    alerts=2,
    dead_letters=0,
)


def test_a_complete_run_has_lost_nothing() -> None:
    summary = summarize(COMPLETE)

    assert summary.document() == {
        "fragmentsSent": 1,
        "imagesGenerated": 3,
        "results": 3,
        "matched": 2,
        "fragmentsArchived": 1,
        "alerts": 2,
        "waiting": 0,
        "lost": 0,
        "labels": {"Person": 3},
        "repeatedCalls": 0,
        "calls": {},
    }


def test_an_image_that_waits_is_not_lost() -> None:
    waiting = Waiting(undelivered=1, queued=1, in_flight=3)

    summary = summarize(replace(COMPLETE, images_generated=8, waiting=waiting))

    assert (summary.waiting, summary.lost) == (5, 0)
    assert str(waiting) == "1 not delivered by KVS, 1 in the queue, 3 in flight"
    assert summarize(replace(COMPLETE, images_generated=8, waiting=replace(waiting, in_flight=2))).lost == 1


def test_calls_are_compared_with_their_estimate() -> None:
    summary = replace(
        summarize(COMPLETE), calls=(CallComparison("a s3:HeadObject images", 25, 24.0),), repeated_calls=2
    )

    assert summary.document()["repeatedCalls"] == 2
    assert summary.document()["calls"] == {
        "a s3:HeadObject images": {"counted": 25, "estimated": 24.0, "differencePercent": -4.0}
    }
    assert summary.problems == []


@pytest.mark.parametrize(
    ("change", "lost", "problem"),
    [
        ({"images_generated": 4}, 1, "without a result"),
        ({"image_failures": 2}, 2, "generated or delivered"),
        ({"records": (*RECORDS, RECORDS[0])}, 1, "published twice"),
        ({"evidence": frozenset()}, 5, "evidence"),
        ({"alerted": frozenset(), "alerts": 0}, 2, "without an alert"),
        ({"alerts": 3}, 1, "sent twice"),
        ({"dead_letters": 1}, 1, "dead-letter"),
    ],
)
def test_missing_and_duplicate_items_are_lost(change: dict[str, object], lost: int, problem: str) -> None:
    summary = summarize(replace(COMPLETE, **change))  # type: ignore[arg-type]  # any field of Observed

    assert summary.lost == lost
    assert problem in summary.problems[0]
