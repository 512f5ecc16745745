"""Delivers images and notifications in background threads with a bounded backlog.

AWS delivers with the permissions of the PutMedia caller; here every caller has all permissions. The index holds pending
deliveries, which resume after a restart, so delivery is at-least-once.
"""

import json
import logging
import queue
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import asdict, dataclass
from typing import Any
from zlib import crc32

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from kinesight.media.stills import FrameTooLargeError, UndecodableError

from kinesight_local.kvs.delivery.image_objects import Image, put_image
from kinesight_local.kvs.delivery.notifications import publish
from kinesight_local.kvs.exceptions import InjectedError
from kinesight_local.kvs.faults import Duplicate, Fail, FaultBook, OnDelivery, Slow
from kinesight_local.kvs.media.fragment import IMAGE_GENERATION, NOTIFICATION, IngestedFragment
from kinesight_local.kvs.media.images import ImageSettings, SamplingClock, extract_images, video_times_ms
from kinesight_local.kvs.storage.fragment_reader import FragmentReader
from kinesight_local.kvs.storage.pending_deliveries import PendingDeliveries, PendingDelivery
from kinesight_local.kvs.storage.stored_fragment import StoredFragment
from kinesight_local.kvs.storage.stored_media import FragmentExpiredError, read_fragment
from kinesight_local.kvs.storage.streams import Stream
from kinesight_local.kvs.undocumented import ImageJoin

log = logging.getLogger(__name__)

# Half a minute of one-second fragments, or one fragment of the largest kind.
MAX_WAITING = 32
MAX_WAITING_BYTES = 50 * 1024 * 1024
_WORKERS = 4
_CLIENT = Config(retries={"mode": "standard", "total_max_attempts": 3}, connect_timeout=5, read_timeout=20)


@dataclass(slots=True)
class Counters:
    """Counts of one stream since the emulator started. `pending`: fragments that are not completely delivered."""

    fragments_persisted: int = 0
    images_generated: int = 0
    images_delivered: int = 0
    image_failures: int = 0
    notifications_published: int = 0
    notification_failures: int = 0
    pending: int = 0


@dataclass(frozen=True, slots=True)
class Job:
    """A persisted fragment whose tags request images or a notification, and the stream's settings for them."""

    stream: Stream
    fragment: IngestedFragment
    stored: StoredFragment
    images: dict[str, Any] | None
    topic_arn: str | None


class Delivery:
    """Keeps the images of a stream in order: all its fragments go to the same thread.

    `submit` never blocks; its caller must await `room`.
    """

    def __init__(
        self,
        fragments: FragmentReader,
        pending: PendingDeliveries,
        faults: FaultBook,
        *,
        account_id: str,
        region: str,
        join: ImageJoin,
    ) -> None:
        self._join = join
        self._fragments = fragments
        self._pending = pending
        self._faults = faults
        self._account_id = account_id
        self._region = region
        self._clients: dict[str, Any] = {}
        self._clients_lock = threading.Lock()
        self._clocks: dict[tuple[str, str], SamplingClock] = defaultdict(SamplingClock)
        self._lock = threading.Lock()
        self._counters: dict[str, Counters] = defaultdict(Counters)
        self._waiting = 0
        self._waiting_bytes = 0
        self._waiting_callers: list[Future[None]] = []
        self._stopping = threading.Event()
        self._queues: list[queue.SimpleQueue[Job | None]] = [queue.SimpleQueue() for _ in range(_WORKERS)]
        self._workers: list[threading.Thread] = []

    def start(self) -> None:
        """Starts the threads, which resume the pending deliveries first."""
        pending = self._pending.all()
        for index, jobs in enumerate(self._queues):
            mine = [one for one in pending if _worker_of(one.stream_arn) == index]
            worker = threading.Thread(target=self._run, args=(mine, jobs), name=f"kvs delivery {index}", daemon=True)
            self._workers.append(worker)
            worker.start()

    def stop(self) -> None:
        """Delivers the backlog for at most 30 seconds, then ends the threads."""
        self._stopping.set()
        for jobs in self._queues:
            jobs.put(None)
        deadline_s = time.monotonic() + 30
        for worker in self._workers:
            worker.join(timeout=max(0.0, deadline_s - time.monotonic()))

    def counters(self, stream_name: str) -> dict[str, int]:
        """A copy of a stream's counters."""
        with self._lock:
            return asdict(self._counters[stream_name])

    def count(self, stream_name: str, **deltas: int) -> None:
        """Adds to a stream's counters."""
        with self._lock:
            counters = self._counters[stream_name]
            for name, delta in deltas.items():
                setattr(counters, name, getattr(counters, name) + delta)

    def job(self, stream: Stream, fragment: IngestedFragment, stored: StoredFragment) -> Job | None:
        """The fragment's deliveries, which count as pending from now on; None if it requests none."""
        images = _enabled(stream.image_generation) if fragment.has(IMAGE_GENERATION) else None
        notification = _enabled(stream.notification) if fragment.has(NOTIFICATION) else None
        if images is None and notification is None:
            return None
        self.count(stream.name, pending=1)
        job = Job(stream, fragment, stored, images, notification["DestinationConfig"]["Uri"] if notification else None)
        self._pending.add(stream.arn, stored.number, json.dumps([asdict(stream), images, job.topic_arn]))
        return job

    def submit(self, job: Job) -> None:
        """Queues a job without blocking."""
        with self._lock:
            self._waiting += 1
            self._waiting_bytes += job.fragment.size_bytes
        self._queues[_worker_of(job.stream.arn)].put(job)

    def room(self) -> Future[None]:
        """Done once the backlog is below its limits. Await it before reading more from the producer."""
        turn: Future[None] = Future()
        with self._lock:
            if self._is_full():
                self._waiting_callers.append(turn)
                return turn
        turn.set_result(None)
        return turn

    def _is_full(self) -> bool:
        return self._waiting >= MAX_WAITING or self._waiting_bytes >= MAX_WAITING_BYTES

    def _run(self, pending: Sequence[PendingDelivery], jobs: queue.SimpleQueue[Job | None]) -> None:
        for one in pending:
            if not self._stopping.is_set() and (job := self._recovered(one)) is not None:
                self._deliver_safely(job)
        while (job := jobs.get()) is not None:
            self._deliver_safely(job)
            self._make_room(job)

    def _recovered(self, pending: PendingDelivery) -> Job | None:
        """None if the fragment has expired since."""
        document, images, topic_arn = json.loads(pending.request)
        stream = Stream(**document)
        stored = self._fragments.find(stream, pending.number)
        try:
            fragment = read_fragment(self._fragments, stored) if stored is not None else None
        except FragmentExpiredError:
            fragment = None
        if stored is None or fragment is None:
            self._pending.remove(pending.stream_arn, pending.number)
            return None
        self.count(stream.name, pending=1)
        return Job(stream, fragment, stored, images, topic_arn)

    def _deliver_safely(self, job: Job) -> None:
        try:
            self._deliver(job)
        except Exception:  # a failed fragment must not end the thread
            log.exception("delivery for fragment %s of %s failed", job.stored.number, job.stream.name)
            self.count(job.stream.name, image_failures=1)
        finally:
            self._pending.remove(job.stream.arn, job.stored.number)
            self.count(job.stream.name, pending=-1)

    def _make_room(self, job: Job) -> None:
        with self._lock:
            self._waiting -= 1
            self._waiting_bytes -= job.fragment.size_bytes
            turns, self._waiting_callers = (
                ([], self._waiting_callers) if self._is_full() else (self._waiting_callers, [])
            )
        for turn in turns:
            if turn.set_running_or_notify_cancel():
                turn.set_result(None)

    def _deliver(self, job: Job) -> None:
        if job.topic_arn is not None:
            arn = job.topic_arn
            fragment = (job.fragment, job.stored)
            self._attempt(job, "notification", lambda: publish(self._client("sns"), arn, job.stream.arn, fragment))
        if job.images is not None:
            self._generate(job, job.images)

    def _generate(self, job: Job, configuration: dict[str, Any]) -> None:
        settings = ImageSettings.of(configuration)
        selector = configuration["ImageSelectorType"]
        start_ms = job.stored.producer_ms if selector == "PRODUCER_TIMESTAMP" else job.stored.server_ms
        clock = self._clocks[job.stream.arn, selector]
        due = clock.pick([start_ms + at for at in video_times_ms(job.fragment)], settings.sampling_interval_ms)
        generated = 0
        try:
            for offset_ms, data in extract_images(job.fragment, [at - start_ms for at in due], settings):
                generated += 1
                self.count(job.stream.name, images_generated=1)
                self._put(job, configuration, Image(data, offset_ms, round(start_ms + offset_ms)))
        except (UndecodableError, FrameTooLargeError) as error:
            log.warning("cannot decode fragment %s of %s: %s", job.stored.number, job.stream.name, error)
        if generated < len(due):
            self.count(job.stream.name, image_failures=len(due) - generated)

    def _put(self, job: Job, configuration: dict[str, Any], image: Image) -> None:
        owner = f"{self._account_id}_{job.stream.name}"
        fragment = (job.fragment, job.stored)
        s3, join = self._client("s3"), self._join
        self._attempt(job, "image", lambda: put_image(s3, configuration, owner, fragment, image, join))

    def _attempt(self, job: Job, kind: str, send: Callable[[], None]) -> None:
        try:
            for _ in range(self._times(kind, job.stream.name)):
                send()
        except (ClientError, BotoCoreError, InjectedError) as error:
            log.warning("cannot deliver %s of fragment %s of %s: %s", kind, job.stored.number, job.stream.name, error)
            self.count(job.stream.name, **{f"{kind}_failures": 1})
            return
        self.count(job.stream.name, **{"images_delivered" if kind == "image" else "notifications_published": 1})

    def _times(self, kind: str, stream_name: str) -> int:
        """How often to send: twice for a Duplicate fault. Waits for a Slow fault. Raises InjectedError."""
        fault = self._faults.draw(OnDelivery, f"{kind.capitalize()}Delivery", stream_name)
        match fault:
            case Fail():
                raise InjectedError(fault.code, fault.status)
            case Slow():
                self._stopping.wait(fault.delay_ms / 1000)
            case Duplicate():
                return 2
        return 1

    def _client(self, service: str) -> Any:
        """Created on first use, when the environment has the local cloud's endpoints."""
        with self._clients_lock:
            if service not in self._clients:
                session = boto3.session.Session(region_name=self._region)
                self._clients[service] = session.client(service, config=_CLIENT)  # type: ignore[call-overload]  # any service
            return self._clients[service]


def _worker_of(stream_arn: str) -> int:
    return crc32(stream_arn.encode()) % _WORKERS


def _enabled(configuration: dict[str, Any] | None) -> dict[str, Any] | None:
    return configuration if configuration is not None and configuration["Status"] == "ENABLED" else None
