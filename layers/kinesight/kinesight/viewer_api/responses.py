"""Parameters and responses that routes share."""

import json
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Annotated, Any

from aws_lambda_powertools.event_handler import Response, content_types
from aws_lambda_powertools.event_handler.openapi.exceptions import RequestValidationError
from aws_lambda_powertools.event_handler.openapi.params import Header, Path, Query
from aws_lambda_powertools.utilities.data_classes import APIGatewayProxyEventV2

from kinesight.domain.errors import (
    AnalysisMissingError,
    EvidenceTooLargeError,
    InvalidConfigurationError,
    InvalidInputError,
    KinesightError,
    NoCameraImageError,
    RulesChangedError,
    SessionChangedError,
    SessionMissingError,
    StreamGoneError,
    StreamNotSelectedError,
    TransientError,
    VideoMissingError,
)
from kinesight.domain.viewer.serve_viewer import TaggedDocument
from kinesight.observability import logger

StreamName = Annotated[str, Path(pattern=r"^[a-zA-Z0-9_.-]{1,256}$")]
SessionKey = Annotated[str, Path(pattern=r"^[0-9]{15}-[0-9a-f]{1,64}$")]
StreamFilter = Annotated[str | None, Query(pattern=r"^[a-zA-Z0-9_.-]{1,256}$")]
IfMatch = Annotated[str, Header()]
IfNoneMatch = Annotated[str | None, Header()]

_STATUS: Mapping[type[KinesightError], HTTPStatus] = {
    InvalidInputError: HTTPStatus.BAD_REQUEST,
    SessionMissingError: HTTPStatus.NOT_FOUND,
    VideoMissingError: HTTPStatus.NOT_FOUND,
    EvidenceTooLargeError: HTTPStatus.CONTENT_TOO_LARGE,
    AnalysisMissingError: HTTPStatus.NOT_FOUND,
    NoCameraImageError: HTTPStatus.NOT_FOUND,
    StreamGoneError: HTTPStatus.NOT_FOUND,
    StreamNotSelectedError: HTTPStatus.NOT_FOUND,
    SessionChangedError: HTTPStatus.PRECONDITION_FAILED,
    RulesChangedError: HTTPStatus.PRECONDITION_FAILED,
    InvalidConfigurationError: HTTPStatus.UNPROCESSABLE_ENTITY,
    TransientError: HTTPStatus.SERVICE_UNAVAILABLE,
}


def caller_identity(event: APIGatewayProxyEventV2) -> str:
    """Returns the caller's e-mail address or subject, from the claims of the token that the authorizer has checked."""
    claims = event.request_context.authorizer.jwt_claim or {}
    return str(claims.get("email") or claims.get("sub") or "unknown")


def tagged_response(result: TaggedDocument, client_tag: str | None) -> Response[Any]:
    """Returns the document with its ETag, or 304 if the client has that document."""
    tag = f'"{result.tag}"'
    headers = {"ETag": tag, "Cache-Control": "private, no-cache"}
    if client_tag == tag:
        return Response(HTTPStatus.NOT_MODIFIED, headers=headers)
    return Response(HTTPStatus.OK, content_types.APPLICATION_JSON, dict(result.document), headers=headers)


def error_response(error: KinesightError) -> Response[Any]:
    """Returns the response of an error. Errors without a status of their own are conflicts with stored data (409)."""
    status = next((status for kind, status in _STATUS.items() if isinstance(error, kind)), HTTPStatus.CONFLICT)
    if status is HTTPStatus.SERVICE_UNAVAILABLE:
        logger.warning("transient error", reason=repr(error), exc_info=error.__cause__)
    problems = error.problems if isinstance(error, InvalidConfigurationError) else ()
    return _error(status, type(error).__name__.removesuffix("Error"), str(error), problems)


def validation_error(error: RequestValidationError) -> Response[Any]:
    """Returns the parts of a request that do not match the OpenAPI document, without the values that were sent."""
    problems = [f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors()]
    return _error(HTTPStatus.UNPROCESSABLE_ENTITY, "InvalidRequest", "; ".join(problems), problems)


def unreadable_body(error: InvalidInputError) -> dict[str, Any]:
    """Returns the response to a request that no route is called for, in payload format 2.0."""
    response = _error(HTTPStatus.BAD_REQUEST, "InvalidRequest", str(error), ())
    return {
        "statusCode": response.status_code,
        "headers": {"Content-Type": content_types.APPLICATION_JSON},
        "body": json.dumps(response.body),
        "isBase64Encoded": False,
        "cookies": [],
    }


def _error(status: HTTPStatus, code: str, message: str, problems: Sequence[str]) -> Response[Any]:
    body: dict[str, Any] = {"code": code, "message": message} | ({"problems": list(problems)} if problems else {})
    return Response(status, content_types.APPLICATION_JSON, {"error": body})
