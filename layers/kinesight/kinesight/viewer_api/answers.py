"""What the routes share: how they are asked, and how they answer or refuse."""

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
from kinesight.domain.viewer.serve_viewer import Answer
from kinesight.observability import logger

StreamName = Annotated[str, Path(pattern=r"^[a-zA-Z0-9_.-]{1,256}$")]
EventId = Annotated[str, Path(pattern=r"^[0-9]{15}-[0-9a-f]{1,64}$")]
WantedStream = Annotated[str | None, Query(pattern=r"^[a-zA-Z0-9_.-]{1,256}$")]
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


def whose(event: APIGatewayProxyEventV2) -> str:
    """Who asks: by e-mail address or subject, as the authorizer's token tells it."""
    claims = event.request_context.authorizer.jwt_claim or {}
    return str(claims.get("email") or claims.get("sub") or "unknown")


def tagged(answer: Answer, seen: str | None) -> Response[Any]:
    """With its tag; nothing but that if it is the one that was seen."""
    tag = f'"{answer.tag}"'
    headers = {"ETag": tag, "Cache-Control": "private, no-cache"}
    if seen == tag:
        return Response(HTTPStatus.NOT_MODIFIED, headers=headers)
    return Response(HTTPStatus.OK, content_types.APPLICATION_JSON, dict(answer.document), headers=headers)


def refused(error: KinesightError) -> Response[Any]:
    """What went wrong, by whose fault. What nobody classified is a conflict with what is stored."""
    status = next((status for kind, status in _STATUS.items() if isinstance(error, kind)), HTTPStatus.CONFLICT)
    if status is HTTPStatus.SERVICE_UNAVAILABLE:
        logger.warning("could not answer for now", reason=repr(error), exc_info=error.__cause__)
    problems = error.problems if isinstance(error, InvalidConfigurationError) else ()
    return _error(status, type(error).__name__.removesuffix("Error"), str(error), problems)


def not_understood(error: RequestValidationError) -> Response[Any]:
    """Which parts of a request are not as the OpenAPI document has them. What was sent is not repeated."""
    problems = [f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors()]
    return _error(HTTPStatus.UNPROCESSABLE_ENTITY, "InvalidRequest", "; ".join(problems), problems)


def _error(status: HTTPStatus, code: str, message: str, problems: Sequence[str]) -> Response[Any]:
    told: dict[str, Any] = {"code": code, "message": message} | ({"problems": list(problems)} if problems else {})
    return Response(status, content_types.APPLICATION_JSON, {"error": told})
