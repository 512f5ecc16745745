"""Sessions in the viewer's API: pages, details, marks and legal holds."""

import json
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from kinesight.domain.analysis.result_records import archive_key, encode_record, evidence_keys
from kinesight.domain.errors import EvidenceTooLargeError, SessionChangedError, SessionMissingError
from kinesight.domain.model import ResultRecord, from_epoch_ms
from kinesight.domain.sessions.alerts import document_of
from kinesight.domain.sessions.clip import ClipFragment, SessionClip, SessionRef
from kinesight.domain.sessions.model import BestImage, Session, Severity
from kinesight.domain.viewer.evidence import MOST_RECORDS, EvidenceBuckets, LegalHoldCopies
from kinesight.domain.viewer.serve_viewer import (
    MarkChange,
    ViewerPorts,
    mark_session,
    session_details,
    sessions_page,
)
from kinesight.domain.viewer.sessions import Mark, SessionFilter, StoredSession

from tests.builders import BUCKET, NOON_MS, a_detection, a_fragment_number, a_frame, a_record
from tests.fakes_viewer import FakeEvidenceReader
from tests.unit.viewer.test_sessions import FakePages

NOW = datetime(2026, 1, 2, tzinfo=UTC)


def address_of(session: StoredSession) -> str:
    return session.session_key.replace("#", "-")


@dataclass
class FakeMarks:
    """Sessions in memory, with revisions. Concurrent changes come before the next writes: `goes_on` changes of the
    session itself, or the mark `meanwhile` of another user."""

    sessions: dict[tuple[str, str], StoredSession] = field(default_factory=dict)
    goes_on: int = 0
    meanwhile: Mark | None = None

    def find(self, stream_name: str, session_key: str) -> StoredSession | None:
        return self.sessions.get((stream_name, session_key))

    def review(self, session: StoredSession, mark: Mark | None) -> StoredSession | None:
        return self._change(session, replace(session, reviewed=mark))

    def hold(self, session: StoredSession, mark: Mark | None) -> StoredSession | None:
        return self._change(session, replace(session, held=mark))

    def _change(self, session: StoredSession, changed: StoredSession) -> StoredSession | None:
        key = session.stream_name, session.session_key
        self._others(key)
        if self.sessions[key].revision != session.revision:
            return None
        self.sessions[key] = replace(changed, revision=str(int(session.revision) + 1))
        return self.sessions[key]

    def _others(self, key: tuple[str, str]) -> None:
        current = self.sessions[key]
        if self.goes_on:
            self.goes_on -= 1
            self.sessions[key] = replace(current, revision=str(int(current.revision) + 1))
        if self.meanwhile is not None:
            newer = str(int(current.revision) + 1)
            self.sessions[key] = replace(current, reviewed=self.meanwhile, revision=newer)


@dataclass
class World:
    """Sessions at the front door, of three images a second apart, with their evidence."""

    evidence_reader: FakeEvidenceReader = field(default_factory=FakeEvidenceReader)
    images: FakeEvidenceReader = field(default_factory=lambda: FakeEvidenceReader(name=BUCKET))
    marks: FakeMarks = field(default_factory=FakeMarks)
    records: list[ResultRecord] = field(default_factory=list)

    def add_session(self, start_ms: int = NOON_MS, *, images: int = 3, stream: str = "front-door") -> StoredSession:
        records = [self.record(start_ms + 1000 * index, stream) for index in range(images)]
        self.records += records
        best = BestImage(records[-1].result_id, start_ms, a_fragment_number(1), "Person", 97.5, Severity.ALERT)
        last_ms = start_ms + 1000 * (images - 1)
        session = Session(
            f"{start_ms:032x}",
            stream,
            Severity.ALERT,
            start_ms,
            start_ms,
            last_ms,
            images,
            {"Person": 97.5},
            ("people",),
            (),
            best,
        )
        video = SessionClip(
            images=images,
            selector="PRODUCER_TIMESTAMP",
            started_at=from_epoch_ms(start_ms),
            ended_at=from_epoch_ms(last_ms),
            complete=True,
            fragments=(ClipFragment(number=a_fragment_number(1), date="2026-01-01"),),
        )
        key = f"{start_ms:015d}#{session.session_id}"
        stored = StoredSession(stream, key, document_of(session), revision="1", video=video)
        self.marks.sessions[stream, key] = stored
        return stored

    def record(self, at_ms: int, stream: str = "front-door") -> ResultRecord:
        frame = a_frame(image_timestamp=from_epoch_ms(at_ms), fragment_number=a_fragment_number(1))
        record = a_record(frame.model_copy(update={"stream_name": stream}), matched=True)
        self.evidence_reader.objects[evidence_keys(record).result] = encode_record(record)
        return record

    def tag_of(self, session: StoredSession) -> str:
        """Returns the tag of its current state."""
        return session_details(session.stream_name, address_of(session), self.ports).tag

    @property
    def ports(self) -> ViewerPorts:
        pages = FakePages(list(self.marks.sessions.values()))
        return ViewerPorts(pages, self.marks, self.evidence_buckets, lambda: NOW, link_seconds=900)

    @property
    def evidence_buckets(self) -> EvidenceBuckets:
        self.evidence_reader.others[BUCKET] = self.images
        return EvidenceBuckets(self.evidence_reader, self.images, BUCKET, kept_days=30)


def test_a_page_of_cards_newest_first() -> None:
    world = World()
    older, newer = world.add_session(), world.add_session(NOON_MS + 60_000, stream="yard")

    response = sessions_page(SessionFilter(), 24, None, world.ports).document

    assert [one["sessionKey"] for one in response["sessions"]] == [address_of(newer), address_of(older)]
    assert response["cursor"] is None
    first: dict[str, Any] = response["sessions"][0]
    assert (first["streamName"], first["day"], first["reviewed"], first["held"]) == ("yard", "2026-01-01", False, False)
    assert first["links"]["image"] == f"https://evidence.example/{newer.document['keys']['image']}?signed"


def test_the_tag_of_a_page_changes_with_its_content() -> None:
    world = World()
    session = world.add_session()
    before = sessions_page(SessionFilter(), 24, None, world.ports).tag
    same = sessions_page(SessionFilter(), 24, None, world.ports).tag

    mark_session(
        "front-door", address_of(session), world.tag_of(session), MarkChange("ann", reviewed=True), world.ports
    )

    assert before == same
    assert sessions_page(SessionFilter(), 24, None, world.ports).tag != before


def test_links_of_a_document_with_a_current_tag_are_valid() -> None:
    """Links are valid for 900 seconds: before they expire, an otherwise equal response has another tag."""
    world = World()
    session = world.add_session()

    def tags(later_s: int) -> tuple[str, str]:
        ports = replace(world.ports, now=lambda: NOW + timedelta(seconds=later_s))
        page = sessions_page(SessionFilter(), 24, None, ports)
        return page.tag, session_details("front-door", address_of(session), ports).tag

    of_page, of_session = zip(*(tags(later_s) for later_s in range(0, 900, 30)), strict=True)

    assert len(set(of_page)) == len(set(of_session)) == 2
    assert of_page.count(of_page[0]) == of_session.count(of_session[0]) == 15
    mark_session("front-door", address_of(session), of_session[0], MarkChange("ann", reviewed=True), world.ports)


def test_a_session_has_its_frames_its_record_and_its_video() -> None:
    world = World()
    session = world.add_session()
    world.record(NOON_MS - 1)
    world.record(NOON_MS + 2001)

    response = session_details("front-door", address_of(session), world.ports)

    assert [one["resultId"] for one in response.document["frames"]] == [one.result_id for one in world.records]
    assert response.document["frames"][0]["detections"][0]["label"] == "Person"
    assert response.document["record"]["resultId"] == session.document["best"]["resultId"]
    (fragment,) = response.document["video"]["fragments"]
    assert fragment["link"].startswith("https://evidence.example/archive/stream=front-door/")
    assert response.tag.startswith("1-")


def test_a_session_over_midnight_has_the_frames_of_both_days() -> None:
    world = World()
    midnight_ms = NOON_MS + 12 * 3_600_000
    session = world.add_session(midnight_ms - 1000, images=3)

    frames = session_details("front-door", address_of(session), world.ports).document["frames"]

    assert [one["resultId"] for one in frames] == [one.result_id for one in world.records]
    assert timedelta(seconds=2) == (
        datetime.fromisoformat(frames[-1]["imageTimestamp"]) - datetime.fromisoformat(frames[0]["imageTimestamp"])
    )


def test_a_session_with_expired_evidence_is_returned_without_it() -> None:
    world = World()
    session = world.add_session()
    world.evidence_reader.objects.clear()

    response = session_details("front-door", address_of(session), world.ports).document

    assert (response["frames"], response["record"]) == ([], None)


def test_a_missing_session() -> None:
    with pytest.raises(SessionMissingError, match="may have expired"):
        session_details("front-door", "0-0", World().ports)


def test_reviewed_is_set_with_user_and_time_and_removed() -> None:
    world = World()
    session = world.add_session()

    response = mark_session(
        "front-door", address_of(session), world.tag_of(session), MarkChange("ann", reviewed=True), world.ports
    )

    assert (response.document["reviewed"], response.tag.partition("-")[0]) == (True, "2")
    stored = world.marks.sessions["front-door", session.session_key]
    assert stored.reviewed == Mark("ann", round(NOW.timestamp() * 1000))
    back = mark_session("front-door", address_of(session), response.tag, MarkChange("ann", reviewed=False), world.ports)
    assert back.document["reviewed"] is False


def test_marking_an_outdated_session_is_an_error() -> None:
    world = World()
    session = world.add_session()
    tag = world.tag_of(session)
    mark_session("front-door", address_of(session), tag, MarkChange("ann", reviewed=True), world.ports)

    with pytest.raises(SessionChangedError, match="has changed since"):
        mark_session("front-door", address_of(session), tag, MarkChange("bob", reviewed=False), world.ports)


def test_a_session_in_progress_can_be_marked() -> None:
    world = World()
    session = world.add_session()
    tag = world.tag_of(session)
    world.marks.goes_on = 3

    response = mark_session("front-door", address_of(session), tag, MarkChange("ann", True, True), world.ports)

    assert (response.document["reviewed"], response.document["held"]) == (True, True)


def test_a_concurrent_mark_is_not_overwritten_and_copies_are_removed() -> None:
    world = World()
    session = world.add_session()
    tag, before = world.tag_of(session), dict(world.evidence_reader.objects)
    world.marks.meanwhile = Mark("bob", NOON_MS)

    with pytest.raises(SessionChangedError):
        mark_session("front-door", address_of(session), tag, MarkChange("ann", held=True), world.ports)

    stored = world.marks.sessions["front-door", session.session_key]
    assert (stored.reviewed, stored.held) == (Mark("bob", NOON_MS), None)
    assert world.evidence_reader.objects == before


def test_a_failed_hold_keeps_the_copies_of_an_existing_one() -> None:
    world = World()
    session = world.add_session()
    held = mark_session(
        "front-door", address_of(session), world.tag_of(session), MarkChange("ann", held=True), world.ports
    )
    copies = dict(world.evidence_reader.objects)
    world.marks.meanwhile = Mark("bob", NOON_MS)

    with pytest.raises(SessionChangedError):
        mark_session("front-door", address_of(session), held.tag, MarkChange("ann", held=True), world.ports)

    assert world.evidence_reader.objects == copies


def test_a_response_stays_below_the_limit_of_lambda() -> None:
    world = World()
    session = world.add_session(images=200)
    for record in world.records:
        detections = tuple(a_detection(label="x" * 1000) for _ in range(50))
        body = encode_record(record.model_copy(update={"detections": detections}))
        world.evidence_reader.objects[evidence_keys(record).result] = body
    assert session.video is not None
    fragments = tuple(ClipFragment(number=a_fragment_number(one), date="2026-01-01") for one in range(2000))
    video = session.video.model_copy(update={"fragments": fragments})
    world.marks.sessions["front-door", session.session_key] = replace(session, video=video)

    document = session_details("front-door", address_of(session), world.ports).document

    assert 0 < len(document["frames"]) < 200
    assert document["record"]["resultId"] == session.document["best"]["resultId"]
    assert [("link" in one) for one in document["video"]["fragments"]] == [True] * 1000 + [False] * 1000
    assert len(json.dumps(document)) + 1000 * 1600 < 6_000_000


def test_records_that_did_not_match_are_no_images_of_a_session() -> None:
    world = World()
    session = world.add_session()
    frame = world.records[0].frame
    moment = frame.image_timestamp + timedelta(milliseconds=1)
    other = a_record(frame.model_copy(update={"image_timestamp": moment}), matched=False)
    world.evidence_reader.objects[evidence_keys(other).result] = encode_record(other)

    shown = session_details("front-door", address_of(session), world.ports).document

    assert [one["resultId"] for one in shown["frames"]] == [one.result_id for one in world.records]


def test_an_unreadable_record_does_not_hide_others() -> None:
    world = World()
    session = world.add_session()
    world.evidence_reader.objects[evidence_keys(world.records[0]).result] = b"{}"

    shown = session_details("front-door", address_of(session), world.ports).document

    assert [one["resultId"] for one in shown["frames"]] == [one.result_id for one in world.records[1:]]


def test_a_held_session_has_copies_and_links_to_them_after_expiry() -> None:
    world = World()
    session = world.add_session()
    image = session.document["keys"]["image"]
    world.evidence_reader.objects[image] = b"JPEG"
    folder = f"held/stream=front-door/{address_of(session)}/"

    response = mark_session(
        "front-door", address_of(session), world.tag_of(session), MarkChange("ann", held=True), world.ports
    )

    assert response.document["held"] is True
    assert world.evidence_reader.objects[folder + image] == b"JPEG"
    assert len([key for key in world.evidence_reader.objects if key.startswith(folder)]) == 1 + len(world.records)
    assert response.document["links"]["image"] == f"https://evidence.example/{image}?signed"
    later = replace(world.ports, now=lambda: NOW + timedelta(days=400))
    shown = session_details("front-door", address_of(session), later).document
    assert shown["links"]["image"] == f"https://evidence.example/{folder}{image}?signed"


def test_a_held_session_is_complete_after_its_originals_have_expired() -> None:
    world = World()
    session = world.add_session()
    original = world.records[-1].frame.image.key
    world.images.objects[original] = b"as taken"
    fragment = archive_key("front-door", a_fragment_number(1))
    world.evidence_reader.objects[fragment] = b"Matroska"
    mark_session("front-door", address_of(session), world.tag_of(session), MarkChange("ann", held=True), world.ports)
    folder = f"held/stream=front-door/{address_of(session)}/"
    assert world.evidence_reader.objects[f"{folder}originals/{original}"] == b"as taken"
    assert world.evidence_reader.objects[folder + fragment] == b"Matroska"
    world.images.objects.clear()
    world.evidence_reader.objects = {
        key: body for key, body in world.evidence_reader.objects.items() if key.startswith("held/")
    }

    later = replace(world.ports, now=lambda: NOW + timedelta(days=400))
    shown = session_details("front-door", address_of(session), later).document

    assert [one["resultId"] for one in shown["frames"]] == [one.result_id for one in world.records]
    assert shown["record"]["resultId"] == session.document["best"]["resultId"]
    assert shown["links"]["original"] == f"https://evidence.example/{folder}originals/{original}?signed"
    assert shown["video"]["fragments"][0]["link"] == f"https://evidence.example/{folder}{fragment}?signed"


def test_originals_are_linked_only_in_the_images_bucket() -> None:
    world = World()
    session = world.add_session(images=1)
    (record,) = world.records
    elsewhere = record.frame.model_copy(
        update={"image": record.frame.image.model_copy(update={"bucket": "another-stacks"})}
    )

    ours = session_details("front-door", address_of(session), world.ports).document["frames"][0]["links"]
    world.evidence_reader.objects[evidence_keys(record).result] = encode_record(
        record.model_copy(update={"frame": elsewhere})
    )
    foreign = session_details("front-door", address_of(session), world.ports).document

    assert ours["original"] == f"https://{BUCKET}.example/{record.frame.image.key}?signed"
    assert "original" not in foreign["frames"][0]["links"]
    assert "original" not in foreign["links"]


def test_a_session_with_too_many_images_is_not_held_in_part() -> None:
    world = World()
    session = world.add_session(images=MOST_RECORDS + 1)
    before = dict(world.evidence_reader.objects)

    with pytest.raises(EvidenceTooLargeError, match="over 2000 images"):
        mark_session(
            "front-door", address_of(session), world.tag_of(session), MarkChange("ann", held=True), world.ports
        )

    assert world.evidence_reader.objects == before
    assert world.marks.sessions["front-door", session.session_key].held is None


def test_evidence_added_to_a_held_session_is_held() -> None:
    world = World()
    session = world.add_session()
    mark_session("front-door", address_of(session), world.tag_of(session), MarkChange("ann", held=True), world.ports)
    late = archive_key("front-door", a_fragment_number(1))
    world.evidence_reader.objects[late] = b"Matroska"

    LegalHoldCopies(world.marks, world.evidence_buckets).renew(SessionRef("front-door", NOON_MS, f"{NOON_MS:032x}"))

    assert world.evidence_reader.objects[f"held/stream=front-door/{address_of(session)}/{late}"] == b"Matroska"


@pytest.mark.parametrize("session_id", [f"{NOON_MS:032x}", "another"])
def test_evidence_of_a_session_that_is_not_held_is_not_copied(session_id: str) -> None:
    world = World()
    world.add_session()
    before = dict(world.evidence_reader.objects)

    LegalHoldCopies(world.marks, world.evidence_buckets).renew(SessionRef("front-door", NOON_MS, session_id))

    assert world.evidence_reader.objects == before


def test_a_released_session_leaves_no_copies() -> None:
    world = World()
    session = world.add_session()
    before = dict(world.evidence_reader.objects)
    held = mark_session(
        "front-door", address_of(session), world.tag_of(session), MarkChange("ann", held=True), world.ports
    )

    let_go = mark_session("front-door", address_of(session), held.tag, MarkChange("ann", held=False), world.ports)

    assert let_go.document["held"] is False
    assert world.evidence_reader.objects == before
