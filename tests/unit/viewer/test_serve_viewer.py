"""What the viewer is answered about events."""

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
from kinesight.domain.viewer.events import EventFilter, Mark, StoredEvent
from kinesight.domain.viewer.evidence import MOST_RECORDS, EvidenceBuckets, HeldCopies
from kinesight.domain.viewer.serve_viewer import (
    MarkChange,
    ViewerPorts,
    event_details,
    events_page,
    mark_event,
)

from tests.builders import BUCKET, NOON_MS, a_detection, a_fragment_number, a_frame, a_record
from tests.fakes_viewer import FakeEvidenceReader
from tests.unit.viewer.test_events import FakePages

NOW = datetime(2026, 1, 2, tzinfo=UTC)


def address_of(event: StoredEvent) -> str:
    return event.event_id.replace("#", "-")


@dataclass
class FakeMarks:
    """Events in memory, with revisions. Before the next writes something else is written: `goes_on` so often by the
    session, or `meanwhile` by somebody."""

    events: dict[tuple[str, str], StoredEvent] = field(default_factory=dict)
    goes_on: int = 0
    meanwhile: Mark | None = None

    def find(self, stream_name: str, event_id: str) -> StoredEvent | None:
        return self.events.get((stream_name, event_id))

    def review(self, event: StoredEvent, mark: Mark | None) -> StoredEvent | None:
        return self._change(event, replace(event, reviewed=mark))

    def hold(self, event: StoredEvent, mark: Mark | None) -> StoredEvent | None:
        return self._change(event, replace(event, held=mark))

    def _change(self, event: StoredEvent, changed: StoredEvent) -> StoredEvent | None:
        key = event.stream_name, event.event_id
        self._others(key)
        if self.events[key].revision != event.revision:
            return None
        self.events[key] = replace(changed, revision=str(int(event.revision) + 1))
        return self.events[key]

    def _others(self, key: tuple[str, str]) -> None:
        current = self.events[key]
        if self.goes_on:
            self.goes_on -= 1
            self.events[key] = replace(current, revision=str(int(current.revision) + 1))
        if self.meanwhile is not None:
            newer = str(int(current.revision) + 1)
            self.events[key] = replace(current, reviewed=self.meanwhile, revision=newer)


@dataclass
class World:
    """A visit at the front door, of three images a second apart."""

    evidence_reader: FakeEvidenceReader = field(default_factory=FakeEvidenceReader)
    images: FakeEvidenceReader = field(default_factory=lambda: FakeEvidenceReader(name=BUCKET))
    marks: FakeMarks = field(default_factory=FakeMarks)
    records: list[ResultRecord] = field(default_factory=list)

    def visit(self, start_ms: int = NOON_MS, *, images: int = 3, stream: str = "front-door") -> StoredEvent:
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
        identity = f"{start_ms:015d}#{session.session_id}"
        event = StoredEvent(stream, identity, document_of(session), revision="1", video=video)
        self.marks.events[stream, identity] = event
        return event

    def record(self, at_ms: int, stream: str = "front-door") -> ResultRecord:
        frame = a_frame(image_timestamp=from_epoch_ms(at_ms), fragment_number=a_fragment_number(1))
        record = a_record(frame.model_copy(update={"stream_name": stream}), matched=True)
        self.evidence_reader.objects[evidence_keys(record).result] = encode_record(record)
        return record

    def seen(self, event: StoredEvent) -> str:
        """Its tag, as who looks at it now has it."""
        return event_details(event.stream_name, address_of(event), self.ports).tag

    @property
    def ports(self) -> ViewerPorts:
        pages = FakePages(list(self.marks.events.values()))
        return ViewerPorts(pages, self.marks, self.evidence_buckets, lambda: NOW, link_seconds=900)

    @property
    def evidence_buckets(self) -> EvidenceBuckets:
        self.evidence_reader.others[BUCKET] = self.images
        return EvidenceBuckets(self.evidence_reader, self.images, BUCKET, kept_days=30)


def test_a_page_of_cards_newest_first() -> None:
    world = World()
    older, newer = world.visit(), world.visit(NOON_MS + 60_000, stream="yard")

    answer = events_page(EventFilter(), 24, None, world.ports).document

    assert [one["eventId"] for one in answer["events"]] == [address_of(newer), address_of(older)]
    assert answer["cursor"] is None
    first: dict[str, Any] = answer["events"][0]
    assert (first["streamName"], first["day"], first["reviewed"], first["held"]) == ("yard", "2026-01-01", False, False)
    assert first["links"]["image"] == f"https://evidence.example/{newer.document['keys']['image']}?signed"


def test_the_tag_of_a_page_changes_with_what_it_shows() -> None:
    world = World()
    event = world.visit()
    before = events_page(EventFilter(), 24, None, world.ports).tag
    same = events_page(EventFilter(), 24, None, world.ports).tag

    mark_event("front-door", address_of(event), world.seen(event), MarkChange("ann", reviewed=True), world.ports)

    assert before == same
    assert events_page(EventFilter(), 24, None, world.ports).tag != before


def test_who_has_a_tag_has_links_that_open_still() -> None:
    """They open for 900 seconds: before that has passed, an answer that is otherwise the same has another tag."""
    world = World()
    event = world.visit()

    def tags(later_s: int) -> tuple[str, str]:
        ports = replace(world.ports, now=lambda: NOW + timedelta(seconds=later_s))
        page = events_page(EventFilter(), 24, None, ports)
        return page.tag, event_details("front-door", address_of(event), ports).tag

    of_page, of_event = zip(*(tags(later_s) for later_s in range(0, 900, 30)), strict=True)

    assert len(set(of_page)) == len(set(of_event)) == 2
    assert of_page.count(of_page[0]) == of_event.count(of_event[0]) == 15
    mark_event("front-door", address_of(event), of_event[0], MarkChange("ann", reviewed=True), world.ports)


def test_an_event_has_its_frames_its_record_and_its_video() -> None:
    world = World()
    event = world.visit()
    world.record(NOON_MS - 1)
    world.record(NOON_MS + 2001)

    answer = event_details("front-door", address_of(event), world.ports)

    assert [one["resultId"] for one in answer.document["frames"]] == [one.result_id for one in world.records]
    assert answer.document["frames"][0]["detections"][0]["label"] == "Person"
    assert answer.document["record"]["resultId"] == event.document["best"]["resultId"]
    (fragment,) = answer.document["video"]["fragments"]
    assert fragment["link"].startswith("https://evidence.example/archive/stream=front-door/")
    assert answer.tag.startswith("1-")


def test_a_session_over_midnight_has_the_frames_of_both_days() -> None:
    world = World()
    midnight_ms = NOON_MS + 12 * 3_600_000
    event = world.visit(midnight_ms - 1000, images=3)

    frames = event_details("front-door", address_of(event), world.ports).document["frames"]

    assert [one["resultId"] for one in frames] == [one.result_id for one in world.records]
    assert timedelta(seconds=2) == (
        datetime.fromisoformat(frames[-1]["imageTimestamp"]) - datetime.fromisoformat(frames[0]["imageTimestamp"])
    )


def test_an_event_whose_evidence_expired_is_shown_without_it() -> None:
    world = World()
    event = world.visit()
    world.evidence_reader.objects.clear()

    answer = event_details("front-door", address_of(event), world.ports).document

    assert (answer["frames"], answer["record"]) == ([], None)


def test_an_event_that_is_not_there() -> None:
    with pytest.raises(SessionMissingError, match="may have expired"):
        event_details("front-door", "0-0", World().ports)


def test_reviewed_is_set_with_who_and_when_and_taken_back() -> None:
    world = World()
    event = world.visit()

    answer = mark_event(
        "front-door", address_of(event), world.seen(event), MarkChange("ann", reviewed=True), world.ports
    )

    assert (answer.document["reviewed"], answer.tag.partition("-")[0]) == (True, "2")
    stored = world.marks.events["front-door", event.event_id]
    assert stored.reviewed == Mark("ann", round(NOW.timestamp() * 1000))
    back = mark_event("front-door", address_of(event), answer.tag, MarkChange("ann", reviewed=False), world.ports)
    assert back.document["reviewed"] is False


def test_who_saw_an_older_event_is_told() -> None:
    world = World()
    event = world.visit()
    seen = world.seen(event)
    mark_event("front-door", address_of(event), seen, MarkChange("ann", reviewed=True), world.ports)

    with pytest.raises(SessionChangedError, match="has changed since"):
        mark_event("front-door", address_of(event), seen, MarkChange("bob", reviewed=False), world.ports)


def test_an_event_that_goes_on_is_marked_all_the_same() -> None:
    world = World()
    event = world.visit()
    seen = world.seen(event)
    world.marks.goes_on = 3

    answer = mark_event("front-door", address_of(event), seen, MarkChange("ann", True, True), world.ports)

    assert (answer.document["reviewed"], answer.document["held"]) == (True, True)


def test_nobody_writes_over_a_mark_that_came_meanwhile_and_no_copies_are_left_behind() -> None:
    world = World()
    event = world.visit()
    seen, before = world.seen(event), dict(world.evidence_reader.objects)
    world.marks.meanwhile = Mark("bob", NOON_MS)

    with pytest.raises(SessionChangedError):
        mark_event("front-door", address_of(event), seen, MarkChange("ann", held=True), world.ports)

    stored = world.marks.events["front-door", event.event_id]
    assert (stored.reviewed, stored.held) == (Mark("bob", NOON_MS), None)
    assert world.evidence_reader.objects == before


def test_a_hold_that_fails_takes_nothing_from_one_that_holds() -> None:
    world = World()
    event = world.visit()
    held = mark_event("front-door", address_of(event), world.seen(event), MarkChange("ann", held=True), world.ports)
    copies = dict(world.evidence_reader.objects)
    world.marks.meanwhile = Mark("bob", NOON_MS)

    with pytest.raises(SessionChangedError):
        mark_event("front-door", address_of(event), held.tag, MarkChange("ann", held=True), world.ports)

    assert world.evidence_reader.objects == copies


def test_an_answer_stays_below_what_lambda_may_answer_with() -> None:
    world = World()
    event = world.visit(images=200)
    for record in world.records:
        detections = tuple(a_detection(label="x" * 1000) for _ in range(50))
        body = encode_record(record.model_copy(update={"detections": detections}))
        world.evidence_reader.objects[evidence_keys(record).result] = body
    assert event.video is not None
    fragments = tuple(ClipFragment(number=a_fragment_number(one), date="2026-01-01") for one in range(2000))
    video = event.video.model_copy(update={"fragments": fragments})
    world.marks.events["front-door", event.event_id] = replace(event, video=video)

    document = event_details("front-door", address_of(event), world.ports).document

    assert 0 < len(document["frames"]) < 200
    assert document["record"]["resultId"] == event.document["best"]["resultId"]
    assert [("link" in one) for one in document["video"]["fragments"]] == [True] * 1000 + [False] * 1000
    assert len(json.dumps(document)) + 1000 * 1600 < 6_000_000


def test_a_record_of_an_unknown_form_hides_no_others() -> None:
    world = World()
    event = world.visit()
    world.evidence_reader.objects[evidence_keys(world.records[0]).result] = b"{}"

    shown = event_details("front-door", address_of(event), world.ports).document

    assert [one["resultId"] for one in shown["frames"]] == [one.result_id for one in world.records[1:]]


def test_an_event_that_is_held_keeps_copies_of_its_evidence_and_leads_to_them_when_it_would_have_expired() -> None:
    world = World()
    event = world.visit()
    image = event.document["keys"]["image"]
    world.evidence_reader.objects[image] = b"JPEG"
    folder = f"held/stream=front-door/{address_of(event)}/"

    answer = mark_event("front-door", address_of(event), world.seen(event), MarkChange("ann", held=True), world.ports)

    assert answer.document["held"] is True
    assert world.evidence_reader.objects[folder + image] == b"JPEG"
    assert len([key for key in world.evidence_reader.objects if key.startswith(folder)]) == 1 + len(world.records)
    assert answer.document["links"]["image"] == f"https://evidence.example/{image}?signed"
    later = replace(world.ports, now=lambda: NOW + timedelta(days=400))
    shown = event_details("front-door", address_of(event), later).document
    assert shown["links"]["image"] == f"https://evidence.example/{folder}{image}?signed"


def test_an_event_that_is_held_is_whole_when_everything_it_was_copied_from_has_expired() -> None:
    world = World()
    event = world.visit()
    original = world.records[-1].frame.image.key
    world.images.objects[original] = b"as taken"
    fragment = archive_key("front-door", a_fragment_number(1))
    world.evidence_reader.objects[fragment] = b"Matroska"
    mark_event("front-door", address_of(event), world.seen(event), MarkChange("ann", held=True), world.ports)
    folder = f"held/stream=front-door/{address_of(event)}/"
    assert world.evidence_reader.objects[f"{folder}originals/{original}"] == b"as taken"
    assert world.evidence_reader.objects[folder + fragment] == b"Matroska"
    world.images.objects.clear()
    world.evidence_reader.objects = {
        key: body for key, body in world.evidence_reader.objects.items() if key.startswith("held/")
    }

    later = replace(world.ports, now=lambda: NOW + timedelta(days=400))
    shown = event_details("front-door", address_of(event), later).document

    assert [one["resultId"] for one in shown["frames"]] == [one.result_id for one in world.records]
    assert shown["record"]["resultId"] == event.document["best"]["resultId"]
    assert shown["links"]["original"] == f"https://evidence.example/{folder}originals/{original}?signed"
    assert shown["video"]["fragments"][0]["link"] == f"https://evidence.example/{folder}{fragment}?signed"


def test_originals_are_linked_where_images_are_kept_and_nowhere_else() -> None:
    world = World()
    event = world.visit(images=1)
    (record,) = world.records
    elsewhere = record.frame.model_copy(
        update={"image": record.frame.image.model_copy(update={"bucket": "somebody-elses"})}
    )

    ours = event_details("front-door", address_of(event), world.ports).document["frames"][0]["links"]
    world.evidence_reader.objects[evidence_keys(record).result] = encode_record(
        record.model_copy(update={"frame": elsewhere})
    )
    foreign = event_details("front-door", address_of(event), world.ports).document

    assert ours["original"] == f"https://{BUCKET}.example/{record.frame.image.key}?signed"
    assert "original" not in foreign["frames"][0]["links"]
    assert "original" not in foreign["links"]


def test_an_event_of_too_many_images_is_not_held_by_halves() -> None:
    world = World()
    event = world.visit(images=MOST_RECORDS + 1)
    before = dict(world.evidence_reader.objects)

    with pytest.raises(EvidenceTooLargeError, match="over 2000 images"):
        mark_event("front-door", address_of(event), world.seen(event), MarkChange("ann", held=True), world.ports)

    assert world.evidence_reader.objects == before
    assert world.marks.events["front-door", event.event_id].held is None


def test_what_comes_after_an_event_was_held_is_held_too() -> None:
    world = World()
    event = world.visit()
    mark_event("front-door", address_of(event), world.seen(event), MarkChange("ann", held=True), world.ports)
    late = archive_key("front-door", a_fragment_number(1))
    world.evidence_reader.objects[late] = b"Matroska"

    HeldCopies(world.marks, world.evidence_buckets).renew(SessionRef("front-door", NOON_MS, f"{NOON_MS:032x}"))

    assert world.evidence_reader.objects[f"held/stream=front-door/{address_of(event)}/{late}"] == b"Matroska"


@pytest.mark.parametrize("session_id", [f"{NOON_MS:032x}", "another"])
def test_what_nobody_holds_is_not_copied(session_id: str) -> None:
    world = World()
    world.visit()
    before = dict(world.evidence_reader.objects)

    HeldCopies(world.marks, world.evidence_buckets).renew(SessionRef("front-door", NOON_MS, session_id))

    assert world.evidence_reader.objects == before


def test_an_event_that_is_let_go_leaves_no_copies() -> None:
    world = World()
    event = world.visit()
    before = dict(world.evidence_reader.objects)
    held = mark_event("front-door", address_of(event), world.seen(event), MarkChange("ann", held=True), world.ports)

    let_go = mark_event("front-door", address_of(event), held.tag, MarkChange("ann", held=False), world.ports)

    assert let_go.document["held"] is False
    assert world.evidence_reader.objects == before
