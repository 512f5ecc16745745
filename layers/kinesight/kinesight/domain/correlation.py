"""Correlation id from a fragment to its alert, in every log line about a frame.

It is derived from fields that each message has anyway: the stream's name and the fragment number that KVS assigns.
docs/tracing.md lists where each service has them.
"""

from datetime import datetime
from typing import Any

from kinesight.domain.model import Frame, FrameSource, to_epoch_ms


def correlation_id(stream_name: str, fragment_number: str | None, image_timestamp: datetime) -> str:
    """Returns `stream/fragment number`, or `stream/@` and the image timestamp in epoch milliseconds."""
    return f"{stream_name}/{fragment_number or f'@{to_epoch_ms(image_timestamp)}'}"


def frame_keys(frame: Frame | None, result_id: str | None = None) -> dict[str, Any]:
    """Returns the known log fields of a frame, by the names in docs/tracing.md."""
    known: dict[str, Any] = {} if result_id is None else {"result_id": result_id}
    if frame is None:
        return known
    known |= {
        "correlation_id": correlation_id(frame.stream_name, frame.fragment_number, frame.image_timestamp),
        "stream_name": frame.stream_name,
        "image_epoch_ms": to_epoch_ms(frame.image_timestamp),
        "image_key": frame.image.key,
    }
    if frame.fragment_number is not None:
        known["fragment_number"] = frame.fragment_number
    if frame.source is FrameSource.ON_DEMAND:
        known["execution"] = execution_of(frame.image.key)
    return known


def execution_of(image_key: str) -> str:
    """Returns the execution in an image key `on-demand/<execution>/…`, or an empty string."""
    folder, _, rest = image_key.partition("/")
    return rest.partition("/")[0] if folder == "on-demand" else ""
