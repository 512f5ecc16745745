"""Errors as HTTP responses."""

import uuid

from starlette.responses import JSONResponse

from kinesight_local.kvs.exceptions import KvsError


def error_response(error: KvsError) -> JSONResponse:
    """With both error headers: AWS documents the second, botocore reads the first."""
    headers = request_id() | {"x-amzn-ErrorType": error.code, "x-amz-ErrorType": error.code}
    return JSONResponse({"Message": error.message}, error.status, headers)


def request_id() -> dict[str, str]:
    """The header with a new request id."""
    return {"x-amzn-RequestId": str(uuid.uuid4())}
