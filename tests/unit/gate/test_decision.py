"""The frame gate: what is sent, what is gated, and that it never loses a frame."""

import json
from dataclasses import dataclass, field
from io import BytesIO
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kinesight.adapters.media.pillow_luma import PillowLuma
from kinesight.domain.analysis.pipeline import DetectionPorts, FrameAnalysis, PipelineSettings, analyze
from kinesight.domain.configuration.configuration import Configuration
from kinesight.domain.configuration.document import ConfigurationDocument
from kinesight.domain.errors import StorageBusyError, UnsupportedImageError
from kinesight.domain.gate.decision import GateMethod, GateMode, GateSettings, GateState, Reason, decide, read_state
from kinesight.domain.gate.frame_gate import FrameGate, GateDecision
from kinesight.domain.gate.image_difference import BLOCKS, COLUMNS, watched_blocks
from kinesight.domain.model import Frame, from_epoch_ms
from PIL import Image

from tests.builders import NOON_MS, a_frame
from tests.fakes import EveryStream, FakeDetector, FakeDocuments, FakeImageStore, FakeLedger, FakeSink

WALL = bytes([100]) * BLOCKS


def a_person(left: int, shade: int = 180) -> bytes:
    """On the wall, six blocks wide."""
    rows = bytearray(WALL)
    for row in range(10, 30):
        rows[row * COLUMNS + left : row * COLUMNS + left + 6] = bytes([shade]) * 6
    return bytes(rows)


ON = GateSettings(mode=GateMode.ON)
lumas = st.sampled_from([WALL, a_person(5), a_person(30), a_person(50, 20), bytes([130]) * BLOCKS])
frames = st.lists(st.tuples(st.integers(0, 200), lumas), min_size=1, max_size=40)
settings = st.builds(
    GateSettings,
    mode=st.just(GateMode.ON),
    method=st.sampled_from(GateMethod),
    minimum_interval_milliseconds=st.sampled_from([0, 5000]),
    maximum_interval_seconds=st.sampled_from([10, 60]),
)


def run(gate: GateSettings, shown: list[tuple[int, bytes]]) -> list[tuple[int, Reason, bool]]:
    state: GateState | None = None
    seen = []
    for at_s, luma in shown:
        decision = decide(gate, state, luma, NOON_MS + 1000 * at_s)
        state = read_state(decision.state.model_dump_json(by_alias=True)) if decision.state else None
        seen.append((at_s, decision.reason, decision.sends))
    return seen


@pytest.mark.parametrize("method", GateMethod)
def test_a_wall_is_sent_once_a_minute_and_a_person_at_once(method: GateMethod) -> None:
    shown = [(at_s, a_person(30) if 20 <= at_s < 25 else WALL) for at_s in range(0, 100, 5)]

    sent = [(at_s, reason) for at_s, reason, sends in run(ON.model_copy(update={"method": method}), shown) if sends]

    assert sent == [(0, Reason.FIRST), (20, Reason.CHANGED), (25, Reason.CHANGED), (85, Reason.DUE)]


def test_a_change_of_lighting_is_no_change() -> None:
    brighter = bytes(min(255, round(value * 1.2 + 10)) for value in a_person(30))

    assert [sends for *_, sends in run(ON, [(0, a_person(30)), (1, brighter)])] == [True, False]


def test_changes_in_an_ignored_region_do_not_count() -> None:
    ignoring = ON.model_copy(update={"ignored_regions": (((0.4, 0), (0.7, 0), (0.7, 1), (0.4, 1)),)})

    assert [sends for *_, sends in run(ignoring, [(0, WALL), (1, a_person(30)), (2, a_person(5))])] == [
        True,
        False,
        True,
    ]


def test_sent_frames_keep_the_minimum_interval() -> None:
    busy = [(at_s, a_person(5 + 3 * (at_s % 12))) for at_s in range(60)]

    sent = [
        at_s for at_s, _, sends in run(ON.model_copy(update={"minimum_interval_milliseconds": 5000}), busy) if sends
    ]

    assert min(after - before for before, after in pairwise(sent)) >= 5


@given(settings, frames)
def test_a_sent_frame_is_sent_again(gate: GateSettings, shown: list[tuple[int, bytes]]) -> None:
    state: GateState | None = None
    for at_s, luma in shown:
        decision = decide(gate, state, luma, NOON_MS + 1000 * at_s)
        state = decision.state
        if decision.sends:
            assert decide(gate, state, luma, NOON_MS + 1000 * at_s).sends


@given(settings, st.lists(st.integers(0, 600), min_size=1, max_size=40), st.data())
def test_in_order_frames_are_sent_at_least_at_the_maximum_interval(
    gate: GateSettings, moments: list[int], data: st.DataObject
) -> None:
    shown = [(at_s, data.draw(lumas)) for at_s in sorted(set(moments))]
    last_sent = shown[0][0]
    for at_s, reason, sends in run(gate, shown):
        assert sends or reason is Reason.TOO_SOON or at_s - last_sent < gate.maximum_interval_seconds
        last_sent = at_s if sends else last_sent


@given(st.binary(max_size=50) | st.just(b'{"reference": "AAAA", "referenceMs": 1, "sentMs": [1]}'))
def test_malformed_state_is_discarded(body: bytes) -> None:
    assert read_state(body.decode(errors="replace")) is None


def test_blocks_are_watched_by_their_centres() -> None:
    everything = (((0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0)),)

    assert sum(watched_blocks(())) == BLOCKS
    assert sum(watched_blocks(everything)) == 0


@pytest.mark.parametrize("image_format", ["JPEG", "PNG"])
@pytest.mark.parametrize("size", [(1920, 1080), (100, 90), (64, 36), (640, 1136)])
def test_images_become_lumas(image_format: str, size: tuple[int, int]) -> None:
    target = BytesIO()
    Image.new("RGB", size, (200, 200, 200)).save(target, image_format)

    luma = PillowLuma().luma(target.getvalue())

    assert len(luma) == BLOCKS
    assert all(abs(value - 200) <= 2 for value in luma)


def test_bytes_that_are_no_image_have_no_luma() -> None:
    with pytest.raises(UnsupportedImageError):
        PillowLuma().luma(b"no image")


@dataclass
class Lumas:
    """By the image's bytes."""

    by_image: dict[bytes, bytes] = field(default_factory=dict)

    def luma(self, body: bytes) -> bytes:
        if body not in self.by_image:
            raise UnsupportedImageError("no image")
        return self.by_image[body]


@dataclass
class World:
    """Frames of one stream in the analysis pipeline."""

    settings: GateSettings = ON
    images: FakeImageStore = field(default_factory=FakeImageStore)
    lumas: Lumas = field(default_factory=Lumas)
    states: FakeDocuments = field(default_factory=FakeDocuments)
    detector: FakeDetector = field(default_factory=FakeDetector)
    sink: FakeSink = field(default_factory=FakeSink)
    ledger: FakeLedger = field(default_factory=FakeLedger)

    def frame(self, at_s: int, luma: bytes | None) -> Frame:
        key = f"image-{at_s}"
        frame = a_frame(image_timestamp=from_epoch_ms(NOON_MS + 1000 * at_s))
        frame = frame.model_copy(update={"image": frame.image.model_copy(update={"key": key})})
        self.images.add(frame.image.bucket, key, body=key.encode())
        if luma is not None:
            self.lumas.by_image[key.encode()] = luma
        return frame

    def analyze(self, *shown: Frame) -> list[FrameAnalysis]:
        gate = FrameGate(lambda _: self.settings, self.images, self.lumas, self.states)
        analyses = [FrameAnalysis(frame.image.key, lambda frame=frame: frame) for frame in shown]  # type: ignore[misc]  # bound at once
        ports = DetectionPorts(EveryStream(self.detector), self.sink, self.ledger, lambda: NOON_MS, gate)
        for one in analyses:
            analyze([one], ports, PipelineSettings(lambda: Configuration.of([], 0)))
        return analyses


def test_a_gated_frame_costs_no_call_and_is_done() -> None:
    world = World()
    shown = [world.frame(at_s, WALL) for at_s in range(4)]

    first, *others = world.analyze(*shown)
    again = world.analyze(*shown)

    assert first.record is not None
    assert [one.gated for one in others] == [True] * 3
    assert len(world.detector.analyzed_keys) == 1
    assert all(one.already_analyzed for one in again)


def test_observe_sends_every_frame_and_counts() -> None:
    world = World(settings=GateSettings(mode=GateMode.OBSERVE))

    analyses = world.analyze(*(world.frame(at_s, WALL) for at_s in range(3)))

    assert [one.gate_decision for one in analyses] == [
        GateDecision.SENT,
        GateDecision.WOULD_BE_GATED,
        GateDecision.WOULD_BE_GATED,
    ]
    assert len(world.detector.analyzed_keys) == 3


def test_off_reads_and_stores_nothing() -> None:
    world = World(settings=GateSettings())

    (one,) = world.analyze(world.frame(0, None))

    assert (one.gate_decision, world.states.documents) == (None, {})
    assert one.record is not None


def test_a_frame_that_cannot_be_compared_is_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World()
    (unreadable,) = world.analyze(world.frame(0, None))

    def fail(*_: object) -> None:
        raise StorageBusyError("slow down")

    monkeypatch.setattr(FakeDocuments, "load", fail)
    (unremembered,) = world.analyze(world.frame(1, WALL))

    assert unreadable.gate_decision is unremembered.gate_decision is GateDecision.FAILED_OPEN
    assert len(world.detector.analyzed_keys) == 2


def test_an_image_that_is_too_large_is_not_read() -> None:
    world = World()
    frame = world.frame(0, WALL)
    large = frame.image.model_copy(update={"size_bytes": 450_000_000})

    (one,) = world.analyze(frame.model_copy(update={"image": large}))

    assert one.gate_decision is GateDecision.FAILED_OPEN


def test_a_frame_is_sent_if_its_state_cannot_be_saved(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World()
    monkeypatch.setattr(FakeDocuments, "save", lambda *_: False)

    (one,) = world.analyze(world.frame(0, WALL))

    assert one.gate_decision is GateDecision.FAILED_OPEN


def test_a_frame_that_was_sent_and_failed_is_sent_again() -> None:
    world = World()
    frame = world.frame(0, WALL)
    gate = FrameGate(lambda _: world.settings, world.images, world.lumas, world.states)

    assert [gate.decide(frame), gate.decide(frame)] == [GateDecision.SENT, GateDecision.SENT]


def test_the_rules_document_may_set_the_gate_of_a_stream() -> None:
    camera = {"streams": ["front-*"], "rules": [{"name": "x"}], "gate": {"mode": "ON", "threshold": 5}}
    document = ConfigurationDocument.parse(json.dumps({"schemaVersion": 1, "cameras": [camera]}))

    gate = Configuration.of([], 0, document).of_stream("front-door").camera.gate

    assert gate is not None
    assert (gate.mode, gate.threshold_percent) == (GateMode.ON, 5)
