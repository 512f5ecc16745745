"""The service and operation of a signed request, in all protocols that boto3 uses."""

import re
from collections.abc import Mapping
from urllib.parse import parse_qs, urlsplit

_SCOPE = re.compile(r"Credential=[^/]+/\d{8}/[^/]+/([^/]+)/aws4_request")


def service_of(headers: Mapping[str, str]) -> str | None:
    """The service's signing name, such as `states` for Step Functions; None if the request is not signed, like a link.
    Header names are in lower case."""
    scope = _SCOPE.search(headers.get("authorization", ""))
    return scope[1] if scope is not None else None


def operation_of(service: str, method: str, target: str, headers: Mapping[str, str], body: bytes) -> str:
    """`target` is the path with its query string. `body` is read for the query protocol only. S3 operations are named
    by method: GetObject, or GetBucket for all requests to a bucket."""
    if target_header := headers.get("x-amz-target"):
        return target_header.rpartition(".")[2]
    path = urlsplit(target).path
    if service == "s3":
        return method.capitalize() + ("Object" if "/" in path.strip("/") else "Bucket")
    if "x-www-form-urlencoded" in headers.get("content-type", ""):
        return parse_qs(body.decode(errors="replace")).get("Action", [""])[0]
    return path.rpartition("/")[2]
