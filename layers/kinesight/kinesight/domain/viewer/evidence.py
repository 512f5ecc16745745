"""The evidence of an event: its records, images and fragments, at keys that follow from what is stored, never from a
request. Of an event that is held there are copies at the same keys below a folder that has no expiry.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Protocol

from pydantic import ValidationError

from kinesight.domain.analysis.result_records import annotated_key, archive_key, fragment_day, keys_of
from kinesight.domain.errors import EvidenceTooLargeError
from kinesight.domain.model import ResultRecord
from kinesight.domain.sessions.clip import ClipFragment, SessionRef
from kinesight.domain.viewer.events import StoredEvent, day_of

MOST_RECORDS = 2000
"""Of one event, where all of them are wanted: held or taken away within the 30 seconds of a request."""

_RECORDS_AHEAD = 16
"""A record has a megabyte at most."""


class EvidenceReader(Protocol):
    """A bucket. Raises StorageBusyError, and EvidenceTooLargeError of an object too large to be held in memory."""

    def sizes_between(self, prefix: str, first: str, last: str, most: int) -> Mapping[str, int]:
        """Of the keys with a prefix those from `first` to `last`, both included, in their order: bytes by key."""

    def read(self, key: str) -> bytes | None:
        """None if there is no such object."""

    def each(self, keys: Iterable[str], ahead: int) -> Iterator[tuple[str, bytes | None]]:
        """Objects in the order of their keys; at most `ahead` of them are read before they are taken."""

    def link(self, key: str) -> str:
        """An address that opens the object for a while."""

    def copy(self, keys: Sequence[str], folder: str, bucket: str | None = None) -> None:
        """Copies objects, of another bucket if one is named, below a folder under their own keys; those that are not
        there are passed over."""

    def remove(self, folder: str) -> None:
        """Removes everything below a folder."""


@dataclass(frozen=True, slots=True)
class EvidenceBuckets:
    """Where evidence lies. `images` has the images as they were taken, for days; evidence is kept for `kept_days`."""

    evidence: EvidenceReader
    images: EvidenceReader
    images_bucket: str
    kept_days: int


@dataclass(frozen=True, slots=True)
class EventEvidence:
    """What belongs to an event. `folder`: where it is read, empty for its own keys."""

    event: StoredEvent
    evidence_buckets: EvidenceBuckets
    folder: str

    def link(self, key: str) -> str:
        """Opens what has this key, or its copy."""
        return self.evidence_buckets.evidence.link(self.folder + key)

    def record_keys(self, most: int) -> list[str]:
        """The records between the session's first moment and its last, in the order of time."""
        started, ended = (datetime.fromisoformat(self.event.document[name]) for name in ("startedAt", "lastSeenAt"))
        found: list[str] = []
        day = started.date()
        while day <= ended.date() and len(found) < most:
            midnight = datetime(day.year, day.month, day.day, tzinfo=UTC)
            first = self._record_key(max(started, midnight), "")
            # `g` comes after all hexadecimal digits
            last = self._record_key(min(ended, midnight + timedelta(days=1, milliseconds=-1)), "g")
            found += self._between(first, last, most - len(found))
            day += timedelta(days=1)
        return found

    def all_record_keys(self) -> list[str]:
        """Raises EvidenceTooLargeError."""
        keys = self.record_keys(MOST_RECORDS + 1)
        if len(keys) > MOST_RECORDS:
            raise EvidenceTooLargeError(
                f"the event has over {MOST_RECORDS} images, and this takes all of them in one request; "
                f"they are in the evidence bucket under {keys[0].rpartition('/')[0]}/"
            )
        return keys

    def records(self, keys: Sequence[str]) -> Iterator[ResultRecord]:
        """Those that are there, and of a form that this version knows. Raises StorageBusyError."""
        for _, body in self.evidence_buckets.evidence.each([self.folder + key for key in keys], _RECORDS_AHEAD):
            if body is not None:
                with suppress(ValidationError):
                    yield ResultRecord.model_validate_json(body)

    def fragments(self) -> tuple[ClipFragment, ...]:
        """In the order of time: the session's video, or before there is one the fragments that matched."""
        if self.event.video is not None and self.event.video.fragments:
            return self.event.video.fragments
        numbers = sorted(self.event.document["fragments"], key=int)
        return tuple(ClipFragment(number=number, date=fragment_day(number)) for number in numbers)

    def fragment_key(self, fragment: ClipFragment) -> str:
        """Its own, without the folder."""
        return archive_key(self.event.stream_name, fragment.number)

    def original_key(self, record: ResultRecord) -> str | None:
        """Of the image as it was taken, in the images bucket; None if it was elsewhere."""
        image = record.frame.image
        return image.key if image.bucket == self.evidence_buckets.images_bucket else None

    def original_link(self, record: ResultRecord) -> str | None:
        """Whether the image is there still, nobody has looked: it is kept for days, or as long as it is held."""
        key = self.original_key(record)
        if key is None:
            return None
        if self.event.held is not None:
            return self.evidence_buckets.evidence.link(self.held_original(key))
        return self.evidence_buckets.images.link(key)

    def held_original(self, key: str) -> str:
        """The key of its copy."""
        return f"{held_folder(self.event)}originals/{key}"

    def sizes(self, keys: Sequence[str]) -> dict[str, int]:
        """Bytes of those that are there, by their own keys."""
        folders: dict[str, list[str]] = {}
        for key in keys:
            folders.setdefault(key.rpartition("/")[0], []).append(key)
        found: dict[str, int] = {}
        for wanted in folders.values():
            listed = self._between(min(wanted), max(wanted), _MOST_LISTED)
            found |= {key: listed[key] for key in wanted if key in listed}
        return found

    def _between(self, first: str, last: str, most: int) -> dict[str, int]:
        prefix = f"{self.folder}{first.rpartition('/')[0]}/"
        listed = self.evidence_buckets.evidence.sizes_between(prefix, self.folder + first, self.folder + last, most)
        return {key.removeprefix(self.folder): size for key, size in listed.items()}

    def _record_key(self, at: datetime, identity: str) -> str:
        return keys_of(self.event.stream_name, at, identity, None).result.removesuffix(".json")


_MOST_LISTED = 100_000
"""Nothing of an event's is that long: a guard for folders that others fill."""


def evidence_of(event: StoredEvent, evidence_buckets: EvidenceBuckets, now: datetime) -> EventEvidence:
    """Where it is at a moment: an event that is held has copies, which outlast what they are copies of."""
    kept_until = day_of(event.event_id) + timedelta(days=evidence_buckets.kept_days - 1)
    is_copied = event.held is not None and now.astimezone(UTC).date() >= kept_until
    return EventEvidence(event, evidence_buckets, held_folder(event) if is_copied else "")


def held_folder(event: StoredEvent) -> str:
    """Where copies of its evidence lie while it is held; no lifecycle rule lets them expire."""
    return f"held/stream={event.stream_name}/{event.address}/"


def hold_evidence(event: StoredEvent, evidence_buckets: EvidenceBuckets) -> None:
    """Copies everything that is there; what was copied before is copied over. Raises EvidenceTooLargeError,
    StorageBusyError."""
    own = EventEvidence(event, evidence_buckets, "")
    records = own.all_record_keys()
    originals = {key for record in own.records(records) if (key := own.original_key(record)) is not None}
    keys = {*records, *map(annotated_key, records)}
    keys |= {key for key in event.document["keys"].values() if key is not None}
    keys |= {own.fragment_key(one) for one in own.fragments()}
    folder = held_folder(event)
    evidence_buckets.evidence.copy(sorted(keys), folder)
    evidence_buckets.evidence.copy(sorted(originals), f"{folder}originals/", evidence_buckets.images_bucket)


class _Finds(Protocol):
    def find(self, stream_name: str, event_id: str) -> StoredEvent | None:
        """As it is now. Raises StorageBusyError."""


@dataclass(frozen=True, slots=True)
class HeldCopies:
    """What archive_session brings up to date: an event may be held while it still goes on."""

    events: _Finds
    evidence_buckets: EvidenceBuckets

    def renew(self, session: SessionRef) -> None:
        """Copies once more what an event has, if it is held. Raises what hold_evidence raises."""
        event = self.events.find(session.stream_name, session.event_id)
        if event is not None and event.held is not None:
            hold_evidence(event, self.evidence_buckets)
