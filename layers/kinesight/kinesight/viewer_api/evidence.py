"""An event's evidence: its video to be played, and all of it to be taken away."""

from typing import Any

from kinesight.domain.viewer.bundle import bundle
from kinesight.domain.viewer.playback import playback
from kinesight.viewer_api import shapes
from kinesight.viewer_api.answers import EventId, StreamName
from kinesight.viewer_api.routes import ViewerRouter
from kinesight.wiring import serve_viewer as wiring

router = ViewerRouter()


@router.answers("GET /api/events/<stream>/<event_id>/playback", shapes.Playback, 404)
def get_playback(stream: StreamName, event_id: EventId) -> dict[str, Any]:
    """An HLS playlist while the stream keeps the media, else an MP4 of the archived fragments."""
    return playback(stream, event_id, wiring.playing())


@router.answers("POST /api/events/<stream>/<event_id>/bundle", shapes.Bundle, 400, 404, 413)
def make_bundle(stream: StreamName, event_id: EventId) -> dict[str, Any]:
    """A zip of all that is kept of an event, and its manifest."""
    return bundle(stream, event_id, wiring.bundling())
