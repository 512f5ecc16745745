"""The viewer's analyses: executions of the on-demand workflow that people start, how far they are, what they found.

What was started here is written down in one small document, before it is started: an entry without an execution is
one that could not be. While an execution runs, its windows' reports tell of it; once it has ended, its summary does.
"""

import hashlib
import json
import re
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from pydantic import ValidationError

from kinesight.domain.analysis.result_records import keys_of
from kinesight.domain.errors import AnalysisMissingError, InvalidInputError, StorageBusyError
from kinesight.domain.model import Timestamp, Value, from_epoch_ms, iso_milliseconds
from kinesight.domain.on_demand.executions import RUNNING, RunDetails, stream_name_of
from kinesight.domain.on_demand.messages import (
    MANIFESTS,
    REPORTS,
    SUMMARY_FILE,
    WINDOWS_FILE,
    AnalysisRequest,
    AnalyzedFrame,
    RangeSummary,
    TimelapseOptions,
    WindowManifest,
    WindowReport,
    work_key,
)
from kinesight.domain.ports import VersionedDocuments
from kinesight.domain.streams.discovery import SelectionGuard
from kinesight.domain.viewer.evidence import EvidenceReader

NOTES = "recent"
"""The key of the one document."""
_MOST_NOTES = 50
_MOST_LISTED = 20
_MOST_RESULTS = 200
_MOST_WINDOWS = 100_000
_READ_WHILE_RUNNING = 100
"""Windows whose reports are read each time that somebody looks."""
_READ_AT_THE_END = 1000
_READS_AHEAD = 32
_DESCRIBED_AT_ONCE = 8
_ATTEMPTS = 10


class AnalysisRuns(Protocol):
    """The on-demand workflow. Raises ThrottledError, WorkflowRefusedError."""

    def start(self, name: str, document: Mapping[str, Any]) -> bool:
        """False, and nothing started, if there has been an execution of this name."""

    def describe(self, name: str) -> RunDetails | None:
        """None if there is none."""


class AnalysisNote(Value):
    """What is written down of an analysis."""

    analysis_id: str
    stream_name: str
    start_timestamp: Timestamp
    end_timestamp: Timestamp
    started_at: Timestamp
    started_by: str
    timelapse: bool = False


class AnalysisNotes(Value):
    """The newest first."""

    notes: tuple[AnalysisNote, ...] = ()


@dataclass(frozen=True, slots=True)
class AnalysisPorts:
    """The outside world of analyses. `work`: the bucket in which the workflow keeps what it needs; `evidence`: that of
    images and time-lapses."""

    runs: AnalysisRuns
    notes: VersionedDocuments
    selected: SelectionGuard
    work: EvidenceReader
    evidence: EvidenceReader
    evidence_bucket: str
    now: Callable[[], datetime]


def start(request: AnalysisRequest, by: str, ports: AnalysisPorts) -> str:
    """The analysis's id. The same request within the same second is one analysis. Raises InvalidInputError,
    StreamNotSelectedError, StreamGoneError, ThrottledError, WorkflowRefusedError, StorageBusyError."""
    stream_name = request.stream_name or stream_name_of(request.stream_arn or "")
    if stream_name is None:
        raise InvalidInputError("StreamARN: is not the ARN of a stream")
    if request.end_timestamp < request.start_timestamp:
        raise InvalidInputError("EndTimestamp lies before StartTimestamp")
    ports.selected.check(stream_name)
    asked = request.model_dump(mode="json", by_alias=True, exclude_none=True, exclude_unset=True)
    asked.pop("StreamARN", None)
    document = asked | {"StreamName": stream_name}
    now = ports.now()
    note = AnalysisNote(
        analysis_id=_identity(stream_name, now, document),
        stream_name=stream_name,
        start_timestamp=request.start_timestamp,
        end_timestamp=request.end_timestamp,
        started_at=now,
        started_by=by,
        timelapse=request.timelapse is not None,
    )
    _write_down(note, ports.notes)
    ports.runs.start(note.analysis_id, document)
    return note.analysis_id


def start_timelapse(analysis_id: str, wish: TimelapseOptions, by: str, ports: AnalysisPorts) -> str:
    """Another analysis: the same range without a detector, as a video. Raises AnalysisMissingError besides what `start`
    raises."""
    request = AnalysisRequest.parse(_found(analysis_id, ports).document)
    return start(request.model_copy(update={"detector": "NONE", "timelapse": wish}), by, ports)


def recent(ports: AnalysisPorts) -> Mapping[str, Any]:
    """The last ones that were started here, the newest first. Raises StorageBusyError, ThrottledError."""
    notes = _notes(ports.notes.load(NOTES).body).notes[:_MOST_LISTED]
    with ThreadPoolExecutor(_DESCRIBED_AT_ONCE) as pool:
        runs = list(pool.map(lambda note: ports.runs.describe(note.analysis_id), notes))
    told = zip(notes, runs, strict=True)
    return {
        "analyses": [
            note.model_dump(mode="json", by_alias=True) | {"status": run.status}
            for note, run in told
            if run is not None
        ]
    }


def describe(analysis_id: str, ports: AnalysisPorts) -> Mapping[str, Any]:
    """How far an analysis is, and what it found: of a running one as far as its first hundred windows tell. Raises
    AnalysisMissingError, StorageBusyError, ThrottledError."""
    run = _found(analysis_id, ports)
    request = _request(run.document)
    summary = None if run.status in RUNNING else _summary(analysis_id, run, ports.work)
    progress = _Progress(analysis_id, request, summary, ports)
    return {
        "analysisId": analysis_id,
        "streamName": progress.stream_name,
        "startTimestamp": iso_milliseconds(request.start_timestamp) if request is not None else None,
        "endTimestamp": iso_milliseconds(request.end_timestamp) if request is not None else None,
        "startedAt": iso_milliseconds(run.started_at),
        "endedAt": iso_milliseconds(run.ended_at) if run.ended_at is not None else None,
        "status": run.status,
        "detector": request.detector if request is not None else None,
        "error": run.error or None,
        "summary": summary.model_dump(mode="json", by_alias=True) if summary is not None else None,
        "timelapse": _timelapse(run, summary, ports),
        **progress.document(),
    }


def _identity(stream_name: str, now: datetime, document: Mapping[str, Any]) -> str:
    """At most 80 characters of those that Step Functions and CloudWatch Logs take."""
    readable = re.sub(r"[^a-zA-Z0-9_-]", "_", stream_name)[:24]
    digest = hashlib.sha256(json.dumps(document, sort_keys=True).encode()).hexdigest()[:8]
    return f"viewer-{readable}-{now:%Y%m%dT%H%M%SZ}-{digest}"


def _write_down(note: AnalysisNote, documents: VersionedDocuments) -> None:
    for _ in range(_ATTEMPTS):
        found = documents.load(NOTES)
        others = tuple(one for one in _notes(found.body).notes if one.analysis_id != note.analysis_id)
        notes = AnalysisNotes(notes=(note, *others)[:_MOST_NOTES])
        if documents.save(NOTES, notes.model_dump_json(by_alias=True), found.version):
            return
    raise StorageBusyError(f"the list of analyses was changed by others {_ATTEMPTS} times in a row")


def _notes(body: str | None) -> AnalysisNotes:
    return AnalysisNotes() if body is None else AnalysisNotes.model_validate_json(body)


def _found(analysis_id: str, ports: AnalysisPorts) -> RunDetails:
    run = ports.runs.describe(analysis_id)
    if run is None:
        raise AnalysisMissingError(f"there is no analysis {analysis_id}; Step Functions keeps them for 90 days")
    return run


def _request(document: Mapping[str, Any]) -> AnalysisRequest | None:
    """None of an execution that was started with something else than it takes, and failed by that."""
    try:
        return AnalysisRequest.model_validate(document)
    except ValidationError:
        return None


def _summary(analysis_id: str, run: RunDetails, work: EvidenceReader) -> RangeSummary | None:
    """One that failed for too many failures has written it nevertheless."""
    if run.summary is not None:
        return RangeSummary.model_validate(run.summary)
    body = work.read(work_key(analysis_id, SUMMARY_FILE))
    return RangeSummary.model_validate_json(body) if body is not None else None


def _timelapse(run: RunDetails, summary: RangeSummary | None, ports: AnalysisPorts) -> dict[str, str] | None:
    """It is there once everything has succeeded; its keys are the summary's own, never a request's."""
    if run.status != "SUCCEEDED" or summary is None or summary.timelapse is None:
        return None
    bucket = f"s3://{ports.evidence_bucket}/"
    links = {"link": summary.timelapse.video, "poster": summary.timelapse.poster}
    return {name: ports.evidence.link(uri.removeprefix(bucket)) for name, uri in links.items()}


@dataclass(slots=True)
class _Tally:
    found: int = 0
    matched: int = 0
    seen: list[tuple[int, AnalyzedFrame]] = field(default_factory=list)

    def add(self, report: WindowReport) -> None:
        undone = len(report.already_analyzed) + len(report.over_budget) + len(report.failed)
        matched = [(at_ms, frame) for at_ms, frame in report.published.items() if frame.matched]
        self.found += len(report.published) + undone
        self.matched += len(matched)
        self.seen += matched


class _Progress:
    """Of one execution."""

    def __init__(
        self, analysis_id: str, request: AnalysisRequest | None, summary: RangeSummary | None, ports: AnalysisPorts
    ) -> None:
        self._id = analysis_id
        self._request = request
        self._summary = summary
        self._ports = ports

    @property
    def stream_name(self) -> str | None:
        if self._request is None:
            return None
        return self._request.stream_name or stream_name_of(self._request.stream_arn or "")

    def document(self) -> dict[str, Any]:
        done = self._done()
        tally = self._tally(done)
        if self._summary is not None:
            tally.found, tally.matched = self._summary.extracted, self._summary.matched
        return {
            "windows": {"done": len(done), "all": self._all()},
            "found": tally.found,
            "matched": tally.matched,
            "results": [self._result(at_ms, frame) for at_ms, frame in sorted(tally.seen, key=lambda one: one[0])][
                :_MOST_RESULTS
            ],
        }

    @property
    def _folder(self) -> str:
        """Without a detector there are images, but no reports."""
        detects = self._request is None or self._request.detector != "NONE"
        return work_key(self._id, REPORTS if detects else MANIFESTS) + "/"

    def _done(self) -> list[str]:
        """Keys of what windows wrote, in the order of the windows."""
        first, last = f"{self._folder}0", f"{self._folder}9~"
        keys = self._ports.work.sizes_between(self._folder, first, last, _MOST_WINDOWS)
        return sorted(keys, key=lambda key: (len(key), key))

    def _all(self) -> int:
        if self._summary is not None:
            return self._summary.windows
        body = self._ports.work.read(work_key(self._id, WINDOWS_FILE))
        return len(json.loads(body)) if body is not None else 0

    def _tally(self, done: list[str]) -> _Tally:
        tally = _Tally()
        wanted = min(_MOST_RESULTS, self._summary.matched) if self._summary is not None else None
        most = _READ_AT_THE_END if self._summary is not None else _READ_WHILE_RUNNING
        for body in self._bodies(done[:most]):
            if wanted is not None and len(tally.seen) >= wanted:
                break
            if self._folder.endswith(f"/{MANIFESTS}/"):
                tally.found += len(WindowManifest.model_validate_json(body).frames)
            else:
                tally.add(WindowReport.model_validate_json(body))
        return tally

    def _bodies(self, keys: list[str]) -> Iterator[bytes]:
        return (body for _, body in self._ports.work.each(keys, _READS_AHEAD) if body is not None)

    def _result(self, at_ms: int, frame: AnalyzedFrame) -> dict[str, Any]:
        moment = from_epoch_ms(at_ms)
        keys = keys_of(self.stream_name or "", moment, frame.result_id, frame.fragment_number)
        link = self._ports.evidence.link
        return {
            "resultId": frame.result_id,
            "imageTimestamp": iso_milliseconds(moment),
            "labels": list(dict.fromkeys(frame.labels)),
            "links": {"image": link(keys.annotated), "record": link(keys.result)},
        }
