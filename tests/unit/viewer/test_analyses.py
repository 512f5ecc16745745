"""Analyses that people start: what is started, what is written down, and what is told of them."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from kinesight.domain.errors import (
    AnalysisMissingError,
    InvalidInputError,
    StorageBusyError,
    StreamNotSelectedError,
    ThrottledError,
)
from kinesight.domain.model import from_epoch_ms, iso_milliseconds
from kinesight.domain.on_demand.executions import RunDetails
from kinesight.domain.on_demand.messages import (
    AnalysisRequest,
    AnalyzedFrame,
    TimelapseOptions,
    WindowManifest,
    WindowReport,
)
from kinesight.domain.ports import Versioned, VideoStream
from kinesight.domain.streams.discovery import SelectionGuard
from kinesight.domain.streams.selection import StreamSelection
from kinesight.domain.viewer.analyses import AnalysisPorts, describe, recent, start, start_timelapse

from tests.builders import NOON_MS, a_frame
from tests.fakes import FakeDocuments
from tests.fakes_streams import DescribeOnly
from tests.fakes_viewer import FakeEvidenceReader

NOW = datetime(2026, 1, 1, 13, 0, tzinfo=UTC)
ASKED = {
    "StreamName": "front-door",
    "StartTimestamp": "2026-01-01T12:00:00Z",
    "EndTimestamp": "2026-01-01T12:05:00Z",
    "SamplingInterval": 2000,
}


@dataclass
class FakeRuns:
    """Executions by name."""

    runs: dict[str, RunDetails] = field(default_factory=dict)
    failure: Exception | None = None

    def start(self, name: str, document: Mapping[str, Any]) -> bool:
        if self.failure is not None:
            raise self.failure
        if name in self.runs:
            return False
        self.runs[name] = RunDetails("RUNNING", json.loads(json.dumps(document)), NOW)
        return True

    def describe(self, name: str) -> RunDetails | None:
        return self.runs.get(name)


class NoStreams(DescribeOnly):
    """Is never called: the stream's name is selected."""

    def describe(self, name_or_arn: str) -> VideoStream:
        raise AssertionError(name_or_arn)


@dataclass
class Desk:
    """Where Ann starts analyses."""

    runs: FakeRuns = field(default_factory=FakeRuns)
    notes: FakeDocuments = field(default_factory=FakeDocuments)
    work: FakeEvidenceReader = field(default_factory=lambda: FakeEvidenceReader(name="images"))
    now: datetime = NOW

    @property
    def ports(self) -> AnalysisPorts:
        selected = SelectionGuard(StreamSelection.of(["front-*"], []), NoStreams(), lambda _: {})
        return AnalysisPorts(
            self.runs, self.notes, selected, self.work, FakeEvidenceReader(), "evidence-bucket", lambda: self.now
        )

    def start(self, **changes: Any) -> str:
        return start(AnalysisRequest.parse(ASKED | changes), "ann@example.com", self.ports)

    def has(self, identity: str, name: str, document: Any) -> None:
        body = document if isinstance(document, str) else json.dumps(document)
        self.work.objects[f"on-demand/{identity}/{name}"] = body.encode()

    def reports(self, identity: str, index: int, *matched: int, unmatched: int = 0, before: int = 0) -> None:
        """A window in which images at these milliseconds matched."""
        frames = {
            NOON_MS + at: AnalyzedFrame(result_id=f"{at:032x}", labels=("Person",), matched=True) for at in matched
        }
        frames |= {
            NOON_MS + 500_000 + one: AnalyzedFrame(result_id="b" * 32, labels=("Cat",), matched=False)
            for one in range(unmatched)
        }
        seen = tuple(NOON_MS + 600_000 + one for one in range(before))
        report = WindowReport(index=index, published=frames, already_analyzed=seen)
        self.has(identity, f"reports/{index}.json", report.model_dump_json(by_alias=True))

    def ends(self, identity: str, status: str = "SUCCEEDED", **changes: Any) -> None:
        run = replace(self.runs.runs[identity], status=status, ended_at=NOW + timedelta(minutes=1), **changes)
        self.runs.runs[identity] = run


def a_summary(identity: str, **changes: Any) -> dict[str, Any]:
    return {
        "execution": identity,
        "streamName": "front-door",
        "startMs": NOON_MS,
        "endMs": NOON_MS + 300_000,
        "intervalMs": 2000,
        "fragments": 150,
        "windows": 3,
        "failedWindows": 0,
        "requested": 151,
        "extracted": 150,
        "decoded": 0,
        "missing": {"NO_MEDIA": 1},
        "published": 150,
        "matched": 2,
        "alreadyAnalyzed": 0,
        "failed": {},
        "detections": {"Person": 2},
        "cost": {"getImagesRequests": 6, "imagesGenerated": 150, "fragmentsFetched": 0, "detectorCalls": 150},
        "evidence": [],
        "timelapse": None,
        "summaryKey": f"on-demand/{identity}/summary.json",
    } | changes


class TestStarting:
    """An execution, and a note of it."""

    def test_what_was_asked_is_what_the_workflow_is_given(self) -> None:
        desk = Desk()

        identity = desk.start(Labels=["Person"], Timelapse={"BurnTimestamp": True})

        assert identity.startswith("viewer-front-door-20260101T130000Z-")
        assert desk.runs.runs[identity].document == ASKED | {"Labels": ["Person"], "Timelapse": {"BurnTimestamp": True}}
        assert AnalysisRequest.parse(desk.runs.runs[identity].document).sampling_interval == 2000

    def test_it_is_listed_with_who_started_it(self) -> None:
        desk = Desk()
        first = desk.start()
        desk.now += timedelta(minutes=1)
        second = desk.start(Timelapse={})

        listed = recent(desk.ports)["analyses"]

        assert [(one["analysisId"], one["timelapse"]) for one in listed] == [(second, True), (first, False)]
        assert listed[1] == {
            "analysisId": first,
            "streamName": "front-door",
            "startTimestamp": "2026-01-01T12:00:00.000Z",
            "endTimestamp": "2026-01-01T12:05:00.000Z",
            "startedAt": "2026-01-01T13:00:00.000Z",
            "startedBy": "ann@example.com",
            "timelapse": False,
            "status": "RUNNING",
        }

    def test_twice_the_same_at_once_is_one(self) -> None:
        desk = Desk()

        assert desk.start() == desk.start()
        assert (len(desk.runs.runs), len(recent(desk.ports)["analyses"])) == (1, 1)
        assert desk.start(SamplingInterval=1000) != desk.start()

    def test_one_that_could_not_be_started_is_not_listed(self) -> None:
        desk = Desk()
        desk.runs.failure = ThrottledError("too often")
        with pytest.raises(ThrottledError):
            desk.start()
        desk.runs.failure = None

        assert recent(desk.ports)["analyses"] == []
        assert desk.start() in desk.runs.runs

    def test_the_list_keeps_to_a_length(self) -> None:
        desk = Desk()
        for _ in range(60):
            desk.now += timedelta(minutes=1)
            newest = desk.start()

        listed = recent(desk.ports)["analyses"]

        assert (len(listed), listed[0]["analysisId"]) == (20, newest)
        (document,) = desk.notes.documents.values()
        assert len(json.loads(document.body or "")["notes"]) == 50

    def test_two_people_at_once_are_both_listed(self) -> None:
        desk = Desk()

        class Hasty(FakeDocuments):
            """Somebody else is faster, once."""

            hurried = False

            def save(self, key: str, body: str, seen_version: int) -> bool:
                if not self.hurried:
                    self.hurried = True
                    start(AnalysisRequest.parse(ASKED | {"SamplingInterval": 5000}), "bob@example.com", desk.ports)
                return super().save(key, body, seen_version)

        desk.notes = Hasty()
        desk.start()

        assert [one["startedBy"] for one in recent(desk.ports)["analyses"]] == ["ann@example.com", "bob@example.com"]

    def test_a_list_that_others_change_all_the_time(self) -> None:
        class Crowded(FakeDocuments):
            """Others are always faster."""

            def save(self, key: str, body: str, seen_version: int) -> bool:
                self.documents[key] = Versioned(seen_version + 1, None)
                return False

        desk = Desk(notes=Crowded())

        with pytest.raises(StorageBusyError):
            desk.start()
        assert desk.runs.runs == {}

    def test_only_what_is_selected(self) -> None:
        desk = Desk()

        with pytest.raises(StreamNotSelectedError):
            desk.start(StreamName="back-door")
        assert (desk.runs.runs, desk.notes.documents) == ({}, {})

    def test_an_arn_is_taken_for_the_name_in_it_of_this_account(self) -> None:
        desk = Desk()
        arn = "arn:aws:kinesisvideo:eu-west-1:999999999999:stream/front-door/1700000000000"
        asked = {name: value for name, value in ASKED.items() if name != "StreamName"}

        identity = start(AnalysisRequest.parse(asked | {"StreamARN": arn}), "ann", desk.ports)

        assert desk.runs.runs[identity].document == ASKED
        with pytest.raises(InvalidInputError, match="StreamARN"):
            start(AnalysisRequest.parse(asked | {"StreamARN": "front-door"}), "ann", desk.ports)

    def test_a_range_that_ends_before_it_begins(self) -> None:
        with pytest.raises(InvalidInputError, match="before StartTimestamp"):
            Desk().start(EndTimestamp="2026-01-01T11:00:00Z")

    def test_a_timelapse_of_one_that_was_analyzed(self) -> None:
        desk = Desk()
        identity = desk.start(Labels=["Person"])

        film = start_timelapse(identity, TimelapseOptions.model_validate({"FramesPerSecond": 25}), "bob", desk.ports)
        asked = [describe(one, desk.ports)["detector"] for one in (identity, film)]

        assert desk.runs.runs[film].document == ASKED | {
            "Labels": ["Person"],
            "Detector": "NONE",
            "Timelapse": {"FramesPerSecond": 25},
        }
        assert asked == [None, "NONE"]
        with pytest.raises(AnalysisMissingError):
            start_timelapse("viewer-other", TimelapseOptions(), "bob", desk.ports)


class TestProgress:
    """While it runs."""

    def test_nothing_is_known_before_it_is_planned(self) -> None:
        desk = Desk()
        told = describe(desk.start(), desk.ports)

        assert (told["status"], told["windows"], told["found"], told["results"]) == (
            "RUNNING",
            {"done": 0, "all": 0},
            0,
            [],
        )
        assert (told["streamName"], told["startTimestamp"]) == ("front-door", "2026-01-01T12:00:00.000Z")
        assert (told["endedAt"], told["error"], told["summary"], told["timelapse"]) == (None, None, None, None)

    def test_windows_images_and_what_matched_so_far(self) -> None:
        desk = Desk()
        identity = desk.start()
        desk.has(identity, "windows.json", [{}, {}, {}])
        desk.reports(identity, 2, 9000, unmatched=2)
        desk.reports(identity, 0, 4000, 2000, before=3)

        told = describe(identity, desk.ports)

        assert (told["windows"], told["found"], told["matched"]) == ({"done": 2, "all": 3}, 8, 3)
        assert [one["imageTimestamp"] for one in told["results"]] == [
            iso_milliseconds(from_epoch_ms(NOON_MS + at)) for at in (2000, 4000, 9000)
        ]
        first = told["results"][0]
        assert (first["resultId"], first["labels"]) == (f"{2000:032x}", ["Person"])
        key = f"stream=front-door/date=2026-01-01/120002000_{2000:032x}"
        assert first["links"] == {
            "image": f"https://evidence.example/annotated/{key}.jpg?signed",
            "record": f"https://evidence.example/results/{key}.json?signed",
        }

    def test_windows_are_read_in_their_order_and_no_more_than_a_hundred(self) -> None:
        desk = Desk()
        identity = desk.start()
        for index in range(120):
            desk.reports(identity, index, index)

        told = describe(identity, desk.ports)

        assert told["windows"]["done"] == 120
        assert [one["resultId"] for one in told["results"]] == [f"{index:032x}" for index in range(100)]

    def test_another_analysis_is_not_mixed_in(self) -> None:
        desk = Desk()
        identity = desk.start()
        desk.reports(f"{identity}-2", 0, 1000)

        assert describe(identity, desk.ports)["windows"]["done"] == 0

    def test_without_a_detector_images_are_counted(self) -> None:
        desk = Desk()
        identity = desk.start(Detector="NONE", Timelapse={})
        desk.has(identity, "windows.json", [{}])
        manifest = WindowManifest(index=0, frames=(a_frame(), a_frame()), missing={})
        desk.has(identity, "windows/0.json", manifest.model_dump_json(by_alias=True))

        told = describe(identity, desk.ports)

        assert (told["windows"], told["found"], told["results"]) == ({"done": 1, "all": 1}, 2, [])


class TestTheEnd:
    """Once it has ended."""

    def test_the_summary_counts(self) -> None:
        desk = Desk()
        identity = desk.start()
        for index, at in enumerate((1000, 2000, 3000)):
            desk.reports(identity, index, at)
        desk.ends(identity, summary=a_summary(identity))

        told = describe(identity, desk.ports)

        assert (told["status"], told["endedAt"]) == ("SUCCEEDED", "2026-01-01T13:01:00.000Z")
        assert (told["windows"], told["found"], told["matched"]) == ({"done": 3, "all": 3}, 150, 2)
        assert (told["summary"]["missing"], len(told["results"])) == ({"NO_MEDIA": 1}, 2)

    def test_two_hundred_results_at_most(self) -> None:
        desk = Desk()
        identity = desk.start()
        desk.reports(identity, 0, *range(150))
        desk.reports(identity, 1, *range(1000, 1150))
        desk.ends(identity, summary=a_summary(identity, matched=300))

        results = describe(identity, desk.ports)["results"]

        assert (len(results), results[-1]["resultId"]) == (200, f"{1049:032x}")

    def test_a_timelapse_is_linked_when_it_is_there(self) -> None:
        desk = Desk()
        identity = desk.start(Timelapse={})
        files = {name: f"s3://evidence-bucket/timelapse/a.{end}" for name, end in (("video", "mp4"), ("poster", "jpg"))}
        desk.ends(identity, summary=a_summary(identity, timelapse=files))

        assert describe(identity, desk.ports)["timelapse"] == {
            "link": "https://evidence.example/timelapse/a.mp4?signed",
            "poster": "https://evidence.example/timelapse/a.jpg?signed",
        }

    def test_one_that_failed_says_why_and_what_it_had(self) -> None:
        desk = Desk()
        identity = desk.start(Timelapse={})
        desk.has(identity, "summary.json", a_summary(identity, failedWindows=2))
        desk.ends(identity, "FAILED", error="TooManyFailuresError: 2 of 3 windows failed")

        told = describe(identity, desk.ports)

        assert (told["status"], told["error"]) == ("FAILED", "TooManyFailuresError: 2 of 3 windows failed")
        assert (told["summary"]["failedWindows"], told["timelapse"]) == (2, None)

    def test_one_that_failed_at_once_has_no_summary(self) -> None:
        desk = Desk()
        identity = desk.start()
        desk.ends(identity, "FAILED", error="NoMediaError: front-door has no media")

        told = describe(identity, desk.ports)

        assert (told["summary"], told["found"]) == (None, 0)

    def test_one_that_was_started_elsewhere_with_nonsense(self) -> None:
        desk = Desk()
        desk.runs.runs["by-hand"] = RunDetails("FAILED", {"Stream": 1}, NOW, NOW, error="InvalidInputError: Stream")

        told = describe("by-hand", desk.ports)

        assert (told["streamName"], told["startTimestamp"], told["status"]) == (None, None, "FAILED")

    def test_one_that_is_not_there(self) -> None:
        with pytest.raises(AnalysisMissingError, match="90 days"):
            describe("viewer-none", Desk().ports)
