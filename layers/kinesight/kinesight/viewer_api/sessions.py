"""Sessions: pages of sessions, one session with its evidence, and its marks."""

from datetime import datetime
from typing import Annotated, Any

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.params import Body, Query
from pydantic import AwareDatetime, BaseModel

from kinesight.domain.errors import InvalidInputError
from kinesight.domain.sessions.model import Severity
from kinesight.domain.viewer.serve_viewer import MarkChange, activity, mark_session, session_details, sessions_page
from kinesight.domain.viewer.sessions import OpeningTimes, SessionFilter
from kinesight.viewer_api.responses import (
    IfMatch,
    IfNoneMatch,
    SessionKey,
    StreamFilter,
    StreamName,
    caller_identity,
    tagged_response,
)
from kinesight.viewer_api.routes import ViewerRouter
from kinesight.viewer_api.shapes.sessions import Activity, SessionCard, SessionDetails, SessionsPage
from kinesight.wiring import serve_viewer as wiring

router = ViewerRouter()


class Marks(BaseModel):
    """Marks of a session; omitted marks stay unchanged."""

    reviewed: bool | None = None
    held: bool | None = None


@router.operation("GET /api/sessions", SessionsPage, 304, 400)
def list_sessions(
    stream: StreamFilter = None,
    start: AwareDatetime | None = None,
    end: AwareDatetime | None = None,
    label: Annotated[str | None, Query(max_length=256)] = None,
    zone: Annotated[str | None, Query(max_length=256)] = None,
    severity: Annotated[Severity | None, Query(alias="class")] = None,
    reviewed: bool | None = None,
    limit: Annotated[int, Query(ge=1, le=100)] = 24,
    cursor: Annotated[str | None, Query(max_length=1024)] = None,
    if_none_match: IfNoneMatch = None,
) -> Response[Any]:
    """Lists sessions, newest first, of all times or opened from start to before end, 32 days at most; with
    If-None-Match returns 304 if the page is unchanged."""
    session_filter = SessionFilter(stream, _opening_times(start, end), label, zone, severity, reviewed)
    return tagged_response(sessions_page(session_filter, limit, cursor, wiring.ports()), if_none_match)


def _opening_times(start: datetime | None, end: datetime | None) -> OpeningTimes | None:
    if start is None and end is None:
        return None
    if start is None or end is None:
        raise InvalidInputError("start, end: only one of them is set; set both, or none for all times")
    return OpeningTimes(start, end)


@router.operation("GET /api/sessions/<stream>/<session_key>", SessionDetails, 304, 400, 404)
def get_session(stream: StreamName, session_key: SessionKey, if_none_match: IfNoneMatch = None) -> Response[Any]:
    """Returns one session with its frames and its video."""
    return tagged_response(session_details(stream, session_key, wiring.ports()), if_none_match)


@router.operation("PATCH /api/sessions/<stream>/<session_key>", SessionCard, 400, 404, 412, 413)
def change_session(
    stream: StreamName, session_key: SessionKey, marks: Annotated[Marks, Body()], if_match: IfMatch
) -> Response[Any]:
    """Sets or removes marks if they are unchanged since the response with the ETag in If-Match."""
    change = MarkChange(caller_identity(router.current_event), marks.reviewed, marks.held)
    return tagged_response(mark_session(stream, session_key, if_match.strip('"'), change, wiring.ports()), None)


@router.operation("GET /api/activity", Activity, 400)
def get_activity(start: AwareDatetime, end: AwareDatetime, stream: StreamFilter = None) -> dict[str, Any]:
    """Returns the times of sessions opened from start to before end, 32 days at most, by camera."""
    return dict(activity(OpeningTimes(start, end), stream, wiring.ports()))
