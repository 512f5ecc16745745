"""The API's own description."""

import json
from functools import cache
from typing import Any, cast

from aws_lambda_powertools.event_handler import APIGatewayHttpResolver

from kinesight.viewer_api.routes import ViewerRouter

VERSION = "1.0.0"
"""Of the API: the first number changes where a client has to, the second where one may."""
_POWERTOOLS_OWN = ("HTTPValidationError", "ValidationError", "ResponseValidationError")

router = ViewerRouter()


@router.answers("GET /api/openapi.json", dict[str, Any])
def get_openapi() -> dict[str, Any]:
    """This document."""
    return document_of(cast(APIGatewayHttpResolver, router.api_resolver))


@cache
def document_of(resolver: APIGatewayHttpResolver) -> dict[str, Any]:
    """Of everything that was joined in a resolver by then."""
    # Its models take a tenth of a cold start, and few ask for the document.
    from aws_lambda_powertools.event_handler.openapi.models import HTTPBearer

    text = resolver.get_openapi_json_schema(
        title="Kinesight viewer",
        version=VERSION,
        description="Events of Kinesis Video Streams cameras, their evidence, the cameras themselves, and analyses.",
        security_schemes={"jwt": HTTPBearer(bearerFormat="JWT", description="A token of the stack's issuer")},
        security=[{"jwt": []}],
    )
    document: dict[str, Any] = json.loads(text)
    for name in _POWERTOOLS_OWN:  # errors have our own form
        document["components"]["schemas"].pop(name, None)
    return document
