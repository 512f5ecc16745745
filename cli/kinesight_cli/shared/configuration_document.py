"""The configuration document of a deployed stack: read, replace, delete, and its versions in the evidence bucket."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError
from kinesight.domain.configuration.current import DOCUMENT_KEY
from kinesight.domain.configuration.document import ConfigurationDocument
from kinesight.domain.configuration.stream_tags import TAGS, TAGS_KEY
from pydantic import ValidationError

from kinesight_cli.shared import aws_session
from kinesight_cli.shared.errors import CommandError
from kinesight_cli.shared.stack_lookup import output

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client

_OUTPUT = "EvidenceBucketName"
_UNKNOWN_VERSION = frozenset({"NoSuchVersion", "InvalidArgument", "NoSuchKey"})
_DELETION = "MethodNotAllowed"
"""S3's codes for a version id that does not exist, and for that of a delete marker
(https://docs.aws.amazon.com/AmazonS3/latest/userguide/DeleteMarker.html)."""


class ConfigurationDocumentError(CommandError):
    """The document cannot be read or written."""


@dataclass(frozen=True, slots=True)
class Version:
    """A version of the document. `size_bytes` is None for a deletion, which is a version without a document."""

    version_id: str
    modified_at: datetime
    size_bytes: int | None
    is_current: bool


def fetch(stack_name: str) -> str | None:
    """Returns the text of the document, None if the stack has none.

    Raises StackError and ConfigurationDocumentError.
    """
    return _read(output(stack_name, _OUTPUT), DOCUMENT_KEY)


def stream_tags(stack_name: str) -> Mapping[str, Mapping[str, str]]:
    """Returns the tags of streams by name, which the stack keeps next to a document that matches streams by tags.

    Raises StackError and ConfigurationDocumentError.
    """
    bucket = output(stack_name, _OUTPUT)
    text = _read(bucket, TAGS_KEY)
    try:
        return {} if text is None else TAGS.validate_json(text)
    except ValidationError as error:
        raise ConfigurationDocumentError(
            f"s3://{bucket}/{TAGS_KEY} has {error.error_count()} invalid values: delete it, and the function "
            "configure_streams writes it again within five minutes; or pass --tags"
        ) from error


def put(stack_name: str, text: str) -> None:
    """Validates the document and replaces the stack's.

    Raises InvalidConfigurationError before anything is written, StackError and ConfigurationDocumentError.
    """
    ConfigurationDocument.parse(text)
    bucket = output(stack_name, _OUTPUT)
    try:
        _client().put_object(Bucket=bucket, Key=DOCUMENT_KEY, Body=text.encode(), ContentType="application/json")
    except (BotoCoreError, ClientError) as error:
        raise _failed("write", bucket, DOCUMENT_KEY, error) from error


def delete(stack_name: str) -> None:
    """Deletes the document; its versions stay. Raises StackError and ConfigurationDocumentError."""
    bucket = output(stack_name, _OUTPUT)
    try:
        _client().delete_object(Bucket=bucket, Key=DOCUMENT_KEY)
    except (BotoCoreError, ClientError) as error:
        raise _failed("delete", bucket, DOCUMENT_KEY, error) from error


def versions(stack_name: str) -> list[Version]:
    """Returns the versions, deletions included, the newest first. Raises StackError and ConfigurationDocumentError."""
    bucket = output(stack_name, _OUTPUT)
    try:
        pages = _client().get_paginator("list_object_versions").paginate(Bucket=bucket, Prefix=DOCUMENT_KEY)
        found = [one for page in pages for one in _versions(page)]
    except (BotoCoreError, ClientError) as error:
        raise _failed("list the versions of", bucket, DOCUMENT_KEY, error) from error
    return sorted(found, key=lambda one: (one.is_current, one.modified_at), reverse=True)


def fetch_version(stack_name: str, version_id: str) -> str:
    """Returns the text of a version. Raises StackError, and ConfigurationDocumentError if there is no such version."""
    bucket = output(stack_name, _OUTPUT)
    try:
        body = _client().get_object(Bucket=bucket, Key=DOCUMENT_KEY, VersionId=version_id)["Body"].read()
    except ClientError as error:
        raise _version_error(bucket, version_id, error) from error
    except BotoCoreError as error:
        raise _failed("read", bucket, DOCUMENT_KEY, error) from error
    return body.decode(errors="replace")


def _read(bucket: str, key: str) -> str | None:
    try:
        body = _client().get_object(Bucket=bucket, Key=key)["Body"].read()
    except ClientError as error:
        if error.response["Error"]["Code"] == "NoSuchKey":
            return None
        raise _failed("read", bucket, key, error) from error
    except BotoCoreError as error:
        raise _failed("read", bucket, key, error) from error
    return body.decode(errors="replace")


def _versions(page: Mapping[str, Any]) -> Iterator[Version]:
    """The page may have versions of other objects, whose keys begin with the document's."""
    for kind in ("Versions", "DeleteMarkers"):
        for one in page.get(kind, []):
            if one["Key"] == DOCUMENT_KEY:
                yield Version(one["VersionId"], one["LastModified"], one.get("Size"), one["IsLatest"])


def _version_error(bucket: str, version_id: str, error: ClientError) -> ConfigurationDocumentError:
    code = error.response["Error"]["Code"]
    if code in _UNKNOWN_VERSION:
        return ConfigurationDocumentError(
            f"the configuration document has no version {version_id}: `kinesight config history` lists its versions"
        )
    if code == _DELETION:
        return ConfigurationDocumentError(
            f"version {version_id} is a deletion, not a document: choose another one of `kinesight config history`, "
            "or delete the document with `kinesight config delete`"
        )
    return _failed("read", bucket, DOCUMENT_KEY, error)


def _client() -> S3Client:
    client: S3Client = aws_session.client("s3")
    return client


def _failed(operation: str, bucket: str, key: str, error: Exception) -> ConfigurationDocumentError:
    return ConfigurationDocumentError(f"cannot {operation} s3://{bucket}/{key}: {aws_session.problem(error)}")
