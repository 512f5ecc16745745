"""Notifications to analyses, on a clock of our own: bursts, reminders, redeliveries, and functions that die."""

import heapq
import itertools
import json
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kinesight.domain.batches import QueuedMessage
from kinesight.domain.errors import (
    FragmentNotListedError,
    InvalidEventError,
    MediaBusyError,
    StorageBusyError,
    StreamGoneError,
)
from kinesight.domain.model import to_epoch_ms
from kinesight.domain.on_demand.executions import AnalysisRun, stream_name_of
from kinesight.domain.on_demand.kvs_notifications import parse_notification
from kinesight.domain.on_demand.messages import AnalysisRequest
from kinesight.domain.on_demand.notification_bursts import LONGEST_OPEN_MS, LONGEST_RANGE_MS, BurstRules
from kinesight.domain.on_demand.start_analysis import StartPorts, StartReport, StartSettings, start_analyses
from kinesight.domain.ports import FragmentSpan, Versioned

from tests.builders import NOON_MS
from tests.fakes import FakeDeadLetters, FakeDocuments, FakeWorkflow

RULES = BurstRules(pre_roll_ms=5_000, post_roll_ms=10_000, quiet_ms=30_000, interval_ms=1_000)
PLAN = StartSettings(lambda name: None if name == "off" else RULES, "PRODUCER_TIMESTAMP")
LENGTH_MS = 2_000
VISIBILITY_MS = 360_000


def arn(stream: str) -> str:
    return f"arn:aws:kinesisvideo:us-east-1:123456789012:stream/{stream}/1700000000000"


def notification(stream: str, start_ms: int, **changes: Any) -> str:
    notice = {
        "StreamArn": arn(stream),
        "FragmentNumber": str(start_ms),
        "FragmentStartProducerTimestamp": start_ms,
        "FragmentStartServerTimestamp": start_ms + 250,
        "NotificationType": "PERSISTED",
    }
    return json.dumps({"Type": "Notification", "Message": json.dumps(notice | changes)})


class Died(BaseException):  # a function that is killed handles nothing
    """The function ends here."""


@dataclass
class World:
    """A queue, a clock, and a function that `trouble` may strike at any of its calls to the outside."""

    now_ms: int = NOON_MS
    documents: FakeDocuments = field(default_factory=FakeDocuments)
    workflow: FakeWorkflow = field(default_factory=FakeWorkflow)
    dead: FakeDeadLetters = field(default_factory=FakeDeadLetters)
    queue: list[tuple[int, int, str]] = field(default_factory=list)
    recorded: dict[str, set[tuple[str, int]]] = field(default_factory=lambda: defaultdict(set))
    received: Counter[int] = field(default_factory=Counter)
    reports: list[StartReport] = field(default_factory=list)
    trouble: Callable[[], None] = lambda: None
    sent: int = 0
    listed: bool = True

    def notify(self, stream: str, start_ms: int, at_ms: int | None = None, number: int | None = None) -> None:
        """Records a fragment and sends its notification."""
        body = notification(stream, start_ms, FragmentNumber=str(number or start_ms))
        self.recorded[stream].add((str(number or start_ms), start_ms))
        self.send(body, at_ms)

    def send(self, body: str, at_ms: int | None = None) -> None:
        self.sent += 1
        heapq.heappush(self.queue, (self.now_ms if at_ms is None else at_ms, self.sent, body))

    def send_later(self, body: str, delay_s: int) -> None:
        self.trouble()
        assert 1 <= delay_s <= 900
        self.send(body, self.now_ms + delay_s * 1000)

    def load(self, key: str) -> Versioned:
        self.trouble()
        return self.documents.load(key)

    def all(self) -> Mapping[str, Versioned]:
        return self.documents.all()

    def save(self, key: str, body: str, seen_version: int) -> bool:
        self.trouble()
        saved = self.documents.save(key, body, seen_version)
        self.trouble()
        return saved

    def start(self, name: str, document: Mapping[str, Any]) -> bool:
        self.trouble()
        started = self.workflow.start(name, document)
        self.trouble()
        return started

    def status(self, name: str) -> None:
        raise AssertionError("not called here")

    def fragments(self, stream_name: str, selector: str, start_ms: int, end_ms: int) -> Iterator[FragmentSpan]:
        self.trouble()
        for number, at_ms in self.recorded[stream_name] if self.listed else ():
            if start_ms <= at_ms <= end_ms:
                yield FragmentSpan(number, at_ms, LENGTH_MS)

    def run(self, batch: int = 100) -> "World":
        """Runs until the queue is empty; failed messages are redelivered after their visibility timeout."""
        while self.queue:
            self.now_ms = max(self.now_ms, self.queue[0][0])
            taken: list[tuple[int, int, str]] = []
            while self.queue and self.queue[0][0] <= self.now_ms and len(taken) < batch:
                taken.append(heapq.heappop(self.queue))
            self.received.update(number for _, number, _ in taken)
            messages = [QueuedMessage(str(one), body, receive_count=self.received[one]) for _, one, body in taken]
            ports = StartPorts(self, self, self, self, self.dead, lambda: self.now_ms)
            try:
                report = start_analyses(messages, ports, PLAN)
                self.reports.append(report)
                failed = set(report.failed_item_ids)
            except Died:
                failed = {message.message_id for message in messages}
            for _, number, body in taken:
                if str(number) in failed:
                    heapq.heappush(self.queue, (self.now_ms + VISIBILITY_MS, number, body))
            self.now_ms += 10
        return self

    def ranges(self, stream: str = "cam") -> list[tuple[int, int]]:
        requests = [AnalysisRequest.parse(one) for one in self.workflow.inputs.values()]
        return sorted(
            (to_epoch_ms(one.start_timestamp), to_epoch_ms(one.end_timestamp))
            for one in requests
            if one.stream_arn == arn(stream)
        )


def test_a_hundred_notifications_of_three_streams_are_an_execution_each() -> None:
    world = World()
    for number in range(100):
        world.notify(f"cam-{number % 3}", NOON_MS + number * 700, NOON_MS + number * 700 + 1500)

    world.run(batch=10)

    assert len(world.workflow.inputs) == 3
    for stream in range(3):
        ((start_ms, end_ms),) = world.ranges(f"cam-{stream}")
        starts = [NOON_MS + number * 700 for number in range(100) if number % 3 == stream]
        assert start_ms == (starts[0] - RULES.pre_roll_ms) // 1000 * 1000
        assert end_ms == starts[-1] + LENGTH_MS + RULES.post_roll_ms


def test_bursts_that_cannot_be_read_begin_afresh() -> None:
    world = World()
    world.documents.documents[arn("cam")] = Versioned(3, '{"bursts": "of a later version"}')
    for stream in ("cam", "garden"):
        world.notify(stream, NOON_MS)

    world.run()

    assert (len(world.ranges("cam")), len(world.ranges("garden")), world.dead.sent) == (1, 1, [])


def test_a_camera_without_a_detector_starts_nothing() -> None:
    world = World()
    for stream in ("off", "cam"):
        world.notify(stream, NOON_MS)

    world.run()

    assert [one.stream_arn for one in world.reports[0].without_detector] == [arn("off")]
    assert (len(world.ranges("off")), len(world.ranges("cam"))) == (0, 1)
    assert list(world.documents.all()) == [arn("cam")]


def test_a_burst_closes_after_its_post_roll() -> None:
    world = World()
    world.notify("cam", NOON_MS)
    world.run()

    assert world.now_ms >= NOON_MS + RULES.quiet_ms + RULES.post_roll_ms


def test_distant_fragments_are_separate_bursts() -> None:
    world = World()
    world.notify("cam", NOON_MS)
    world.notify("cam", NOON_MS + RULES.reach_ms + 1)

    assert len(world.run().ranges()) == 2


def test_a_fragment_between_two_bursts_joins_them() -> None:
    world = World()
    for start_ms in (0, 2 * RULES.reach_ms, RULES.reach_ms):
        world.notify("cam", NOON_MS + start_ms)

    ((start_ms, end_ms),) = world.run().ranges()

    assert (start_ms, end_ms) == (NOON_MS - 5_000, NOON_MS + 2 * RULES.reach_ms + LENGTH_MS + 10_000)


def test_redelivered_messages_start_nothing() -> None:
    world = World()
    for _ in range(2):
        for number in range(20):
            world.notify("cam", NOON_MS + number * 2000)
        world.run()

    assert len(world.workflow.inputs) == 1


def test_a_camera_that_notifies_continuously_is_analyzed_every_few_minutes() -> None:
    world = World()
    starts = [NOON_MS + at_ms for at_ms in range(0, 4 * LONGEST_OPEN_MS, 2000)]
    for start_ms in starts:
        world.notify("cam", start_ms, start_ms + LENGTH_MS)

    ranges = world.run().ranges()

    assert 4 <= len(ranges) <= 6
    assert all(covered(ranges, start_ms) for start_ms in starts)
    assert ranges[-1][1] == starts[-1] + LENGTH_MS + RULES.post_roll_ms


def test_a_fragment_that_is_no_longer_listed_has_the_maximum_length() -> None:
    world = World()
    world.notify("cam", NOON_MS)
    world.trouble = lambda: setattr(world, "listed", world.now_ms == NOON_MS)

    assert world.run().ranges() == [(NOON_MS - 5_000, NOON_MS + 20_000 + RULES.post_roll_ms)]


def test_a_poison_message_is_dead_lettered_and_its_neighbours_go_on() -> None:
    world = World()
    for body in ("this is not JSON", "[]", json.dumps({"Message": "{}"}), notification("cam", -1)):
        world.send(body)
    world.notify("cam", NOON_MS)
    world.run()

    assert [type(error) for _, error in world.dead.sent] == [InvalidEventError] * 4
    assert len(world.ranges()) == 1


def test_a_throttled_call_is_retried() -> None:
    world = World()
    troubles = iter([None, None, None, None, None, MediaBusyError("busy")])

    def trouble() -> None:
        error = next(troubles, None)
        if error is not None:
            raise error

    world.trouble = trouble
    world.notify("cam", NOON_MS)

    assert len(world.run().ranges()) == 1
    assert [len(report.retried) for report in world.reports].count(1) == 1


def test_messages_of_a_deleted_stream_are_dead_lettered() -> None:
    world = World()

    def gone(*_: Any) -> Iterator[FragmentSpan]:
        raise StreamGoneError("gone")

    world.fragments = gone  # type: ignore[method-assign,assignment]
    world.notify("cam", NOON_MS)
    world.run()

    assert [str(error) for _, error in world.dead.sent] == ["gone"]
    assert world.ranges() == []


def covered(ranges: list[tuple[int, int]], start_ms: int) -> bool:
    return any(first <= start_ms and start_ms + LENGTH_MS <= last for first, last in ranges)


@given(
    st.lists(st.tuples(st.integers(0, 400), st.integers(0, 600_000)), min_size=1, max_size=30),
    st.integers(1, 30),
    st.lists(st.integers(0, 12), max_size=60),
)
def test_every_notified_fragment_is_analyzed_whatever_fails_or_is_redelivered(
    notified: list[tuple[int, int]], batch: int, luck: list[int]
) -> None:
    """`notified`: which fragment, and how late its message comes. `luck`: how each call to the outside goes."""
    world = World()
    fate = iter(luck)

    def trouble() -> None:
        match next(fate, 0):
            case 1:
                raise Died
            case 2:
                raise StorageBusyError("busy")

    world.trouble = trouble
    for place, late_ms in notified:
        start_ms = NOON_MS + place * LENGTH_MS
        world.notify("cam", start_ms, start_ms + LENGTH_MS + late_ms)
    ranges = world.run(batch).ranges()

    assert all(covered(ranges, NOON_MS + place * LENGTH_MS) for place, _ in notified)
    assert world.dead.sent == []
    assert len(ranges) == len(set(ranges))


@given(st.lists(st.tuples(st.integers(0, 200), st.integers(0, 5_000)), min_size=1, max_size=30), st.integers(1, 30))
def test_a_burst_is_one_execution_in_any_order_of_messages(notified: list[tuple[int, int]], batch: int) -> None:
    """Messages that come within seconds."""
    world = World()
    for place, late_ms in notified:
        world.notify("cam", NOON_MS + place * LENGTH_MS, NOON_MS + late_ms)
    places = sorted({place for place, _ in notified})
    bursts = 1 + sum((b - a) * LENGTH_MS > RULES.reach_ms for a, b in itertools.pairwise(places))

    assert len(world.run(batch).ranges()) == bursts


@pytest.mark.parametrize(
    ("given_ms", "read_ms"), [(1_767_268_800, 1_767_268_800_000), (1_767_268_800.25, 1_767_268_800_250)]
)
def test_seconds_and_milliseconds_are_distinguished(given_ms: float, read_ms: int) -> None:
    body = notification("cam", NOON_MS, FragmentStartProducerTimestamp=given_ms)

    assert parse_notification(body, "PRODUCER_TIMESTAMP").start_ms == read_ms


def test_the_selected_timestamp_is_used_and_raw_delivery_is_parsed() -> None:
    raw = json.loads(notification("cam", NOON_MS))["Message"]

    assert parse_notification(raw, "PRODUCER_TIMESTAMP").start_ms == NOON_MS
    assert parse_notification(raw, "SERVER_TIMESTAMP").start_ms == NOON_MS + 250


def test_names_of_executions_fit_and_are_unique_per_range() -> None:
    long_name = AnalysisRun(arn("a.b" + "x" * 250), "PRODUCER_TIMESTAMP", NOON_MS, NOON_MS + 1, 1000)
    name = long_name.execution_name("notified", attempt=12)

    assert len(name) <= 80
    assert set(name) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_")
    assert long_name.execution_name("sweep") != name
    assert stream_name_of("arn:aws:s3:::bucket") is None


@pytest.mark.parametrize("back_ms", [600_000, 599_000, 604_321])
def test_what_happens_again_by_a_clock_that_was_set_back_is_analyzed(back_ms: int) -> None:
    """Five notifications, two minutes apart; the clock is set back, and five more fall into the same ranges."""
    world = World()
    for number in range(10):
        at_ms = NOON_MS + 120_000 * number
        shown_ms = at_ms if number < 5 else at_ms - back_ms
        world.notify("cam", shown_ms, at_ms + 1500, at_ms)

    world.run(batch=10)

    assert len(world.ranges()) == 10


@pytest.mark.parametrize("moment", ["1e999", "-1e999", "NaN", "9" * 400, "-1", "null", "[]", "true", "1e15"])
def test_a_moment_that_is_none_is_dead_lettered_alone(moment: str) -> None:
    world = World()
    world.send(notification("cam", 1).replace('Timestamp\\": 1', f'Timestamp\\": {moment}', 1))
    for number in range(99):
        world.notify(f"cam-{number}", NOON_MS)

    world.run()

    assert [type(error) for _, error in world.dead.sent] == [InvalidEventError]
    assert len(world.workflow.inputs) == 99


@pytest.mark.parametrize("apart_ms", [49_000, 1_000, 600_000])
def test_forged_notifications_start_nothing(apart_ms: int) -> None:
    """A camera's credentials may publish; the stream has one fragment, of which they know no number."""
    world = World()
    world.recorded["cam"].add(("91343852333181432392682062622220590765191907586", NOON_MS))
    for number in range(1_763):
        world.send(notification("cam", NOON_MS + apart_ms * number))

    world.run()

    assert world.workflow.inputs == {}
    assert world.documents.all() == {}
    assert [type(error) for _, error in world.dead.sent] == [FragmentNotListedError] * 1_763


@pytest.mark.parametrize(("by_ms", "started"), [(0, 1), (400, 1), (999, 1), (-999, 1), (1_000, 0), (86_400_000, 0)])
def test_a_fragment_counts_at_its_own_time_alone(by_ms: int, started: int) -> None:
    """Timestamps may be in whole seconds."""
    world = World()
    world.recorded["cam"].add(("7", NOON_MS))
    world.send(notification("cam", NOON_MS + by_ms, FragmentNumber="7"))

    assert world.run().ranges() == [(NOON_MS - 5_000, NOON_MS + LENGTH_MS + RULES.post_roll_ms)] * started


def test_a_fragment_of_another_stream_starts_nothing() -> None:
    world = World()
    world.recorded["door"].add(("7", NOON_MS))
    world.send(notification("cam", NOON_MS, FragmentNumber="7"))

    assert world.run().ranges() == []


def test_a_fragment_that_is_listed_late_is_analyzed() -> None:
    world = World()
    world.notify("cam", NOON_MS)
    world.listed = False
    world.trouble = lambda: setattr(world, "listed", world.now_ms >= NOON_MS + VISIBILITY_MS)

    assert len(world.run().ranges()) == 1
    assert world.dead.sent == []


def test_forged_notifications_leave_their_neighbours_alone() -> None:
    world = World()
    for number in range(50):
        world.notify("cam", NOON_MS + number * LENGTH_MS)
        world.send(notification("cam", NOON_MS + number * LENGTH_MS, FragmentNumber="1"))

    assert len(world.run().ranges()) == 1
    assert len(world.dead.sent) == 50


@pytest.mark.parametrize("step_ms", [20_000, 40_000])
def test_a_day_of_stored_video_is_several_ranges(step_ms: int) -> None:
    world = World()
    starts = range(NOON_MS, NOON_MS + 86_400_000, step_ms)
    for start_ms in starts:
        world.notify("cam", start_ms, NOON_MS + 86_400_000)

    ranges = world.run().ranges()

    around_ms = RULES.pre_roll_ms + LENGTH_MS + RULES.post_roll_ms
    assert max(last - first for first, last in ranges) <= LONGEST_RANGE_MS + around_ms + RULES.interval_ms
    assert all(covered(ranges, start_ms) for start_ms in starts)
