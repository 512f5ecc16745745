"""One image of a stream, and what Rekognition detects in it."""

import time
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from kinesight.adapters.aws.kvs_data_clients import DataClients
from kinesight.adapters.kvs.image_archive import KvsArchive
from kinesight.domain.errors import KinesightError
from kinesight.domain.model import from_epoch_ms, to_epoch_ms
from kinesight.domain.ports import ImageSpec
from kinesight.domain.viewer.images import newest_images

from kinesight_cli.shared import aws_session
from kinesight_cli.shared.errors import CommandError

_RECENT_MS = 3_600_000
_AHEAD_MS = 60_000
"""A fragment may be listed that begins after this machine's clock."""
_MOST_BYTES = 5 * 1024 * 1024
"""Of an image that DetectLabels takes as bytes ("Guidelines and quotas in Amazon Rekognition")."""


class ImageError(CommandError):
    """There is no image, or it cannot be analyzed or written."""


@dataclass(frozen=True, slots=True)
class Still:
    """A JPEG image; `at` is aware."""

    stream_name: str
    at: datetime
    data: bytes


def still(stream_name: str, at: datetime | None, selector: str) -> Still:
    """Returns the image at a time, or that of the newest fragment. Raises ImageError."""
    archive = _archive()
    reason = "NO_MEDIA"
    try:
        starts_ms = _starts_ms(archive, stream_name, selector) if at is None else [to_epoch_ms(at)]
        for one in newest_images(stream_name, starts_ms, archive, ImageSpec(selector, "JPEG")):
            if one.data is not None:
                return Still(stream_name, from_epoch_ms(one.at_ms), one.data)
            reason = one.reason
    except (KinesightError, BotoCoreError, ClientError) as error:
        raise ImageError(f"{stream_name}: {_problem(error)}") from error
    raise ImageError(
        f"no image of {stream_name} at {from_epoch_ms(max(starts_ms)).isoformat()} by {selector} ({reason}): choose "
        "another time or the other --selector, or leave out --at for the newest image"
    )


def detections(image: Still) -> list[dict[str, object]]:
    """Labels of Rekognition with their confidence in percent, the most confident first. Raises ImageError."""
    if len(image.data) > _MOST_BYTES:
        raise ImageError(f"the image has {len(image.data):,} bytes, and DetectLabels takes {_MOST_BYTES:,}")
    try:
        response = aws_session.client("rekognition").detect_labels(Image={"Bytes": image.data})
    except (BotoCoreError, ClientError) as error:
        raise ImageError(f"Rekognition: {aws_session.problem(error)}") from error
    return [{"label": one["Name"], "confidence": round(one["Confidence"], 1)} for one in response["Labels"]]


def write(image: Still, path: Path) -> Path:
    """Writes the file and returns its path. Raises ImageError."""
    try:
        path.write_bytes(image.data)
    except OSError as error:
        raise ImageError(f"cannot write {path}: {error.strerror}") from error
    return path


def _problem(error: Exception) -> str:
    """What botocore reported, also within an error of an adapter, and what to do about it."""
    cause = error.__cause__ if isinstance(error.__cause__, BotoCoreError | ClientError) else error
    return aws_session.problem(cause)


def _starts_ms(archive: KvsArchive, stream_name: str, selector: str) -> list[int]:
    now_ms = round(time.time() * 1000)
    found = list(archive.recorded(stream_name, now_ms - _RECENT_MS, now_ms + _AHEAD_MS))
    if not found:
        raise ImageError(f"{stream_name} got no media in the last hour: check the producer, or pass --at")
    return [one.producer_ms if selector == "PRODUCER_TIMESTAMP" else one.server_ms for one in found]


def _archive() -> KvsArchive:
    def connect(endpoint: str) -> Any:
        return aws_session.client("kinesis-video-archived-media", endpoint_url=endpoint)

    clients = DataClients(aws_session.client("kinesisvideo"), connect, monotonic_s=time.monotonic)
    return KvsArchive(clients, sleep=time.sleep)
