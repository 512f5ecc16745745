"""The viewer's API: an HTTP API's event → a response. The authorizer checks every route."""

from typing import Any

from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response
from aws_lambda_powertools.event_handler.openapi.exceptions import RequestValidationError
from aws_lambda_powertools.logging import correlation_paths
from kinesight.domain.errors import InvalidEventError, KinesightError
from kinesight.metric_catalogue import Metric
from kinesight.observability import LambdaContext, count, logger, observed
from kinesight.viewer_api import analyses, cameras, events, evidence, openapi, rules
from kinesight.viewer_api.answers import not_understood, refused

app = APIGatewayHttpResolver(enable_validation=True)
for _routes in (events, evidence, cameras, rules, analyses, openapi):
    app.include_router(_routes.router)


@observed
@logger.inject_lambda_context(correlation_id_path=correlation_paths.API_GATEWAY_HTTP)
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Takes an event of payload format 2.0. Raises InvalidEventError for anything else."""
    if event.get("version") != "2.0" or "requestContext" not in event:
        raise InvalidEventError("not a request of an HTTP API")
    count(Metric.VIEWER_REQUESTS, 1)
    return app.resolve(event, context)


@app.exception_handler(KinesightError)  # type: ignore[untyped-decorator]  # Powertools leaves it untyped
def _error_response(error: KinesightError) -> Response[Any]:
    return refused(error)


@app.exception_handler(RequestValidationError)  # type: ignore[untyped-decorator]  # Powertools leaves it untyped
def _validation_error(error: RequestValidationError) -> Response[Any]:
    return not_understood(error)
