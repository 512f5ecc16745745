"""A session's evidence as a zip: all evidence under fixed names, each file with its digest."""

import hashlib
import json
from dataclasses import dataclass, replace
from datetime import timedelta
from io import BytesIO
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest
from kinesight.domain.analysis.result_records import annotated_key, archive_key, encode_record, evidence_keys
from kinesight.domain.errors import EvidenceTooLargeError, SessionMissingError
from kinesight.domain.model import ImageReference, ResultRecord
from kinesight.domain.viewer.bundle import MOST_BYTES, BundlePorts, bundle
from kinesight.domain.viewer.evidence import MOST_RECORDS, hold_evidence
from kinesight.domain.viewer.sessions import Mark, StoredSession

from tests.builders import NOON_MS, a_fragment_number
from tests.unit.viewer.test_playback import NOW, Player
from tests.unit.viewer.test_serve_viewer import address_of

NAMES = [
    "images/0001-annotated.jpg",
    "images/0001-original.jpg",
    "images/0002-annotated.jpg",
    "images/0002-original.jpg",
    "images/0003-annotated.jpg",
    "images/0003-original.jpg",
    "manifest.json",
    "records/0001.json",
    "records/0002.json",
    "records/0003.json",
    "session.json",
    "video.mp4",
    "video/0001.mkv",
    "video/0002.mkv",
]


@dataclass
class Desk(Player):
    """Bundles the evidence of a session: three images, two fragments."""

    def evidence(self) -> StoredSession:
        session = self.add_archived_session(b"first", b"second")
        for index, record in enumerate(self.records):
            image = record.frame.image.model_copy(update={"key": f"images/{index}.jpg"})
            self.images.objects[image.key] = f"original {index}".encode()
            self.rewrite(record, image)
            self.evidence_reader.objects[evidence_keys(record).annotated] = f"annotated {index}".encode()
        return session

    def rewrite(self, record: ResultRecord, image: ImageReference) -> None:
        changed = record.model_copy(update={"frame": record.frame.model_copy(update={"image": image})})
        self.evidence_reader.objects[evidence_keys(record).result] = encode_record(changed)

    def upload(self, path: Path, key: str, content_type: str) -> None:
        assert content_type == "application/zip"
        self.evidence_reader.objects[key] = path.read_bytes()

    @property
    def bundling(self) -> BundlePorts:
        return BundlePorts(self.marks, self.evidence_buckets, lambda: self.clips, self, self.scratch, lambda: self.now)

    def bundle(self, session: StoredSession) -> tuple[dict[str, bytes], dict[str, Any]]:
        """Returns files by name, and the response."""
        response = bundle("front-door", address_of(session), self.bundling)
        key = response["link"].removeprefix("https://evidence.example/").removesuffix("?signed")
        assert key.startswith(f"bundles/stream=front-door/{address_of(session)}/")
        with ZipFile(BytesIO(self.evidence_reader.objects[key])) as archive:
            return {name: archive.read(name) for name in archive.namelist()}, response


def test_all_evidence_is_in_it_and_every_digest_is_correct() -> None:
    desk = Desk()

    files, response = desk.bundle(desk.evidence())

    assert sorted(files) == NAMES
    listed = {one["name"]: one for one in response["manifest"]["files"]}
    assert sorted([*listed, "manifest.json"]) == NAMES
    for name, one in listed.items():
        assert (one["sha256"], one["bytes"]) == (hashlib.sha256(files[name]).hexdigest(), len(files[name]))
    assert json.loads(files["manifest.json"]) == response["manifest"]
    assert response["manifest"]["missing"] == []
    assert (files["images/0002-original.jpg"], files["images/0003-annotated.jpg"]) == (
        b"original 1",
        b"annotated 2",
    )
    assert (files["video/0001.mkv"], files["video.mp4"]) == (b"first", b"firstsecond")


def test_the_manifest_has_the_keys_of_copied_objects() -> None:
    desk = Desk()
    session = desk.evidence()

    files, response = desk.bundle(session)

    keys = {one["name"]: one.get("key") for one in response["manifest"]["files"]}
    assert keys["video/0002.mkv"] == archive_key("front-door", a_fragment_number(2))
    assert keys["images/0001-original.jpg"] == "images/0.jpg"
    assert keys["records/0001.json"] == evidence_keys(desk.records[0]).result
    assert keys["video.mp4"] is None
    assert json.loads(files["session.json"])["sessionId"] == session.document["sessionId"]
    assert json.loads(files["session.json"])["video"]["complete"] is True


def test_the_same_evidence_makes_the_same_zip() -> None:
    desk = Desk()
    session = desk.evidence()

    first, again = (bundle("front-door", address_of(session), desk.bundling) for _ in range(2))

    assert first == again
    assert len([key for key in desk.evidence_reader.objects if key.startswith("bundles/")]) == 1


def test_no_text_of_a_record_becomes_a_path() -> None:
    desk = Desk()
    session = desk.evidence()
    hostile = ImageReference(
        bucket=desk.evidence_buckets.images_bucket, key="../../etc/passwd", content_type="text/html/../x", size_bytes=1
    )
    desk.images.objects[hostile.key] = b"<script>"
    desk.rewrite(desk.records[0], hostile)

    files, _ = desk.bundle(session)

    assert files["images/0001-original.bin"] == b"<script>"
    assert sorted(files) == sorted(name.replace("1-original.jpg", "1-original.bin") for name in NAMES)


def test_an_image_in_another_bucket_is_not_read() -> None:
    desk = Desk()
    session = desk.evidence()
    desk.images.objects["images/0.jpg"] = b"of another camera"
    desk.rewrite(
        desk.records[0],
        ImageReference(bucket="another-stacks", key="images/0.jpg", content_type="image/jpeg", size_bytes=1),
    )

    files, response = desk.bundle(session)

    assert not [name for name in files if name.startswith("images/0001-original")]
    assert response["manifest"]["missing"] == [
        {"name": "images/0001-original", "reason": "it is in a bucket outside this stack"}
    ]


def test_missing_files_are_listed_with_reasons() -> None:
    desk = Desk()
    session = desk.evidence()
    desk.images.objects.clear()
    del desk.evidence_reader.objects[evidence_keys(desk.records[1]).annotated]
    desk.evidence_reader.objects[evidence_keys(desk.records[2]).result] = b"{}"
    del desk.evidence_reader.objects[archive_key("front-door", a_fragment_number(1))]
    desk.evidence_reader.objects[archive_key("front-door", a_fragment_number(2))] = b"other form"

    files, response = desk.bundle(session)

    assert {one["name"]: one["reason"] for one in response["manifest"]["missing"]} == {
        "images/0003-original": "this version cannot read the record",
        "images/0002-annotated.jpg": "not found: it has not been written yet, or has expired",
        "images/0001-original.jpg": "not found: it has not been written yet, or has expired",
        "images/0002-original.jpg": "not found: it has not been written yet, or has expired",
        "video/0001.mkv": "not found: it has not been written yet, or has expired",
        "video.mp4": "cannot read any archived fragment",
    }
    assert (files["records/0003.json"], files["video/0002.mkv"]) == (b"{}", b"other form")


def test_fragments_that_do_not_fit_into_the_mp4_are_bundled() -> None:
    desk = Desk()
    session = desk.evidence()
    desk.evidence_reader.objects[archive_key("front-door", a_fragment_number(2))] = b"other form"

    files, response = desk.bundle(session)

    assert (files["video.mp4"], files["video/0002.mkv"]) == (b"first", b"other form")
    assert response["manifest"]["missing"] == [{"name": "video.mp4", "reason": "1 of 2 fragments are not in it"}]


def test_a_held_session_is_bundled_from_its_copies() -> None:
    desk = Desk()
    session = desk.evidence()
    hold_evidence(session, desk.evidence_buckets)
    desk.marks.sessions["front-door", session.session_key] = replace(session, held=Mark("ann", NOON_MS))
    desk.images.objects.clear()
    desk.evidence_reader.objects = {
        key: body for key, body in desk.evidence_reader.objects.items() if key.startswith("held/")
    }
    desk.now = NOW + timedelta(days=400)

    files, response = desk.bundle(session)

    assert sorted(files) == NAMES
    assert response["manifest"]["missing"] == []
    assert json.loads(files["session.json"])["held"]["by"] == "ann"


def test_too_much_evidence_is_rejected_before_it_is_read() -> None:
    desk = Desk()
    session = desk.evidence()
    desk.evidence_reader.objects[archive_key("front-door", a_fragment_number(1))] = bytes(MOST_BYTES)

    with pytest.raises(EvidenceTooLargeError, match=r"3 images, 2 fragments\) has 262 MB or more"):
        desk.bundle(session)

    assert desk.clips.made == 0
    assert not [key for key in desk.evidence_reader.objects if key.startswith("bundles/")]


def test_originals_beyond_the_limit_leave_nothing_behind() -> None:
    desk = Desk()
    session = desk.evidence()
    desk.images.objects["images/2.jpg"] = bytes(MOST_BYTES)

    with pytest.raises(EvidenceTooLargeError, match="a bundle can have 262 MB"):
        desk.bundle(session)

    assert not [key for key in desk.evidence_reader.objects if key.startswith("bundles/")]


def test_a_session_with_too_many_images_is_rejected() -> None:
    desk = Desk()
    session = desk.add_session(images=MOST_RECORDS + 1)

    with pytest.raises(EvidenceTooLargeError, match="over 2000 images"):
        desk.bundle(session)


def test_an_annotated_image_belongs_to_its_record() -> None:
    desk = Desk()
    desk.evidence()

    for record in desk.records:
        keys = evidence_keys(record)
        assert annotated_key(keys.result) == keys.annotated


def test_a_missing_session() -> None:
    with pytest.raises(SessionMissingError):
        bundle("front-door", "0-0", Desk().bundling)
