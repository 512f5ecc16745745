"""The viewer's OpenAPI document: valid, with every route and response. Other tests check responses against it."""

from typing import Any

import jsonschema  # type: ignore[import-untyped]  # has no types
import pytest
from aws_lambda_powertools.event_handler.api_gateway import Route
from openapi_spec_validator import validate

from functions.serve_viewer import app
from tests.contract.viewer.test_api import call_api, deployed  # noqa: F401 - a fixture
from tests.openapi_responses import check_response, document

OPERATIONS = [
    (f"{method.upper()} {path}", operation)
    for path, operations in document()["paths"].items()
    for method, operation in operations.items()
]


def test_it_is_valid() -> None:
    validate(document())


def test_every_route_is_in_it() -> None:
    routes: list[Route] = [*app.app._static_routes, *app.app._dynamic_routes]

    assert sorted(name for name, _ in OPERATIONS) == sorted(f"{one.method} {one.openapi_path}" for one in routes)
    assert "GET /api/openapi.json" in {name for name, _ in OPERATIONS}


def test_every_route_requires_a_token() -> None:
    assert document()["security"] == [{"jwt": []}]
    scheme = document()["components"]["securitySchemes"]["jwt"]
    assert (scheme["type"], scheme["scheme"], scheme["bearerFormat"]) == ("http", "bearer", "JWT")
    assert not [name for name, operation in OPERATIONS if "security" in operation]


@pytest.mark.parametrize(("name", "operation"), OPERATIONS)
def test_every_route_has_a_summary_and_its_responses(name: str, operation: Any) -> None:
    assert operation["summary"]
    assert not operation["summary"].endswith(".")
    assert {"401", "422", "429", "503"} < set(operation["responses"])
    (success,) = (code for code in operation["responses"] if code.startswith("2"))
    for media_type, content in operation["responses"][success]["content"].items():
        is_shape = "$ref" in content["schema"] or name == "GET /api/openapi.json"
        assert is_shape or media_type.startswith("image/"), name
    for code in ("400", "404", "409", "412", "413", "422", "503"):
        if code in operation["responses"]:
            schema = operation["responses"][code]["content"]["application/json"]["schema"]
            assert schema == {"$ref": "#/components/schemas/Error"}


def test_required_input_is_in_it() -> None:
    operations = dict(OPERATIONS)
    changes = {one["name"]: one for one in operations["PATCH /api/sessions/{stream}/{session_key}"]["parameters"]}
    assert changes["if-match"]["required"] is True
    calls = operations["POST /api/analyses"]["requestBody"]["content"]["application/json"]["schema"]
    assert calls == {"$ref": "#/components/schemas/AnalysisRequest"}
    properties = document()["components"]["schemas"]["AnalysisRequest"]["properties"]
    assert {"StreamName", "StartTimestamp", "SamplingInterval", "Timelapse"} < set(properties)


def test_the_document_is_served() -> None:
    status, served, _ = call_api("GET", "/api/openapi.json")

    assert (status, served) == (200, document())


def test_a_response_outside_the_document_is_detected() -> None:
    page: dict[str, Any] = {"cameras": [], "cursor": None}
    check_response("GET", "/api/cameras", 200, "application/json", page)

    wrong: dict[str, Any]
    for wrong in (page | {"more": 1}, {"cameras": []}, page | {"cursor": 1}):
        with pytest.raises(jsonschema.ValidationError):
            check_response("GET", "/api/cameras", 200, "application/json", wrong)
    with pytest.raises(AssertionError):
        check_response("GET", "/api/cameras", 418, "application/json", page)
    with pytest.raises(AssertionError):
        check_response("GET", "/api/cameras", 200, "text/html", page)
    with pytest.raises(AssertionError):
        check_response("DELETE", "/api/cameras", 200, "application/json", page)
