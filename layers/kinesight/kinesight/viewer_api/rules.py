"""The rules document, for the zone editor."""

from typing import Annotated, Any

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.params import Body
from pydantic import BaseModel

from kinesight.domain.viewer.rules import read_rules, write_rules
from kinesight.domain.viewer.serve_viewer import TaggedDocument
from kinesight.viewer_api.responses import IfMatch, IfNoneMatch, tagged_response
from kinesight.viewer_api.routes import ViewerRouter
from kinesight.viewer_api.shapes.rules import RulesDocument, RulesTag
from kinesight.wiring import serve_viewer as wiring

router = ViewerRouter()


class RulesUpdate(BaseModel):
    """A complete rules document."""

    document: dict[str, Any]


@router.operation("GET /api/rules", RulesDocument, 304)
def get_rules(if_none_match: IfNoneMatch = None) -> Response[Any]:
    """Returns the rules document, its tag, and the rule of streams that it does not name."""
    document, tag = read_rules(wiring.rules())
    return tagged_response(TaggedDocument(document, tag), if_none_match)


@router.operation("PUT /api/rules", RulesTag, 412)
def put_rules(update: Annotated[RulesUpdate, Body()], if_match: IfMatch) -> dict[str, Any]:
    """Replaces the rules document if it is unchanged since the response with the ETag in If-Match."""
    return {"etag": write_rules(update.document, if_match.strip('"'), wiring.rules())}
