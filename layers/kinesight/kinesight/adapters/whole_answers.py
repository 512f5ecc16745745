"""An answer that ends before its Content-Length is none.

botocore parses what has come of it as if it were all, since it has urllib3 not look at the length: half a document
becomes an output without members, and a DynamoDB item that is there looks like one that is not. Outputs that are
streams see to it themselves (botocore.response.StreamingBody).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kinesight.adapters.aws_errors import INCOMPLETE

if TYPE_CHECKING:
    from botocore.awsrequest import AWSResponse
    from botocore.client import BaseClient
    from botocore.model import OperationModel

_FIRST_ERROR = 300
_STATUS = 503


def whole[Client: BaseClient](client: Client) -> Client:
    """The client, which from now on takes such an answer for the service's failure, and repeats the call as it repeats
    others."""
    service = client.meta.service_model.service_id.hyphenize()
    client.meta.events.register_first(f"needs-retry.{service}", _look)
    return client


def _look(operation: OperationModel, response: tuple[AWSResponse, dict[str, Any]] | None = None, **_: object) -> None:
    """botocore's retries come after it, and its callers' errors."""
    if response is None:
        return
    http, parsed = response
    if http.status_code >= _FIRST_ERROR or operation.http.get("method") == "HEAD" or operation.has_streaming_output:
        return
    wanted, got = int(http.headers.get("Content-Length", 0)), len(http.content)
    if got < wanted:
        http.status_code = _STATUS
        parsed["Error"] = {"Code": INCOMPLETE, "Message": f"the answer ended after {got} of {wanted} bytes"}
        parsed.setdefault("ResponseMetadata", {})["HTTPStatusCode"] = _STATUS
