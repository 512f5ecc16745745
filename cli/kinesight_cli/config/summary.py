"""Summarizes a configuration document: one line for each detector and camera."""

import json
from collections.abc import Iterator
from typing import Any

from kinesight.domain.configuration.camera import CameraSettings, Rule, Zone
from kinesight.domain.configuration.document import Camera, ConfigurationDocument

_SHOWN = frozenset({"streams", "stream_tags", "detector", "follow_up", "rules", "zones"})
"""Fields of a camera that have a part of their own in its line."""


def summary(document: ConfigurationDocument) -> list[str]:
    """Returns one line with counts, and one for each detector, for `defaults` and for each camera."""
    return [_counts(document), *(f"  {line}" for line in _lines(document))]


def camera_name(camera: Camera) -> str:
    """Returns the streams that a camera's settings are for: front-*, tags Location=Front|Parking."""
    filters = [f"{one.key}={'|'.join(one.values) or '*'}" for one in camera.stream_tags]
    return ", ".join([*camera.streams, *([f"tags {','.join(filters)}"] if filters else [])])


def rule_text(rule: Rule) -> str:
    """Returns the name of a rule, its labels and zones: visitors (Person in doorstep)."""
    labels = " or ".join(rule.labels) or "any label"
    places = f" in {' or '.join(rule.zones)}" if rule.zones else ""
    return f"{rule.name} ({labels}{places})"


def zone_text(zone: Zone) -> str:
    """Returns the name of a zone, and whether it is excluded."""
    return f"{zone.name} (excluded)" if zone.kind == "EXCLUDE" else zone.name


def value_text(value: Any) -> str:
    """Returns a value as JSON on one line; 70.0 as 70."""
    return json.dumps(int(value) if isinstance(value, float) and value.is_integer() else value, ensure_ascii=False)


def _counts(document: ConfigurationDocument) -> str:
    rules = sum(len(camera.rules) for camera in document.cameras)
    zones = sum(len(camera.zones) for camera in document.cameras)
    counts = [(len(document.cameras), "camera"), (rules, "rule"), (zones, "zone")]
    if document.detectors:
        counts.insert(0, (len(document.detectors), "detector"))
    return ", ".join(f"{count} {what}" if count == 1 else f"{count} {what}s" for count, what in counts)


def _lines(document: ConfigurationDocument) -> Iterator[str]:
    for name, definition in document.detectors.items():
        yield f"detector {name}: {definition.type}"
    if parts := list(_parts(document.defaults)):
        yield f"defaults: {'; '.join(parts)}"
    for camera in document.cameras:
        yield f"{camera_name(camera)}: {'; '.join(_parts(camera)) or 'as all others'}"


def _parts(settings: CameraSettings) -> Iterator[str]:
    if "detector" in settings.model_fields_set:
        yield "not analyzed" if settings.detector is None else f"detector {settings.detector}"
    if "follow_up" in settings.model_fields_set:
        yield "no second detector" if settings.follow_up is None else f"then {settings.follow_up.detector}"
    if settings.rules:
        yield "rules " + ", ".join(map(rule_text, settings.rules))
    if settings.zones:
        yield "zones " + ", ".join(map(zone_text, settings.zones))
    fields = CameraSettings.model_fields
    others = [fields[name].alias or name for name in fields if name in settings.model_fields_set - _SHOWN]
    if others:
        yield f"sets {', '.join(others)}"
