"""The batch rules of track_sessions: events at least once, alerts once, streams independent."""

import json
from dataclasses import dataclass, field
from typing import Any

import pytest
from kinesight.domain.analysis.result_records import encode_record, evidence_keys
from kinesight.domain.batches import StreamedRecord
from kinesight.domain.configuration.configuration import Configuration
from kinesight.domain.configuration.document import ConfigurationDocument
from kinesight.domain.errors import ChannelRefusedError, DeliveryError
from kinesight.domain.model import FrameSource, ResultRecord, Selector, from_epoch_ms
from kinesight.domain.sessions.clip import ClipOrder, SessionRef
from kinesight.domain.sessions.model import SessionEventType
from kinesight.domain.sessions.outbox import AlertRoute, NotificationTargets
from kinesight.domain.sessions.track_sessions import SessionPorts, SessionReport, pass_time, track_batch

from tests.builders import NOON_MS, a_detection, a_frame, a_record
from tests.fakes import FakeAlerts, FakeDeadLetters, FakeDelayedMessages, FakeDocuments, FakeLedger, FakeSessions


@dataclass
class World:
    """Everything around the verb, in memory."""

    activities: FakeDocuments = field(default_factory=FakeDocuments)
    sessions: FakeSessions = field(default_factory=FakeSessions)
    alerts: FakeAlerts = field(default_factory=FakeAlerts)
    ledger: FakeLedger = field(default_factory=FakeLedger)
    dead_letters: FakeDeadLetters = field(default_factory=FakeDeadLetters)
    document: ConfigurationDocument | None = None
    now_s: float = 0
    video_queue: FakeDelayedMessages = field(default_factory=FakeDelayedMessages)
    selector: Selector = "PRODUCER_TIMESTAMP"
    buses: tuple[str, ...] = ("bus",)
    webhook: FakeAlerts = field(default_factory=FakeAlerts)
    sns: FakeAlerts = field(default_factory=FakeAlerts)
    alert_channels: tuple[str, ...] = ("alerts",)

    def ports(self) -> SessionPorts:
        rules = Configuration.of(["Person"], 80, self.document)
        return SessionPorts(
            self.activities,
            lambda: rules,
            NotificationTargets(
                self.sessions,
                dict.fromkeys(self.buses, self.sessions),
                {name: AlertRoute(getattr(self, name)) for name in self.alert_channels},
                lambda key: f"https://evidence/{key}",
                self.ledger,
            ),
            self.dead_letters,
            lambda: NOON_MS + round(1000 * self.now_s),
            self.video_queue,
            lambda _: None,
            lambda: 60_000,
            self.selector,
        )

    @property
    def clip_orders(self) -> list[ClipOrder]:
        return [ClipOrder.parse(body) for body, _ in self.video_queue.sent]

    def track(self, *items: ResultRecord | bytes) -> SessionReport:
        data = [item if isinstance(item, bytes) else encode_record(item) for item in items]
        return track_batch([StreamedRecord(f"s{index}", one) for index, one in enumerate(data)], self.ports())

    def wait(self, now_s: float) -> SessionReport:
        self.now_s = now_s
        return pass_time(self.ports())


def an_image(at_s: float, label: str = "Person", stream_name: str = "front-door", **frame: object) -> ResultRecord:
    moment = from_epoch_ms(NOON_MS + round(1000 * at_s))
    seen = a_frame(stream_name=stream_name, image_timestamp=moment, **frame)
    return a_record(seen, detections=(a_detection(label=label),))


def test_continuous_activity_is_one_session_with_one_alert() -> None:
    world = World()

    tracked = world.track(*(an_image(at_s) for at_s in range(0, 20, 3)))
    waited = world.wait(60)

    (session,) = world.sessions.stored.values()
    assert [(one.type, one.channel) for one in tracked.deliveries + waited.deliveries] == [
        ("NEW", None),
        ("ALERT", "alerts"),
        ("END", None),
    ]
    assert (session.started_ms - NOON_MS, session.last_ms - NOON_MS, session.closed) == (0, 18_000, True)
    assert [kind for kind, _ in world.sessions.events] == ["NEW", "END"]
    (alert,) = world.alerts.sent
    assert alert.body["sessionId"] == session.session_id
    assert alert.attributes == {
        "streamName": "front-door",
        "labels": ("Person",),
        "class": "ALERT",
        "rules": ("default",),
        "correlationId": f"front-door/{session.best.fragment_number}",
    }


def test_the_alert_links_to_the_image_that_evidence_is_kept_of() -> None:
    world = World()
    record = an_image(0)

    world.track(record)

    (alert,) = world.alerts.sent
    keys = evidence_keys(record)
    assert alert.body["links"]["image"] == f"https://evidence/{keys.annotated}"
    assert alert.body["keys"] == {"image": keys.annotated, "record": keys.result, "video": keys.archive}
    assert "Person detected on front-door since 2026-01-01 12:00:00 UTC." in alert.text


def test_what_matches_nothing_leaves_nothing() -> None:
    world = World()

    world.track(an_image(0, "Dog"))

    assert (world.activities.documents, world.sessions.stored, world.alerts.sent) == ({}, {}, [])


def test_a_second_delivery_changes_nothing() -> None:
    world = World()
    batch = [an_image(at_s) for at_s in range(0, 100, 20)]
    world.track(*batch)
    events, stored = list(world.sessions.events), dict(world.sessions.stored)

    world.track(*batch)

    assert (world.sessions.events, world.sessions.stored, len(world.alerts.sent)) == (events, stored, 1)


def test_streams_and_ranges_of_the_past_have_sessions_of_their_own() -> None:
    world = World()

    world.track(
        an_image(0),
        an_image(1, stream_name="garden"),
        an_image(2, source=FrameSource.ON_DEMAND),
    )

    assert len(world.sessions.stored) == len(world.alerts.sent) == 3
    assert sorted(world.activities.documents) == ["front-door", "front-door|on-demand", "garden"]


@pytest.mark.parametrize("failing", ["NEW", "END"])
def test_undelivered_events_are_sent_by_the_next_attempt(failing: str) -> None:
    world = World()
    world.sessions.failing = lambda kind: DeliveryError("bus") if kind == failing else None
    record = an_image(0)

    first = world.track(record)
    ended = world.wait(60)
    world.sessions.failing = lambda _: None
    again = world.track(record)
    world.wait(120)

    assert first.failed_item_ids == (["s0"] if failing == "NEW" else [])
    assert len(ended.retried) == 1
    assert again.failed_item_ids == []
    assert {kind for kind, _ in world.sessions.events} == {"NEW", "END"}
    assert len(world.alerts.sent) == 1


def test_an_alert_that_failed_is_sent_once_it_can() -> None:
    world = World(alerts=FakeAlerts(failing=lambda _: DeliveryError("sns")))
    record = an_image(0)

    report = world.track(record)
    assert (report.failed_item_ids, len(report.retried), report.delivered(SessionEventType.ALERT)) == ([], 1, 0)
    world.alerts.failing = lambda _: None
    assert (world.wait(10).delivered(SessionEventType.ALERT), world.wait(20).delivered(SessionEventType.ALERT)) == (
        1,
        0,
    )

    assert len(world.alerts.sent) == 1


def test_an_alert_that_waits_holds_back_nothing() -> None:
    world = World(alerts=FakeAlerts(failing=lambda _: DeliveryError("down")))

    world.track(an_image(0))
    world.wait(60)

    assert [kind for kind, _ in world.sessions.events] == ["NEW", "END"]
    assert [one.closed for one in world.sessions.stored.values()] == [True]
    world.alerts.failing = lambda _: None
    world.wait(120)
    assert len(world.alerts.sent) == 1
    assert [one.closed for one in world.sessions.stored.values()] == [True]


def test_failed_events_delay_later_events_but_no_alert() -> None:
    world = World()
    world.sessions.failing = lambda kind: DeliveryError("bus") if kind == "NEW" else None

    world.track(an_image(0))
    world.wait(60)
    assert (world.sessions.events, len(world.alerts.sent)) == ([], 1)
    world.sessions.failing = lambda _: None
    world.wait(120)

    assert [kind for kind, _ in world.sessions.events] == ["NEW", "END"]
    assert len(world.alerts.sent) == 1


def test_a_channel_that_fails_repeats_nothing_on_the_others() -> None:
    world = World(webhook=FakeAlerts(failing=lambda _: DeliveryError("429")), alert_channels=("alerts", "webhook"))

    first = world.track(an_image(0))
    world.wait(10)
    world.webhook.failing = lambda _: None
    world.wait(20)
    world.wait(30)

    assert (first.delivered(SessionEventType.ALERT), len(first.retried)) == (1, 1)
    assert (len(world.alerts.sent), len(world.webhook.sent)) == (1, 1)


def test_a_permanent_refusal_by_a_channel_is_given_up_and_reported() -> None:
    world = World(
        webhook=FakeAlerts(failing=lambda _: ChannelRefusedError("404")), alert_channels=("webhook", "alerts")
    )

    first = world.track(an_image(0))
    again = world.wait(10)

    (refusal,) = first.refusals
    assert (refusal.channel, refusal.session_id) == ("webhook", world.alerts.sent[0].body["sessionId"])
    assert (first.retried, again.refusals, len(world.alerts.sent)) == ([], [], 1)


def test_a_permanently_refused_event_blocks_nothing() -> None:
    world = World(buses=("bus", "iot"))
    world.sessions.failing = lambda kind: ChannelRefusedError("too long") if kind == "NEW" else None

    report = world.track(an_image(0))
    world.wait(60)

    assert [refusal.channel for refusal in report.refusals] == ["bus", "iot"]
    assert [kind for kind, _ in world.sessions.events] == ["END", "END"]


def test_a_channel_that_stays_down_keeps_the_newest_alerts() -> None:
    world = World(alerts=FakeAlerts(failing=lambda _: DeliveryError("down")))

    refused = [len(world.track(an_image(at_s)).refusals) for at_s in range(0, 52 * 100, 100)]
    world.alerts.failing = lambda _: None
    world.wait(6000)

    assert refused == [0] * 50 + [1, 1]
    assert [alert.body["startedAt"][11:19] for alert in (world.alerts.sent[0], world.alerts.sent[-1])] == [
        "12:03:20",
        "13:25:00",
    ]


def test_a_crash_before_the_outbox_is_emptied_sends_one_alert() -> None:
    world = World()
    world.track(an_image(0))
    saved = world.activities.documents["front-door"]
    body = json.loads(saved.body or "")
    body["outbox"] = [{"type": "ALERT", "session": body["timelines"][0]["open"]}]
    world.activities.save("front-door", json.dumps(body), saved.version)

    world.wait(10)

    assert len(world.alerts.sent) == 1
    assert json.loads(world.activities.documents["front-door"].body or "")["outbox"] == []


def test_two_at_once_lose_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World()
    save = FakeDocuments.save
    rivals = [an_image(5)]

    def contended(documents: FakeDocuments, key: str, body: str, seen_version: int) -> bool:
        while rivals:
            world.track(rivals.pop())
        return save(documents, key, body, seen_version)

    monkeypatch.setattr(FakeDocuments, "save", contended)
    world.track(an_image(0))
    world.wait(60)

    ended = [one for one in world.sessions.stored.values() if one.closed]
    assert [one.images for one in ended] == [2]
    assert len(world.alerts.sent) == 1


def test_a_poison_message_is_dead_lettered_and_spares_the_batch() -> None:
    world = World()

    report = world.track(b"no record", an_image(0))

    assert (len(report.dead_lettered), report.failed_item_ids) == (1, [])
    assert world.dead_letters.sent[0][0] == "no record"
    assert len(world.alerts.sent) == 1


def test_images_with_alerts_of_their_own_leave_sessions_silent() -> None:
    world = World(alert_channels=())

    report = world.track(an_image(0))

    assert (report.delivered(SessionEventType.NEW), report.delivered(SessionEventType.ALERT)) == (1, 0)
    assert world.alerts.sent == []


def test_a_document_decides_for_its_streams() -> None:
    rule = {"name": "two in a row", "labels": ["Dog"], "confirmation": {"frames": 2, "of": 2}, "class": "ACTIVITY"}
    camera = {"streams": ["front-*"], "rules": [rule], "stationary": {"enabled": False}}
    document = ConfigurationDocument.parse(json.dumps({"schemaVersion": 1, "cameras": [camera]}))
    world = World(document=document)

    world.track(*(an_image(at_s, "Dog") for at_s in (0, 3, 6)), an_image(3, stream_name="garden"))
    world.wait(60)

    assert {one.stream_name: one.started_ms - NOON_MS for one in world.sessions.stored.values()} == {
        "front-door": 3000,
        "garden": 3000,
    }
    assert [alert.body["streamName"] for alert in world.alerts.sent] == ["garden"]


def test_the_video_of_an_ended_session_is_ordered_once_with_its_roll() -> None:
    sessions = {"quietSeconds": 30, "preRollSeconds": 4, "postRollSeconds": 7.5}
    camera = {"streams": ["*"], "rules": [{"name": "people"}], "sessions": sessions, "stationary": {"enabled": False}}
    world = World(document=ConfigurationDocument.parse(json.dumps({"schemaVersion": 1, "cameras": [camera]})))

    world.track(an_image(0), an_image(9))
    assert world.clip_orders == []
    world.wait(60)
    world.wait(120)

    (session,) = world.sessions.stored.values()
    ((_, delay_s),), (order,) = world.video_queue.sent, world.clip_orders
    assert order.session == SessionRef("front-door", session.opened_ms, session.session_id)
    assert (order.start_ms - NOON_MS, order.end_ms - NOON_MS) == (-4_000, 16_500)
    assert (order.images, order.fragments, order.selector) == (2, session.fragments, "PRODUCER_TIMESTAMP")
    assert delay_s == 8 + 30


def test_an_image_that_comes_after_the_end_orders_the_longer_video() -> None:
    world = World()
    world.track(an_image(10))
    world.wait(60)

    world.track(an_image(0))

    first, second = world.clip_orders
    assert first.session == second.session
    assert (second.start_ms, second.end_ms, second.images) == (first.start_ms - 10_000, first.end_ms, 2)


def test_an_order_that_could_not_be_sent_is_sent_later() -> None:
    world = World()
    world.track(an_image(0))
    world.video_queue.failure = DeliveryError("throttled")

    report = world.wait(60)
    world.video_queue.failure = None
    world.wait(61)

    assert [type(one.error) for one in report.retried] == [DeliveryError]
    assert len(world.clip_orders) == 1


def test_without_session_clips_none_is_ordered() -> None:
    world = World(
        document=ConfigurationDocument.parse('{"schemaVersion": 1, "defaults": {"sessions": {"clip": false}}}')
    )

    world.track(an_image(0))
    world.wait(60)

    assert [one.closed for one in world.sessions.stored.values()] == [True]
    assert world.clip_orders == []


@pytest.mark.parametrize(
    ("frame", "selector", "expected"),
    [
        ({}, "PRODUCER_TIMESTAMP", "PRODUCER_TIMESTAMP"),
        ({}, "SERVER_TIMESTAMP", "SERVER_TIMESTAMP"),
        ({"source": FrameSource.LIVE}, "SERVER_TIMESTAMP", "PRODUCER_TIMESTAMP"),
        ({"source": FrameSource.ON_DEMAND, "server_timestamp": None}, "SERVER_TIMESTAMP", "PRODUCER_TIMESTAMP"),
        ({"source": FrameSource.ON_DEMAND, "producer_timestamp": None}, "PRODUCER_TIMESTAMP", "SERVER_TIMESTAMP"),
    ],
)
def test_the_range_is_by_the_clock_that_times_the_images(
    frame: dict[str, Any], selector: Selector, expected: Selector
) -> None:
    world = World(selector=selector)

    world.track(an_image(0, **frame))
    world.wait(120)

    assert [order.selector for order in world.clip_orders] == [expected]


def test_a_camera_clock_that_starts_at_power_on_has_no_moment_before_1970() -> None:
    world = World()

    world.track(a_record(a_frame(image_timestamp=from_epoch_ms(2000))))
    world.wait(60)

    assert [(order.start_ms, order.end_ms) for order in world.clip_orders] == [(0, 7000)]


@pytest.mark.parametrize(
    ("channels", "alerts"), [(["sns"], (1, 0)), (["webhook"], (0, 1)), ([], (0, 0)), (None, (1, 1))]
)
def test_alerts_go_to_the_channels_of_their_camera(channels: list[str] | None, alerts: tuple[int, int]) -> None:
    camera = {"streams": ["front-*"], "labels": ["Person"], "alertChannels": channels}
    world = World(
        document=ConfigurationDocument.parse(json.dumps({"schemaVersion": 1, "cameras": [camera]})),
        alert_channels=("sns", "webhook"),
    )

    world.track(an_image(0))

    assert (len(world.sns.sent), len(world.webhook.sent)) == alerts
    assert world.sessions.stored


@pytest.mark.parametrize(
    "moment",
    [
        "0001-01-01T00:00:00+14:00",
        "9999-12-31T23:59:59-14:00",
        "9999-12-31T23:59:59.999Z",
        "1969-12-31T23:59:59.999Z",
        "10000-01-01T00:00:00Z",
        1e999,
    ],
)
def test_a_record_of_an_impossible_time_is_dead_lettered_alone(moment: object) -> None:
    world = World()
    document = json.loads(encode_record(an_image(0)))
    document["frame"]["imageTimestamp"] = moment

    report = world.track(json.dumps(document).encode(), *(an_image(0, stream_name=f"cam-{n}") for n in range(20)))

    assert [error.args[0][:19] for _, error in world.dead_letters.sent] == ["not a result record"]
    assert (len(report.dead_lettered), report.failed_item_ids) == (1, [])
    assert len(world.alerts.sent) == 20
