"""The configuration document, for the zone editor."""

from typing import Annotated, Any

from aws_lambda_powertools.event_handler.openapi.params import Body, Query
from pydantic import BaseModel

from kinesight.domain.viewer.rules import read_rules, write_rules
from kinesight.viewer_api.responses import IfMatch
from kinesight.viewer_api.routes import ViewerRouter
from kinesight.viewer_api.shapes.rules import RulesDocument, RulesTag
from kinesight.wiring import serve_viewer as wiring

router = ViewerRouter()


class RulesUpdate(BaseModel):
    """A complete configuration document."""

    document: dict[str, Any]


@router.operation("GET /api/rules", RulesDocument)
def get_rules(stream: Annotated[str, Query(pattern=r"^[a-zA-Z0-9_.-]{1,256}$")]) -> dict[str, Any]:
    """Returns the configuration document, the entry that applies to the stream, and the stream's zones and rules.

    There is no 304: what applies to a stream also depends on its tags and on the stack's parameters.
    """
    return read_rules(stream, wiring.rules())


@router.operation("PUT /api/rules", RulesTag, 400, 412)
def put_rules(update: Annotated[RulesUpdate, Body()], if_match: IfMatch) -> dict[str, Any]:
    """Replaces the configuration document if its `etag` is still the one in If-Match."""
    return {"etag": write_rules(update.document, if_match.strip('"'), wiring.rules())}
