"""archive_session: every fragment of a session once, whatever is there already, gone, throttled or cut off."""

from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
from kinesight.domain.analysis.result_records import archive_key
from kinesight.domain.batches import QueuedMessage
from kinesight.domain.errors import (
    DeliveryError,
    KinesightError,
    MediaBusyError,
    NoRetentionError,
    StorageBusyError,
    StreamGoneError,
    StreamRefusedError,
)
from kinesight.domain.model import to_epoch_ms
from kinesight.domain.ports import FragmentSpan, VideoStream
from kinesight.domain.sessions.archive_session import MOST_FRAGMENTS, ArchivePorts, ArchiveReport, archive_sessions
from kinesight.domain.sessions.clip import ClipOrder, SessionClip, SessionRef

from tests.builders import NOON_MS, a_fragment_number
from tests.fakes import (
    FakeDeadLetters,
    FakeDelayedMessages,
    FakeEvidenceStore,
    FakeFragments,
    FakeHeld,
    FakeSessionClips,
)
from tests.fakes_streams import DescribeOnly

CAM = "front-door"
REF = SessionRef(CAM, NOON_MS, "s" * 32)


def number(at_s: int) -> str:
    """Of the fragment of two seconds that begins then."""
    return a_fragment_number(at_s + 10_000, NOON_MS + 1000 * at_s)


def an_order(**changes: object) -> ClipOrder:
    """The session of noon to 20 s past it, with five seconds before and behind."""
    order = ClipOrder(
        video_of=REF.session_id,
        stream_name=CAM,
        opened_ms=NOON_MS,
        images=3,
        selector="PRODUCER_TIMESTAMP",
        start_ms=NOON_MS - 5000,
        end_ms=NOON_MS + 25_000,
    )
    return order.model_copy(update=changes)


@dataclass
class World(DescribeOnly):
    """A stream of fragments of two seconds, a minute before noon to two minutes past it, and all around the verb.

    KVS lists those that are recorded and not `expired_s`, and gives those that `archive` has.
    """

    recorded_s: list[int] = field(default_factory=lambda: list(range(-60, 120, 2)))
    expired_s: set[int] = field(default_factory=set)
    retention_hours: int = 24
    hours_later: float = 0
    trouble: KinesightError | None = None
    archive: FakeFragments = field(default_factory=FakeFragments)
    store: FakeEvidenceStore = field(default_factory=FakeEvidenceStore)
    videos: FakeSessionClips = field(default_factory=FakeSessionClips)
    held: FakeHeld = field(default_factory=FakeHeld)
    orders: FakeDelayedMessages = field(default_factory=FakeDelayedMessages)
    dead: FakeDeadLetters = field(default_factory=FakeDeadLetters)
    fetches_left: int = 10**6
    fetched_before: int = 0
    selectors: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.archive.media = {number(at_s): f"mkv {at_s}".encode() for at_s in self.recorded_s}

    def describe(self, name_or_arn: str) -> VideoStream:
        if isinstance(self.trouble, StreamGoneError):
            raise self.trouble
        return VideoStream(CAM, "arn", "ACTIVE", self.retention_hours)

    def fragments(self, stream_name: str, selector: str, start_ms: int, end_ms: int) -> Iterator[FragmentSpan]:
        self.selectors.append(selector)
        if self.trouble is not None:
            raise self.trouble
        for at_s in reversed(self.recorded_s):
            if start_ms <= NOON_MS + 1000 * at_s <= end_ms and at_s not in self.expired_s:
                yield FragmentSpan(number(at_s), NOON_MS + 1000 * at_s, 2000)

    def remaining_ms(self) -> int:
        fetched = len(self.archive.requested) - self.fetched_before
        return 60_000 if fetched < self.fetches_left else 10_000

    def run(self, *bodies: ClipOrder | str) -> ArchiveReport:
        self.fetched_before = len(self.archive.requested)
        ports = ArchivePorts(
            index=self,
            streams=self,
            fragments=self.archive,
            store=self.store,
            videos=self.videos,
            legal_hold=self.held,
            orders=self.orders,
            dead_letters=self.dead,
            remaining_ms=self.remaining_ms,
            now_ms=lambda: NOON_MS + round(3_600_000 * self.hours_later),
        )
        texts = [one if isinstance(one, str) else one.model_dump_json(by_alias=True) for one in bodies or [an_order()]]
        return archive_sessions([QueuedMessage(f"m{index}", text) for index, text in enumerate(texts)], ports)

    @property
    def video(self) -> SessionClip:
        return self.videos.videos[REF]

    def listed_s(self) -> list[int]:
        """When the listed fragments begin, after checking that each is archived."""
        found = []
        for one in self.video.fragments:
            at_s = next(at_s for at_s in range(-100, 10_000) if number(at_s) == one.number)
            assert self.store.objects[archive_key(CAM, one.number)] == (f"mkv {at_s}".encode(), "video/x-matroska")
            assert f"/date={one.date}/" in archive_key(CAM, one.number)
            found.append(at_s)
        return found

    def missing(self) -> list[tuple[str, int, int]]:
        """(reason, from, to) in seconds past noon."""
        return [
            (one.reason, (to_epoch_ms(one.started_at) - NOON_MS) // 1000, (to_epoch_ms(one.ended_at) - NOON_MS) // 1000)
            for one in self.video.missing
            if one.started_at is not None and one.ended_at is not None
        ]


def test_everything_from_pre_roll_to_post_roll_is_archived_and_listed_in_order() -> None:
    world = World()

    report = world.run()

    assert world.listed_s() == list(range(-6, 26, 2))  # the first shows the pre-roll's begin, the last its end
    assert (report.fragments, len(report.completed), report.failed_item_ids) == (16, 1, [])
    assert report.archived_bytes == sum(len(body) for body, _ in world.store.objects.values())
    assert (world.video.complete, world.video.missing, world.orders.sent) == (True, (), [])
    first = world.video.fragments[0]
    assert (first.started_at is not None and to_epoch_ms(first.started_at), first.length_ms) == (NOON_MS - 6000, 2000)


def test_the_orders_clock_is_used() -> None:
    world = World()

    world.run(an_order(selector="SERVER_TIMESTAMP"))

    assert world.selectors == ["SERVER_TIMESTAMP"]


def test_what_is_archived_already_is_listed_and_not_fetched() -> None:
    world = World()
    world.store.write_once(archive_key(CAM, number(4)), b"mkv 4", "video/x-matroska")

    report = world.run()

    assert 4 in world.listed_s()
    assert (CAM, number(4)) not in world.archive.requested
    assert report.fragments == 15


def test_a_second_delivery_changes_nothing() -> None:
    world = World()
    world.run()
    objects, video, requested_before = dict(world.store.objects), world.video, list(world.archive.requested)

    report = world.run()

    assert (world.store.objects, world.video, world.archive.requested) == (objects, video, requested_before)
    assert report.fragments == 0


def test_copies_of_what_is_held_are_renewed_when_all_of_it_is_there() -> None:
    world = World(fetches_left=1)

    world.run()
    assert (world.video.complete, world.held.renewed) == (False, [])

    world.fetches_left = 10**6
    world.run()
    assert (world.video.complete, world.held.renewed) == (True, [REF])


def test_copies_that_could_not_be_renewed_are_tried_again() -> None:
    world = World()
    world.held.failure = StorageBusyError("slow down")

    report = world.run()

    assert (report.failed_item_ids, report.completed) == (["m0"], [])


def test_overlapping_sessions_fetch_what_they_share_once() -> None:
    world = World()

    world.run(an_order(), an_order(video_of="t" * 32, start_ms=NOON_MS + 10_000, end_ms=NOON_MS + 40_000))

    assert len(world.archive.requested) == len(set(world.archive.requested)) == 16 + 8
    assert len(world.videos.videos) == 2


def test_a_stretch_without_media_is_said() -> None:
    world = World(recorded_s=[*range(-2, 8, 2), *range(12, 20, 2)])

    world.run()

    assert world.listed_s() == [-2, 0, 2, 4, 6, 12, 14, 16, 18]
    assert world.missing() == [("NO_MEDIA", -5, -2), ("NO_MEDIA", 8, 12), ("NO_MEDIA", 20, 25)]
    assert world.video.complete


def test_a_moments_pause_is_no_gap() -> None:
    world = World(recorded_s=list(range(-6, 26, 3)))

    world.run()

    assert world.missing() == []


def test_what_retention_took_is_said_and_what_was_kept_of_it_is_listed() -> None:
    """A range of the past: keep_evidence archived the fragment that matched, the rest of the first half is gone."""
    world = World(recorded_s=list(range(10, 40, 2)), hours_later=24 + 10 / 3600)
    world.store.write_once(archive_key(CAM, number(0)), b"mkv 0", "video/x-matroska")

    world.run(an_order(fragments=(number(0), number(2), number(12))))

    assert world.listed_s() == [0, *range(10, 26, 2)]
    assert world.video.fragments[0].started_at is None
    assert [(one.reason, one.fragments) for one in world.video.missing if one.fragments] == [
        ("FRAGMENT_NOT_FOUND", (number(2),))
    ]
    assert world.missing() == [("EXPIRED", -5, 10)]


@pytest.mark.parametrize(
    ("trouble", "retention_hours", "reason"),
    [(StreamGoneError("gone"), 24, "STREAM_GONE"), (NoRetentionError("nothing kept"), 0, "NO_RETENTION")],
)
def test_a_stream_that_has_nothing_is_no_error(trouble: KinesightError, retention_hours: int, reason: str) -> None:
    world = World(trouble=trouble, retention_hours=retention_hours)

    report = world.run()

    assert (report.failed_item_ids, report.dead_lettered) == ([], [])
    assert (world.video.fragments, world.missing(), world.video.complete) == ((), [(reason, -5, 25)], True)


def test_a_throttled_kvs_brings_the_message_back_and_the_rest_alone_is_fetched() -> None:
    world = World()
    throttled = {number(at_s): world.archive.media.pop(number(at_s)) for at_s in (8, 10)}
    world.archive.failure = MediaBusyError("throttled")

    first = world.run()
    written, world.archive.requested = world.store.writes, []
    world.archive.media |= throttled
    second = world.run()

    assert (first.failed_item_ids, [type(one.error) for one in first.retried]) == (["m0"], [MediaBusyError])
    assert written == 7
    assert [one for _, one in world.archive.requested] == [number(at_s) for at_s in range(8, 26, 2)]
    assert (second.failed_item_ids, world.listed_s()) == ([], list(range(-6, 26, 2)))


def test_when_time_runs_out_the_rest_is_done_by_the_next_message() -> None:
    world = World(fetches_left=5)

    first = world.run()
    assert (first.continued, first.completed, world.video.complete) == (1, [], False)
    assert world.listed_s() == list(range(-6, 4, 2))

    messages = 1
    while world.orders.sent:
        world.fetches_left, messages = 5, messages + 1
        body, delay_s = world.orders.sent.pop()
        assert delay_s == 0
        world.run(body)

    assert (messages, world.listed_s(), world.video.complete) == (4, list(range(-6, 26, 2)), True)
    assert len(world.archive.requested) == len(set(world.archive.requested))


def test_every_message_gets_further_even_with_no_time_at_all() -> None:
    world = World(fetches_left=0)

    world.run()

    assert len(world.video.fragments) == 1


def test_slow_checks_leave_time_to_archive() -> None:
    """450 fragments, and 0.3 s for each HEAD request of an invocation of two minutes."""
    world = World(recorded_s=list(range(0, 900, 2)))
    passed_ms = [0]

    class Slow(FakeEvidenceStore):
        def exists(self, key: str) -> bool:
            passed_ms[0] += 300
            return super().exists(key)

    world.store = Slow()
    world.remaining_ms = lambda: 120_000 - passed_ms[0]  # type: ignore[method-assign]
    archived = []
    for _ in range(3):
        passed_ms[0] = 0
        archived.append(world.run(an_order(start_ms=NOON_MS, end_ms=NOON_MS + 900_000)).fragments)
        assert passed_ms[0] <= 91_000

    assert archived == [301, 149, 0]
    assert world.video.complete


def test_fragments_that_kvs_refuses_are_not_tried_again_by_a_continuation() -> None:
    world = World(fetches_left=1)
    del world.archive.media[number(-6)]

    for _ in range(2):
        world.run()

    assert [one for _, one in world.archive.requested] == [number(-6), number(-4)]
    world.fetches_left = 10**6
    world.run()
    assert world.video.complete
    assert [part.fragments for part in world.video.missing] == [(number(-6),)]


def test_an_older_order_that_comes_late_does_not_shorten_the_video() -> None:
    world = World()
    world.run(an_order(images=4, start_ms=NOON_MS - 20_000))
    longer = world.video

    report = world.run(an_order())

    assert (report.superseded, world.video, report.failed_item_ids) == (1, longer, [])


def test_a_later_order_makes_it_longer_and_keeps_what_is_gone_by_now() -> None:
    world = World()
    world.run()
    world.expired_s = set(range(-60, 0, 2))

    world.run(an_order(images=4, end_ms=NOON_MS + 31_000))

    assert world.listed_s() == list(range(-6, 32, 2))
    assert world.missing() == []


def test_a_session_that_is_deleted_needs_no_list() -> None:
    world = World()
    world.videos.gone.add(REF)

    report = world.run()

    assert (report.superseded, report.completed, world.orders.sent) == (1, [], [])


def test_a_session_has_so_many_fragments_at_most_and_says_what_is_left_out() -> None:
    world = World(recorded_s=list(range(0, 2 * MOST_FRAGMENTS + 20, 2)))

    world.run(an_order(start_ms=NOON_MS, end_ms=NOON_MS + 2000 * MOST_FRAGMENTS + 10_000))

    assert len(world.video.fragments) == MOST_FRAGMENTS
    assert world.missing() == [("TOO_MANY", 2 * MOST_FRAGMENTS, 2 * MOST_FRAGMENTS + 10)]
    assert len(world.video.model_dump_json(by_alias=True, exclude_none=True)) < 350_000


def test_poison_messages_are_dead_lettered_with_their_reason_and_spare_the_batch() -> None:
    world = World()

    report = world.run("no order", an_order(), '{"videoOf":"x"}')

    assert [(body, type(error).__name__) for body, error in world.dead.sent] == [
        ("no order", "InvalidEventError"),
        ('{"videoOf":"x"}', "InvalidEventError"),
    ]
    assert (len(report.completed), report.failed_item_ids) == (1, [])


def test_a_refusal_of_kvs_is_for_people() -> None:
    world = World(trouble=StreamRefusedError("AccessDenied"))

    report = world.run()

    assert [type(error) for _, error in world.dead.sent] == [StreamRefusedError]
    assert (len(report.dead_lettered), report.failed_item_ids) == (1, [])


def test_a_message_that_cannot_be_dead_lettered_is_retried() -> None:
    world = World()
    world.dead.failure = DeliveryError("no queue")

    assert world.run("no order").failed_item_ids == ["m0"]
