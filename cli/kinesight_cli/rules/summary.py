"""Summarizes a rules document, and the differences between two."""

from collections.abc import Callable, Iterator, Mapping

from kinesight.domain.rules.document import Camera, Rule, RulesDocument

_Named = Mapping[str, object]


def summary(document: RulesDocument) -> list[str]:
    """Returns one line with counts, and one for each camera."""
    rules = sum(len(camera.rules) for camera in document.cameras)
    zones = sum(len(camera.zones) for camera in document.cameras)
    first = ", ".join((_counted(len(document.cameras), "camera"), _counted(rules, "rule"), _counted(zones, "zone")))
    return [first, *(f"  {_camera(camera)}" for camera in document.cameras)]


def difference(before: RulesDocument, after: RulesDocument) -> list[str]:
    """Returns what was added, removed and changed, by camera, rule and zone; empty if the documents are equal.

    A camera is identified by its stream patterns, a rule and a zone by its name.
    """
    old, new = _by_patterns(before), _by_patterns(after)
    lines = list(_changed("camera", old, new, lambda name: _inside(old[name], new[name])))
    kept = [name for name in old if name in new]
    if kept != [name for name in new if name in old]:
        lines.append("the order of cameras changed: a stream uses the first that matches")
    return lines


def _inside(old: Camera, new: Camera) -> Iterator[str]:
    yield from _changed("rule", {one.name: one for one in old.rules}, {one.name: one for one in new.rules})
    yield from _changed("zone", {one.name: one for one in old.zones}, {one.name: one for one in new.zones})
    for name in ("sessions", "stationary"):
        if getattr(old, name) != getattr(new, name):
            yield f"{name} changed"


def _changed(
    kind: str, old: _Named, new: _Named, inside: Callable[[str], Iterator[str]] | None = None
) -> Iterator[str]:
    yield from (f"{kind} {name} added" for name in new if name not in old)
    yield from (f"{kind} {name} removed" for name in old if name not in new)
    for name in old:
        if name not in new or old[name] == new[name]:
            continue
        yield f"{kind} {name} changed"
        yield from (f"  {line}" for line in inside(name)) if inside else ()


def _by_patterns(document: RulesDocument) -> dict[str, Camera]:
    """Returns cameras by their patterns; of several with the same patterns the first, as for streams."""
    found: dict[str, Camera] = {}
    for camera in document.cameras:
        found.setdefault(", ".join(camera.streams), camera)
    return found


def _camera(camera: Camera) -> str:
    parts = ["rules " + ", ".join(_rule(rule) for rule in camera.rules)]
    if camera.zones:
        parts.append("zones " + ", ".join(_zone_name(zone.name, zone.kind) for zone in camera.zones))
    return f"{', '.join(camera.streams)}: {'; '.join(parts)}"


def _rule(rule: Rule) -> str:
    labels = " or ".join(rule.labels) or "any label"
    places = f" in {' or '.join(rule.zones)}" if rule.zones else ""
    return f"{rule.name} ({labels}{places})"


def _zone_name(name: str, kind: str) -> str:
    return f"{name} (excluded)" if kind == "EXCLUDE" else name


def _counted(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"
