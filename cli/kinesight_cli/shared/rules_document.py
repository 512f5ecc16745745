"""Reads and replaces the rules document of a deployed stack."""

from botocore.exceptions import BotoCoreError, ClientError
from kinesight.domain.rules.document import RulesDocument
from kinesight.domain.rules.refresh import DOCUMENT_KEY

from kinesight_cli.shared import aws_session
from kinesight_cli.shared.errors import CommandError
from kinesight_cli.shared.stack_lookup import output

_OUTPUT = "EvidenceBucketName"


class RulesDocumentError(CommandError):
    """The document cannot be read or written."""


def fetch(stack_name: str) -> str | None:
    """Returns the text of the document, None if the stack has none. Raises StackError and RulesDocumentError."""
    bucket = output(stack_name, _OUTPUT)
    try:
        body: bytes = aws_session.client("s3").get_object(Bucket=bucket, Key=DOCUMENT_KEY)["Body"].read()
    except ClientError as error:
        if error.response["Error"]["Code"] == "NoSuchKey":
            return None
        raise _failed("read", bucket, error) from error
    except BotoCoreError as error:
        raise _failed("read", bucket, error) from error
    return body.decode(errors="replace")


def put(stack_name: str, text: str) -> None:
    """Validates the document and replaces the stack's.

    Raises InvalidConfigurationError before anything is written, StackError and RulesDocumentError.
    """
    RulesDocument.parse(text)
    bucket = output(stack_name, _OUTPUT)
    try:
        aws_session.client("s3").put_object(
            Bucket=bucket, Key=DOCUMENT_KEY, Body=text.encode(), ContentType="application/json"
        )
    except (BotoCoreError, ClientError) as error:
        raise _failed("write", bucket, error) from error


def _failed(operation: str, bucket: str, error: Exception) -> RulesDocumentError:
    place = f"s3://{bucket}/{DOCUMENT_KEY}"
    return RulesDocumentError(f"cannot {operation} the rules document {place}: {aws_session.problem(error)}")
