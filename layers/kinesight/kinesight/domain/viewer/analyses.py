"""On-demand analyses that users start in the viewer: executions of the workflow, their progress and results.

A list of them is stored in one small document. An entry is written before its execution is started, so an entry without
an execution is one that failed to start. Progress comes from the reports of the windows while an execution runs, and
from its summary once it has ended.
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

LIST_KEY = "recent"
"""The key of the document."""
_MOST_ENTRIES = 50
_MOST_LISTED = 20
_MOST_RESULTS = 200
_MOST_WINDOWS = 100_000
_READ_WHILE_RUNNING = 10
"""Windows whose reports are read for each request."""
_READ_AT_THE_END = 100
_READS_AHEAD = 32
_DESCRIBED_AT_ONCE = 8
_ATTEMPTS = 10


class AnalysisRuns(Protocol):
    """Executions of the on-demand workflow. Raises ThrottledError, WorkflowRefusedError."""

    def start(self, name: str, document: Mapping[str, Any]) -> bool:
        """Starts an execution; returns False if there is or was an execution of this name."""

    def describe(self, name: str) -> RunDetails | None:
        """Returns an execution, None if there is no execution of this name."""


class AnalysisEntry(Value):
    """An entry of the list of analyses."""

    analysis_id: str
    stream_name: str
    start_timestamp: Timestamp
    end_timestamp: Timestamp
    started_at: Timestamp
    started_by: str
    timelapse: bool = False


class AnalysisList(Value):
    """Entries, newest first."""

    notes: tuple[AnalysisEntry, ...] = ()


@dataclass(frozen=True, slots=True)
class AnalysisPorts:
    """Ports of analyses. `work`: bucket with the workflow's intermediate data; `evidence`: bucket with images and
    time-lapses."""

    runs: AnalysisRuns
    entries: VersionedDocuments
    selected: SelectionGuard
    work: EvidenceReader
    evidence: EvidenceReader
    evidence_bucket: str
    now: Callable[[], datetime]


def start(request: AnalysisRequest, by: str, ports: AnalysisPorts) -> str:
    """Starts an analysis and returns its id. Equal requests within a second are one analysis. Raises InvalidInputError,
    StreamNotSelectedError, StreamGoneError, ThrottledError, WorkflowRefusedError, StorageBusyError."""
    stream_name = request.stream_name or stream_name_of(request.stream_arn or "")
    if stream_name is None:
        raise InvalidInputError("StreamARN is not the ARN of a stream")
    if request.end_timestamp < request.start_timestamp:
        raise InvalidInputError("EndTimestamp is before StartTimestamp")
    ports.selected.check(stream_name)
    given = request.model_dump(mode="json", by_alias=True, exclude_none=True, exclude_unset=True)
    given.pop("StreamARN", None)
    document = given | {"StreamName": stream_name}
    now = ports.now()
    entry = AnalysisEntry(
        analysis_id=_analysis_id(stream_name, now, document),
        stream_name=stream_name,
        start_timestamp=request.start_timestamp,
        end_timestamp=request.end_timestamp,
        started_at=now,
        started_by=by,
        timelapse=request.timelapse is not None,
    )
    _add_entry(entry, ports.entries)
    ports.runs.start(entry.analysis_id, document)
    return entry.analysis_id


def start_timelapse(analysis_id: str, options: TimelapseOptions, by: str, ports: AnalysisPorts) -> str:
    """Starts a time-lapse of an analysis's range, as another analysis without a detector; returns its id. Raises
    AnalysisMissingError and the errors of `start`."""
    request = AnalysisRequest.parse(_run(analysis_id, ports).document)
    return start(request.model_copy(update={"detector": "NONE", "timelapse": options}), by, ports)


def recent(ports: AnalysisPorts) -> Mapping[str, Any]:
    """Returns the analyses last started in the viewer, newest first. Raises StorageBusyError, ThrottledError."""
    entries = _entries(ports.entries.load(LIST_KEY).body)[:_MOST_LISTED]
    with ThreadPoolExecutor(_DESCRIBED_AT_ONCE) as pool:
        runs = list(pool.map(lambda entry: ports.runs.describe(entry.analysis_id), entries))
    return {
        "analyses": [
            entry.model_dump(mode="json", by_alias=True) | {"status": run.status}
            for entry, run in zip(entries, runs, strict=True)
            if run is not None
        ]
    }


def describe(analysis_id: str, ports: AnalysisPorts) -> Mapping[str, Any]:
    """Returns the progress and the results of an analysis; while it runs, results of its first ten windows. Raises
    AnalysisMissingError, StorageBusyError, ThrottledError."""
    run = _run(analysis_id, ports)
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


def _analysis_id(stream_name: str, now: datetime, document: Mapping[str, Any]) -> str:
    """Returns at most 80 characters that Step Functions and CloudWatch Logs allow in names."""
    readable = re.sub(r"[^a-zA-Z0-9_-]", "_", stream_name)[:24]
    digest = hashlib.sha256(json.dumps(document, sort_keys=True).encode()).hexdigest()[:8]
    return f"viewer-{readable}-{now:%Y%m%dT%H%M%SZ}-{digest}"


def _add_entry(entry: AnalysisEntry, documents: VersionedDocuments) -> None:
    for _ in range(_ATTEMPTS):
        found = documents.load(LIST_KEY)
        others = tuple(one for one in _entries(found.body) if one.analysis_id != entry.analysis_id)
        changed = AnalysisList(notes=(entry, *others)[:_MOST_ENTRIES])
        if documents.save(LIST_KEY, changed.model_dump_json(by_alias=True), found.version):
            return
    raise StorageBusyError(f"the list of analyses changed during each of {_ATTEMPTS} attempts to add an entry")


def _entries(body: str | None) -> tuple[AnalysisEntry, ...]:
    stored = AnalysisList.stored(body)
    return () if stored is None else stored.notes


def _run(analysis_id: str, ports: AnalysisPorts) -> RunDetails:
    run = ports.runs.describe(analysis_id)
    if run is None:
        raise AnalysisMissingError(f"there is no analysis {analysis_id}; Step Functions keeps them for 90 days")
    return run


def _request(document: Mapping[str, Any]) -> AnalysisRequest | None:
    """Returns the request; None for an execution that failed because of an invalid input."""
    try:
        return AnalysisRequest.model_validate(document)
    except ValidationError:
        return None


def _summary(analysis_id: str, run: RunDetails, work: EvidenceReader) -> RangeSummary | None:
    """Returns the summary. An execution that failed because of too many failures has stored one, too."""
    if run.summary is not None:
        return RangeSummary.model_validate(run.summary)
    body = work.read(work_key(analysis_id, SUMMARY_FILE))
    return RangeSummary.model_validate_json(body) if body is not None else None


def _timelapse(run: RunDetails, summary: RangeSummary | None, ports: AnalysisPorts) -> dict[str, str] | None:
    """Returns links once the execution has succeeded. The keys come from the summary, never from a request."""
    if run.status != "SUCCEEDED" or summary is None or summary.timelapse is None:
        return None
    bucket = f"s3://{ports.evidence_bucket}/"
    links = {"link": summary.timelapse.video, "poster": summary.timelapse.poster}
    return {name: ports.evidence.link(uri.removeprefix(bucket)) for name, uri in links.items()}


@dataclass(slots=True)
class _Counts:
    found: int = 0
    matched: int = 0
    frames: list[tuple[int, AnalyzedFrame]] = field(default_factory=list)

    def add(self, report: WindowReport) -> None:
        undone = len(report.already_analyzed) + len(report.over_budget) + len(report.failed)
        matched = [(at_ms, frame) for at_ms, frame in report.published.items() if frame.matched]
        self.found += len(report.published) + undone
        self.matched += len(matched)
        self.frames += matched


class _Progress:
    """Progress and results of one execution."""

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
        counts = self._counts(done)
        if self._summary is not None:
            counts.found, counts.matched = self._summary.extracted, self._summary.matched
        frames = sorted(counts.frames, key=lambda one: one[0])[:_MOST_RESULTS]
        return {
            "windows": {"done": len(done), "all": self._all()},
            "found": counts.found,
            "matched": counts.matched,
            "results": [self._result(at_ms, frame) for at_ms, frame in frames],
        }

    @property
    def _folder(self) -> str:
        """Reports; without a detector, manifests of extracted images."""
        detects = self._request is None or self._request.detector != "NONE"
        return work_key(self._id, REPORTS if detects else MANIFESTS) + "/"

    def _done(self) -> list[str]:
        """Returns the keys that windows have written, in the order of the windows."""
        first, last = f"{self._folder}0", f"{self._folder}9~"
        keys = self._ports.work.sizes_between(self._folder, first, last, _MOST_WINDOWS)
        return sorted(keys, key=lambda key: (len(key), key))

    def _all(self) -> int:
        if self._summary is not None:
            return self._summary.windows
        body = self._ports.work.read(work_key(self._id, WINDOWS_FILE))
        return len(json.loads(body)) if body is not None else 0

    def _counts(self, done: list[str]) -> _Counts:
        counts = _Counts()
        needed = min(_MOST_RESULTS, self._summary.matched) if self._summary is not None else None
        most = _READ_AT_THE_END if self._summary is not None else _READ_WHILE_RUNNING
        for body in self._bodies(done[:most]):
            if needed is not None and len(counts.frames) >= needed:
                break
            if self._folder.endswith(f"/{MANIFESTS}/"):
                counts.found += len(WindowManifest.model_validate_json(body).frames)
            else:
                counts.add(WindowReport.model_validate_json(body))
        return counts

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
