"""A frame's way through a deployed stack, put together from all that it left."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from kinesight.domain.analysis.result_records import keys_of
from kinesight.domain.correlation import execution_of
from kinesight.domain.model import from_epoch_ms

from kinesight_cli import log_lines
from kinesight_cli.dead_letters import Letter
from kinesight_cli.log_lines import Line
from kinesight_cli.stacks import Resources, resources
from kinesight_cli.trace_sources import FoundRecord, Sources
from kinesight_cli.trace_subject import TraceError, mark_of, parse_subject
from kinesight_cli.trace_way import FrameFacts, Step, Way

_ABOUT_FRAMES = frozenset({"image_key", "result_id"})
_IDS = ("result_id", "session_id", "fragment_number", "correlation_id")
_MOST_TERMS = 20


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked: an id of any kind, its stream where that is not in it, and since when log lines are searched."""

    text: str
    stream_name: str | None
    since: datetime


def trace(stack_name: str, asked: Question, progress: Callable[[str], None]) -> list[Way]:
    """The ways of the frame, or of all frames of the fragment or session. `progress` hears what is read.

    Raises TraceError and StackError.
    """
    stack = resources(stack_name)
    try:
        return _Tracer(stack, asked, progress).ways()
    except (BotoCoreError, ClientError) as error:
        raise TraceError(f"the way of {asked.text} can't be read: {error}") from error


class _Tracer:
    def __init__(self, stack: Resources, asked: Question, progress: Callable[[str], None]) -> None:
        self._stack = stack
        self._asked = asked
        self._progress = progress
        self._sources = Sources(stack)
        self._subject = parse_subject(asked.text, asked.stream_name, stack.account_id)

    def ways(self) -> list[Way]:
        self._progress("log lines")
        lines = self._lines()
        recorded = self._recorded()
        frames = self._frames(lines, recorded)
        if not frames:
            raise TraceError(
                f"nothing is known of {self._asked.text} since {self._asked.since:%Y-%m-%d %H:%M} UTC: search longer "
                "with --since, or give the fragment number with --stream, or the picture's key"
            )
        self._progress("dead letters")
        letters = self._sources.letters()
        self._progress(f"what was left by frames: {len(frames)}")
        return [self._way(frame, lines, recorded, letters) for frame in frames]

    def _lines(self) -> list[Line]:
        """Those that hold what was asked for, and those of the frames that they are about."""
        found = log_lines.find(self._stack, self._subject.term, self._asked.since)
        terms = {frame.fragment_number or frame.result_id for frame in self._asked_for(found)}
        for term in sorted(one for one in terms if one is not None and one != self._subject.term)[:_MOST_TERMS]:
            found += log_lines.find(self._stack, term, self._asked.since)
        unique = {(line.at, line.function, line.message, str(line.fields)): line for line in found}
        return sorted(unique.values(), key=lambda line: line.at)

    def _recorded(self) -> Step | None:
        subject = self._subject
        if subject.stream_name is None or subject.fragment_number is None:
            return None
        return self._sources.recorded(subject.stream_name, subject.fragment_number)

    def _frames(self, lines: Sequence[Line], recorded: Step | None) -> list[FrameFacts]:
        frames = self._asked_for(lines)
        for frame in frames:
            for line in lines:
                if frame.owns(line):
                    frame.learn(line.fields)
        known = {frame.image_key for frame in frames}
        return frames + [one for one in self._pictures(recorded) if one.image_key not in known] or self._unlogged()

    def _asked_for(self, lines: Sequence[Line]) -> list[FrameFacts]:
        """Of a fragment's other frames there may be lines too, and of other streams' fragments with its number."""
        frames: list[FrameFacts] = []
        for line in lines:
            if _ABOUT_FRAMES & line.fields.keys() and self._asks_for(line):
                known = next((one for one in frames if one.owns(line)), None)
                if known is None:
                    known = FrameFacts()
                    frames.append(known)
                known.learn(line.fields)
        return frames

    def _asks_for(self, line: Line) -> bool:
        subject, told = self._subject, line.fields
        if subject.stream_name not in (None, told.get("stream_name", subject.stream_name)):
            return False
        if subject.image_key is not None:
            return bool(told.get("image_key") == subject.image_key)
        return subject.term in (told.get(name) for name in _IDS)

    def _pictures(self, recorded: Step | None) -> list[FrameFacts]:
        """Those of a fragment that no function may have told of yet."""
        subject = self._subject
        asks_for_fragment = subject.fragment_number is not None and subject.image_key is None
        if not asks_for_fragment or recorded is None:
            return []
        return list(self._sources.pictures_of(str(subject.stream_name), str(subject.fragment_number), recorded))

    def _unlogged(self) -> list[FrameFacts]:
        """A picture or a fragment is known by itself, an id only by those who told of it."""
        subject = self._subject
        if subject.image_key is None and subject.fragment_number is None:
            return []
        return [FrameFacts(subject.stream_name, subject.fragment_number, subject.at_ms, subject.image_key)]

    def _way(
        self, frame: FrameFacts, lines: Sequence[Line], recorded: Step | None, letters: Sequence[tuple[str, Letter]]
    ) -> Way:
        way = Way(frame, recorded=recorded, images_waiting=self._sources.images_waiting())
        if frame.image_key is not None:
            way.picture = self._sources.picture(frame)
            frame.execution = frame.execution or execution_of(frame.image_key) or None
        if frame.execution is not None:
            way.execution = self._sources.execution(frame.execution)
        if way.recorded is None and frame.stream_name is not None and frame.fragment_number is not None:
            way.recorded = self._sources.recorded(frame.stream_name, frame.fragment_number)
        way.lines = [line for line in lines if frame.owns(line)]
        found = self._result(way)
        self._evidence(way)
        way.letters = [(place, one) for place, one in letters if _is_about(one, frame, found, way.session)]
        return way

    def _result(self, way: Way) -> FoundRecord | None:
        result_id, published = way.frame.result_id, way.said("analyzed")
        if result_id is None:
            return None
        way.ledger = self._sources.ledger(result_id)
        found = None if published is None else self._sources.result(result_id, published.at)
        if found is not None:
            labels = list(found.record.matched_labels)
            way.matched = found.record.matched
            way.record = Step(found.at, "results stream", "record", {"resultId": result_id, "matchedLabels": labels})
        return found

    def _evidence(self, way: Way) -> None:
        frame = way.frame
        if frame.result_id is None or frame.stream_name is None or frame.at_ms is None:
            return
        at = from_epoch_ms(frame.at_ms)
        way.evidence = self._sources.evidence(keys_of(frame.stream_name, at, frame.result_id, frame.fragment_number))
        if way.matched or "record" in way.evidence:
            way.session = self._sources.session(frame.stream_name, at_ms=frame.at_ms)
        if way.session is not None:
            session_id = way.session.facts["sessionId"]
            known = {(line.at, line.message) for line in way.lines}
            more = log_lines.find(self._stack, session_id, self._asked.since)
            way.lines = sorted(
                [*way.lines, *(line for line in more if (line.at, line.message) not in known)], key=lambda line: line.at
            )


def _is_about(letter: Letter, frame: FrameFacts, record: FoundRecord | None, session: Step | None) -> bool:
    document = letter.document()
    if isinstance(document.get("KinesisBatchInfo"), dict):
        return record is not None and _holds(document["KinesisBatchInfo"], record)
    if "resultId" in document:
        return bool(document["resultId"] == frame.result_id)
    if "imageTimestamp" in document:
        moment = datetime.fromisoformat(document["imageTimestamp"])
        same = frame.at_ms is None or moment == from_epoch_ms(frame.at_ms)
        return same and document.get("fragmentNumber") == frame.fragment_number
    if session is not None and document.get("videoOf") == session.facts["sessionId"]:
        return True
    marks = [frame.fragment_number, None if frame.image_key is None else mark_of(frame.image_key)]
    return any(mark in letter.body for mark in marks if mark is not None)


def _holds(batch: dict[str, Any], record: FoundRecord) -> bool:
    first, last = int(batch["startSequenceNumber"]), int(batch["endSequenceNumber"])
    return record.shard_id == batch["shardId"] and first <= record.sequence_number <= last
