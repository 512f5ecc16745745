"""S3 at the endpoint of the standard environment variables."""

import os
from functools import cache
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from kinesight_local.vision.errors import VisionError


def s3() -> Any:
    """A client for the current endpoint."""
    return _s3(os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL"))


@cache
def _s3(endpoint: str | None) -> Any:
    """Cached: creating a client takes longer than detecting faces."""
    return boto3.client("s3", endpoint_url=endpoint, config=Config(connect_timeout=5, read_timeout=20))


def read_object(uri: str) -> bytes:
    """Reads an s3:// URI. Raises VisionError."""
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    try:
        body: bytes = s3().get_object(Bucket=bucket, Key=key)["Body"].read()
    except (ClientError, BotoCoreError) as error:
        raise VisionError("ValidationError", f"Unable to read {uri}") from error
    return body


def write_object(uri: str, body: bytes) -> None:
    """Writes JSON to an s3:// URI. Raises ClientError, BotoCoreError."""
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    s3().put_object(Bucket=bucket, Key=key, Body=body, ContentType="application/json")
