"""A deployment → the viewer's page in its bucket. The page is beside this file."""

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from kinesight.domain.errors import InvalidEventError
from kinesight.domain.viewer.publish_viewer import Published, SignIn, publish, withdraw
from kinesight.observability import LambdaContext, logger, observed
from kinesight.wiring import publish_viewer as wiring

_PAGE = Path(__file__).parent / "page"


@observed
def handler(event: dict[str, Any], _: LambdaContext) -> dict[str, Any]:
    """Takes a custom resource's request, which is always answered."""
    if "RequestType" not in event:
        raise InvalidEventError("not a request of CloudFormation")
    try:
        done = _carry_out(event)
    except Exception as error:  # CloudFormation waits for a response, whatever went wrong
        wiring.respond(event, failure=f"{type(error).__name__}: {error}", data={})
        raise
    logger.info("published", **asdict(done))
    wiring.respond(event, failure=None, data={})
    return asdict(done)


def _carry_out(event: Mapping[str, Any]) -> Published:
    if event["RequestType"] == "Delete":
        return withdraw(wiring.store())
    page = event["ResourceProperties"]
    sign_in = SignIn(page["AuthorizeUrl"], page["TokenUrl"], page["ClientId"], page["LogoutUrl"])
    files = {path.relative_to(_PAGE).as_posix(): path.read_bytes() for path in _PAGE.rglob("*") if path.is_file()}
    return publish(files, sign_in, wiring.store())
