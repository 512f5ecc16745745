"""Routes with their descriptions for the OpenAPI document; a handler's docstring describes its operation."""

import inspect
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from aws_lambda_powertools.event_handler import content_types
from aws_lambda_powertools.event_handler.openapi.types import OpenAPIResponse
from aws_lambda_powertools.event_handler.router import APIGatewayHttpRouter

from kinesight.viewer_api.shapes.base import Error

_EVERYWHERE = (HTTPStatus.UNPROCESSABLE_ENTITY, HTTPStatus.SERVICE_UNAVAILABLE)
_FROM_GATEWAY = (HTTPStatus.UNAUTHORIZED, HTTPStatus.TOO_MANY_REQUESTS)
_TAG: Any = {"ETag": {"description": "Changes with the document", "schema": {"type": "string"}}}


class ViewerRouter(APIGatewayHttpRouter):
    """Routes of one resource."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # Powertools leaves it untyped

    def operation[F: Callable[..., Any]](
        self,
        route: str,
        model: Any,
        *other_statuses: int,
        status: int = 200,
        media_types: tuple[str, ...] = (content_types.APPLICATION_JSON,),
    ) -> Callable[[F], F]:
        """`route`: such as `GET /api/sessions`; `model`: shape of a successful response, None for bytes;
        `other_statuses`: errors of this operation, or 304."""
        method, _, rule = route.partition(" ")

        def register(handler: F) -> F:
            description = inspect.getdoc(handler) or ""
            self.route(
                rule,
                method=method,
                summary=description.partition("\n")[0].rstrip("."),
                description=description,
                operation_id=handler.__name__,
                responses=_responses(
                    model, HTTPStatus(status), {HTTPStatus(one) for one in other_statuses}, media_types
                ),
            )(handler)
            return handler

        return register


def _responses(
    model: Any, status: HTTPStatus, other_statuses: set[HTTPStatus], media_types: tuple[str, ...]
) -> dict[int, OpenAPIResponse]:
    content: Any = {"model": model} if model is not None else {"schema": {"type": "string", "format": "binary"}}
    success: OpenAPIResponse = {"description": status.phrase, "content": dict.fromkeys(media_types, content)}
    responses: dict[int, OpenAPIResponse] = {status: success}
    if HTTPStatus.NOT_MODIFIED in other_statuses:
        success["headers"] = _TAG
        responses[HTTPStatus.NOT_MODIFIED] = {
            "description": "Unchanged since the response with that ETag (If-None-Match)",
            "headers": _TAG,
            "content": {},
        }
    for error in other_statuses.union(_EVERYWHERE) - {HTTPStatus.NOT_MODIFIED}:
        responses[error] = {
            "description": error.phrase,
            "content": {content_types.APPLICATION_JSON: {"model": Error}},
        }
    return responses | {
        status: {"description": f"{status.phrase}, from the gateway", "content": {}} for status in _FROM_GATEWAY
    }
