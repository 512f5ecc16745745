"""The OpenAPI document of the API."""

import json
from functools import cache
from typing import Any, cast

from aws_lambda_powertools.event_handler import APIGatewayHttpResolver

from kinesight.viewer_api.routes import ViewerRouter

VERSION = "1.0.0"
"""Version of the API: the first number changes with breaking changes, the second with additions."""
_POWERTOOLS_OWN = ("HTTPValidationError", "ValidationError", "ResponseValidationError")

router = ViewerRouter()


@router.operation("GET /api/openapi.json", dict[str, Any])
def get_openapi() -> dict[str, Any]:
    """Returns this document."""
    return document_of(cast(APIGatewayHttpResolver, router.api_resolver))


@cache
def document_of(resolver: APIGatewayHttpResolver) -> dict[str, Any]:
    """Returns the document of all routes of a resolver."""
    # The models take a tenth of a cold start, and few clients request the document.
    from aws_lambda_powertools.event_handler.openapi.models import HTTPBearer

    text = resolver.get_openapi_json_schema(
        title="Kinesight viewer",
        version=VERSION,
        description="Sessions of Kinesis Video Streams cameras, their evidence, the cameras, and on-demand analyses.",
        security_schemes={"jwt": HTTPBearer(bearerFormat="JWT", description="A token of the stack's issuer")},
        security=[{"jwt": []}],
    )
    document: dict[str, Any] = json.loads(text)
    for name in _POWERTOOLS_OWN:  # errors have a shape of this API
        document["components"]["schemas"].pop(name, None)
    return document
