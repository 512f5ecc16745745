"""CloudFormation custom resource → the viewer's page in its bucket. The page is in the folder of this file."""

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
    """Accepts a custom resource's request, and always sends a response to CloudFormation."""
    if "RequestType" not in event:
        raise InvalidEventError("not a custom resource request of CloudFormation")
    try:
        published = _handle(event)
    except Exception as error:  # without a response, CloudFormation waits for an hour
        wiring.respond(event, failure=f"{type(error).__name__}: {error}", data={})
        raise
    logger.info("published", **asdict(published))
    wiring.respond(event, failure=None, data={})
    return asdict(published)


def _handle(event: Mapping[str, Any]) -> Published:
    if event["RequestType"] == "Delete":
        return withdraw(wiring.store())
    given = event["ResourceProperties"]
    sign_in = SignIn(given["AuthorizeUrl"], given["TokenUrl"], given["ClientId"], given["LogoutUrl"])
    files = {path.relative_to(_PAGE).as_posix(): path.read_bytes() for path in _PAGE.rglob("*") if path.is_file()}
    return wiring.once_permitted(lambda: publish(files, sign_in, wiring.store()))
