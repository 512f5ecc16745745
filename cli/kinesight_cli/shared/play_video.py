"""Plays a video into a stream: checks the stream, finds its endpoint and sends tagged fragments by PutMedia."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError
from kinesight.adapters.aws.backoff import full_jitter_delays_s
from kinesight.domain.model import to_epoch_ms
from kinesight.media.mkv import Tag

from kinesight_cli.shared import aws_session
from kinesight_cli.shared.new_stream import create_stream, increase_retention
from kinesight_cli.shared.put_media import (
    IMAGE_GENERATION,
    IMAGE_PREFIX,
    NOTIFICATION,
    Outgoing,
    ProducerError,
    Sent,
    Target,
    put_media,
)
from kinesight_cli.shared.video_file import SourceVideo

_MAXIMUM_TAGS = 10
_THROTTLED = "ClientLimitExceededException"
_ATTEMPTS = 6


@dataclass(frozen=True, slots=True)
class Tagging:
    """Tags of every n-th fragment, from the first on."""

    image: bool = False
    notification: bool = False
    image_prefix: str = ""
    metadata: tuple[tuple[str, str], ...] = ()
    every: int = 1

    def tags(self) -> tuple[Tag, ...]:
        """Returns the tags as they are sent. Raises ProducerError if there are more than KVS allows per fragment."""
        tags = [Tag(name, "") for name, on in ((NOTIFICATION, self.notification), (IMAGE_GENERATION, self.image)) if on]
        tags += [Tag(IMAGE_PREFIX, self.image_prefix)] if self.image_prefix else []
        tags += [Tag(name, value) for name, value in self.metadata]
        if len(tags) > _MAXIMUM_TAGS:
            raise ProducerError(
                f"{len(tags)} tags per fragment, but KVS allows at most {_MAXIMUM_TAGS}: pass fewer --metadata"
            )
        return tuple(tags)


@dataclass(frozen=True, slots=True)
class Pace:
    """When the video starts and how fast it is sent.

    Without `start`, the first frame is now in real time; otherwise the last frame is now. `create`: create the stream
    if it does not exist.
    """

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
    """Sends the video and returns what was acknowledged. Calls `progress(acknowledged fragments)`.

    Raises ProducerError.
    """
    chosen = pace or Pace()
    target = find_target(stream_name, tagging, create=chosen.create)
    source = outgoing(video, _start_ms(video, chosen), tagging)
    return put_media(target, video.track, _paced(source) if chosen.realtime else source, progress)


def outgoing(video: SourceVideo, start_epoch_ms: int, tagging: Tagging) -> Iterator[Outgoing]:
    """Yields the fragments of a video, the first frame of which is shown at `start_epoch_ms`, with their tags."""
    tags = tagging.tags()
    for index, fragment in enumerate(video.fragments):
        yield Outgoing(fragment, start_epoch_ms, tags if index % tagging.every == 0 else ())


def _paced(source: Iterator[Outgoing]) -> Iterator[Outgoing]:
    """Yields each fragment when a camera would have recorded it."""
    began_s = time.monotonic()
    for one in source:
        due_s = float(one.fragment.start_ms + one.fragment.length_ms) / 1000
        time.sleep(max(0.0, began_s + due_s - time.monotonic()))
        yield one


def find_target(stream_name: str, tagging: Tagging, *, create: bool) -> Target:
    """Returns where to send a stream's video. Raises ProducerError if it can't be sent, or can't yield images."""
    tagging.tags()
    return _with_retries(lambda: _target(stream_name, tagging, create=create), stream_name)


def _with_retries(find: Callable[[], Target], stream_name: str) -> Target:
    """Retries on the throttling error of KVS, which botocore does not retry. Raises ProducerError."""
    delays_s = iter(full_jitter_delays_s(_ATTEMPTS - 1))
    while True:
        try:
            return find()
        except (BotoCoreError, ClientError) as error:
            delay_s = next(delays_s, None) if _THROTTLED in str(error) else None
            if delay_s is None:
                raise ProducerError(f"cannot reach the stream {stream_name}: {aws_session.problem(error)}") from error
            time.sleep(delay_s)


def _target(stream_name: str, tagging: Tagging, *, create: bool) -> Target:
    session, client = aws_session.session(), aws_session.client("kinesisvideo")
    info = _stream(client, stream_name, create=create)
    if info["DataRetentionInHours"] == 0 and (tagging.image or tagging.notification):
        raise ProducerError(
            f"the stream {stream_name} has a retention of 0 hours, so KVS generates no images and sends no "
            f"notifications. Increase it: {increase_retention(stream_name, info['Version'])}"
        )
    endpoint = client.get_data_endpoint(StreamName=stream_name, APIName="PUT_MEDIA")["DataEndpoint"]
    credentials = session.get_credentials()
    if credentials is None:
        raise ProducerError(aws_session.problem(NoCredentialsError()))
    persisted = info["DataRetentionInHours"] > 0
    return Target(stream_name, endpoint, client.meta.region_name, credentials, persisted)


def _stream(client: Any, stream_name: str, *, create: bool) -> Any:
    try:
        return client.describe_stream(StreamName=stream_name)["StreamInfo"]
    except client.exceptions.ResourceNotFoundException as error:
        if not create:
            raise ProducerError(
                f"the stream {stream_name} does not exist: pass --create to create it, with a retention of 24 hours"
            ) from error
    return create_stream(client, stream_name)


def _start_ms(video: SourceVideo, pace: Pace) -> int:
    if pace.start is not None:
        return to_epoch_ms(pace.start)
    now_ms = time.time_ns() // 1_000_000
    return now_ms if pace.realtime else now_ms - round(video.length_ms)
