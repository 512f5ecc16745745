"""The rules document, for the zone editor."""

from typing import Annotated, Any

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.params import Body
from pydantic import BaseModel

from kinesight.domain.viewer.rules import read_rules, write_rules
from kinesight.domain.viewer.serve_viewer import Answer
from kinesight.viewer_api import shapes
from kinesight.viewer_api.answers import IfMatch, IfNoneMatch, tagged
from kinesight.viewer_api.routes import ViewerRouter
from kinesight.wiring import serve_viewer as wiring

router = ViewerRouter()


class WantedRules(BaseModel):
    """A whole rules document."""

    document: dict[str, Any]


@router.answers("GET /api/rules", shapes.RulesDocument, 304)
def get_rules(if_none_match: IfNoneMatch = None) -> Response[Any]:
    """The rules document, its tag, and the rule of streams that it does not name."""
    document, tag = read_rules(wiring.rules())
    return tagged(Answer(document, tag), if_none_match)


@router.answers("PUT /api/rules", shapes.RulesTag, 412)
def put_rules(wanted: Annotated[WantedRules, Body()], if_match: IfMatch) -> dict[str, Any]:
    """Makes a document the stack's, if nobody else has since it was seen."""
    return {"etag": write_rules(wanted.document, if_match.strip('"'), wiring.rules())}
