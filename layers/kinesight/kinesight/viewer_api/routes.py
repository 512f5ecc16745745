"""Routes that are told of in the OpenAPI document by what they answer; their docstrings are its words."""

import inspect
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from aws_lambda_powertools.event_handler import content_types
from aws_lambda_powertools.event_handler.openapi.types import OpenAPIResponse
from aws_lambda_powertools.event_handler.router import APIGatewayHttpRouter

from kinesight.viewer_api.shapes import Error

_ANYWHERE = (HTTPStatus.UNPROCESSABLE_ENTITY, HTTPStatus.SERVICE_UNAVAILABLE)
_BY_THE_GATEWAY = (HTTPStatus.UNAUTHORIZED, HTTPStatus.TOO_MANY_REQUESTS)
_TAG: Any = {"ETag": {"description": "Changes with the document", "schema": {"type": "string"}}}


class ViewerRouter(APIGatewayHttpRouter):
    """Of one subject."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # Powertools leaves it untyped

    def answers[F: Callable[..., Any]](
        self,
        route: str,
        model: Any,
        *refusals: int,
        status: int = 200,
        media_types: tuple[str, ...] = (content_types.APPLICATION_JSON,),
    ) -> Callable[[F], F]:
        """`route`: such as `GET /api/events`; `model`: what an answer is, None for bytes; `refusals`: its own errors,
        or 304."""
        method, _, rule = route.partition(" ")

        def register(handler: F) -> F:
            words = inspect.getdoc(handler) or ""
            self.route(
                rule,
                method=method,
                summary=words.partition("\n")[0].rstrip("."),
                description=words,
                operation_id=handler.__name__,
                responses=_responses(model, HTTPStatus(status), {HTTPStatus(one) for one in refusals}, media_types),
            )(handler)
            return handler

        return register


def _responses(
    model: Any, status: HTTPStatus, refusals: set[HTTPStatus], media_types: tuple[str, ...]
) -> dict[int, OpenAPIResponse]:
    content: Any = {"model": model} if model is not None else {"schema": {"type": "string", "format": "binary"}}
    answer: OpenAPIResponse = {"description": status.phrase, "content": dict.fromkeys(media_types, content)}
    told: dict[int, OpenAPIResponse] = {status: answer}
    if HTTPStatus.NOT_MODIFIED in refusals:
        answer["headers"] = _TAG
        told[HTTPStatus.NOT_MODIFIED] = {
            "description": "It is as it was seen (If-None-Match)",
            "headers": _TAG,
            "content": {},
        }
    for refusal in refusals.union(_ANYWHERE) - {HTTPStatus.NOT_MODIFIED}:
        told[refusal] = {
            "description": refusal.phrase,
            "content": {content_types.APPLICATION_JSON: {"model": Error}},
        }
    return told | {
        status: {"description": f"{status.phrase}, by the gateway", "content": {}} for status in _BY_THE_GATEWAY
    }
