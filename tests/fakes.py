"""Ports with state, in memory. The contract suites hold them to the same promises as the real adapters."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from threading import Lock
from typing import Any

from kinesight.domain.detectors.ports import ModelOutput, ReserveResult, SpendingDetector
from kinesight.domain.errors import ImageMissingError, KinesightError, StillInProgressError, UnsupportedImageError
from kinesight.domain.model import Detection, DetectorInfo, Frame, ImageReference
from kinesight.domain.on_demand.ports import RunStatus
from kinesight.domain.ports import (
    LARGEST_IMAGE_BYTES,
    Alert,
    FragmentMedia,
    FragmentUnavailable,
    StoredImage,
    Versioned,
)
from kinesight.domain.sessions.clip import SessionClip, SessionRef
from kinesight.domain.sessions.model import Session


class FakeImageStore:
    """Objects by bucket and key."""

    def __init__(self) -> None:
        self.objects: dict[tuple[str, str], tuple[bytes, str, Mapping[str, str]]] = {}

    def add(self, bucket: str, key: str, body: bytes = b"image", **metadata: str) -> None:
        self.objects[bucket, key] = (body, "image/jpeg", metadata)

    def describe(self, bucket: str, key: str) -> StoredImage:
        body, content_type, metadata = self._get(bucket, key)
        image = ImageReference(bucket=bucket, key=key, content_type=content_type, size_bytes=len(body))
        return StoredImage(image, metadata)

    def read(self, image: ImageReference) -> bytes:
        body = self._get(image.bucket, image.key)[0]
        if max(image.size_bytes, len(body)) > LARGEST_IMAGE_BYTES:
            raise UnsupportedImageError(f"s3://{image.bucket}/{image.key} has more than {LARGEST_IMAGE_BYTES} bytes")
        return body

    def _get(self, bucket: str, key: str) -> tuple[bytes, str, Mapping[str, str]]:
        try:
            return self.objects[bucket, key]
        except KeyError as error:
            raise ImageMissingError(f"s3://{bucket}/{key} does not exist") from error


@dataclass
class FakeDetector:
    """Sees `found` in every image, unless `failures` names its key. `analyzed_keys` lists the keys, in order."""

    found: tuple[Detection, ...] = ()
    failures: dict[str, Exception] = field(default_factory=dict)
    analyzed_keys: list[str] = field(default_factory=list)
    fingerprint: str = "fake/detector"

    def detect(self, frame: Frame, spend: object = None) -> ModelOutput:
        self.analyzed_keys.append(frame.image.key)
        if frame.image.key in self.failures:
            raise self.failures[frame.image.key]
        return ModelOutput(DetectorInfo(type="fake", operation="detector", latency_ms=1), self.found, {"raw": True})


@dataclass(frozen=True)
class EveryStream:
    """The same detector for all streams; none for those in `without`."""

    detector: SpendingDetector
    without: frozenset[str] = frozenset()

    def of_stream(self, stream_name: str) -> SpendingDetector | None:
        return None if stream_name in self.without else self.detector


@dataclass
class FakeSink:
    """Keeps what is put; refuses partition keys in `refused`."""

    refused: set[str] = field(default_factory=set)
    records: list[tuple[str, bytes]] = field(default_factory=list)
    calls: int = 0

    def put(self, records: Sequence[tuple[str, bytes]]) -> Mapping[int, str]:
        self.calls += bool(records)
        self.records += [record for record in records if record[0] not in self.refused]
        return {index: "Throttled" for index, record in enumerate(records) if record[0] in self.refused}


class FakeLedger:
    """Work by key: in progress or done."""

    def __init__(self) -> None:
        self.done: set[str] = set()
        self.in_progress: set[str] = set()
        self._lock = Lock()

    def begin(self, key: str) -> bool:
        with self._lock:
            if key in self.in_progress:
                raise StillInProgressError(key)
            if key in self.done:
                return False
            self.in_progress.add(key)
            return True

    def finish(self, key: str) -> None:
        self.in_progress.discard(key)
        self.done.add(key)

    def release(self, key: str) -> None:
        self.in_progress.discard(key)


@dataclass
class FakeDeadLetters:
    """Items that were sent, with their reasons; `failure` makes sending fail."""

    sent: list[tuple[str, KinesightError]] = field(default_factory=list)
    failure: KinesightError | None = None

    def send_to_dead_letters(self, body: str, error: KinesightError) -> None:
        if self.failure is not None:
            raise self.failure
        self.sent.append((body, error))


@dataclass
class FakeRedelivery:
    """Delays in seconds by receipt handle; `failure` makes delaying fail."""

    delays_s: dict[str, int] = field(default_factory=dict)
    failure: Exception | None = None

    def delay(self, seconds: Mapping[str, int]) -> None:
        if self.failure is not None:
            raise self.failure
        self.delays_s |= seconds


class FakeEvidenceStore:
    """Objects by key; `writes` counts every write that changed something."""

    def __init__(self) -> None:
        self.objects: dict[str, tuple[bytes, str]] = {}
        self.writes = 0

    def exists(self, key: str) -> bool:
        return key in self.objects

    def write_once(self, key: str, body: bytes, content_type: str) -> bool:
        if key in self.objects:
            return False
        self.objects[key] = (body, content_type)
        self.writes += 1
        return True

    def link(self, key: str) -> str:
        return f"https://evidence.example/{key}"


@dataclass
class FakeFragments:
    """Fragments by number; `requested` lists what was fetched. `failure` is raised in the middle of a fetch."""

    media: dict[str, bytes] = field(default_factory=dict)
    requested: list[tuple[str, str]] = field(default_factory=list)
    failure: KinesightError | None = None

    def fetch(self, stream_name: str, fragment_numbers: Sequence[str]) -> Iterator[FragmentMedia | FragmentUnavailable]:
        for number in fragment_numbers:
            self.requested.append((stream_name, number))
            if number in self.media:
                yield FragmentMedia(number, self.media[number])
            elif self.failure is not None:
                raise self.failure
            else:
                yield FragmentUnavailable(number, "FRAGMENT_NOT_FOUND")


@dataclass
class FakeAnnotator:
    """Appends the labels to the image; `failure` is raised instead."""

    failure: KinesightError | None = None

    def annotate(self, body: bytes, detections: Sequence[Detection]) -> bytes:
        if self.failure is not None:
            raise self.failure
        return body + ",".join(found.label for found in detections).encode()


@dataclass
class FakeAlerts:
    """What was sent; `failing` decides which alerts fail."""

    sent: list[Alert] = field(default_factory=list)
    failing: Callable[[Alert], KinesightError | None] = lambda _: None

    def send(self, alert: Alert) -> None:
        error = self.failing(alert)
        if error is not None:
            raise error
        self.sent.append(alert)


@dataclass
class FakeSessions:
    """The newest state of every session, and the events that were sent; `failing` decides which fail."""

    stored: dict[str, Session] = field(default_factory=dict)
    events: list[tuple[str, str]] = field(default_factory=list)
    failing: Callable[[str], KinesightError | None] = lambda _: None

    def put(self, session: Session) -> None:
        self.stored[session.session_id] = session

    def send(self, event_type: str, document: Mapping[str, Any]) -> None:
        error = self.failing(event_type)
        if error is not None:
            raise error
        self.events.append((str(event_type), document["sessionId"]))


@dataclass
class FakeSessionClips:
    """Videos by session; `gone` sessions are stored no more."""

    videos: dict[SessionRef, SessionClip] = field(default_factory=dict)
    gone: set[SessionRef] = field(default_factory=set)
    saves: int = 0

    def load(self, session: SessionRef) -> SessionClip | None:
        return self.videos.get(session)

    def save(self, session: SessionRef, video: SessionClip) -> bool:
        known = self.videos.get(session)
        if session in self.gone or (known is not None and known.images > video.images):
            return False
        self.videos[session] = video
        self.saves += 1
        return True


@dataclass
class FakeHeld:
    """Sessions whose copies were renewed; `failure` makes that fail."""

    renewed: list[SessionRef] = field(default_factory=list)
    failure: KinesightError | None = None

    def renew(self, session: SessionRef) -> None:
        if self.failure is not None:
            raise self.failure
        self.renewed.append(session)


@dataclass
class FakeDelayedMessages:
    """(body, delay in seconds) of every message; `failure` makes sending fail."""

    sent: list[tuple[str, int]] = field(default_factory=list)
    failure: KinesightError | None = None

    def send_later(self, body: str, delay_s: int) -> None:
        if self.failure is not None:
            raise self.failure
        assert 0 <= delay_s <= 900
        self.sent.append((body, delay_s))


class FakeDocuments:
    """Documents by key."""

    def __init__(self) -> None:
        self.documents: dict[str, Versioned] = {}

    def load(self, key: str) -> Versioned:
        return self.documents.get(key, Versioned(0, None))

    def all(self) -> Mapping[str, Versioned]:
        return dict(self.documents)

    def save(self, key: str, body: str, seen_version: int) -> bool:
        if self.load(key).version != seen_version:
            return False
        self.documents[key] = Versioned(seen_version + 1, body)
        return True


class FakeSpendCounters:
    """Micro-dollars and calls by counter and day; `failure` is raised instead. `reservations` counts calls."""

    def __init__(self) -> None:
        self.micro_usd: dict[tuple[str, str], int] = {}
        self.calls: dict[tuple[str, str], int] = {}
        self.reservations = 0
        self.failure: KinesightError | None = None
        self._lock = Lock()

    def reserve(self, counter: str, day: str, micro_usd: int, most_micro_usd: int) -> ReserveResult:
        with self._lock:
            self.reservations += 1
            if self.failure is not None:
                raise self.failure
            spent = self.micro_usd.get((counter, day), 0)
            if spent + micro_usd > most_micro_usd:
                return ReserveResult(False, spent)
            self._add(counter, day, micro_usd, 1)
            return ReserveResult(True, spent + micro_usd)

    def correct(self, counter: str, day: str, micro_usd: int, *, calls: int) -> None:
        with self._lock:
            if self.failure is not None:
                raise self.failure
            self._add(counter, day, micro_usd, calls)

    def _add(self, counter: str, day: str, micro_usd: int, calls: int) -> None:
        self.micro_usd[counter, day] = self.micro_usd.get((counter, day), 0) + micro_usd
        self.calls[counter, day] = self.calls.get((counter, day), 0) + calls


@dataclass
class FakeWorkflow:
    """Executions by name: their inputs, and how they stand. New ones run, unless `at_once` says how they end."""

    inputs: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    statuses: dict[str, RunStatus] = field(default_factory=dict)
    at_once: RunStatus = RunStatus.RUNNING

    def start(self, name: str, document: Mapping[str, Any]) -> bool:
        if name in self.inputs:
            return False
        self.inputs[name], self.statuses[name] = document, self.at_once
        return True

    def status(self, name: str) -> RunStatus | None:
        return self.statuses.get(name)


class FakeWork:
    """Objects by key."""

    bucket = "work"

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}

    def write(self, key: str, body: bytes, content_type: str) -> None:
        self.objects[key] = body

    def read(self, key: str) -> bytes | None:
        return self.objects.get(key)


class FakePageStore:
    """Keeps files, and the order in which they came."""

    def __init__(self, **files: bytes) -> None:
        self.files = dict(files)
        self.kinds: dict[str, str] = {}

    def names(self) -> set[str]:
        return set(self.files)

    def write(self, name: str, body: bytes, content_type: str) -> None:
        self.files[name] = body
        self.kinds[name] = content_type

    def remove(self, names: set[str]) -> None:
        for name in names:
            self.files.pop(name, None)
