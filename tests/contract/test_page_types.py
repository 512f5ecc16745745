"""The types that the viewer's page is checked against are those of the API's OpenAPI document."""

import pytest

from scripts.page.api_types import TARGET, declarations
from tests.openapi_responses import document


def test_the_committed_types_are_current() -> None:
    assert TARGET.read_text() == declarations(document()), "run `make page-types`"


@pytest.mark.parametrize(
    ("schema", "written"),
    [
        ({"type": "string", "format": "date"}, "string"),
        ({"type": "string", "enum": ["A", "B"]}, '"A" | "B"'),
        ({"anyOf": [{"type": "integer"}, {"type": "null"}]}, "number | null"),
        ({"type": "array", "items": {"$ref": "#/components/schemas/Other"}}, "Array<Other>"),
        ({"type": "object", "additionalProperties": {"type": "number"}}, "Record<string, number>"),
        ({"type": "object", "additionalProperties": True}, "Record<string, unknown>"),
        ({}, "unknown"),
    ],
)
def test_a_schema_becomes_a_type(schema: object, written: str) -> None:
    found = declarations({"components": {"schemas": {"One": schema}}, "paths": {}})

    assert f"  type One = {written};\n" in found


def test_only_required_properties_are_always_there() -> None:
    schema = {"properties": {"a": {"type": "string"}, "b": {"type": "boolean"}}, "required": ["a"]}

    found = declarations({"components": {"schemas": {"One": schema}}, "paths": {}})

    assert "  interface One {\n    a: string;\n    b?: boolean;\n  }\n" in found


def test_an_operation_has_the_type_of_its_successful_response() -> None:
    responses = {
        "200": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Page"}}}},
        "404": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}},
    }

    found = declarations({"components": {"schemas": {}}, "paths": {"/api/sessions": {"get": {"responses": responses}}}})

    assert '    "GET /api/sessions": Page;\n' in found
