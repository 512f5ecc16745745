"""Shapes of the rules document."""

from typing import Any

from kinesight.viewer_api.shapes.base import Shape


class RulesDocument(Shape):
    """The document of docs/rules.schema.json; `default` is the entry that applies to streams without one."""

    document: dict[str, Any] | None
    default: dict[str, Any]
    etag: str


class RulesTag(Shape):
    """The new ETag, for the If-Match of the next change."""

    etag: str
