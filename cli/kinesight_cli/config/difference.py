"""Differences between two configuration documents, by detector, camera, rule, zone and setting."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from kinesight.domain.configuration.document import STACK_PARTS, ConfigurationDocument

from kinesight_cli.config.summary import camera_name, value_text
from kinesight_cli.shared.setting_paths import leaves

_Named = Mapping[str, Mapping[str, Any]]
_NAMED_LISTS = {"zones": "zone", "rules": "rule"}
_CAMERA_ORDER = "the order of cameras changed: a stream uses the first that matches"
_LONGEST = 60
"""Characters of a value that is printed."""


def difference(before: ConfigurationDocument, after: ConfigurationDocument) -> list[str]:
    """Returns what was added, removed and changed; empty if both documents set the same.

    A camera is identified by its streams and their tags, a detector, a rule and a zone by its name.
    """
    old, new = _content(before), _content(after)
    old_cameras, new_cameras = _cameras(before, old), _cameras(after, new)
    return [
        *_named("detector", old.get("detectors", {}), new.get("detectors", {})),
        *_object("defaults", old, new),
        *(line for part in STACK_PARTS for line in _object(part, old, new)),
        *_named("camera", old_cameras, new_cameras),
        *_order(list(old_cameras), list(new_cameras), _CAMERA_ORDER),
    ]


def _object(field: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    lines = [f"  {line}" for line in _inside(old.get(field, {}), new.get(field, {}))]
    return [f"{field} changed", *lines] if lines else []


def _content(document: ConfigurationDocument) -> dict[str, Any]:
    """What the document sets; a field that is not set leaves its value to the layer below."""
    return document.model_dump(mode="json", by_alias=True, exclude_unset=True)


def _cameras(document: ConfigurationDocument, content: Mapping[str, Any]) -> _Named:
    """Cameras by name; the second one with a name is `name (2)`."""
    names: list[str] = []
    found: dict[str, Any] = {}
    for camera, values in zip(document.cameras, content.get("cameras", ()), strict=True):
        name = camera_name(camera)
        names.append(name)
        found[name if names.count(name) == 1 else f"{name} ({names.count(name)})"] = {
            field: value for field, value in values.items() if field not in ("streams", "streamTags")
        }
    return found


def _named(kind: str, old: _Named, new: _Named) -> Iterator[str]:
    yield from (f"{kind} {name} added" for name in new if name not in old)
    yield from (f"{kind} {name} removed" for name in old if name not in new)
    for name in old:
        if name in new and (lines := list(_inside(old[name], new[name]))):
            yield f"{kind} {name} changed"
            yield from (f"  {line}" for line in lines)


def _inside(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[str]:
    compared = set()
    for field, kind in _NAMED_LISTS.items():
        one, other = _items(old, field), _items(new, field)
        if one or other:
            compared.add(field)
        yield from _named(kind, one, other)
        yield from _order(list(one), list(other), f"the order of {field} changed")
    yield from _values(*({path: one for path, one in leaves(of) if path not in compared} for of in (old, new)))


def _items(values: Mapping[str, Any], field: str) -> _Named:
    """The objects of a list by name; a rule's zones are names alone."""
    return {item["name"]: item for item in values.get(field, ()) if isinstance(item, dict)}


def _values(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[str]:
    for path in dict.fromkeys((*old, *new)):
        if path in old and path in new and old[path] == new[path]:
            continue
        one, other = (value_text(of[path]) if path in of else "not set" for of in (old, new))
        yield f"{path}: {one} → {other}" if max(len(one), len(other)) <= _LONGEST else f"{path} changed"


def _order(old: Sequence[str], new: Sequence[str], line: str) -> Iterator[str]:
    if [name for name in old if name in new] != [name for name in new if name in old]:
        yield line
