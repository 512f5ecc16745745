"""Response of a custom resource: a PUT to the URL in CloudFormation's request."""

import json
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from typing import Any

from kinesight.adapters.aws.backoff import full_jitter_delays_s
from kinesight.domain.errors import DeliveryError

_ATTEMPTS = 5
_TIMEOUT_S = 10
_REASON_CHARACTERS = 1000  # the whole response may have 4096 bytes


def respond(
    request: Mapping[str, Any], *, failure: str | None, data: Mapping[str, str], sleep: Callable[[float], None]
) -> None:
    """Sends the response. Raises DeliveryError after five attempts; CloudFormation then waits for its timeout."""
    body = json.dumps(
        {
            "Status": "SUCCESS" if failure is None else "FAILED",
            "Reason": (failure or "done")[:_REASON_CHARACTERS],
            "PhysicalResourceId": request.get("PhysicalResourceId") or f"kinesight-{request['LogicalResourceId']}",
            "StackId": request["StackId"],
            "RequestId": request["RequestId"],
            "LogicalResourceId": request["LogicalResourceId"],
            "Data": dict(data),
        }
    ).encode()
    last_error: Exception | None = None
    for delay_s in (*full_jitter_delays_s(_ATTEMPTS - 1), None):
        try:
            _put(str(request["ResponseURL"]), body)
        except (urllib.error.URLError, TimeoutError, OSError) as error:
            last_error = error
            if delay_s is not None:
                sleep(delay_s)
        else:
            return
    raise DeliveryError(f"cannot respond to CloudFormation: {last_error}") from last_error


def _put(url: str, body: bytes) -> None:
    if not url.startswith(("https://", "http://")):
        raise DeliveryError(f"ResponseURL is not an HTTP URL: {url}")
    # The URL's signature covers an empty content type.
    request = urllib.request.Request(url, data=body, method="PUT", headers={"Content-Type": ""})  # noqa: S310 - checked above
    urllib.request.urlopen(request, timeout=_TIMEOUT_S).close()  # noqa: S310 - checked above
