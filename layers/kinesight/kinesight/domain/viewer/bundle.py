"""An event's evidence as one zip, to be handed on: every image, annotated and as it was taken, its records, its
fragments as KVS had them, one MP4 that plays anywhere, the session, and a manifest by which each file can be checked.

Names are made here, of kinds and numbers: nothing that a camera or a detector says becomes a path.
"""

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zipfile import ZIP_STORED, ZipFile, ZipInfo

from pydantic import ValidationError

from kinesight.domain.analysis.result_records import annotated_key
from kinesight.domain.errors import EvidenceTooLargeError, NoMediaError
from kinesight.domain.model import ImageReference, ResultRecord, from_epoch_ms, iso_milliseconds
from kinesight.domain.ports import FileUploads
from kinesight.domain.sessions.clip import ClipFragment
from kinesight.domain.viewer.events import EventMarks, Mark, StoredEvent
from kinesight.domain.viewer.evidence import EventEvidence, EvidenceBuckets, evidence_of
from kinesight.domain.viewer.playback import FRAGMENTS_AHEAD, ClipMaker, ClipPart
from kinesight.domain.viewer.serve_viewer import found_event

MOST_BYTES = 250 * 1024 * 1024
"""Of what is bundled, beside the MP4, which is as large as its fragments: with it the zip has room in a gigabyte of
/tmp, and is read, written and sent within the 30 seconds that an HTTP API waits."""

_IMAGES_AHEAD = 8
_CHUNK_BYTES = 1024 * 1024
_SUFFIXES = {"image/jpeg": "jpg", "image/png": "png"}
_GONE = "it is not there: not yet, or it has expired"


@dataclass(frozen=True, slots=True)
class BundlePorts:
    """The outside world of a bundle. `scratch`: a new folder on disk, for as long as it is used."""

    marks: EventMarks
    evidence_buckets: EvidenceBuckets
    clips: Callable[[], ClipMaker]
    files: FileUploads
    scratch: Callable[[], AbstractContextManager[Path]]
    now: Callable[[], datetime]


def bundle(stream_name: str, event_id: str, ports: BundlePorts) -> dict[str, Any]:
    """A link to the zip, and its manifest. The same evidence makes the same zip.

    Raises SessionMissingError, EvidenceTooLargeError, StorageBusyError.
    """
    event = found_event(stream_name, event_id, ports.marks)
    evidence = evidence_of(event, ports.evidence_buckets, ports.now())
    contents = _contents(evidence)
    with ports.scratch() as scratch:
        path = scratch / "bundle.zip"
        with ZipFile(path, "w", ZIP_STORED) as archive:
            pack = _Pack(archive, datetime.fromisoformat(event.document["startedAt"]).astimezone(UTC))
            _fill(pack, contents, scratch / "video.mp4", ports.clips())
            manifest = pack.close(event)
        digest = hashlib.sha256(json.dumps(manifest).encode()).hexdigest()[:32]
        key = f"bundles/stream={event.stream_name}/{event.address}/{digest}.zip"
        ports.files.upload(path, key, "application/zip")
    return {"link": ports.evidence_buckets.evidence.link(key), "manifest": manifest}


@dataclass(frozen=True, slots=True)
class _Contents:
    """What there is to bundle, by its keys."""

    evidence: EventEvidence
    records: Sequence[str]
    fragments: Sequence[ClipFragment]


def _contents(evidence: EventEvidence) -> _Contents:
    """Raises EvidenceTooLargeError before anything is read."""
    records, fragments = evidence.all_record_keys(), evidence.fragments()
    keys = [*records, *map(annotated_key, records), *map(evidence.fragment_key, fragments)]
    _check(sum(evidence.sizes(keys).values()), f"{len(records)} images, {len(fragments)} fragments")
    return _Contents(evidence, records, fragments)


def _check(size: int, what: str) -> None:
    if size > MOST_BYTES:
        raise EvidenceTooLargeError(
            f"the event's evidence ({what}) has {size // 1_000_000} MB or more; a bundle is made of up to "
            f"{MOST_BYTES // 1_000_000} MB. Its fragments and images can be downloaded one by one"
        )


@dataclass(slots=True)
class _Pack:
    """A zip in the making, and what its manifest will say. `moment`: what all its files are dated, in UTC."""

    archive: ZipFile
    moment: datetime
    files: list[dict[str, Any]] = field(default_factory=list)
    missing: list[dict[str, str]] = field(default_factory=list)
    size: int = 0

    def add(self, name: str, body: bytes | None, key: str | None = None) -> None:
        """A file, or that it is missing; `key` is what it has in its bucket. Raises EvidenceTooLargeError."""
        if body is None:
            self.missing.append({"name": name, "reason": _GONE})
            return
        self.size += len(body)
        _check(self.size, f"{len(self.files)} files so far")
        self.archive.writestr(self._entry(name), body)
        self._note(name, hashlib.sha256(body).hexdigest(), len(body), key)

    def add_json(self, name: str, document: Mapping[str, Any]) -> None:
        """A document of ours."""
        self.add(name, json.dumps(document, indent=2, ensure_ascii=False).encode() + b"\n")

    def add_file(self, name: str, path: Path) -> None:
        """A file of any size."""
        entry, digest = self._entry(name), hashlib.sha256()
        entry.file_size = path.stat().st_size
        with path.open("rb") as source, self.archive.open(entry, "w") as target:
            while chunk := source.read(_CHUNK_BYTES):
                digest.update(chunk)
                target.write(chunk)
        self._note(name, digest.hexdigest(), entry.file_size, None)

    def close(self, event: StoredEvent) -> dict[str, Any]:
        """The manifest, which is the last file."""
        manifest = {
            "schemaVersion": 1,
            "streamName": event.stream_name,
            "eventId": event.address,
            "files": self.files,
            "missing": self.missing,
        }
        body = json.dumps(manifest, indent=2).encode() + b"\n"
        self.archive.writestr(self._entry("manifest.json"), body)
        return manifest

    def _entry(self, name: str) -> ZipInfo:
        at = self.moment
        return ZipInfo(name, (at.year, at.month, at.day, at.hour, at.minute, at.second))

    def _note(self, name: str, digest: str, size: int, key: str | None) -> None:
        self.files.append({"name": name, "sha256": digest, "bytes": size} | ({"key": key} if key is not None else {}))


def _fill(pack: _Pack, contents: _Contents, clip: Path, clips: ClipMaker) -> None:
    pack.add_json("session.json", _session(contents.evidence.event))
    originals = list(_add_records(pack, contents))
    _add_annotated(pack, contents)
    _add_originals(pack, contents.evidence, originals)
    _add_video(pack, contents, clip, clips)


def _session(event: StoredEvent) -> dict[str, Any]:
    video = event.video
    return {
        **event.document,
        "reviewed": _told(event.reviewed),
        "held": _told(event.held),
        "video": video.model_dump(mode="json", by_alias=True, exclude_none=True) if video is not None else None,
    }


def _told(mark: Mark | None) -> dict[str, str] | None:
    return {"by": mark.by, "at": iso_milliseconds(from_epoch_ms(mark.at_ms))} if mark else None


def _add_records(pack: _Pack, contents: _Contents) -> Iterator[tuple[int, ImageReference]]:
    """Yields where the original of each lies, with its number."""
    for number, key, body in _numbered(contents.evidence, contents.records):
        pack.add(f"records/{number:04d}.json", body, key)
        try:
            if body is not None:
                yield number, ResultRecord.model_validate_json(body).frame.image
        except ValidationError:
            name = f"images/{number:04d}-original"
            pack.missing.append({"name": name, "reason": "its record is of a form that this version can't read"})


def _add_annotated(pack: _Pack, contents: _Contents) -> None:
    for number, key, body in _numbered(contents.evidence, [annotated_key(one) for one in contents.records]):
        pack.add(f"images/{number:04d}-annotated.jpg", body, key)


def _numbered(evidence: EventEvidence, keys: Sequence[str]) -> Iterator[tuple[int, str, bytes | None]]:
    """From 1 on, with the whole key of each."""
    whole = [evidence.folder + key for key in keys]
    for number, (key, body) in enumerate(evidence.evidence_buckets.evidence.each(whole, _IMAGES_AHEAD), start=1):
        yield number, key, body


def _add_originals(pack: _Pack, evidence: EventEvidence, originals: Sequence[tuple[int, ImageReference]]) -> None:
    """As they were taken, or of an event that is held their copies."""
    ours = [(number, image) for number, image in originals if image.bucket == evidence.evidence_buckets.images_bucket]
    bodies = evidence.evidence_buckets.images.each([image.key for _, image in ours], _IMAGES_AHEAD)
    for (number, image), (key, body) in zip(ours, bodies, strict=True):
        if body is None and evidence.event.held is not None:
            key = evidence.held_original(image.key)
            body = evidence.evidence_buckets.evidence.read(key)
        pack.add(f"images/{number:04d}-original.{_SUFFIXES.get(image.content_type, 'bin')}", body, key)
    for number, _ in (one for one in originals if one not in ours):
        reason = "it is in a bucket that is not this stack's"
        pack.missing.append({"name": f"images/{number:04d}-original", "reason": reason})


def _add_video(pack: _Pack, contents: _Contents, clip: Path, clips: ClipMaker) -> None:
    """Each fragment is read once, for itself and for the MP4."""
    parts = _add_fragments(pack, contents)
    try:
        taken = clips.remux(parts, clip)
    except NoMediaError as error:
        taken = 0
        pack.missing.append({"name": "video.mp4", "reason": str(error)})
    for _ in parts:
        pass  # those that a clip could not take are bundled all the same
    if taken:
        fragments = sum(one["name"].endswith(".mkv") for one in pack.files)
        pack.add_file("video.mp4", clip)
        if taken < fragments:
            reason = f"{fragments - taken} of {fragments} fragments are not in it"
            pack.missing.append({"name": "video.mp4", "reason": reason})


def _add_fragments(pack: _Pack, contents: _Contents) -> Iterator[ClipPart]:
    evidence = contents.evidence
    keys = [evidence.folder + evidence.fragment_key(one) for one in contents.fragments]
    bodies = evidence.evidence_buckets.evidence.each(keys, FRAGMENTS_AHEAD)
    for number, (fragment, (key, body)) in enumerate(zip(contents.fragments, bodies, strict=True), start=1):
        pack.add(f"video/{number:04d}.mkv", body, key)
        if body is not None:
            yield ClipPart(body, fragment.length_ms)
