"""Events: pages of them, one with all that belongs to it, and what people say of it."""

from datetime import date
from typing import Annotated, Any

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.params import Body, Query
from pydantic import BaseModel

from kinesight.domain.sessions.model import Severity
from kinesight.domain.viewer.events import EventFilter
from kinesight.domain.viewer.serve_viewer import MarkChange, activity, event_details, events_page, mark_event
from kinesight.viewer_api import shapes
from kinesight.viewer_api.answers import EventId, IfMatch, IfNoneMatch, StreamName, WantedStream, tagged, whose
from kinesight.viewer_api.routes import ViewerRouter
from kinesight.wiring import serve_viewer as wiring

router = ViewerRouter()


class Marks(BaseModel):
    """What people say of an event; what is left out stays as it is."""

    reviewed: bool | None = None
    held: bool | None = None


@router.answers("GET /api/events", shapes.EventsPage, 304, 400)
def list_events(
    stream: WantedStream = None,
    day: date | None = None,
    label: Annotated[str | None, Query(max_length=256)] = None,
    zone: Annotated[str | None, Query(max_length=256)] = None,
    severity: Annotated[Severity | None, Query(alias="class")] = None,
    reviewed: bool | None = None,
    limit: Annotated[int, Query(ge=1, le=100)] = 24,
    cursor: Annotated[str | None, Query(max_length=1024)] = None,
    if_none_match: IfNoneMatch = None,
) -> Response[Any]:
    """Events, newest first; with If-None-Match only if anything changed."""
    wanted = EventFilter(stream, day, label, zone, severity, reviewed)
    return tagged(events_page(wanted, limit, cursor, wiring.ports()), if_none_match)


@router.answers("GET /api/events/<stream>/<event_id>", shapes.EventDetails, 304, 400, 404)
def get_event(stream: StreamName, event_id: EventId, if_none_match: IfNoneMatch = None) -> Response[Any]:
    """One event with its frames and its video."""
    return tagged(event_details(stream, event_id, wiring.ports()), if_none_match)


@router.answers("PATCH /api/events/<stream>/<event_id>", shapes.Card, 400, 404, 412, 413)
def change_event(
    stream: StreamName, event_id: EventId, marks: Annotated[Marks, Body()], if_match: IfMatch
) -> Response[Any]:
    """Sets or takes marks, if the event is as it was seen: If-Match has its ETag."""
    change = MarkChange(whose(router.current_event), marks.reviewed, marks.held)
    return tagged(mark_event(stream, event_id, if_match.strip('"'), change, wiring.ports()), None)


@router.answers("GET /api/activity", shapes.Activity)
def get_activity(day: date, stream: WantedStream = None) -> dict[str, Any]:
    """When something happened on a UTC day, by camera."""
    return dict(activity(day, stream, wiring.ports()))
