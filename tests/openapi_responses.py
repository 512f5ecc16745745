"""Checks responses of the viewer's API against its OpenAPI document."""

import re
from functools import cache
from typing import Any

import jsonschema  # type: ignore[import-untyped]  # has no types
from kinesight.viewer_api.openapi import document_of

from functions.serve_viewer import app

NO_ROUTE = 404


@cache
def document() -> dict[str, Any]:
    return document_of(app.app)


def check_response(method: str, path: str, status: int, content_type: str | None, body: Any) -> None:
    """Fails unless the response matches the document. A path without a route must have status 404."""
    operation = _operation(method, path)
    if operation is None:
        assert status == NO_ROUTE, f"{method} {path} is not in the document, and returned {status}"
        return
    assert str(status) in operation["responses"], f"{method} {path}: {status} is not in the document: {body}"
    content = operation["responses"][str(status)]["content"]
    assert content_type in content if content else body is None, f"{method} {path}: {status} is not {content_type}"
    if content_type == "application/json" and content:
        schema = content[content_type]["schema"] | {"components": document()["components"]}
        jsonschema.Draft202012Validator(schema, format_checker=jsonschema.FormatChecker()).validate(body)


def _operation(method: str, path: str) -> Any:
    for template, operations in document()["paths"].items():
        parts = (part if part[:1] != "{" else None for part in template.split("/"))
        if re.fullmatch("/".join("[^/]+" if part is None else re.escape(part) for part in parts), path):
            return operations.get(method.lower())
    return None
