"""Scenario of a live consumer."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

from kinesight.domain.analysis.pipeline import DetectionPorts, PipelineSettings
from kinesight.domain.analysis.result_records import result_id
from kinesight.domain.batches import run_safely
from kinesight.domain.configuration.camera import CameraSettings
from kinesight.domain.configuration.configuration import Configuration
from kinesight.domain.live.consume_live import ConsumerPorts, ConsumerSettings, Ends, consume
from kinesight.domain.live.leases import Lease, LeaseClock
from kinesight.domain.live.live_stream import LiveSettings
from kinesight.domain.live.ports import LivePorts
from kinesight.domain.model import ImageReference, from_epoch_ms, to_epoch_ms
from kinesight.domain.on_demand.messages import AnalysisRequest
from kinesight.media.mkv import BlockEvent
from kinesight.media.selection import Keyframe
from kinesight_cli.redrive.actions import Action, StartExecution

from tests.builders import NOON_MS, a_frame
from tests.fakes import EveryStream, FakeDocuments, FakeImageStore, FakeSink, FakeWork
from tests.unit.live.test_consume_live import Cameras, arn, fragment
from tests.unit.unexpected_errors.scenario import (
    BAD,
    GOOD,
    ROUTES,
    STREAMS,
    ExpiringLedger,
    MoodyDetector,
    Scenario,
    an_open_gate,
    published_streams,
)

NOW_MS = NOON_MS + 3_600_000


class Stills:
    """An image is the frame it was made of."""

    def to_jpeg(self, keyframe: Keyframe) -> bytes:
        return bytes(keyframe.frame.data)


class Images(FakeImageStore):
    """The images that were written to the work store."""

    def __init__(self, work: FakeWork) -> None:
        super().__init__()
        self._work = work

    def read(self, image: ImageReference) -> bytes:
        return self._work.objects[image.key]


@dataclass
class ConsumeLive(Scenario):
    """A consumer of two streams with one fragment each."""

    roots: ClassVar[Mapping[str, Any]] = {"ports": ConsumerPorts, "settings": ConsumerSettings}
    route = ROUTES["live"]
    unused: ClassVar[frozenset[str]] = frozenset(
        {
            "ports.leases.all",
            "ports.live.work.read",
            "ports.live.detection.gate.images.describe",
            "ports.live.detection.gate.states.all",
            "ports.live.dead_letters.send_to_dead_letters",
        }
    )
    repeated: ClassVar[frozenset[str]] = frozenset(
        {"ports.leases.load", "ports.leases.save", "ports.clock.now_ms", "ports.assigned", "ports.remaining_s"}
    )
    sink: FakeSink = field(default_factory=FakeSink)
    _made_s: float = 0.0
    redriven: set[str] = field(default_factory=set)

    def build(self) -> dict[str, Any]:
        work, leases, cameras = FakeWork(), FakeDocuments(), Cameras()
        for number, name in enumerate(STREAMS, start=1):
            block = BlockEvent(f"frame of {name}".encode(), 1, 0, True, (slice(None),), None)
            cameras.streams[name] = [replace(fragment(number), blocks=(block,))]
            leases.save(arn(name), Lease(stream_arn=arn(name), stream_name=name, since_ms=NOON_MS).model_dump_json(), 0)
        self.bad, self.good = ((name, self._identity(name)) for name in STREAMS)
        gate = an_open_gate(Images(work))
        detection = DetectionPorts(EveryStream(MoodyDetector(self)), self.sink, ExpiringLedger(), lambda: NOW_MS, gate)
        live = LivePorts(cameras, Stills(), work, detection, self.dead, lambda: NOW_MS)
        camera = CameraSettings.model_validate({"live": {"inferenceInterval": 1}})
        pipeline = PipelineSettings(lambda: Configuration(camera), extra_fields=lambda _frame, _output: {})
        self._began_s: float | None = None
        self._made_s = time.monotonic()
        clock = LeaseClock(self._now_ms, 600_000)
        ports = ConsumerPorts(leases, clock, live, lambda: [arn(name) for name in STREAMS], self._remaining_s)
        return {"ports": ports, "settings": ConsumerSettings(LiveSettings(pipeline, 4), workers=4)}

    def _now_ms(self) -> int:
        """Passes a hundred times as fast, because assignments and leases are read every few seconds."""
        return NOW_MS + round(100_000 * (time.monotonic() - self._made_s))

    def _identity(self, name: str) -> str:
        number = STREAMS.index(name) + 1
        moment = from_epoch_ms(NOON_MS + 2000 * number)
        return result_id(
            a_frame(stream_name=name, fragment_number=str(number), image_timestamp=moment), "fake/detector"
        )

    def _remaining_s(self) -> float:
        """Until both items are finished, and at least long enough for five attempts."""
        passed_s = time.monotonic() - self._started_s
        done = self.results() | {name for name in STREAMS for body, _ in self.dead.sent if name in body}
        is_over = passed_s > 3 or (passed_s > 0.3 and done == {BAD, GOOD})
        if is_over and self._began_s is None:
            self._began_s = time.monotonic()
        return 100.0 if self._began_s is None else 2.0 - (time.monotonic() - self._began_s)

    def run(self, roots: Mapping[str, Any]) -> None:
        self._started_s, self._began_s = time.monotonic(), None
        error = run_safely(lambda: consume("me", roots["settings"], roots["ports"], Ends(5.0, 1.0)))
        self.failures += [] if error is None else [error]

    def results(self) -> set[str]:
        return published_streams(self.sink) | self.redriven

    def redrive(self, roots: Mapping[str, Any]) -> None:
        super().redrive(roots)
        if self.results() != {BAD, GOOD}:
            self.run(roots)

    def repeat(self, action: Action, roots: Mapping[str, Any]) -> None:
        """The execution that is started has to be of a range that holds the fragment."""
        assert isinstance(action, StartExecution)
        request = AnalysisRequest.parse(action.document)
        number = STREAMS.index(str(request.stream_name)) + 1
        assert to_epoch_ms(request.start_timestamp) <= NOON_MS + 2000 * number <= to_epoch_ms(request.end_timestamp)
        self.redriven.add(str(request.stream_name))
