"""Evidence of a session: its records, images and fragments. Their keys follow from stored data, never from a request.

For a held session, copies exist under the same keys below a folder that does not expire.
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
from kinesight.domain.viewer.sessions import StoredSession, day_of

MOST_RECORDS = 2000
"""Records of one session that can be held or bundled within the 30 seconds of a request."""

_RECORDS_AHEAD = 16
"""A record has a megabyte at most."""

_MOST_LISTED = 100_000
"""Limit of a listing: far more than a session has, in case other software writes to the folder."""


class EvidenceReader(Protocol):
    """Reads a bucket. Raises StorageBusyError, and EvidenceTooLargeError for an object too large for memory."""

    def sizes_between(self, prefix: str, first: str, last: str, most: int) -> Mapping[str, int]:
        """Returns key → bytes for the keys with a prefix from `first` to `last`, both included, in order."""

    def read(self, key: str) -> bytes | None:
        """Returns an object's content, None if there is no such object."""

    def each(self, keys: Iterable[str], ahead: int) -> Iterator[tuple[str, bytes | None]]:
        """Yields objects in the order of their keys; reads at most `ahead` of them in advance."""

    def link(self, key: str) -> str:
        """Returns a presigned URL of an object."""

    def copy(self, keys: Sequence[str], folder: str, bucket: str | None = None) -> None:
        """Copies objects, of another bucket if one is named, to their own keys below a folder. Missing objects are
        skipped."""

    def remove(self, folder: str) -> None:
        """Deletes everything below a folder."""


@dataclass(frozen=True, slots=True)
class EvidenceBuckets:
    """Buckets with evidence. `images` has the original images, for days; evidence is kept for `kept_days`."""

    evidence: EvidenceReader
    images: EvidenceReader
    images_bucket: str
    kept_days: int


@dataclass(frozen=True, slots=True)
class SessionEvidence:
    """Evidence of one session. `folder` is the prefix under which it is read; empty for the original keys."""

    session: StoredSession
    evidence_buckets: EvidenceBuckets
    folder: str

    def link(self, key: str) -> str:
        """Returns a presigned URL of an object, or of its copy."""
        return self.evidence_buckets.evidence.link(self.folder + key)

    def record_keys(self, most: int) -> list[str]:
        """Returns the keys of records from the session's start to its end, in the order of time."""
        started, ended = (datetime.fromisoformat(self.session.document[name]) for name in ("startedAt", "lastSeenAt"))
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
        """Returns the keys of all records. Raises EvidenceTooLargeError."""
        keys = self.record_keys(MOST_RECORDS + 1)
        if len(keys) > MOST_RECORDS:
            raise EvidenceTooLargeError(
                f"the session has over {MOST_RECORDS} images, too many for one request; "
                f"read them from the evidence bucket, under {keys[0].rpartition('/')[0]}/"
            )
        return keys

    def records(self, keys: Sequence[str]) -> Iterator[ResultRecord]:
        """Yields the records that exist and that this version can read. Raises StorageBusyError."""
        for _, body in self.evidence_buckets.evidence.each([self.folder + key for key in keys], _RECORDS_AHEAD):
            if body is not None:
                with suppress(ValidationError):
                    yield ResultRecord.model_validate_json(body)

    def fragments(self) -> tuple[ClipFragment, ...]:
        """Returns the fragments of the session's video in the order of time; the fragments that matched until it has
        been archived."""
        if self.session.video is not None and self.session.video.fragments:
            return self.session.video.fragments
        numbers = sorted(self.session.document["fragments"], key=int)
        return tuple(ClipFragment(number=number, date=fragment_day(number)) for number in numbers)

    def fragment_key(self, fragment: ClipFragment) -> str:
        """Returns the original key of a fragment, without the folder."""
        return archive_key(self.session.stream_name, fragment.number)

    def original_key(self, record: ResultRecord) -> str | None:
        """Returns the key of the original image in the images bucket; None if it was read from another bucket."""
        image = record.frame.image
        return image.key if image.bucket == self.evidence_buckets.images_bucket else None

    def original_link(self, record: ResultRecord) -> str | None:
        """Returns a presigned URL of the original image. The image may have expired, unless the session is held."""
        key = self.original_key(record)
        if key is None:
            return None
        if self.session.held is not None:
            return self.evidence_buckets.evidence.link(self.held_original(key))
        return self.evidence_buckets.images.link(key)

    def held_original(self, key: str) -> str:
        """Returns the key of the copy of an original image."""
        return f"{held_folder(self.session)}originals/{key}"

    def sizes(self, keys: Sequence[str]) -> dict[str, int]:
        """Returns original key → bytes of the objects that exist."""
        folders: dict[str, list[str]] = {}
        for key in keys:
            folders.setdefault(key.rpartition("/")[0], []).append(key)
        found: dict[str, int] = {}
        for of_folder in folders.values():
            listed = self._between(min(of_folder), max(of_folder), _MOST_LISTED)
            found |= {key: listed[key] for key in of_folder if key in listed}
        return found

    def _between(self, first: str, last: str, most: int) -> dict[str, int]:
        prefix = f"{self.folder}{first.rpartition('/')[0]}/"
        listed = self.evidence_buckets.evidence.sizes_between(prefix, self.folder + first, self.folder + last, most)
        return {key.removeprefix(self.folder): size for key, size in listed.items()}

    def _record_key(self, at: datetime, identity: str) -> str:
        return keys_of(self.session.stream_name, at, identity, None).result.removesuffix(".json")


def evidence_of(session: StoredSession, evidence_buckets: EvidenceBuckets, now: datetime) -> SessionEvidence:
    """Returns the evidence at its current place: copies of a held session outlast the originals."""
    kept_until = day_of(session.session_key) + timedelta(days=evidence_buckets.kept_days - 1)
    is_copied = session.held is not None and now.astimezone(UTC).date() >= kept_until
    return SessionEvidence(session, evidence_buckets, held_folder(session) if is_copied else "")


def held_folder(session: StoredSession) -> str:
    """Returns the folder of the copies of a held session; no lifecycle rule expires it."""
    return f"held/stream={session.stream_name}/{session.url_key}/"


def hold_evidence(session: StoredSession, evidence_buckets: EvidenceBuckets) -> None:
    """Copies all evidence that exists, and replaces existing copies. Raises EvidenceTooLargeError, StorageBusyError."""
    own = SessionEvidence(session, evidence_buckets, "")
    records = own.all_record_keys()
    originals = {key for record in own.records(records) if (key := own.original_key(record)) is not None}
    keys = {*records, *map(annotated_key, records)}
    keys |= {key for key in session.document["keys"].values() if key is not None}
    keys |= {own.fragment_key(one) for one in own.fragments()}
    folder = held_folder(session)
    evidence_buckets.evidence.copy(sorted(keys), folder)
    evidence_buckets.evidence.copy(sorted(originals), f"{folder}originals/", evidence_buckets.images_bucket)


class _SessionFinder(Protocol):
    def find(self, stream_name: str, session_key: str) -> StoredSession | None:
        """Returns the current state of a session. Raises StorageBusyError."""


@dataclass(frozen=True, slots=True)
class LegalHoldCopies:
    """Implements `sessions.archive_session.LegalHold`: a session may be held while it is still in progress."""

    sessions: _SessionFinder
    evidence_buckets: EvidenceBuckets

    def renew(self, session: SessionRef) -> None:
        """Copies the evidence again if the session is held. Raises the errors of `hold_evidence`."""
        stored = self.sessions.find(session.stream_name, session.session_key)
        if stored is not None and stored.held is not None:
            hold_evidence(stored, self.evidence_buckets)
