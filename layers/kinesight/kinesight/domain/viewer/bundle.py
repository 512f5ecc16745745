"""A session's evidence as one zip: all images, annotated and original, their records, the fragments as KVS had them, an
MP4, the session, and a manifest with the digest of each file.

File names consist of fixed words and numbers: no text from a camera or a detector becomes a path.
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
from kinesight.domain.viewer.evidence import EvidenceBuckets, SessionEvidence, evidence_of
from kinesight.domain.viewer.playback import FRAGMENTS_AHEAD, ClipMaker, ClipPart
from kinesight.domain.viewer.serve_viewer import require_session
from kinesight.domain.viewer.sessions import Mark, SessionMarks, StoredSession

MOST_BYTES = 250 * 1024 * 1024
"""Evidence in a bundle, without the MP4, which is as large as its fragments: together they fit in 1 GB of /tmp, and are
read, written and sent within the 30 seconds of an HTTP API."""

_IMAGES_AHEAD = 8
_CHUNK_BYTES = 1024 * 1024
_SUFFIXES = {"image/jpeg": "jpg", "image/png": "png"}
_NOT_FOUND = "not found: it has not been written yet, or has expired"


@dataclass(frozen=True, slots=True)
class BundlePorts:
    """Ports of a bundle. `scratch` returns a new folder on disk for the duration of its use."""

    marks: SessionMarks
    evidence_buckets: EvidenceBuckets
    clips: Callable[[], ClipMaker]
    files: FileUploads
    scratch: Callable[[], AbstractContextManager[Path]]
    now: Callable[[], datetime]


def bundle(stream_name: str, url_key: str, ports: BundlePorts) -> dict[str, Any]:
    """Returns a link to the zip, and its manifest. The same evidence makes the same zip.

    Raises SessionMissingError, EvidenceTooLargeError, StorageBusyError.
    """
    session = require_session(stream_name, url_key, ports.marks)
    evidence = evidence_of(session, ports.evidence_buckets, ports.now())
    contents = _contents(evidence)
    with ports.scratch() as scratch:
        path = scratch / "bundle.zip"
        with ZipFile(path, "w", ZIP_STORED) as archive:
            writer = _BundleWriter(archive, datetime.fromisoformat(session.document["startedAt"]).astimezone(UTC))
            _write_contents(writer, contents, scratch / "video.mp4", ports.clips())
            manifest = writer.close(session)
        digest = hashlib.sha256(json.dumps(manifest).encode()).hexdigest()[:32]
        key = f"bundles/stream={session.stream_name}/{session.url_key}/{digest}.zip"
        ports.files.upload(path, key, "application/zip")
    return {"link": ports.evidence_buckets.evidence.link(key), "manifest": manifest}


@dataclass(frozen=True, slots=True)
class _Contents:
    """Evidence to bundle. `records`: original keys."""

    evidence: SessionEvidence
    records: Sequence[str]
    fragments: Sequence[ClipFragment]


def _contents(evidence: SessionEvidence) -> _Contents:
    """Raises EvidenceTooLargeError before any object is read."""
    records, fragments = evidence.all_record_keys(), evidence.fragments()
    keys = [*records, *map(annotated_key, records), *map(evidence.fragment_key, fragments)]
    _check_size(sum(evidence.sizes(keys).values()), f"{len(records)} images, {len(fragments)} fragments")
    return _Contents(evidence, records, fragments)


def _check_size(size: int, description: str) -> None:
    if size > MOST_BYTES:
        raise EvidenceTooLargeError(
            f"the session's evidence ({description}) has {size // 1_000_000} MB or more; a bundle can have "
            f"{MOST_BYTES // 1_000_000} MB. Download its fragments and images one by one"
        )


@dataclass(slots=True)
class _BundleWriter:
    """Writes the zip and collects its manifest. `moment`: timestamp of all files, in UTC."""

    archive: ZipFile
    moment: datetime
    files: list[dict[str, Any]] = field(default_factory=list)
    missing: list[dict[str, str]] = field(default_factory=list)
    size: int = 0

    def add(self, name: str, body: bytes | None, key: str | None = None) -> None:
        """Adds a file; if `body` is None, lists it as missing. `key` is the object's key in its bucket. Raises
        EvidenceTooLargeError."""
        if body is None:
            self.missing.append({"name": name, "reason": _NOT_FOUND})
            return
        self.size += len(body)
        _check_size(self.size, f"{len(self.files)} files so far")
        self.archive.writestr(self._entry(name), body)
        self._list(name, hashlib.sha256(body).hexdigest(), len(body), key)

    def add_json(self, name: str, document: Mapping[str, Any]) -> None:
        """Adds a document as indented JSON."""
        self.add(name, json.dumps(document, indent=2, ensure_ascii=False).encode() + b"\n")

    def add_file(self, name: str, path: Path) -> None:
        """Adds a file of any size."""
        entry, digest = self._entry(name), hashlib.sha256()
        entry.file_size = path.stat().st_size
        with path.open("rb") as source, self.archive.open(entry, "w") as target:
            while chunk := source.read(_CHUNK_BYTES):
                digest.update(chunk)
                target.write(chunk)
        self._list(name, digest.hexdigest(), entry.file_size, None)

    def close(self, session: StoredSession) -> dict[str, Any]:
        """Adds the manifest as the last file, and returns it."""
        manifest = {
            "schemaVersion": 1,
            "streamName": session.stream_name,
            "sessionKey": session.url_key,
            "files": self.files,
            "missing": self.missing,
        }
        body = json.dumps(manifest, indent=2).encode() + b"\n"
        self.archive.writestr(self._entry("manifest.json"), body)
        return manifest

    def _entry(self, name: str) -> ZipInfo:
        at = self.moment
        return ZipInfo(name, (at.year, at.month, at.day, at.hour, at.minute, at.second))

    def _list(self, name: str, digest: str, size: int, key: str | None) -> None:
        self.files.append({"name": name, "sha256": digest, "bytes": size} | ({"key": key} if key is not None else {}))


def _write_contents(writer: _BundleWriter, contents: _Contents, clip: Path, clips: ClipMaker) -> None:
    writer.add_json("session.json", _session_document(contents.evidence.session))
    originals = list(_add_records(writer, contents))
    _add_annotated(writer, contents)
    _add_originals(writer, contents.evidence, originals)
    _add_video(writer, contents, clip, clips)


def _session_document(session: StoredSession) -> dict[str, Any]:
    video = session.video
    return {
        **session.document,
        "reviewed": _mark_document(session.reviewed),
        "held": _mark_document(session.held),
        "video": video.model_dump(mode="json", by_alias=True, exclude_none=True) if video is not None else None,
    }


def _mark_document(mark: Mark | None) -> dict[str, str] | None:
    return {"by": mark.by, "at": iso_milliseconds(from_epoch_ms(mark.at_ms))} if mark else None


def _add_records(writer: _BundleWriter, contents: _Contents) -> Iterator[tuple[int, ImageReference]]:
    """Yields the number of each record and the reference to its original image."""
    for number, key, body in _numbered(contents.evidence, contents.records):
        writer.add(f"records/{number:04d}.json", body, key)
        try:
            if body is not None:
                yield number, ResultRecord.model_validate_json(body).frame.image
        except ValidationError:
            name = f"images/{number:04d}-original"
            writer.missing.append({"name": name, "reason": "this version cannot read the record"})


def _add_annotated(writer: _BundleWriter, contents: _Contents) -> None:
    for number, key, body in _numbered(contents.evidence, [annotated_key(one) for one in contents.records]):
        writer.add(f"images/{number:04d}-annotated.jpg", body, key)


def _numbered(evidence: SessionEvidence, keys: Sequence[str]) -> Iterator[tuple[int, str, bytes | None]]:
    """Yields number, key with folder, and content of objects; numbers start at 1."""
    current = [evidence.folder + key for key in keys]
    for number, (key, body) in enumerate(evidence.evidence_buckets.evidence.each(current, _IMAGES_AHEAD), start=1):
        yield number, key, body


def _add_originals(
    writer: _BundleWriter, evidence: SessionEvidence, originals: Sequence[tuple[int, ImageReference]]
) -> None:
    """Adds the original images; for a held session, the copies of those that have expired."""
    ours = [(number, image) for number, image in originals if image.bucket == evidence.evidence_buckets.images_bucket]
    bodies = evidence.evidence_buckets.images.each([image.key for _, image in ours], _IMAGES_AHEAD)
    for (number, image), (key, body) in zip(ours, bodies, strict=True):
        if body is None and evidence.session.held is not None:
            key = evidence.held_original(image.key)
            body = evidence.evidence_buckets.evidence.read(key)
        writer.add(f"images/{number:04d}-original.{_SUFFIXES.get(image.content_type, 'bin')}", body, key)
    for number, _ in (one for one in originals if one not in ours):
        reason = "it is in a bucket outside this stack"
        writer.missing.append({"name": f"images/{number:04d}-original", "reason": reason})


def _add_video(writer: _BundleWriter, contents: _Contents, clip: Path, clips: ClipMaker) -> None:
    """Reads each fragment once, for the bundle and for the MP4."""
    parts = _add_fragments(writer, contents)
    try:
        taken = clips.remux(parts, clip)
    except NoMediaError as error:
        taken = 0
        writer.missing.append({"name": "video.mp4", "reason": str(error)})
    for _ in parts:
        pass  # adds the fragments that the clip could not use
    if taken:
        fragments = sum(one["name"].endswith(".mkv") for one in writer.files)
        writer.add_file("video.mp4", clip)
        if taken < fragments:
            reason = f"{fragments - taken} of {fragments} fragments are not in it"
            writer.missing.append({"name": "video.mp4", "reason": reason})


def _add_fragments(writer: _BundleWriter, contents: _Contents) -> Iterator[ClipPart]:
    evidence = contents.evidence
    keys = [evidence.folder + evidence.fragment_key(one) for one in contents.fragments]
    bodies = evidence.evidence_buckets.evidence.each(keys, FRAGMENTS_AHEAD)
    for number, (fragment, (key, body)) in enumerate(zip(contents.fragments, bodies, strict=True), start=1):
        writer.add(f"video/{number:04d}.mkv", body, key)
        if body is not None:
            yield ClipPart(body, fragment.length_ms)
