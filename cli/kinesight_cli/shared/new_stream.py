"""Creates streams and waits until they can be used."""

import time
from collections.abc import Mapping
from typing import Any

from kinesight_cli.shared.errors import CommandError

DEFAULT_RETENTION_HOURS = 24
_WAITED_S = 60


def create_stream(
    client: Any, name: str, retention_hours: int = DEFAULT_RETENTION_HOURS, tags: Mapping[str, str] | None = None
) -> Any:
    """Creates a stream and returns its StreamInfo once it is ACTIVE.

    Raises CommandError if that takes longer than a minute, and ResourceInUseException if the stream exists.
    """
    more = {"Tags": dict(tags)} if tags else {}
    client.create_stream(StreamName=name, DataRetentionInHours=retention_hours, MediaType="video/h264", **more)
    return wait_until_active(client, name)


def wait_until_active(client: Any, name: str) -> Any:
    """Returns the StreamInfo of a stream once it is ACTIVE. Raises CommandError after a minute."""
    for _ in range(_WAITED_S):
        info = client.describe_stream(StreamName=name)["StreamInfo"]
        if info["Status"] == "ACTIVE":
            return info
        time.sleep(1)  # botocore has no waiter for streams
    raise CommandError(f"the stream {name} is {info['Status']}, not ACTIVE, after a minute: run the command again")


def increase_retention(name: str, version: str) -> str:
    """Returns the command that gives a stream a retention."""
    return (
        f"aws kinesisvideo update-data-retention --stream-name {name} --operation INCREASE_DATA_RETENTION "
        f"--data-retention-change-in-hours {DEFAULT_RETENTION_HOURS} --current-version {version}"
    )
