"""The rules document of a deployed stack: fetched, and replaced."""

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from kinesight.domain.rules.document import RulesDocument
from kinesight.domain.rules.refresh import DOCUMENT_KEY

from kinesight_cli.stacks import output

_CLIENT = Config(retries={"mode": "standard"}, connect_timeout=10, read_timeout=30)
_OUTPUT = "EvidenceBucketName"


class RulesDocumentError(Exception):
    """The document can't be read or written; the message says what to do."""


def fetch(stack_name: str) -> str | None:
    """None if the stack has no rules document. Raises StackError and RulesDocumentError."""
    bucket = output(stack_name, _OUTPUT)
    try:
        body = boto3.client("s3", config=_CLIENT).get_object(Bucket=bucket, Key=DOCUMENT_KEY)["Body"].read()
    except ClientError as error:
        if error.response["Error"]["Code"] == "NoSuchKey":
            return None
        raise _unusable(bucket, error) from error
    except BotoCoreError as error:
        raise _unusable(bucket, error) from error
    return body.decode(errors="replace")


def put(stack_name: str, text: str) -> None:
    """Raises InvalidConfigurationError before anything is written, and StackError and RulesDocumentError."""
    RulesDocument.parse(text)
    bucket = output(stack_name, _OUTPUT)
    try:
        boto3.client("s3", config=_CLIENT).put_object(
            Bucket=bucket, Key=DOCUMENT_KEY, Body=text.encode(), ContentType="application/json"
        )
    except (BotoCoreError, ClientError) as error:
        raise _unusable(bucket, error) from error


def _unusable(bucket: str, error: Exception) -> RulesDocumentError:
    return RulesDocumentError(f"s3://{bucket}/{DOCUMENT_KEY} can't be used: {error}")
