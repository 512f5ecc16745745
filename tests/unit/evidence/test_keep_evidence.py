"""Batches of keep_evidence: idempotent, alerts last, failures do not affect other records."""

import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import pytest
from kinesight.domain.analysis.result_records import encode_record, evidence_keys
from kinesight.domain.batches import StreamedRecord
from kinesight.domain.configuration.camera import KeepSettings
from kinesight.domain.errors import DeliveryError, MediaBusyError, StreamRefusedError, UnsupportedImageError
from kinesight.domain.evidence.image_alerts import alert_for
from kinesight.domain.evidence.keep_evidence import EvidencePorts, EvidenceReport, keep_batch
from kinesight.domain.model import ResultRecord, from_epoch_ms
from kinesight.domain.ports import FragmentMedia, FragmentUnavailable

from tests.builders import NOON_MS, a_detection, a_fragment_number, a_frame, a_record
from tests.fakes import (
    FakeAlerts,
    FakeAnnotator,
    FakeDeadLetters,
    FakeEvidenceStore,
    FakeFragments,
    FakeImageStore,
    FakeLedger,
)

Fetched = FragmentMedia | FragmentUnavailable


@dataclass
class World:
    """Ports in memory."""

    images: FakeImageStore = field(default_factory=FakeImageStore)
    fragments: FakeFragments = field(default_factory=FakeFragments)
    store: FakeEvidenceStore = field(default_factory=FakeEvidenceStore)
    annotator: FakeAnnotator = field(default_factory=FakeAnnotator)
    alerts: FakeAlerts = field(default_factory=FakeAlerts)
    ledger: FakeLedger = field(default_factory=FakeLedger)
    dead_letters: FakeDeadLetters = field(default_factory=FakeDeadLetters)
    keep_of: dict[str, KeepSettings] = field(default_factory=dict)

    def keep(self, *items: ResultRecord | bytes) -> EvidenceReport:
        ports = EvidencePorts(
            self.images,
            self.fragments,
            self.store,
            self.annotator,
            self.alerts,
            self.ledger,
            self.dead_letters,
            keep=lambda stream_name: self.keep_of.get(stream_name, KeepSettings()),
            pause=lambda _: None,
            remaining_ms=lambda: 300_000,
        )
        data = [item if isinstance(item, bytes) else encode_record(item) for item in items]
        return keep_batch([StreamedRecord(f"s{index}", one) for index, one in enumerate(data)], ports)

    def record(self, index: int = 0, fragment: int = 1, **overrides: object) -> ResultRecord:
        number = a_fragment_number(fragment)
        frame = a_frame(image_timestamp=from_epoch_ms(NOON_MS + index), fragment_number=number)
        self.images.add(frame.image.bucket, frame.image.key)
        self.fragments.media[number] = f"mkv {number}".encode()
        return a_record(frame, **overrides)


def test_a_matched_record_leaves_record_image_fragment_and_alert() -> None:
    world = World()
    record = world.record()

    report = world.keep(record)

    keys = evidence_keys(record)
    assert world.store.objects[keys.result] == (encode_record(record), "application/json")
    assert world.store.objects[keys.annotated] == (b"imagePerson", "image/jpeg")
    assert keys.archive is not None
    assert world.store.objects[keys.archive] == (f"mkv {a_fragment_number()}".encode(), "video/x-matroska")
    assert [alert.body["resultId"] for alert in world.alerts.sent] == [record.result_id]
    assert (report.archived_fragments, report.alerts) == (1, 1)
    assert report.archived_bytes == len(world.store.objects[keys.archive][0])
    assert report.kept == report.alerted == [record]


def test_a_record_that_did_not_match_leaves_nothing() -> None:
    world = World()

    report = world.keep(world.record(matched=False))

    assert (world.store.objects, world.alerts.sent, report.kept) == ({}, [], [])


@pytest.mark.parametrize(
    ("keep", "folders"),
    [
        (KeepSettings(records="ALL"), {"results"}),
        (KeepSettings(fragments="ALL"), {"archive"}),
        (KeepSettings(records="ALL", fragments="ALL"), {"results", "archive"}),
    ],
    ids=["records", "fragments", "both"],
)
def test_all_keeps_what_did_not_match_without_image_and_alert(keep: KeepSettings, folders: set[str]) -> None:
    world = World(keep_of={"front-door": keep})
    record = world.record(matched=False, matched_labels=(), matched_rules=())

    report = world.keep(record)

    keys = evidence_keys(record)
    bodies = {keys.result: encode_record(record), keys.archive: f"mkv {a_fragment_number()}".encode()}
    expected = {key: body for key, body in bodies.items() if str(key).partition("/")[0] in folders}
    assert {key: body for key, (body, _) in world.store.objects.items()} == expected
    assert (report.kept, report.alerted, world.alerts.sent) == ([record], [], [])
    assert report.archived_fragments == ("archive" in folders)


def test_all_does_not_change_what_is_kept_of_matched_records() -> None:
    usual, everything = World(), World(keep_of={"front-door": KeepSettings(records="ALL", fragments="ALL")})
    for world in (usual, everything):
        world.keep(world.record(0), world.record(1, fragment=2, matched=False))

    assert usual.store.objects.items() < everything.store.objects.items()
    more = everything.store.objects.keys() - usual.store.objects.keys()
    assert sorted(key.partition("/stream=")[0] for key in more) == ["archive", "results/unmatched"]
    assert [one.body for one in usual.alerts.sent] == [one.body for one in everything.alerts.sent]


def test_all_is_for_its_camera_alone() -> None:
    world = World(keep_of={"back-door": KeepSettings(records="ALL")})
    here, there = world.record(0, matched=False), world.record(1, matched=False)
    there = there.model_copy(update={"frame": there.frame.model_copy(update={"stream_name": "back-door"})})

    world.keep(here, there)

    assert list(world.store.objects) == [evidence_keys(there).result]


def test_frames_that_did_not_match_share_the_fragment_of_one_that_did() -> None:
    world = World(keep_of={"front-door": KeepSettings(fragments="ALL")})

    report = world.keep(*(world.record(index, matched=False) for index in range(3)), world.record(4))

    assert world.fragments.requested == [("front-door", a_fragment_number())]
    assert report.archived_fragments == 1


def test_a_second_delivery_of_what_did_not_match_changes_nothing() -> None:
    world = World(keep_of={"front-door": KeepSettings(records="ALL", fragments="ALL")})
    record = world.record(matched=False)
    world.keep(record)
    writes = world.store.writes

    assert world.keep(record).failed_item_ids == []
    assert (world.store.writes, len(world.fragments.requested)) == (writes, 1)


def test_alerts_are_sent_before_fragments_of_frames_that_did_not_match_are_fetched() -> None:
    world = World(keep_of={"front-door": KeepSettings(fragments="ALL")})
    sent: list[int] = []

    class Watched(FakeFragments):
        def fetch(
            self, stream_name: str, fragment_numbers: Sequence[str]
        ) -> Iterator[FragmentMedia | FragmentUnavailable]:
            sent.append(len(world.alerts.sent))
            yield from super().fetch(stream_name, fragment_numbers)

    world.fragments = Watched(world.fragments.media)

    world.keep(world.record(0, fragment=1, matched=False), world.record(1, fragment=2))

    assert sent == [0, 1]


def test_a_fragment_of_a_frame_that_did_not_match_is_retried_if_kvs_is_busy() -> None:
    world = World(keep_of={"front-door": KeepSettings(fragments="ALL")})
    world.fragments = FakeFragments(failure=MediaBusyError("throttled"))
    record = world.record(matched=False)
    world.fragments.media.clear()

    assert world.keep(record).failed_item_ids == ["s0"]


def test_all_fragments_of_a_frame_without_fragment_keep_nothing() -> None:
    world = World(keep_of={"front-door": KeepSettings(fragments="ALL")})
    record = world.record(matched=False)
    bare = record.model_copy(update={"frame": record.frame.model_copy(update={"fragment_number": None})})

    assert (world.keep(bare).kept, world.store.objects) == ([], {})


def test_one_fetch_per_fragment_however_many_frames_matched_in_it() -> None:
    world = World()

    world.keep(*(world.record(index) for index in range(5)), world.record(9, fragment=2))

    assert sorted(world.fragments.requested) == [
        ("front-door", a_fragment_number(1)),
        ("front-door", a_fragment_number(2)),
    ]
    assert len(world.alerts.sent) == 6


def test_several_cameras_are_fetched_in_parallel() -> None:
    world = World()
    here, there = world.record(0), world.record(1)
    there = there.model_copy(update={"frame": there.frame.model_copy(update={"stream_name": "back-door"})})
    both_are_fetching = threading.Barrier(2, timeout=10)

    class Meeting(FakeFragments):
        def fetch(
            self, stream_name: str, fragment_numbers: Sequence[str]
        ) -> Iterator[FragmentMedia | FragmentUnavailable]:
            both_are_fetching.wait()
            yield from super().fetch(stream_name, fragment_numbers)

    world.fragments = Meeting(world.fragments.media)

    report = world.keep(here, there)

    assert report.archived_fragments == 2
    assert sorted(stream for stream, _ in world.fragments.requested) == ["back-door", "front-door"]


def test_a_second_delivery_changes_nothing_and_sends_no_alert() -> None:
    world = World()
    batch = [world.record(index) for index in range(3)]
    world.keep(*batch)
    writes, objects = world.store.writes, dict(world.store.objects)

    world.keep(*batch)

    assert (world.store.writes, world.store.objects) == (writes, objects)
    assert len(world.alerts.sent) == 3
    assert len(world.fragments.requested) == 1


def test_an_expired_fragment_does_not_affect_other_evidence() -> None:
    world = World()
    expired, whole = world.record(0, fragment=1), world.record(1, fragment=2)
    del world.fragments.media[a_fragment_number(1)]

    report = world.keep(expired, whole)

    assert evidence_keys(expired).result in world.store.objects
    assert evidence_keys(expired).annotated in world.store.objects
    assert evidence_keys(whole).archive in world.store.objects
    assert [str(error.error) for error in report.missing] == [f"fragment {a_fragment_number(1)}: FRAGMENT_NOT_FOUND"]
    assert "Not kept: fragment" in world.alerts.sent[0].text
    assert report.failed_item_ids == []


def test_records_of_a_fragment_are_retried_if_kvs_is_busy() -> None:
    world = World(fragments=FakeFragments(failure=MediaBusyError("throttled")))
    here, later = world.record(0, fragment=1), world.record(1, fragment=2)
    del world.fragments.media[a_fragment_number(2)]

    report = world.keep(here, later)

    assert report.failed_item_ids == ["s1"]
    assert len(world.alerts.sent) == 1
    world.fragments.media[a_fragment_number(2)] = b"mkv"
    assert world.keep(here, later).failed_item_ids == []
    assert len(world.alerts.sent) == 2


def test_a_stream_that_kvs_refuses_delays_no_other_and_keeps_the_rest_of_its_evidence() -> None:
    class Refused(FakeFragments):
        def fetch(self, stream_name: str, fragment_numbers: Sequence[str]) -> Iterator[Fetched]:
            if stream_name == "no-grant":
                raise StreamRefusedError("AccessDeniedException: kms:Decrypt")
            return super().fetch(stream_name, fragment_numbers)

    world = World(fragments=Refused())
    fine = world.record(0, fragment=1)
    there = world.record(1, fragment=2)
    refused = there.model_copy(update={"frame": there.frame.model_copy(update={"stream_name": "no-grant"})})

    report = world.keep(refused, fine)

    assert (report.failed_item_ids, report.kept) == ([], [fine])
    ((body, reason),) = world.dead_letters.sent
    assert ResultRecord.model_validate_json(body) == refused
    assert isinstance(reason, StreamRefusedError)
    keys = evidence_keys(refused)
    assert {keys.result, keys.annotated} <= world.store.objects.keys()
    assert [("kms:Decrypt" in alert.text) for alert in world.alerts.sent] == [True, False]

    world.fragments = FakeFragments({a_fragment_number(2): b"mkv"})
    world.keep(refused)

    assert keys.archive in world.store.objects
    assert len(world.alerts.sent) == 2


def test_an_alert_that_fails_is_sent_by_the_next_attempt() -> None:
    world = World(alerts=FakeAlerts(failing=lambda _: DeliveryError("sns")))
    record = world.record()

    assert world.keep(record).failed_item_ids == ["s0"]

    world.alerts.failing = lambda _: None
    assert world.keep(record).failed_item_ids == []
    assert len(world.alerts.sent) == 1


def test_an_image_that_cannot_be_annotated_does_not_affect_other_evidence() -> None:
    world = World(annotator=FakeAnnotator(failure=UnsupportedImageError("no image")))
    record = world.record()

    report = world.keep(record)

    assert evidence_keys(record).annotated not in world.store.objects
    assert len(report.missing) == len(world.alerts.sent) == 1


def test_an_invalid_record_is_dead_lettered_and_the_others_are_kept() -> None:
    world = World()

    report = world.keep(b"\xffnot json", world.record())

    assert [(body, type(error).__name__) for body, error in world.dead_letters.sent] == [
        ("\\xffnot json", "InvalidEventError")
    ]
    assert (report.alerts, report.failed_item_ids) == (1, [])


def test_a_record_that_cannot_be_dead_lettered_is_retried() -> None:
    world = World(dead_letters=FakeDeadLetters(failure=DeliveryError("queue is gone")))

    assert world.keep(b"not json").failed_item_ids == ["s0"]


def test_a_frame_without_fragment_keeps_its_other_evidence() -> None:
    world = World()
    record = world.record()
    bare = a_record(record.frame.model_copy(update={"fragment_number": None}))

    assert world.keep(bare).alerts == 1
    assert not any(key.startswith("archive/") for key in world.store.objects)


def test_a_subject_is_short_plain_text_whatever_the_label() -> None:
    record = a_record(detections=(a_detection(label="Ö" * 300),), matched_labels=("Ö" * 300,))

    subject = alert_for(record, str, []).subject

    assert len(subject) < 100
    assert subject.isascii()


def test_the_text_names_camera_time_labels_and_links() -> None:
    text = alert_for(a_record(), lambda key: f"https://example/{key}", []).text

    assert "Person seen by front-door at 2026-01-01 12:00:00 UTC." in text
    assert "Image: https://example/annotated/" in text
    assert "Video: https://example/archive/" in text


@pytest.mark.parametrize("fragment", [1, 2])
def test_an_alert_for_machines_names_every_key(fragment: int) -> None:
    record = a_record(a_frame(fragment_number=a_fragment_number(fragment)))

    keys = evidence_keys(record)
    assert alert_for(record, str, []).body["keys"] == {
        "image": keys.annotated,
        "record": keys.result,
        "video": keys.archive,
    }
