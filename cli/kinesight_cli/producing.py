"""Playing a video into a stream: the stream's state, the endpoint and the tags around the PutMedia producer."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from kinesight.adapters.aws.backoff import full_jitter_delays_s
from kinesight.domain.model import to_epoch_ms
from kinesight.media.mkv import Tag

from kinesight_cli.fragmenting import SourceVideo
from kinesight_cli.producer import (
    IMAGE_GENERATION,
    IMAGE_PREFIX,
    NOTIFICATION,
    Plan,
    ProducerError,
    Sent,
    Target,
    put_video,
)

_CLIENT = Config(retries={"mode": "standard"}, connect_timeout=10, read_timeout=30)
_MAXIMUM_TAGS = 10
_THROTTLED = "ClientLimitExceededException"
_ATTEMPTS = 6


@dataclass(frozen=True, slots=True)
class Tagging:
    """What every fragment is tagged with."""

    image: bool = False
    notification: bool = False
    image_prefix: str = ""
    metadata: tuple[tuple[str, str], ...] = ()

    def tags(self) -> tuple[Tag, ...]:
        """Raises ProducerError beyond the ten tags that a fragment may have."""
        tags = [Tag(name, "") for name, on in ((NOTIFICATION, self.notification), (IMAGE_GENERATION, self.image)) if on]
        tags += [Tag(IMAGE_PREFIX, self.image_prefix)] if self.image_prefix else []
        tags += [Tag(name, value) for name, value in self.metadata]
        if len(tags) > _MAXIMUM_TAGS:
            raise ProducerError(f"{len(tags)} tags are asked for; a fragment has at most {_MAXIMUM_TAGS}")
        return tuple(tags)


@dataclass(frozen=True, slots=True)
class Pace:
    """When the first frame happened (None: so that the last one is now, or now if in real time), and how fast."""

    start: datetime | None = None
    realtime: bool = False
    create: bool = False


def play(
    stream_name: str,
    video: SourceVideo,
    tagging: Tagging,
    progress: Callable[[int], None],
    pace: Pace | None = None,
) -> Sent:
    """Raises ProducerError with what to do about it."""
    chosen = pace or Pace()
    tags = tagging.tags()
    target = _patiently(lambda: _target(stream_name, tagging, create=chosen.create), stream_name)
    plan = Plan(_start_ms(video, chosen), tags, chosen.realtime)
    return put_video(target, video.track, video.fragments, plan, progress)


def _patiently(find: Callable[[], Target], stream_name: str) -> Target:
    """KVS's own throttling error is none that botocore tries again. Raises ProducerError."""
    delays_s = iter(full_jitter_delays_s(_ATTEMPTS - 1))
    while True:
        try:
            return find()
        except (BotoCoreError, ClientError) as error:
            delay_s = next(delays_s, None) if _THROTTLED in str(error) else None
            if delay_s is None:
                raise ProducerError(f"{stream_name} can't be reached: {error}") from error
            time.sleep(delay_s)


def _target(stream_name: str, tagging: Tagging, *, create: bool) -> Target:
    session = boto3.Session()
    client = session.client("kinesisvideo", config=_CLIENT)
    info = _stream(client, stream_name, create=create)
    if info["DataRetentionInHours"] == 0 and (tagging.image or tagging.notification):
        raise ProducerError(
            f"{stream_name} keeps no media, so KVS makes no images and sends no notifications. To mend: "
            f"aws kinesisvideo update-data-retention --stream-name {stream_name} --operation INCREASE_DATA_RETENTION "
            f"--data-retention-change-in-hours 24 --current-version {info['Version']}"
        )
    endpoint = client.get_data_endpoint(StreamName=stream_name, APIName="PUT_MEDIA")["DataEndpoint"]
    credentials = session.get_credentials()
    if credentials is None:
        raise ProducerError("there are no AWS credentials: set AWS_PROFILE or run `aws configure`")
    persisted = info["DataRetentionInHours"] > 0
    return Target(stream_name, endpoint, client.meta.region_name, credentials, persisted)


def _stream(client: Any, stream_name: str, *, create: bool) -> Any:
    try:
        return client.describe_stream(StreamName=stream_name)["StreamInfo"]
    except client.exceptions.ResourceNotFoundException as error:
        if not create:
            raise ProducerError(
                f"there is no stream {stream_name}; --create makes it, with 24 hours' retention"
            ) from error
    client.create_stream(StreamName=stream_name, DataRetentionInHours=24, MediaType="video/h264")
    for _ in range(60):
        info = client.describe_stream(StreamName=stream_name)["StreamInfo"]
        if info["Status"] == "ACTIVE":
            return info
        time.sleep(1)
    raise ProducerError(f"{stream_name} was created and did not become ACTIVE within a minute")


def _start_ms(video: SourceVideo, pace: Pace) -> int:
    if pace.start is not None:
        return to_epoch_ms(pace.start)
    now_ms = time.time_ns() // 1_000_000
    return now_ms if pace.realtime else now_ms - round(video.length_ms)
