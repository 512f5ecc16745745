"""Evidence of a session: playback of its video, and a bundle to download."""

from typing import Any

from kinesight.domain.viewer.bundle import bundle
from kinesight.domain.viewer.playback import playback
from kinesight.viewer_api.responses import SessionKey, StreamName
from kinesight.viewer_api.routes import ViewerRouter
from kinesight.viewer_api.shapes.sessions import Bundle, Playback
from kinesight.wiring import serve_viewer as wiring

router = ViewerRouter()


@router.operation("GET /api/sessions/<stream>/<session_key>/playback", Playback, 404)
def get_playback(stream: StreamName, session_key: SessionKey) -> dict[str, Any]:
    """Returns an HLS playlist while the stream keeps the media, or else an MP4 of the archived fragments."""
    return playback(stream, session_key, wiring.playback())


@router.operation("POST /api/sessions/<stream>/<session_key>/bundle", Bundle, 400, 404, 413)
def make_bundle(stream: StreamName, session_key: SessionKey) -> dict[str, Any]:
    """Makes a zip of all evidence of a session, and returns a link and the manifest."""
    return bundle(stream, session_key, wiring.bundle())
