"""The facts of a capture that two services can be compared by: no durations, and nothing that settings decide."""

from collections.abc import Mapping
from typing import Any

from kinesight_cli.verify.capture.model import Capture, CapturedMedia, CapturedSettings

_FIRST = 3
"""Fragments of every capture that are compared: a capture of another video has its own lengths."""
_CLOCK_MS = 2000


def facts(capture: Capture) -> dict[str, Any]:
    """Returns each fact by its name. A part that was not recorded has none."""
    found: dict[str, Any] = {}
    if capture.images:
        found |= _of_images(capture)
    if capture.notifications:
        found |= _of_notifications(capture)
    for one in capture.settings:
        found[f"{one.operation}: fields that Describe adds"] = _added(one)
    if capture.fragments:
        found["ListFragments"] = [(one.start_ms, one.length_ms) for one in capture.fragments[:_FIRST]]
    for span in capture.get_images:
        name = f"GetImages from {span.start_ms} to {span.end_ms} every {span.interval_ms} ms"
        found[name] = [(one.at_ms, one.error) for one in span.moments]
    if capture.get_media:
        found["GetMedia: tags"] = [list(one.tags) for one in capture.get_media]
        found["GetMedia: MILLIS_BEHIND_NOW counts to the wall clock"] = all(map(_to_the_clock, capture.get_media))
    for error in capture.errors:
        found[f"error: {error.name}"] = (error.http_status, error.code)
    return found


def _of_images(capture: Capture) -> dict[str, Any]:
    return {
        "image: key": sorted({one.key for one in capture.images}),
        "image: metadata": [dict(sorted(one.metadata.items())) for one in capture.images[:1]],
        "image: content type": sorted({one.content_type for one in capture.images}),
        "image: timecode is the producer timestamp": all(one.timecode_is_producer_timestamp for one in capture.images),
    }


def _of_notifications(capture: Capture) -> dict[str, Any]:
    first = capture.notifications[0]
    return {"notification: subject": first.subject, "notification: message": dict(sorted(first.message.items()))}


def _added(one: CapturedSettings) -> Mapping[str, Any]:
    return {name: value for name, value in one.described.items() if one.applied.get(name) != value}


def _to_the_clock(one: CapturedMedia) -> bool:
    return one.millis_behind_now is not None and abs(one.millis_behind_now - one.age_ms) < _CLOCK_MS
