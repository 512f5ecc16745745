"""Sessions made of one frame, and two sessions joined into one. Pure functions of their arguments."""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import replace

from kinesight.domain.configuration.camera import Rule
from kinesight.domain.model import BoundingBox
from kinesight.domain.sessions.model import BestImage, Hit, Observation, Session, Severity

_MOST_FRAGMENTS = 50
_MOST_LABELS = 100
"""The most confident ones: a session is stored, and sent as an event, as one document of limited size."""
_CLEARLY_BETTER_PERCENT = 5


def session_of_frame(stream_name: str, observation: Observation, passed: list[Rule], kind: str) -> Session:
    """The session of a single frame; `kind` distinguishes the states of one stream."""
    severities = {rule.name: Severity(rule.severity) for rule in passed}
    hits = [hit for hit in observation.hits if severities.keys() & set(hit.rules)]
    best = _best_image(observation, hits, severities)
    return Session(
        session_id=_session_id(stream_name, observation, kind),
        stream_name=stream_name,
        severity=best.severity,
        opened_ms=observation.at_ms,
        started_ms=observation.at_ms,
        last_ms=observation.at_ms,
        images=1,
        labels=_highest((hit.label, hit.confidence) for hit in hits),
        rules=tuple(severities),
        zones=tuple(dict.fromkeys(zone for hit in hits for zone in hit.zones)),
        best=best,
        fragments=() if observation.fragment_number is None else (observation.fragment_number,),
        by_server=observation.by_server,
    )


def joined(session: Session, other: Session) -> Session:
    """`session` extended by `other`; it keeps its id and `opened_ms`."""
    return replace(
        session,
        severity=max(session.severity, other.severity, key=lambda severity: severity.rank),
        started_ms=min(session.started_ms, other.started_ms),
        last_ms=max(session.last_ms, other.last_ms),
        images=session.images + other.images,
        labels=_highest((*session.labels.items(), *other.labels.items())),
        rules=_union(session.rules, other.rules),
        zones=_union(session.zones, other.zones),
        best=max(session.best, other.best, key=lambda best: (best.severity.rank, best.confidence, -best.at_ms)),
        fragments=_union(session.fragments, other.fragments)[:_MOST_FRAGMENTS],
    )


def is_update(grown: Session, before: Session) -> bool:
    """Whether consumers get an UPDATE: another label, rule, zone or class, or a clearly better image. A longer duration
    alone is none."""
    if (grown.labels.keys(), grown.rules, grown.zones) != (before.labels.keys(), before.rules, before.zones):
        return True
    gained = grown.best.confidence - before.best.confidence
    return grown.severity is not before.severity or gained >= _CLEARLY_BETTER_PERCENT


def _best_image(observation: Observation, hits: list[Hit], severities: dict[str, Severity]) -> BestImage:
    def severity_of(hit: Hit) -> Severity:
        return max((severities[name] for name in hit.rules if name in severities), key=lambda severity: severity.rank)

    chief = max(hits, key=lambda hit: (severity_of(hit).rank, hit.confidence))
    return BestImage(
        result_id=observation.result_id,
        at_ms=observation.at_ms,
        fragment_number=observation.fragment_number,
        label=chief.label,
        confidence=chief.confidence,
        severity=severity_of(chief),
        boxes=dict(list(_boxes(hits).items())[-_MOST_LABELS:]),
        clocks=observation.clocks,
    )


def _session_id(stream_name: str, observation: Observation, kind: str) -> str:
    identity = [stream_name, observation.at_ms, observation.result_id, *([kind] if kind else [])]
    return hashlib.sha256(json.dumps(identity).encode()).hexdigest()[:32]


def _boxes(hits: Iterable[Hit]) -> dict[str, BoundingBox]:
    """The box of the most confident detection of each label, the most confident last."""
    boxes: dict[str, BoundingBox] = {}
    for hit in sorted(hits, key=lambda hit: hit.confidence):
        if hit.box is not None:
            boxes.pop(hit.label, None)
            boxes[hit.label] = hit.box
    return boxes


def _highest(labels: Iterable[tuple[str, float]]) -> dict[str, float]:
    highest: dict[str, float] = {}
    for label, confidence in labels:
        highest[label] = max(confidence, highest.get(label, 0))
    if len(highest) <= _MOST_LABELS:
        return highest
    kept = sorted(highest, key=lambda label: -highest[label])[:_MOST_LABELS]
    return {label: highest[label] for label in kept}


def _union(one: tuple[str, ...], other: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys((*one, *other)))
