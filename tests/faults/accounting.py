"""What a fault run must add up to. Pure: what went in and what came out are compared, and what is wrong has a name."""

import json
import statistics
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from kinesight.domain.analysis.result_records import evidence_keys
from kinesight.domain.model import FrameSource, ResultRecord, to_epoch_ms
from pydantic import ValidationError

from tests.faults.stack import RECORDED, Arrival, Letter, Seen

Image = tuple[str, int]
"""Stream name, and the moment that is shown; epoch milliseconds by the camera's clock."""

_NAMED = 20
"""Most items of one kind that are listed by name."""


@dataclass(frozen=True, slots=True)
class Poison:
    """Something that can never be processed: it is to be found by `marker` in each place, with that place's reason."""

    marker: str
    reasons: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Given:
    """What went in. `images`: each that must have a result, and when it could be had. `notified`: starts of
    fragments whose surroundings must be analyzed. `alerts_retried`: alerts that may have been sent again,
    because the response to the first request was lost."""

    images: Mapping[Image, int]
    notified: frozenset[Image]
    poison: tuple[Poison, ...]
    alerts_retried: int


@dataclass(frozen=True, slots=True)
class Come:
    """What came out."""

    seen: Seen
    evidence: Counter[str]
    """Versions by key."""
    sessions: Sequence[dict[str, Any]]
    filmed: Set[str]
    """Ids of sessions whose whole video is archived."""
    executions: Sequence[dict[str, Any]]
    waiting: Mapping[str, int]


@dataclass(slots=True)
class AccountingResult:
    """Problems, one sentence each. `copies`: repeated deliveries under one id, by kind."""

    lost: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    letters: list[str] = field(default_factory=list)
    unfinished: list[str] = field(default_factory=list)
    copies: Counter[str] = field(default_factory=Counter)
    came_ms: dict[Image, int] = field(default_factory=dict)
    """When each image's first result came, epoch milliseconds."""
    doubled_images: set[Image] = field(default_factory=set)

    @property
    def problems(self) -> list[str]:
        return [*self.lost, *self.doubled, *self.letters, *self.unfinished]


def account(given: Given, come: Come) -> AccountingResult:
    """Compares what went in with what came out."""
    result = AccountingResult()
    records = _records(come.seen.arrivals)
    matched = {record.result_id: record for _, record in records if record.matched}
    _results(given, come, records, result)
    _evidence(matched, come.evidence, result)
    _alerts(given, matched, come.seen.alerts, result)
    _sessions([record for _, record in records if record.matched], come, result)
    _executions(given, come.executions, result)
    _letters(given.poison, come.seen.letters, result)
    result.unfinished += [f"{count} messages wait in {name}" for name, count in come.waiting.items() if count]
    return result


def image_of(record: ResultRecord) -> Image:
    return record.frame.stream_name, to_epoch_ms(record.frame.image_timestamp)


def _records(arrivals: Iterable[Arrival]) -> list[tuple[int, ResultRecord]]:
    """Without the poison among them."""
    found = []
    for one in arrivals:
        try:
            found.append((one.at_ms, ResultRecord.model_validate_json(one.data)))
        except ValidationError:
            continue
    return found


def _named(what: str, which: Iterable[Any]) -> Iterator[str]:
    names = sorted(map(str, which))
    yield from (f"{what}: {name}" for name in names[:_NAMED])
    if len(names) > _NAMED:
        yield f"{what}: {len(names) - _NAMED} more"


def _results(given: Given, come: Come, records: Sequence[tuple[int, ResultRecord]], result: AccountingResult) -> None:
    ids: dict[Image, set[str]] = defaultdict(set)
    effects: dict[str, set[str]] = defaultdict(set)
    for at_ms, record in records:
        image = image_of(record)
        ids[image].add(record.result_id)
        effects[record.result_id].add(json.dumps([record.matched, [one.label for one in record.detections]]))
        result.came_ms[image] = min(at_ms, result.came_ms.get(image, at_ms))
    result.copies["results"] = len(records) - len(effects)
    result.lost += _named("no result", set(given.images) - set(ids))
    several = {image for image, known in ids.items() if len(known) > 1}
    result.doubled_images |= several
    result.doubled += _named("several results", several)
    result.doubled += _named(
        "one result with several meanings", [one for one, seen in effects.items() if len(seen) > 1]
    )
    ranges = [_range(one) for one in come.executions]
    foreign = {one for one in set(ids) - set(given.images) if not any(_lies(one, known) for known in ranges)}
    result.doubled += _named("a result of nothing that was sent", foreign)


def _range(execution: Mapping[str, Any]) -> tuple[str, int, int]:
    request = json.loads(execution["input"])
    name = request.get("StreamName") or request["StreamARN"].split("/")[1]
    return name, _moment_ms(request["StartTimestamp"]), _moment_ms(request["EndTimestamp"])


def _moment_ms(value: Any) -> int:
    return to_epoch_ms(datetime.fromisoformat(value)) if isinstance(value, str) else round(value * 1000)


def _lies(image: Image, known: tuple[str, int, int]) -> bool:
    return image[0] == known[0] and known[1] <= image[1] <= known[2]


def _evidence(matched: Mapping[str, ResultRecord], evidence: Counter[str], result: AccountingResult) -> None:
    expected: dict[str, Image] = {}
    for record in matched.values():
        keys = evidence_keys(record)
        expected |= {key: image_of(record) for key in (keys.result, keys.annotated, keys.archive) if key is not None}
    result.lost += _named("no evidence", [key for key in expected if key not in evidence])
    twice = [key for key, versions in evidence.items() if versions > 1]
    result.doubled += _named("evidence written twice", twice)
    result.doubled_images |= {expected[key] for key in twice if key in expected}
    kept = {key for key in evidence if key.startswith(("results/", "annotated/"))}
    result.doubled += _named("evidence of nothing", kept - set(expected))


def _alerts(
    given: Given, matched: Mapping[str, ResultRecord], alerts: Sequence[Mapping[str, Any]], result: AccountingResult
) -> None:
    alerts_by_result: dict[str, list[str]] = defaultdict(list)
    for alert in alerts:
        alerts_by_result[alert["resultId"]].append(
            json.dumps({key: alert[key] for key in alert if key != "links"}, sort_keys=True)
        )
    result.lost += _named("no alert", set(matched) - set(alerts_by_result))
    result.doubled += _named("an alert of nothing", set(alerts_by_result) - set(matched))
    result.doubled += _named(
        "alerts that differ", [one for one, sent in alerts_by_result.items() if len(set(sent)) > 1]
    )
    result.copies["alerts"] = len(alerts) - len(alerts_by_result)
    if result.copies["alerts"] > given.alerts_retried:
        result.doubled.append(
            f"{result.copies['alerts']} alerts were sent again, {given.alerts_retried} at most after a lost response"
        )


def _sessions(matched: Sequence[ResultRecord], come: Come, result: AccountingResult) -> None:
    # Executions have sessions of their own (docs/sessions.md): an image that was analyzed both ways counts in both.
    ways = {(one.frame.stream_name, one.result_id, one.frame.source is FrameSource.ON_DEMAND) for one in matched}
    images = Counter(stream for stream, _, _ in ways)
    counted: Counter[str] = Counter()
    for session in come.sessions:
        counted[session["streamName"]] += session["images"]
    for stream in sorted(images.keys() | counted.keys()):
        if counted[stream] < images[stream]:
            result.lost.append(f"{stream}: sessions of {counted[stream]} images, {images[stream]} matched")
        if counted[stream] > images[stream]:
            result.doubled.append(f"{stream}: sessions of {counted[stream]} images, {images[stream]} matched")
    result.unfinished += _named(
        "a session that is open", [one["sessionId"] for one in come.sessions if not one["closed"]]
    )
    result.lost += _named("no video", {one["sessionId"] for one in come.sessions} - come.filmed)
    types_by_session: dict[str, set[str]] = defaultdict(set)
    last: dict[str, list[Any]] = defaultdict(list)
    for event in come.seen.events:
        identity = event["detail"]["sessionId"]
        types_by_session[identity].add(event["detail-type"])
        last[identity].append(event["detail"])
    known = {one["sessionId"]: one for one in come.sessions}
    for what in ("Session NEW", "Session END"):
        result.lost += _named(f"no {what}", [one for one in known if what not in types_by_session[one]])
    result.lost += _named("no event with a session's last state", [k for k, one in known.items() if one not in last[k]])
    result.doubled += _named("events of a session that is not stored", set(types_by_session) - set(known))
    distinct = {json.dumps(event["detail"], sort_keys=True) + event["detail-type"] for event in come.seen.events}
    result.copies["session events"] = len(come.seen.events) - len(distinct)


def _executions(given: Given, executions: Sequence[Mapping[str, Any]], result: AccountingResult) -> None:
    ranges = [_range(one) for one in executions]
    result.lost += _named(
        "notified and not analyzed",
        [one for one in given.notified if not any(_lies(one, known) for known in ranges if known[0] != RECORDED)],
    )
    twice = [known for known, count in Counter(ranges).items() if count > 1]
    result.doubled += _named("a range analyzed twice", twice)
    for one, (name, start_ms, _) in zip(executions, ranges, strict=True):
        if one["status"] == "RUNNING":
            result.unfinished.append(f"the range of {name} at {start_ms} is being analyzed")
        elif one["status"] != "SUCCEEDED":
            result.lost.append(
                f"the range of {name} at {start_ms} {one['status']}: {one.get('error')} {one.get('cause')}"
            )
        elif (output := json.loads(one["output"])).get("failed"):
            result.lost.append(f"the range of {name} at {start_ms} lacks {output['failed']}")


def _letters(poison: Sequence[Poison], letters: Sequence[Letter], result: AccountingResult) -> None:
    right = 0
    for one in poison:
        for place, reason in one.reasons.items():
            if not any(_is_of(letter, one) and (letter.place, letter.reason) == (place, reason) for letter in letters):
                result.letters.append(f"poison {one.marker} is not among the dead letters of {place} as {reason}")
            right += 1
    strange = [one for one in letters if not any(_is_of(one, known) for known in poison)]
    result.letters += [
        f"a dead letter in {one.place}: {one.reason or 'no reason'}: {one.body[:300]}" for one in strange
    ]
    result.copies["dead letters"] = max(0, len(letters) - len(strange) - right)


def _is_of(letter: Letter, poison: Poison) -> bool:
    return letter.place in poison.reasons and poison.marker in letter.body and bool(letter.reason)


@dataclass(frozen=True, slots=True)
class Phase:
    """When a dependency failed, epoch milliseconds, and the number of faults by kind."""

    name: str
    start_ms: int
    end_ms: int
    struck: Mapping[str, int]


KINDS = ("throttled", "failing", "slow", "cut", "lost", "partial")


def table(phases: Sequence[Phase], given: Given, result: AccountingResult) -> str:
    """Markdown. An image belongs to the phase in which it could be had; times are seconds."""
    lines = [
        "| faults in | throttled | failing | slow | cut | response lost | rejected in part | images | results | lost "
        "| duplicated | p50 s | p95 s | complete after, s |",
        "|---|" + "---:|" * 13,
    ]
    calm = {image: ready for image, ready in given.images.items() if not _within(ready, phases)}
    lines += [_row(phase.name, phase.struck, _images_of(phase, given), phase.end_ms, result) for phase in phases]
    lines.append(_row("none (between)", {}, calm, None, result))
    struck = Counter[str]()
    for phase in phases:
        struck.update(phase.struck)
    lines.append(_row("**total**", struck, dict(given.images), None, result))
    return "\n".join(lines)


def _within(ready_ms: int, phases: Sequence[Phase]) -> bool:
    return any(phase.start_ms <= ready_ms < phase.end_ms for phase in phases)


def _images_of(phase: Phase, given: Given) -> dict[Image, int]:
    return {one: ready for one, ready in given.images.items() if phase.start_ms <= ready < phase.end_ms}


def _row(
    name: str, struck: Mapping[str, int], images: Mapping[Image, int], end_ms: int | None, result: AccountingResult
) -> str:
    came = {one: result.came_ms[one] for one in images if one in result.came_ms}
    delays_s = sorted(max(0, at_ms - images[one]) / 1000 for one, at_ms in came.items() if one[0] != RECORDED)
    p50, p95 = _quantiles(delays_s)
    after = "" if end_ms is None or not came else f"{max(0, max(came.values()) - end_ms) / 1000:.1f}"
    counts = [str(struck.get(kind, 0)) for kind in KINDS]
    doubled = len(result.doubled_images & set(images))
    numbers = [len(images), len(came), len(images) - len(came), doubled]
    return "| " + " | ".join([name, *counts, *map(str, numbers), p50, p95, after]) + " |"


def _quantiles(delays_s: Sequence[float]) -> tuple[str, str]:
    if len(delays_s) < 2:
        return "", ""
    hundredths = statistics.quantiles(delays_s, n=100, method="inclusive")
    return f"{hundredths[49]:.1f}", f"{hundredths[94]:.1f}"
