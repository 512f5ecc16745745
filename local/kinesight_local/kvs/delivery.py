"""Pictures to S3 and notifications to SNS, in the background, with a bounded queue.

The real service does this under the PutMedia caller's rights; here every caller has all of them. What waits in the
queue when the emulator is killed is not delivered later.
"""

import json
import logging
import queue
import threading
import uuid
from collections import defaultdict
from dataclasses import asdict, dataclass, field
from fractions import Fraction
from typing import Any

import av
import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from kinesight_local.kvs.images import ImageSettings, Sampler, pictures, video_times_ms
from kinesight_local.kvs.ingest import IMAGE_GENERATION, IMAGE_PREFIX, NOTIFICATION, IngestedFragment
from kinesight_local.kvs.store import StoredFragment
from kinesight_local.kvs.streams import Stream

log = logging.getLogger(__name__)

_WAITING = 32
_MAXIMUM_METADATA_BYTES = 2048  # S3 takes no more user metadata than this
_CLIENT = Config(retries={"mode": "standard", "total_max_attempts": 3}, connect_timeout=5, read_timeout=20)


@dataclass(slots=True)
class Counters:
    """What happened on one stream since the emulator started."""

    fragments_persisted: int = 0
    images_generated: int = 0
    images_delivered: int = 0
    image_failures: int = 0
    notifications_published: int = 0
    notification_failures: int = 0
    pending: int = 0


@dataclass(slots=True)
class Job:
    """A persisted fragment that carries an event tag; `sampler` belongs to its connection."""

    stream: Stream
    fragment: IngestedFragment
    stored: StoredFragment
    sampler: Sampler = field(repr=False)


class Delivery:
    """One worker; `submit` blocks while too much waits, which holds back the producer."""

    def __init__(self, account_id: str, region: str) -> None:
        self._account_id = account_id
        self._region = region
        self._jobs: queue.Queue[Job | None] = queue.Queue(_WAITING)
        self._counters: dict[str, Counters] = defaultdict(Counters)
        self._clients: dict[str, Any] = {}
        self._lock = threading.Lock()
        self._worker = threading.Thread(target=self._run, name="kvs delivery", daemon=True)

    def start(self) -> None:
        self._worker.start()

    def stop(self) -> None:
        """Finishes what waits."""
        self._jobs.put(None)
        self._worker.join(timeout=30)

    def counters(self, stream_name: str) -> dict[str, int]:
        """A copy."""
        with self._lock:
            return asdict(self._counters[stream_name])

    def count(self, stream_name: str, **deltas: int) -> None:
        """Adds to counters."""
        with self._lock:
            counters = self._counters[stream_name]
            for name, delta in deltas.items():
                setattr(counters, name, getattr(counters, name) + delta)

    def submit(self, job: Job) -> None:
        """Blocks while the queue is full."""
        if job.fragment.has(IMAGE_GENERATION) or job.fragment.has(NOTIFICATION):
            self.count(job.stream.name, pending=1)
            self._jobs.put(job)

    def _run(self) -> None:
        while (job := self._jobs.get()) is not None:
            try:
                self._deliver(job)
            except Exception:  # the boundary of a background worker: one fragment's trouble must not end the rest
                log.exception("delivery for %s failed", job.stream.name)
                self.count(job.stream.name, image_failures=1)
            finally:
                self.count(job.stream.name, pending=-1)

    def _deliver(self, job: Job) -> None:
        images, notices = job.stream.image_generation, job.stream.notification
        if notices and notices["Status"] == "ENABLED" and job.fragment.has(NOTIFICATION):
            self._notify(job, notices["DestinationConfig"]["Uri"])
        if images and images["Status"] == "ENABLED" and job.fragment.has(IMAGE_GENERATION):
            self._generate(job, images)

    def _generate(self, job: Job, configuration: dict[str, Any]) -> None:
        settings = ImageSettings.of(configuration)
        by_producer = configuration["ImageSelectorType"] == "PRODUCER_TIMESTAMP"
        start_ms = job.stored.producer_ms if by_producer else job.stored.server_ms
        due = job.sampler.pick([start_ms + at for at in video_times_ms(job.fragment)], settings.sampling_interval_ms)
        made = 0
        try:
            for offset_ms, picture in pictures(job.fragment, [at - start_ms for at in due], settings):
                made += 1
                self.count(job.stream.name, images_generated=1)
                self._put(job, configuration, picture, offset_ms, round(start_ms + offset_ms))
        except av.FFmpegError as error:
            log.warning("fragment %s of %s can't be decoded: %s", job.stored.number, job.stream.name, error)
        if made < len(due):
            self.count(job.stream.name, image_failures=len(due) - made)

    def _put(
        self, job: Job, configuration: dict[str, Any], picture: bytes, offset_ms: Fraction, timecode_ms: int
    ) -> None:
        bucket, _, folder = configuration["DestinationConfig"]["Uri"].removeprefix("s3://").partition("/")
        prefix = job.fragment.value(IMAGE_PREFIX)
        extension = "jpg" if configuration["Format"] == "JPEG" else "png"
        name = f"{self._account_id}_{job.stream.name}_{timecode_ms}_{uuid.uuid4()}.{extension}"
        key = "/".join(part for part in (folder.rstrip("/"), f"{prefix}_{name}" if prefix else name) if part)
        metadata = {
            "aws_kinesisvideo_producer_timestamp": str(round(job.stored.producer_ms + offset_ms)),
            "aws_kinesisvideo_server_timestamp": str(round(job.stored.server_ms + offset_ms)),
            "aws_kinesisvideo_fragment_number": job.stored.number,
        }
        try:
            self._client("s3").put_object(
                Bucket=bucket,
                Key=key,
                Body=picture,
                ContentType="image/jpeg" if extension == "jpg" else "image/png",
                Metadata=_with_custom(metadata, job.fragment.custom_tags()),
            )
        except (ClientError, BotoCoreError) as error:
            log.warning("picture s3://%s/%s was not delivered: %s", bucket, key, error)
            self.count(job.stream.name, image_failures=1)
            return
        self.count(job.stream.name, images_delivered=1)

    def _notify(self, job: Job, topic_arn: str) -> None:
        message = {
            "StreamArn": job.stream.arn,
            "FragmentNumber": job.stored.number,
            "FragmentStartProducerTimestamp": job.stored.producer_ms,
            "FragmentStartServerTimestamp": job.stored.server_ms,
            "NotificationType": "PERSISTED",
            "NotificationPayload": job.fragment.custom_tags(),
        }
        try:
            self._client("sns").publish(
                TopicArn=topic_arn, Subject="Kinesis Video Streams Notification", Message=json.dumps(message)
            )
        except (ClientError, BotoCoreError) as error:
            log.warning("the notification of %s was not delivered: %s", job.stored.number, error)
            self.count(job.stream.name, notification_failures=1)
            return
        self.count(job.stream.name, notifications_published=1)

    def _client(self, service: str) -> Any:
        """Made when first needed: by then the endpoints of the local cloud are in the environment."""
        if service not in self._clients:
            self._clients[service] = boto3.client(service, region_name=self._region, config=_CLIENT)  # type: ignore[call-overload]
        return self._clients[service]


def _with_custom(metadata: dict[str, str], custom: dict[str, str]) -> dict[str, str]:
    """The producer's own tags, as far as they are legal in HTTP headers and S3's limit leaves room for them.

    What KVS does beyond either is not documented; leaving a tag out loses least.
    """
    for name, value in custom.items():
        candidate = metadata | {name.lower(): value}
        size = sum(len(key) + len(text) for key, text in candidate.items())
        legal = (name + value).isascii() and (name + value).isprintable() and " " not in name
        if legal and size <= _MAXIMUM_METADATA_BYTES:
            metadata = candidate
    return metadata
