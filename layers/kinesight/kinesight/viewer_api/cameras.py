"""Cameras: the selected streams with their health, and a recent image of each."""

from http import HTTPStatus
from typing import Annotated, Any

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.params import Query

from kinesight.domain.model import from_epoch_ms, iso_milliseconds
from kinesight.domain.viewer.cameras import cameras_page
from kinesight.domain.viewer.images import IMAGE_TYPES, recent_image
from kinesight.viewer_api.responses import StreamName
from kinesight.viewer_api.routes import ViewerRouter
from kinesight.viewer_api.shapes.cameras import CamerasPage
from kinesight.wiring import serve_viewer as wiring

router = ViewerRouter()


@router.operation("GET /api/cameras", CamerasPage, 409)
def list_cameras(cursor: Annotated[str, Query(pattern=r"^[a-zA-Z0-9_.-]{0,256}$")] = "") -> dict[str, Any]:
    """Lists the selected streams by name, at most fifty: configuration, last fragment, last session and health."""
    return dict(cameras_page(cursor, wiring.camera_settings(), wiring.cameras()))


@router.operation("GET /api/cameras/<stream>/image", None, 404, 409, media_types=IMAGE_TYPES)
def get_camera_image(stream: StreamName):  # type: ignore[no-untyped-def]  # with a type, Powertools returns text
    """Returns an image of the last 30 seconds, or else the image of the camera's newest session."""
    found = recent_image(stream, wiring.camera_images())
    headers = {
        "Cache-Control": "private, max-age=15",
        "X-Content-Type-Options": "nosniff",
        "X-Image-Time": iso_milliseconds(from_epoch_ms(found.taken_ms)),
    }
    return Response(HTTPStatus.OK, found.content_type, found.data, headers=headers)
