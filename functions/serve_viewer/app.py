"""HTTP API request → response of the viewer's API. The authorizer checks the token of every request."""

from typing import Any

from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response
from aws_lambda_powertools.event_handler.openapi.exceptions import RequestValidationError
from aws_lambda_powertools.logging import correlation_paths
from kinesight.domain.errors import InvalidEventError, InvalidInputError, KinesightError
from kinesight.lambda_events import check_body
from kinesight.metric_catalogue import Metric
from kinesight.observability import LambdaContext, count, logger, observed
from kinesight.viewer_api import analyses, cameras, evidence, openapi, rules, sessions
from kinesight.viewer_api.responses import error_response, unreadable_body, validation_error

app = APIGatewayHttpResolver(enable_validation=True)
for _routes in (sessions, evidence, cameras, rules, analyses, openapi):
    app.include_router(_routes.router)


@observed
@logger.inject_lambda_context(correlation_id_path=correlation_paths.API_GATEWAY_HTTP)
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Accepts an event of payload format 2.0. Raises InvalidEventError for any other event."""
    if event.get("version") != "2.0" or "requestContext" not in event:
        raise InvalidEventError("not a request of an HTTP API")
    count(Metric.VIEWER_REQUESTS, 1)
    try:
        check_body(event)
    except InvalidInputError as error:
        return unreadable_body(error)
    return app.resolve(event, context)


@app.exception_handler(KinesightError)  # type: ignore[untyped-decorator]  # Powertools leaves it untyped
def _on_kinesight_error(error: KinesightError) -> Response[Any]:
    return error_response(error)


@app.exception_handler(RequestValidationError)  # type: ignore[untyped-decorator]  # Powertools leaves it untyped
def _on_invalid_request(error: RequestValidationError) -> Response[Any]:
    return validation_error(error)
