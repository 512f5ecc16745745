"""Analyses of a stretch of the past, as people start them."""

from http import HTTPStatus
from typing import Annotated, Any

from aws_lambda_powertools.event_handler import Response, content_types
from aws_lambda_powertools.event_handler.openapi.params import Body, Path

from kinesight.domain.on_demand.messages import AnalysisRequest, TimelapseOptions
from kinesight.domain.viewer import analyses
from kinesight.viewer_api import shapes
from kinesight.viewer_api.answers import whose
from kinesight.viewer_api.routes import ViewerRouter
from kinesight.wiring import serve_viewer as wiring

router = ViewerRouter()

AnalysisId = Annotated[str, Path(pattern=r"^[a-zA-Z0-9_-]{1,80}$")]


@router.answers("POST /api/analyses", shapes.Started, 400, 404, 409, status=202)
def start_analysis(request: Annotated[AnalysisRequest, Body()]) -> Response[Any]:
    """Has a range of a selected stream analyzed; names and units are those of GetImages."""
    return _started(analyses.start(request, whose(router.current_event), wiring.analyses()))


@router.answers("GET /api/analyses", shapes.Analyses, 409)
def list_analyses() -> dict[str, Any]:
    """The last twenty that were started here, the newest first."""
    return dict(analyses.recent(wiring.analyses()))


@router.answers("GET /api/analyses/<analysis_id>", shapes.Analysis, 404, 409)
def get_analysis(analysis_id: AnalysisId) -> dict[str, Any]:
    """How far it is, what it found, and once it has ended its summary and its time-lapse."""
    return dict(analyses.describe(analysis_id, wiring.analyses()))


@router.answers("POST /api/analyses/<analysis_id>/timelapse", shapes.Started, 400, 404, 409, status=202)
def start_timelapse(analysis_id: AnalysisId, wish: Annotated[TimelapseOptions, Body()]) -> Response[Any]:
    """Makes a time-lapse of the same range; that is an analysis of its own, without a detector."""
    return _started(analyses.start_timelapse(analysis_id, wish, whose(router.current_event), wiring.analyses()))


def _started(analysis_id: str) -> Response[Any]:
    return Response(HTTPStatus.ACCEPTED, content_types.APPLICATION_JSON, {"analysisId": analysis_id})
