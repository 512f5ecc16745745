"""Downloads the files of a time-lapse from S3."""

from collections.abc import Callable
from pathlib import Path

from botocore.exceptions import BotoCoreError, ClientError

from kinesight_cli.shared import aws_session
from kinesight_cli.shared.errors import CommandError


class DownloadError(CommandError):
    """An object could not be downloaded."""


def download(uri: str, path: Path, progress: Callable[[int, int], None]) -> None:
    """Saves an S3 object as a file, which appears only when it is complete. Raises DownloadError.

    Calls `progress(bytes done, all bytes)`.
    """
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    client = aws_session.client("s3")
    partial, done = path.with_name(path.name + ".part"), 0

    def count(received: int) -> None:
        nonlocal done
        done += received
        progress(done, size)

    try:
        size = client.head_object(Bucket=bucket, Key=key)["ContentLength"]
        client.download_file(bucket, key, str(partial), Callback=count)
        partial.replace(path)
    except (BotoCoreError, ClientError, OSError) as error:
        partial.unlink(missing_ok=True)
        raise DownloadError(f"cannot download {uri} to {path}: {aws_session.problem(error)}") from error
