"""Cameras: the selected streams with their health, and what each shows."""

from http import HTTPStatus
from typing import Annotated, Any

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.params import Query

from kinesight.domain.model import from_epoch_ms, iso_milliseconds
from kinesight.domain.viewer.cameras import cameras_page
from kinesight.domain.viewer.images import IMAGE_TYPES, recent_image
from kinesight.viewer_api import shapes
from kinesight.viewer_api.answers import StreamName
from kinesight.viewer_api.routes import ViewerRouter
from kinesight.wiring import serve_viewer as wiring

router = ViewerRouter()


@router.answers("GET /api/cameras", shapes.CamerasPage, 409)
def list_cameras(cursor: Annotated[str, Query(pattern=r"^[a-zA-Z0-9_.-]{0,256}$")] = "") -> dict[str, Any]:
    """The selected streams by name, fifty at most: how they are set up, what came of them last, and what is wrong."""
    return dict(cameras_page(cursor, wiring.camera_plan(), wiring.cameras()))


@router.answers("GET /api/cameras/<stream>/image", None, 404, 409, media_types=IMAGE_TYPES)
def get_image(stream: StreamName):  # type: ignore[no-untyped-def]  # of a type, Powertools makes text
    """What a camera shows: an image of the last 30 seconds, else the one of its newest event."""
    found = recent_image(stream, wiring.images())
    headers = {
        "Cache-Control": "private, max-age=15",
        "X-Content-Type-Options": "nosniff",
        "X-Image-Time": iso_milliseconds(from_epoch_ms(found.taken_ms)),
    }
    return Response(HTTPStatus.OK, found.content_type, found.data, headers=headers)
