"""How dead letters go back, and that none is lost on the way."""

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from botocore.exceptions import ClientError
from kinesight_cli.dead_letter_places import (
    EXECUTIONS,
    PLACES,
    Action,
    Invoke,
    Leave,
    Place,
    ReadRange,
    Road,
    Send,
    StartExecution,
    action_for,
    told,
)
from kinesight_cli.dead_letters import ATTEMPTS_EXHAUSTED, Letter
from kinesight_cli.redrive import PlaceChoice
from kinesight_cli.redriving import Report, Wish, empty
from samtranslator.yaml_helper import yaml_parse

from tests.builders import a_record

ROOT = Path(__file__).resolve().parents[2]
BY_NAME = {place.name: place for place in (*PLACES, EXECUTIONS)}
LIVE = {"streamName": "cam", "fragmentNumber": "1", "imageTimestamp": "2026-01-01T12:00:00.000+00:00"}
RANGE = {"shardId": "shardId-0", "startSequenceNumber": "5", "endSequenceNumber": "9", "batchSize": 3}


def a_letter(body: str = "{}", reason: str = "DetectorRejectedError", number: int = 0, receipt: str = "r") -> Letter:
    return Letter(f"m{number}", receipt, body, reason)


def test_every_dead_letter_queue_of_the_template_has_its_way_back() -> None:
    resources = yaml_parse((ROOT / "template.yaml").read_text())["Resources"]  # type: ignore[no-untyped-call]  # samtranslator leaves it
    queues = {name: one["Properties"] for name, one in resources.items() if one["Type"] == "AWS::SQS::Queue"}
    fed_by = {
        one["RedrivePolicy"]["deadLetterTargetArn"]["Fn::GetAtt"][0]: name
        for name, one in queues.items()
        if "RedrivePolicy" in one
    }

    assert {place.letters for place in PLACES} == {name for name in queues if name.endswith("DeadLetterQueue")}
    assert {place.letters: place.target for place in PLACES if place.road is Road.QUEUE} == fed_by
    assert {place.target for place in BY_NAME.values()} <= set(resources)
    assert [choice.value for choice in PlaceChoice] == [place.name for place in (*PLACES, EXECUTIONS)]


@pytest.mark.parametrize(
    ("place", "body", "action"),
    [
        ("images", "any", Send("any")),
        ("session-videos", "any", Send("any")),
        (
            "evidence",
            a_record().model_dump_json(by_alias=True),
            Invoke(a_record().model_dump_json(by_alias=True).encode()),
        ),
        ("sessions", json.dumps({"KinesisBatchInfo": RANGE}), ReadRange("shardId-0", "5", "9", 3)),
    ],
    ids=["images", "videos", "record", "range"],
)
def test_a_letter_goes_back_by_its_places_road(place: str, body: str, action: Action) -> None:
    assert action_for(BY_NAME[place], a_letter(body), insisted=False) == action


def test_a_live_keyframe_becomes_an_execution_over_its_very_moment() -> None:
    first, again = (action_for(BY_NAME["live"], a_letter(json.dumps(LIVE)), insisted=False) for _ in range(2))
    other = action_for(BY_NAME["live"], a_letter(json.dumps(LIVE | {"fragmentNumber": "2"})), insisted=False)

    assert isinstance(first, StartExecution)
    assert isinstance(other, StartExecution)
    assert first == again
    assert first.name != other.name
    assert first.document["StartTimestamp"] == first.document["EndTimestamp"] == LIVE["imageTimestamp"]
    assert len(first.name) <= 80


def test_an_execution_starts_again_with_its_input() -> None:
    action = action_for(EXECUTIONS, a_letter('{"StreamName": "cam"}', "TooManyFailuresError"), insisted=False)

    assert isinstance(action, StartExecution)
    assert action.document == {"StreamName": "cam"}


@pytest.mark.parametrize(
    ("place", "letter"),
    [
        ("images", a_letter(reason="NotAKvsImageError")),
        ("evidence", a_letter("cut")),
        ("evidence", a_letter("")),
        ("live", a_letter(json.dumps({"streamName": "cam", "fragmentNumber": "1"}))),
        ("live", a_letter("[]")),
        ("executions", a_letter(reason="TooManyFailuresError", receipt="sweep-cam-1")),
        ("executions", a_letter(reason="RangeExpiredError")),
    ],
)
def test_what_would_only_come_back_stays_and_says_why(place: str, letter: Letter) -> None:
    action = action_for(BY_NAME[place], letter, insisted=False)

    assert isinstance(action, Leave)
    assert told(action, BY_NAME[place]).startswith("stays: ")


def test_who_names_the_reason_insists() -> None:
    assert action_for(BY_NAME["images"], a_letter("x", "InvalidEventError"), insisted=True) == Send("x")
    again = action_for(EXECUTIONS, a_letter('{"StreamName": "cam"}', "NoMediaError"), insisted=True)
    assert isinstance(again, StartExecution)


@dataclass
class FakeBox:
    """Letters, of which some are held back."""

    letters: dict[str, Letter]
    held: set[str] = field(default_factory=set)

    def collect(self, most: int) -> list[Letter]:
        found = [one for name, one in self.letters.items() if name not in self.held][:most]
        self.held |= {one.message_id for one in found}
        return found

    def delete(self, letter: Letter) -> None:
        del self.letters[letter.message_id]

    def release(self, letters: Iterable[Letter]) -> None:
        self.held -= {one.message_id for one in letters}


@dataclass
class FakeRoads:
    """Remembers what was sent; fails as it is told for the letter's id."""

    letters: FakeBox
    failures: dict[str, BaseException] = field(default_factory=dict)
    sent: list[str] = field(default_factory=list)

    def box(self, place: Place) -> FakeBox:
        return self.letters

    def go(self, place: Place, letter: Letter, action: Action) -> str | None:
        if isinstance(action, Leave):
            return action.why
        if letter.message_id in self.failures:
            raise self.failures[letter.message_id]
        self.sent.append(letter.message_id)
        # what is sent may be buried again at once
        again = Letter(f"{letter.message_id}'", "r", letter.body, letter.reason)
        self.letters.letters[again.message_id] = again
        return None


def some_roads(*reasons: str) -> FakeRoads:
    letters = [a_letter(reason=reason, number=number) for number, reason in enumerate(reasons)]
    return FakeRoads(FakeBox({one.message_id: one for one in letters}))


def run(roads: FakeRoads, wish: Wish | None = None) -> Report:
    report = Report()
    empty(BY_NAME["images"], roads, wish or Wish(), report, lambda _place, _done, _total: None)
    return report


def test_each_letter_is_sent_once_even_if_it_is_buried_again_at_once() -> None:
    roads = some_roads("DetectorRejectedError", ATTEMPTS_EXHAUSTED)

    report = run(roads)

    assert roads.sent == ["m0", "m1"]
    assert (report.sent, report.found) == (2, {"images": 2})
    assert (set(roads.letters.letters), roads.letters.held & set(roads.letters.letters)) == ({"m0'", "m1'"}, set())


def test_a_dry_run_tells_and_changes_nothing() -> None:
    roads = some_roads("DetectorRejectedError", "DetectorRejectedError", "NotAKvsImageError")

    report = run(roads, Wish(dry_run=True))

    assert [(one.reason, one.letters, one.fate.split(":")[0]) for one in report.groups] == [
        ("DetectorRejectedError", 2, "to ImagesQueue"),
        ("NotAKvsImageError", 1, "stays"),
    ]
    assert (roads.sent, len(roads.letters.letters), roads.letters.held) == ([], 3, set())
    assert report.document()["sent"] == 0


def test_only_the_wished_reasons_and_no_more_than_the_limit() -> None:
    roads = some_roads("NotAKvsImageError", "DetectorRejectedError", "ModelOutputError", "DetectorRejectedError")

    run(roads, Wish(reasons=["DetectorRejectedError"], limit=3))

    assert roads.sent == ["m1"]
    assert {"m0", "m2", "m3"} <= set(roads.letters.letters)
    assert roads.letters.held & set(roads.letters.letters) == set()


def test_an_interruption_loses_nothing() -> None:
    roads = some_roads(*["DetectorRejectedError"] * 3)
    roads.failures["m1"] = KeyboardInterrupt()

    with pytest.raises(KeyboardInterrupt):
        run(roads)

    assert roads.sent == ["m0"]
    assert {"m1", "m2"} <= set(roads.letters.letters)
    assert roads.letters.held & {"m1", "m2"} == set()


def test_one_that_cannot_be_sent_stays_and_its_neighbours_go() -> None:
    roads = some_roads(*["DetectorRejectedError"] * 3)
    roads.failures["m1"] = ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, "SendMessage")

    report = run(roads)

    assert (roads.sent, report.sent, report.stayed) == (["m0", "m2"], 2, 1)
    assert "m1" in roads.letters.letters
    assert any("AccessDenied" in one.fate for one in report.groups)
