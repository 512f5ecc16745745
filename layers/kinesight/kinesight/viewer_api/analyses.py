"""On-demand analyses of a time range, started by users."""

from http import HTTPStatus
from typing import Annotated, Any

from aws_lambda_powertools.event_handler import Response, content_types
from aws_lambda_powertools.event_handler.openapi.params import Body, Path

from kinesight.domain.on_demand.messages import AnalysisRequest, TimelapseOptions
from kinesight.domain.viewer import analyses
from kinesight.viewer_api.responses import caller_identity
from kinesight.viewer_api.routes import ViewerRouter
from kinesight.viewer_api.shapes.analyses import AnalysesList, Analysis, StartedAnalysis
from kinesight.wiring import serve_viewer as wiring

router = ViewerRouter()

AnalysisId = Annotated[str, Path(pattern=r"^[a-zA-Z0-9_-]{1,80}$")]


@router.operation("POST /api/analyses", StartedAnalysis, 400, 404, 409, status=202)
def start_analysis(request: Annotated[AnalysisRequest, Body()]) -> Response[Any]:
    """Starts the analysis of a time range of a selected stream; names and units are those of GetImages."""
    return _started(analyses.start(request, caller_identity(router.current_event), wiring.analyses()))


@router.operation("GET /api/analyses", AnalysesList, 409)
def list_analyses() -> dict[str, Any]:
    """Lists the last twenty analyses started in the viewer, newest first."""
    return dict(analyses.recent(wiring.analyses()))


@router.operation("GET /api/analyses/<analysis_id>", Analysis, 404, 409)
def get_analysis(analysis_id: AnalysisId) -> dict[str, Any]:
    """Returns the progress and the results of an analysis; once it has ended, also its summary and time-lapse."""
    return dict(analyses.describe(analysis_id, wiring.analyses()))


@router.operation("POST /api/analyses/<analysis_id>/timelapse", StartedAnalysis, 400, 404, 409, status=202)
def start_timelapse(analysis_id: AnalysisId, options: Annotated[TimelapseOptions, Body()]) -> Response[Any]:
    """Starts a time-lapse of the same range, as another analysis without a detector."""
    return _started(
        analyses.start_timelapse(analysis_id, options, caller_identity(router.current_event), wiring.analyses())
    )


def _started(analysis_id: str) -> Response[Any]:
    return Response(HTTPStatus.ACCEPTED, content_types.APPLICATION_JSON, {"analysisId": analysis_id})
