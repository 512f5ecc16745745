"""An event's evidence as a zip: everything that there is, by names of our own, each file with its digest."""

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
from kinesight.domain.viewer.events import Mark, StoredEvent
from kinesight.domain.viewer.evidence import MOST_RECORDS, hold_evidence

from tests.builders import NOON_MS, a_fragment_number
from tests.unit.viewer.test_playback import NOW, Cinema
from tests.unit.viewer.test_serve_viewer import address_of

NAMES = [
    "manifest.json",
    "images/0001-annotated.jpg",
    "images/0001-original.jpg",
    "images/0002-annotated.jpg",
    "images/0002-original.jpg",
    "images/0003-annotated.jpg",
    "images/0003-original.jpg",
    "records/0001.json",
    "records/0002.json",
    "records/0003.json",
    "session.json",
    "video.mp4",
    "video/0001.mkv",
    "video/0002.mkv",
]


@dataclass
class Desk(Cinema):
    """Where a visit's evidence is bundled: three images, two fragments."""

    def evidence(self) -> StoredEvent:
        event = self.film(b"first", b"second")
        for index, record in enumerate(self.records):
            image = record.frame.image.model_copy(update={"key": f"images/{index}.jpg"})
            self.images.objects[image.key] = f"original {index}".encode()
            self.rewrite(record, image)
            self.evidence_reader.objects[evidence_keys(record).annotated] = f"annotated {index}".encode()
        return event

    def rewrite(self, record: ResultRecord, image: ImageReference) -> None:
        changed = record.model_copy(update={"frame": record.frame.model_copy(update={"image": image})})
        self.evidence_reader.objects[evidence_keys(record).result] = encode_record(changed)

    def upload(self, path: Path, key: str, content_type: str) -> None:
        assert content_type == "application/zip"
        self.evidence_reader.objects[key] = path.read_bytes()

    @property
    def bundling(self) -> BundlePorts:
        return BundlePorts(self.marks, self.evidence_buckets, lambda: self.clips, self, self.scratch, lambda: self.now)

    def bundle(self, event: StoredEvent) -> tuple[dict[str, bytes], dict[str, Any]]:
        """Files by name, and the answer."""
        answer = bundle("front-door", address_of(event), self.bundling)
        key = answer["link"].removeprefix("https://evidence.example/").removesuffix("?signed")
        assert key.startswith(f"bundles/stream=front-door/{address_of(event)}/")
        with ZipFile(BytesIO(self.evidence_reader.objects[key])) as archive:
            return {name: archive.read(name) for name in archive.namelist()}, answer


def test_everything_is_in_it_and_every_digest_holds() -> None:
    desk = Desk()

    files, answer = desk.bundle(desk.evidence())

    assert sorted(files) == NAMES
    told = {one["name"]: one for one in answer["manifest"]["files"]}
    assert sorted([*told, "manifest.json"]) == NAMES
    for name, one in told.items():
        assert (one["sha256"], one["bytes"]) == (hashlib.sha256(files[name]).hexdigest(), len(files[name]))
    assert json.loads(files["manifest.json"]) == answer["manifest"]
    assert answer["manifest"]["missing"] == []
    assert (files["images/0002-original.jpg"], files["images/0003-annotated.jpg"]) == (
        b"original 1",
        b"annotated 2",
    )
    assert (files["video/0001.mkv"], files["video.mp4"]) == (b"first", b"firstsecond")


def test_what_is_copied_is_told_by_its_key() -> None:
    desk = Desk()
    event = desk.evidence()

    files, answer = desk.bundle(event)

    keys = {one["name"]: one.get("key") for one in answer["manifest"]["files"]}
    assert keys["video/0002.mkv"] == archive_key("front-door", a_fragment_number(2))
    assert keys["images/0001-original.jpg"] == "images/0.jpg"
    assert keys["records/0001.json"] == evidence_keys(desk.records[0]).result
    assert keys["video.mp4"] is None
    assert json.loads(files["session.json"])["sessionId"] == event.document["sessionId"]
    assert json.loads(files["session.json"])["video"]["complete"] is True


def test_the_same_evidence_makes_the_same_zip() -> None:
    desk = Desk()
    event = desk.evidence()

    first, again = (bundle("front-door", address_of(event), desk.bundling) for _ in range(2))

    assert first == again
    assert len([key for key in desk.evidence_reader.objects if key.startswith("bundles/")]) == 1


def test_nothing_that_a_record_says_becomes_a_path() -> None:
    desk = Desk()
    event = desk.evidence()
    hostile = ImageReference(
        bucket=desk.evidence_buckets.images_bucket, key="../../etc/passwd", content_type="text/html/../x", size_bytes=1
    )
    desk.images.objects[hostile.key] = b"<script>"
    desk.rewrite(desk.records[0], hostile)

    files, _ = desk.bundle(event)

    assert files["images/0001-original.bin"] == b"<script>"
    assert sorted(files) == sorted(name.replace("1-original.jpg", "1-original.bin") for name in NAMES)


def test_an_image_in_another_bucket_is_not_asked_for() -> None:
    desk = Desk()
    event = desk.evidence()
    desk.images.objects["images/0.jpg"] = b"of another camera"
    desk.rewrite(
        desk.records[0],
        ImageReference(bucket="somebody-elses", key="images/0.jpg", content_type="image/jpeg", size_bytes=1),
    )

    files, answer = desk.bundle(event)

    assert not [name for name in files if name.startswith("images/0001-original")]
    assert answer["manifest"]["missing"] == [
        {"name": "images/0001-original", "reason": "it is in a bucket that is not this stack's"}
    ]


def test_what_is_missing_is_told() -> None:
    desk = Desk()
    event = desk.evidence()
    desk.images.objects.clear()
    del desk.evidence_reader.objects[evidence_keys(desk.records[1]).annotated]
    desk.evidence_reader.objects[evidence_keys(desk.records[2]).result] = b"{}"
    del desk.evidence_reader.objects[archive_key("front-door", a_fragment_number(1))]
    desk.evidence_reader.objects[archive_key("front-door", a_fragment_number(2))] = b"other form"

    files, answer = desk.bundle(event)

    assert {one["name"]: one["reason"] for one in answer["manifest"]["missing"]} == {
        "images/0003-original": "its record is of a form that this version can't read",
        "images/0002-annotated.jpg": "it is not there: not yet, or it has expired",
        "images/0001-original.jpg": "it is not there: not yet, or it has expired",
        "images/0002-original.jpg": "it is not there: not yet, or it has expired",
        "video/0001.mkv": "it is not there: not yet, or it has expired",
        "video.mp4": "cannot read any archived fragment",
    }
    assert (files["records/0003.json"], files["video/0002.mkv"]) == (b"{}", b"other form")


def test_fragments_that_the_mp4_could_not_take_are_bundled_all_the_same() -> None:
    desk = Desk()
    event = desk.evidence()
    desk.evidence_reader.objects[archive_key("front-door", a_fragment_number(2))] = b"other form"

    files, answer = desk.bundle(event)

    assert (files["video.mp4"], files["video/0002.mkv"]) == (b"first", b"other form")
    assert answer["manifest"]["missing"] == [{"name": "video.mp4", "reason": "1 of 2 fragments are not in it"}]


def test_what_is_held_is_bundled_from_its_copies() -> None:
    desk = Desk()
    event = desk.evidence()
    hold_evidence(event, desk.evidence_buckets)
    desk.marks.events["front-door", event.event_id] = replace(event, held=Mark("ann", NOON_MS))
    desk.images.objects.clear()
    desk.evidence_reader.objects = {
        key: body for key, body in desk.evidence_reader.objects.items() if key.startswith("held/")
    }
    desk.now = NOW + timedelta(days=400)

    files, answer = desk.bundle(event)

    assert sorted(files) == NAMES
    assert answer["manifest"]["missing"] == []
    assert json.loads(files["session.json"])["held"]["by"] == "ann"


def test_too_much_is_refused_before_anything_is_read() -> None:
    desk = Desk()
    event = desk.evidence()
    desk.evidence_reader.objects[archive_key("front-door", a_fragment_number(1))] = bytes(MOST_BYTES)

    with pytest.raises(EvidenceTooLargeError, match=r"3 images, 2 fragments\) has 262 MB or more"):
        desk.bundle(event)

    assert desk.clips.made == 0
    assert not [key for key in desk.evidence_reader.objects if key.startswith("bundles/")]


def test_originals_that_pass_the_bound_leave_nothing_behind() -> None:
    desk = Desk()
    event = desk.evidence()
    desk.images.objects["images/2.jpg"] = bytes(MOST_BYTES)

    with pytest.raises(EvidenceTooLargeError, match="a bundle is made of up to 262 MB"):
        desk.bundle(event)

    assert not [key for key in desk.evidence_reader.objects if key.startswith("bundles/")]


def test_a_session_of_hours_is_refused_by_its_number_of_images() -> None:
    desk = Desk()
    event = desk.visit(images=MOST_RECORDS + 1)

    with pytest.raises(EvidenceTooLargeError, match="over 2000 images"):
        desk.bundle(event)


def test_an_annotated_image_is_found_by_its_record() -> None:
    desk = Desk()
    desk.evidence()

    for record in desk.records:
        keys = evidence_keys(record)
        assert annotated_key(keys.result) == keys.annotated


def test_an_event_that_is_not_there() -> None:
    with pytest.raises(SessionMissingError):
        bundle("front-door", "0-0", Desk().bundling)
