"""Rejects a response whose body is shorter than its Content-Length.

botocore parses a truncated body as if it were complete, because it disables urllib3's length check: half a document
becomes an output without members, and an existing DynamoDB item looks like a missing one. Streaming outputs check their
length themselves (botocore.response.StreamingBody).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kinesight.adapters.aws.errors import TRUNCATED

if TYPE_CHECKING:
    from botocore.awsrequest import AWSResponse
    from botocore.client import BaseClient
    from botocore.model import OperationModel

_FIRST_ERROR = 300
_STATUS = 503


def require_full_body[Client: BaseClient](client: Client) -> Client:
    """Returns the client, which now handles a truncated response as a service failure: it retries as for any 5xx."""
    service = client.meta.service_model.service_id.hyphenize()
    client.meta.events.register_first(f"needs-retry.{service}", _check_length)
    return client


def _check_length(
    operation: OperationModel, response: tuple[AWSResponse, dict[str, Any]] | None = None, **_: object
) -> None:
    """Runs before botocore's retry handlers, which then read the status and error set here."""
    if response is None:
        return
    http, parsed = response
    if http.status_code >= _FIRST_ERROR or operation.http.get("method") == "HEAD" or operation.has_streaming_output:
        return
    expected, received = int(http.headers.get("Content-Length", 0)), len(http.content)
    if received < expected:
        http.status_code = _STATUS
        parsed["Error"] = {"Code": TRUNCATED, "Message": f"the response ended after {received} of {expected} bytes"}
        parsed.setdefault("ResponseMetadata", {})["HTTPStatusCode"] = _STATUS
