"""Analyses started by users: executions, the list of analyses, and their progress."""

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
REQUEST = {
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
    """Never called, because the stream is selected by name."""

    def describe(self, name_or_arn: str) -> VideoStream:
        raise AssertionError(name_or_arn)


@dataclass
class Desk:
    """The on-demand workflow and its data, in memory."""

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
        return start(AnalysisRequest.parse(REQUEST | changes), "ann@example.com", self.ports)

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
    """Starting an execution and listing it."""

    def test_the_request_becomes_the_input_of_the_workflow(self) -> None:
        desk = Desk()

        identity = desk.start(Labels=["Person"], Timelapse={"BurnTimestamp": True})

        assert identity.startswith("viewer-front-door-20260101T130000Z-")
        assert desk.runs.runs[identity].document == REQUEST | {
            "Labels": ["Person"],
            "Timelapse": {"BurnTimestamp": True},
        }
        assert AnalysisRequest.parse(desk.runs.runs[identity].document).sampling_interval == 2000

    def test_it_is_listed_with_the_user_who_started_it(self) -> None:
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

    def test_equal_requests_at_once_are_one_analysis(self) -> None:
        desk = Desk()

        assert desk.start() == desk.start()
        assert (len(desk.runs.runs), len(recent(desk.ports)["analyses"])) == (1, 1)
        assert desk.start(SamplingInterval=1000) != desk.start()

    def test_an_analysis_that_failed_to_start_is_not_listed(self) -> None:
        desk = Desk()
        desk.runs.failure = ThrottledError("too often")
        with pytest.raises(ThrottledError):
            desk.start()
        desk.runs.failure = None

        assert recent(desk.ports)["analyses"] == []
        assert desk.start() in desk.runs.runs

    def test_the_list_has_a_maximum_length(self) -> None:
        desk = Desk()
        for _ in range(60):
            desk.now += timedelta(minutes=1)
            newest = desk.start()

        listed = recent(desk.ports)["analyses"]

        assert (len(listed), listed[0]["analysisId"]) == (20, newest)
        (document,) = desk.notes.documents.values()
        assert len(json.loads(document.body or "")["notes"]) == 50

    def test_concurrent_starts_are_both_listed(self) -> None:
        desk = Desk()

        class Hasty(FakeDocuments):
            """Fails once because of a concurrent change."""

            hurried = False

            def save(self, key: str, body: str, seen_version: int) -> bool:
                if not self.hurried:
                    self.hurried = True
                    start(AnalysisRequest.parse(REQUEST | {"SamplingInterval": 5000}), "bob@example.com", desk.ports)
                return super().save(key, body, seen_version)

        desk.notes = Hasty()
        desk.start()

        assert [one["startedBy"] for one in recent(desk.ports)["analyses"]] == ["ann@example.com", "bob@example.com"]

    def test_a_list_that_keeps_changing_is_an_error(self) -> None:
        class Crowded(FakeDocuments):
            """Always fails because of concurrent changes."""

            def save(self, key: str, body: str, seen_version: int) -> bool:
                self.documents[key] = Versioned(seen_version + 1, None)
                return False

        desk = Desk(notes=Crowded())

        with pytest.raises(StorageBusyError):
            desk.start()
        assert desk.runs.runs == {}

    def test_only_selected_streams(self) -> None:
        desk = Desk()

        with pytest.raises(StreamNotSelectedError):
            desk.start(StreamName="back-door")
        assert (desk.runs.runs, desk.notes.documents) == ({}, {})

    def test_an_arn_is_replaced_by_its_stream_name_in_this_account(self) -> None:
        desk = Desk()
        arn = "arn:aws:kinesisvideo:eu-west-1:999999999999:stream/front-door/1700000000000"
        without_name = {name: value for name, value in REQUEST.items() if name != "StreamName"}

        identity = start(AnalysisRequest.parse(without_name | {"StreamARN": arn}), "ann", desk.ports)

        assert desk.runs.runs[identity].document == REQUEST
        with pytest.raises(InvalidInputError, match="StreamARN"):
            start(AnalysisRequest.parse(without_name | {"StreamARN": "front-door"}), "ann", desk.ports)

    def test_a_range_that_ends_before_it_starts_is_rejected(self) -> None:
        with pytest.raises(InvalidInputError, match="before StartTimestamp"):
            Desk().start(EndTimestamp="2026-01-01T11:00:00Z")

    def test_a_timelapse_of_an_analyzed_range(self) -> None:
        desk = Desk()
        identity = desk.start(Labels=["Person"])

        timelapse = start_timelapse(
            identity, TimelapseOptions.model_validate({"FramesPerSecond": 25}), "bob", desk.ports
        )
        detectors = [describe(one, desk.ports)["detector"] for one in (identity, timelapse)]

        assert desk.runs.runs[timelapse].document == REQUEST | {
            "Labels": ["Person"],
            "Detector": "NONE",
            "Timelapse": {"FramesPerSecond": 25},
        }
        assert detectors == [None, "NONE"]
        with pytest.raises(AnalysisMissingError):
            start_timelapse("viewer-other", TimelapseOptions(), "bob", desk.ports)


class TestProgress:
    """While it runs."""

    def test_there_is_no_progress_before_it_is_planned(self) -> None:
        desk = Desk()
        described = describe(desk.start(), desk.ports)

        assert (described["status"], described["windows"], described["found"], described["results"]) == (
            "RUNNING",
            {"done": 0, "all": 0},
            0,
            [],
        )
        assert (described["streamName"], described["startTimestamp"]) == ("front-door", "2026-01-01T12:00:00.000Z")
        assert (described["endedAt"], described["error"], described["summary"], described["timelapse"]) == (
            None,
            None,
            None,
            None,
        )

    def test_windows_images_and_matches_so_far(self) -> None:
        desk = Desk()
        identity = desk.start()
        desk.has(identity, "windows.json", [{}, {}, {}])
        desk.reports(identity, 2, 9000, unmatched=2)
        desk.reports(identity, 0, 4000, 2000, before=3)

        described = describe(identity, desk.ports)

        assert (described["windows"], described["found"], described["matched"]) == ({"done": 2, "all": 3}, 8, 3)
        assert [one["imageTimestamp"] for one in described["results"]] == [
            iso_milliseconds(from_epoch_ms(NOON_MS + at)) for at in (2000, 4000, 9000)
        ]
        first = described["results"][0]
        assert (first["resultId"], first["labels"]) == (f"{2000:032x}", ["Person"])
        key = f"stream=front-door/date=2026-01-01/120002000_{2000:032x}"
        assert first["links"] == {
            "image": f"https://evidence.example/annotated/{key}.jpg?signed",
            "record": f"https://evidence.example/results/{key}.json?signed",
        }

    def test_the_first_ten_windows_are_read_in_order(self) -> None:
        desk = Desk()
        identity = desk.start()
        for index in range(120):
            desk.reports(identity, index, index)

        described = describe(identity, desk.ports)

        assert described["windows"]["done"] == 120
        assert [one["resultId"] for one in described["results"]] == [f"{index:032x}" for index in range(10)]

    def test_results_of_another_analysis_are_not_included(self) -> None:
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

        described = describe(identity, desk.ports)

        assert (described["windows"], described["found"], described["results"]) == ({"done": 1, "all": 1}, 2, [])


class TestTheEnd:
    """Once it has ended."""

    def test_the_summary_counts(self) -> None:
        desk = Desk()
        identity = desk.start()
        for index, at in enumerate((1000, 2000, 3000)):
            desk.reports(identity, index, at)
        desk.ends(identity, summary=a_summary(identity))

        described = describe(identity, desk.ports)

        assert (described["status"], described["endedAt"]) == ("SUCCEEDED", "2026-01-01T13:01:00.000Z")
        assert (described["windows"], described["found"], described["matched"]) == ({"done": 3, "all": 3}, 150, 2)
        assert (described["summary"]["missing"], len(described["results"])) == ({"NO_MEDIA": 1}, 2)

    def test_two_hundred_results_at_most(self) -> None:
        desk = Desk()
        identity = desk.start()
        desk.reports(identity, 0, *range(150))
        desk.reports(identity, 1, *range(1000, 1150))
        desk.ends(identity, summary=a_summary(identity, matched=300))

        results = describe(identity, desk.ports)["results"]

        assert (len(results), results[-1]["resultId"]) == (200, f"{1049:032x}")

    def test_a_finished_timelapse_is_linked(self) -> None:
        desk = Desk()
        identity = desk.start(Timelapse={})
        files = {name: f"s3://evidence-bucket/timelapse/a.{end}" for name, end in (("video", "mp4"), ("poster", "jpg"))}
        desk.ends(identity, summary=a_summary(identity, timelapse=files))

        assert describe(identity, desk.ports)["timelapse"] == {
            "link": "https://evidence.example/timelapse/a.mp4?signed",
            "poster": "https://evidence.example/timelapse/a.jpg?signed",
        }

    def test_a_failed_analysis_has_its_error_and_its_results(self) -> None:
        desk = Desk()
        identity = desk.start(Timelapse={})
        desk.has(identity, "summary.json", a_summary(identity, failedWindows=2))
        desk.ends(identity, "FAILED", error="TooManyFailuresError: 2 of 3 windows failed")

        described = describe(identity, desk.ports)

        assert (described["status"], described["error"]) == ("FAILED", "TooManyFailuresError: 2 of 3 windows failed")
        assert (described["summary"]["failedWindows"], described["timelapse"]) == (2, None)

    def test_an_analysis_that_failed_at_once_has_no_summary(self) -> None:
        desk = Desk()
        identity = desk.start()
        desk.ends(identity, "FAILED", error="NoMediaError: front-door has no media")

        described = describe(identity, desk.ports)

        assert (described["summary"], described["found"]) == (None, 0)

    def test_an_execution_with_an_invalid_input(self) -> None:
        desk = Desk()
        desk.runs.runs["by-hand"] = RunDetails("FAILED", {"Stream": 1}, NOW, NOW, error="InvalidInputError: Stream")

        described = describe("by-hand", desk.ports)

        assert (described["streamName"], described["startTimestamp"], described["status"]) == (None, None, "FAILED")

    def test_a_missing_analysis(self) -> None:
        with pytest.raises(AnalysisMissingError, match="90 days"):
            describe("viewer-none", Desk().ports)
