"""Traces frames of a deployed stack: finds them by an id and collects what every service has about them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from kinesight.domain.analysis.result_records import keys_of
from kinesight.domain.correlation import execution_of
from kinesight.domain.model import from_epoch_ms

from kinesight_cli.shared.dead_letters import DeadLetter
from kinesight_cli.shared.stack_lookup import Resources, resources
from kinesight_cli.trace import log_lines
from kinesight_cli.trace.frame_trace import FrameIds, FrameTrace, Step
from kinesight_cli.trace.log_lines import LogLine
from kinesight_cli.trace.log_messages import LogMessage
from kinesight_cli.trace.parse_id import TraceError, image_marker, parse_id
from kinesight_cli.trace.stack_data import FoundRecord, StackData

_FRAME_FIELDS = frozenset({"image_key", "result_id"})
_IDS = ("result_id", "session_id", "fragment_number", "correlation_id")
_MOST_TERMS = 20


@dataclass(frozen=True, slots=True)
class TraceRequest:
    """An id of any kind, its stream if the id does not contain it, and the start of the log search."""

    text: str
    stream_name: str | None
    since: datetime


def trace_frames(stack_name: str, request: TraceRequest, progress: Callable[[str], None]) -> list[FrameTrace]:
    """Returns the traces of the frame, or of all frames of the fragment or session. Calls `progress(step)`.

    Raises TraceError and StackError.
    """
    stack = resources(stack_name)
    try:
        return _Tracer(stack, request, progress).traces()
    except (BotoCoreError, ClientError) as error:
        raise TraceError(f"cannot trace {request.text}: {error}") from error


class _Tracer:
    def __init__(self, stack: Resources, request: TraceRequest, progress: Callable[[str], None]) -> None:
        self._stack = stack
        self._request = request
        self._progress = progress
        self._data = StackData(stack)
        self._id = parse_id(request.text, request.stream_name, stack.account_id)

    def traces(self) -> list[FrameTrace]:
        self._progress("searching log lines")
        lines = self._lines()
        recorded = self._recorded()
        frames = self._frames(lines, recorded)
        if not frames:
            raise TraceError(
                f"found nothing about {self._request.text} since {self._request.since:%Y-%m-%d %H:%M} UTC: search "
                "longer with --since, or pass the fragment number with --stream, or the image key"
            )
        self._progress("reading dead-letter queues")
        messages = self._data.dead_letters()
        self._progress(f"reading images, evidence and sessions of {len(frames)} frames")
        return [self._trace(frame, lines, recorded, messages) for frame in frames]

    def _lines(self) -> list[LogLine]:
        """Returns the lines that contain the id, and those of the frames that they are about."""
        found = log_lines.find(self._stack, self._id.term, self._request.since)
        terms = {frame.fragment_number or frame.result_id for frame in self._requested_frames(found)}
        for term in sorted(one for one in terms if one is not None and one != self._id.term)[:_MOST_TERMS]:
            found += log_lines.find(self._stack, term, self._request.since)
        unique = {(line.at, line.function, line.message, str(line.fields)): line for line in found}
        return sorted(unique.values(), key=lambda line: line.at)

    def _recorded(self) -> Step | None:
        if self._id.stream_name is None or self._id.fragment_number is None:
            return None
        return self._data.recorded(self._id.stream_name, self._id.fragment_number)

    def _frames(self, lines: Sequence[LogLine], recorded: Step | None) -> list[FrameIds]:
        frames = self._requested_frames(lines)
        for frame in frames:
            for line in lines:
                if frame.matches(line):
                    frame.add(line.fields)
        known = {frame.image_key for frame in frames}
        return frames + [one for one in self._images(recorded) if one.image_key not in known] or self._unlogged()

    def _requested_frames(self, lines: Sequence[LogLine]) -> list[FrameIds]:
        """Returns the frames of the request. Lines may also be about other frames of the same fragment, and about
        fragments of other streams with the same number."""
        frames: list[FrameIds] = []
        for line in lines:
            if _FRAME_FIELDS & line.fields.keys() and self._is_requested(line):
                known = next((one for one in frames if one.matches(line)), None)
                if known is None:
                    known = FrameIds()
                    frames.append(known)
                known.add(line.fields)
        return frames

    def _is_requested(self, line: LogLine) -> bool:
        requested, fields = self._id, line.fields
        if requested.stream_name not in (None, fields.get("stream_name", requested.stream_name)):
            return False
        if requested.image_key is not None:
            return bool(fields.get("image_key") == requested.image_key)
        return requested.term in (fields.get(name) for name in _IDS)

    def _images(self, recorded: Step | None) -> list[FrameIds]:
        """Returns the images of a requested fragment, including those that no function has logged."""
        is_fragment = self._id.fragment_number is not None and self._id.image_key is None
        if not is_fragment or recorded is None:
            return []
        return list(self._data.images_of(str(self._id.stream_name), str(self._id.fragment_number), recorded))

    def _unlogged(self) -> list[FrameIds]:
        """Returns a frame for an image or a fragment without log lines; any other id is known only from logs."""
        requested = self._id
        if requested.image_key is None and requested.fragment_number is None:
            return []
        return [FrameIds(requested.stream_name, requested.fragment_number, requested.at_ms, requested.image_key)]

    def _trace(
        self,
        frame: FrameIds,
        lines: Sequence[LogLine],
        recorded: Step | None,
        messages: Sequence[tuple[str, DeadLetter]],
    ) -> FrameTrace:
        trace = FrameTrace(frame, recorded=recorded, images_waiting=self._data.images_waiting())
        if frame.image_key is not None:
            trace.image = self._data.image(frame)
            frame.execution = frame.execution or execution_of(frame.image_key) or None
        if frame.execution is not None:
            trace.execution = self._data.execution(frame.execution)
        if trace.recorded is None and frame.stream_name is not None and frame.fragment_number is not None:
            trace.recorded = self._data.recorded(frame.stream_name, frame.fragment_number)
        trace.lines = [line for line in lines if frame.matches(line)]
        found = self._add_result(trace)
        self._add_evidence(trace)
        trace.dead_letters = [(queue, one) for queue, one in messages if _is_about(one, frame, found, trace.session)]
        return trace

    def _add_result(self, trace: FrameTrace) -> FoundRecord | None:
        result_id, published = trace.frame.result_id, trace.last_line(LogMessage.ANALYZED)
        if result_id is None:
            return None
        trace.ledger = self._data.ledger(result_id)
        found = None if published is None else self._data.result(result_id, published.at)
        if found is not None:
            labels = list(found.record.matched_labels)
            trace.matched = found.record.matched
            trace.record = Step(found.at, "results stream", "record", {"resultId": result_id, "matchedLabels": labels})
        return found

    def _add_evidence(self, trace: FrameTrace) -> None:
        frame = trace.frame
        if frame.result_id is None or frame.stream_name is None or frame.at_ms is None:
            return
        ids = (frame.stream_name, from_epoch_ms(frame.at_ms), frame.result_id, frame.fragment_number)
        for matched in (True, False) if trace.matched is None else (trace.matched,):
            trace.evidence = self._data.evidence(keys_of(*ids, matched=matched))
            if "record" in trace.evidence:
                trace.matched = matched
                break
        if trace.matched:
            trace.session = self._data.session(frame.stream_name, at_ms=frame.at_ms)
        if trace.session is not None:
            self._add_session_lines(trace, str(trace.session.facts["sessionId"]))

    def _add_session_lines(self, trace: FrameTrace, session_id: str) -> None:
        known = {(line.at, line.message) for line in trace.lines}
        found = log_lines.find(self._stack, session_id, self._request.since)
        new = [line for line in found if (line.at, line.message) not in known]
        trace.lines = sorted([*trace.lines, *new], key=lambda line: line.at)


def _is_about(message: DeadLetter, frame: FrameIds, record: FoundRecord | None, session: Step | None) -> bool:
    document = message.document()
    if isinstance(document.get("KinesisBatchInfo"), dict):
        return record is not None and _contains(document["KinesisBatchInfo"], record)
    if "resultId" in document:
        return bool(document["resultId"] == frame.result_id)
    if "imageTimestamp" in document:
        moment = datetime.fromisoformat(document["imageTimestamp"])
        same = frame.at_ms is None or moment == from_epoch_ms(frame.at_ms)
        return same and document.get("fragmentNumber") == frame.fragment_number
    if session is not None and document.get("videoOf") == session.facts["sessionId"]:
        return True
    markers = [frame.fragment_number, None if frame.image_key is None else image_marker(frame.image_key)]
    return any(marker in message.body for marker in markers if marker is not None)


def _contains(batch: dict[str, Any], record: FoundRecord) -> bool:
    first, last = int(batch["startSequenceNumber"]), int(batch["endSequenceNumber"])
    return record.shard_id == batch["shardId"] and first <= record.sequence_number <= last
