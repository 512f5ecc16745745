"""Comparison of two sets of rules on stored results."""

import json
from typing import Any

from kinesight.domain.configuration.configuration import Configuration
from kinesight.domain.configuration.document import ConfigurationDocument
from kinesight.domain.model import from_epoch_ms
from kinesight_cli.replay.rules_comparison import compared, document, summary_line

from tests.builders import NOON_MS, a_detection, a_frame, a_record


def by_rule(**rule: Any) -> Configuration:
    camera = {"streams": ["*"], "rules": [{"name": "it"} | rule], "stationary": {"enabled": False}}
    return Configuration.of([], 0, ConfigurationDocument.parse(json.dumps({"schemaVersion": 1, "cameras": [camera]})))


def a_day() -> list[Any]:
    """A person at noon and five minutes later, a dog at ten minutes past; one result is duplicated."""
    detected = [(0, "Person", 95.0), (10, "Person", 60.0), (300, "Person", 60.0), (600, "Dog", 90.0)]
    records = [
        a_record(
            a_frame(image_timestamp=from_epoch_ms(NOON_MS + 1000 * at_s)),
            detections=(a_detection(label=label, confidence=confidence),),
        )
        for at_s, label, confidence in detected
    ]
    return [*records, records[0]]


def test_the_same_rules_change_nothing() -> None:
    found = compared(a_day(), by_rule(labels=["Person"]), by_rule(labels=["Person"]))

    assert (found.images, found.new_matches, found.lost_matches) == (4, 0, 0)
    assert (found.new_sessions, found.lost_sessions) == ((), ())
    assert (len(found.before.sessions), found.before.alerts) == (2, 2)


def test_stricter_rules_lose_what_they_should() -> None:
    found = compared(a_day(), by_rule(labels=["Person"]), by_rule(labels=["Person"], minimumConfidence=80))

    assert (found.new_matches, found.lost_matches) == (0, 2)
    assert [session.started_ms - NOON_MS for session in found.lost_sessions] == [300_000]
    assert [session.images for session in found.after.sessions] == [1]


def test_other_labels_match_other_results() -> None:
    found = compared(a_day(), by_rule(labels=["Person"]), by_rule(labels=["Person", "Dog"]))

    (new,) = found.new_sessions
    assert summary_line(new) == "2026-01-01 12:10:00 to 12:10:00 UTC  front-door  Dog  alert, images: 1"


def test_an_alert_that_becomes_an_activity_is_a_change() -> None:
    found = compared(a_day(), by_rule(labels=["Dog"]), by_rule(**{"labels": ["Dog"], "class": "ACTIVITY"}))

    assert (found.before.alerts, found.after.alerts) == (1, 0)
    assert (len(found.new_sessions), len(found.lost_sessions)) == (1, 1)


def test_json_has_the_counts_and_the_sessions() -> None:
    found = document(compared(a_day(), by_rule(labels=["Person"]), by_rule(labels=["Person", "Dog"])))

    assert (found["before"]["sessions"], found["after"]["sessions"], found["newMatches"]) == (2, 3, 1)
    assert found["newSessions"] == [
        {
            "streamName": "front-door",
            "start": "2026-01-01T12:10:00+00:00",
            "end": "2026-01-01T12:10:00+00:00",
            "labels": ["Dog"],
            "class": "ALERT",
            "images": 1,
        }
    ]
    assert json.loads(json.dumps(found)) == found
