"""Errors as answers."""

import uuid

from starlette.responses import JSONResponse

from kinesight_local.kvs.exceptions import KvsError


def refusal(error: KvsError) -> JSONResponse:
    """AWS documents the second of the two headers; botocore reads the first."""
    headers = request_id() | {"x-amzn-ErrorType": error.code, "x-amz-ErrorType": error.code}
    return JSONResponse({"Message": error.message}, error.status, headers)


def request_id() -> dict[str, str]:
    return {"x-amzn-RequestId": str(uuid.uuid4())}
