"""Shapes of the configuration document."""

from typing import Any

from kinesight.viewer_api.shapes.base import Shape


class RulesDocument(Shape):
    """The document of docs/configuration.schema.json (null: there is none), and what it has for one stream: `entry` is
    the index of the first camera in it that applies (null: none does), and `camera` has the effective zones, rules and
    stationary settings. `etag` is for the If-Match of a change."""

    document: dict[str, Any] | None
    entry: int | None
    camera: dict[str, Any]
    etag: str


class RulesTag(Shape):
    """The new ETag, for the If-Match of the next change."""

    etag: str
