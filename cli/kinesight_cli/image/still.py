"""One image of a stream, and what Rekognition detects in it."""

import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from kinesight.adapters.aws.kvs_data_clients import DataClients
from kinesight.adapters.kvs.image_archive import KvsArchive
from kinesight.domain.errors import KinesightError
from kinesight.domain.model import from_epoch_ms, to_epoch_ms
from kinesight.domain.ports import ImageRequest, ImageSpec

from kinesight_cli.shared import aws_session
from kinesight_cli.shared.errors import CommandError

_RECENT_MS = 3_600_000
_AHEAD_MS = 60_000
"""A fragment may be listed that begins after this machine's clock."""
_LEAST_INTERVAL_MS = 200
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
    try:
        at_ms = _newest_ms(archive, stream_name, selector) if at is None else to_epoch_ms(at)
        request = ImageRequest(at_ms, at_ms, _LEAST_INTERVAL_MS, ())
        images = list(archive.get_images(stream_name, request, ImageSpec(selector, "JPEG")))
    except (KinesightError, BotoCoreError, ClientError) as error:
        raise ImageError(f"{stream_name}: {_problem(error)}") from error
    for one in images:
        if one.data is not None:
            return Still(stream_name, from_epoch_ms(one.at_ms), one.data)
    reason = images[0].reason if images else "NO_MEDIA"
    raise ImageError(
        f"no image of {stream_name} at {from_epoch_ms(at_ms).astimezone(UTC).isoformat()} by {selector} ({reason}): "
        "choose another time or the other --selector, or leave out --at for the newest image"
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


def _newest_ms(archive: KvsArchive, stream_name: str, selector: str) -> int:
    now_ms = round(time.time() * 1000)
    found = list(archive.recorded(stream_name, now_ms - _RECENT_MS, now_ms + _AHEAD_MS))
    if not found:
        raise ImageError(f"{stream_name} got no media in the last hour: check the producer, or pass --at")
    newest = max(found, key=lambda one: one.server_ms)
    return newest.producer_ms if selector == "PRODUCER_TIMESTAMP" else newest.server_ms


def _archive() -> KvsArchive:
    def connect(endpoint: str) -> Any:
        return aws_session.client("kinesis-video-archived-media", endpoint_url=endpoint)

    clients = DataClients(aws_session.client("kinesisvideo"), connect, monotonic_s=time.monotonic)
    return KvsArchive(clients, sleep=time.sleep)
