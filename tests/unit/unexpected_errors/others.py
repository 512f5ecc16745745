"""Scenarios of live consumers, of functions on a schedule, and of the tasks of the workflow."""

import json
import re
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar

from kinesight.domain.analysis.pipeline import DetectionPorts, PipelineSettings
from kinesight.domain.analysis.result_records import result_id
from kinesight.domain.batches import MOST_ATTEMPTS, run_safely
from kinesight.domain.configuration.camera import CameraSettings
from kinesight.domain.configuration.configuration import Configuration
from kinesight.domain.errors import DetectorBusyError, TransientError, UnexpectedError
from kinesight.domain.gate.decision import GateMode, GateSettings
from kinesight.domain.gate.frame_gate import FrameGate
from kinesight.domain.live.conduct_live import ConductorPorts, ConductorSettings, conduct
from kinesight.domain.live.consume_live import ConsumerPorts, ConsumerSettings, Ends, consume
from kinesight.domain.live.leases import Lease, LeaseClock, all_leases
from kinesight.domain.live.live_stream import LiveSettings
from kinesight.domain.live.ports import LivePorts
from kinesight.domain.model import ImageReference, ResultRecord, from_epoch_ms, to_epoch_ms
from kinesight.domain.on_demand.detect_objects import WindowPorts, detect_window
from kinesight.domain.on_demand.extract_images import ExtractionPorts, extract_window, manifest_key
from kinesight.domain.on_demand.messages import AnalysisRequest, RangePlan, WindowManifest
from kinesight.domain.on_demand.plan_windows import PlanningPorts, plan_range
from kinesight.domain.on_demand.ports import RunStatus
from kinesight.domain.on_demand.render_timelapse import Progress, RenderingPorts, render
from kinesight.domain.on_demand.seals import write_document
from kinesight.domain.on_demand.summarize_range import summarize
from kinesight.domain.on_demand.sweep_streams import Checkpoint, SweepPorts, SweepSampling, SweepSettings, sweep
from kinesight.domain.ports import FragmentMedia, FragmentSpan, WorkStore
from kinesight.domain.streams.configure_streams import VERIFY_EVERY_S, ConfigureStreamsPorts, refresh
from kinesight.domain.streams.missing_images import LastImageSeen, MissingImagesPorts, find_missing_images
from kinesight.domain.streams.selection import StreamSelection
from kinesight.domain.streams.stream_settings import StreamFeatures, StreamSettings
from kinesight.media.mkv import BlockEvent
from kinesight.media.selection import Keyframe
from kinesight_cli.redrive.actions import Action, StartExecution

from tests.builders import NOON_MS, a_frame
from tests.fakes import EveryStream, FakeDocuments, FakeImageStore, FakeSink, FakeWork, FakeWorkflow
from tests.fakes_streams import FakeManagedStreams, FakeStreamDirectory, VirtualClock
from tests.unit.live.test_consume_live import Cameras, arn, fragment
from tests.unit.on_demand.test_on_demand import FakeCamera, Workflow
from tests.unit.on_demand.test_render_timelapse import FakeEncoder, FakeFiles
from tests.unit.unexpected_errors.batches import ROUTES, STREAMS, Luma
from tests.unit.unexpected_errors.scenario import BAD, GOOD, ExpiringLedger, MoodyDetector, Scenario

NOW_MS = NOON_MS + 3_600_000
NOON = datetime.fromtimestamp(NOON_MS / 1000, UTC)


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
        gate = FrameGate(lambda _: GateSettings(mode=GateMode.ON), Images(work), Luma(), FakeDocuments())
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
        found = {ResultRecord.model_validate_json(data).frame.stream_name for _, data in self.sink.records}
        return found | self.redriven

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


class Scheduled(Scenario):
    """A function that runs again by itself, so that nothing of it is dead-lettered."""

    runs: ClassVar[int] = 3

    def redrive(self, roots: Mapping[str, Any]) -> None:
        self.run(roots)

    def run(self, roots: Mapping[str, Any]) -> None:
        for _ in range(self.runs):
            error = run_safely(lambda: self.tick(roots))
            self.failures += [] if error is None else [error]

    def tick(self, roots: Mapping[str, Any]) -> None:
        """Runs the function once."""
        raise NotImplementedError


TAGGED = StreamSelection.of([], [{"key": "location", "values": ["porch"]}])


def fleet() -> FakeStreamDirectory:
    """Both streams, selected by their tags."""
    directory = FakeStreamDirectory()
    for name in STREAMS:
        directory.add(name, location="porch")
    return directory


@dataclass
class ConductLive(Scheduled):
    """Leases of two streams, and a consumer for each."""

    roots: ClassVar[Mapping[str, Any]] = {"ports": ConductorPorts, "settings": ConductorSettings}
    unused: ClassVar[frozenset[str]] = frozenset(
        {"ports.registry.describe", "ports.leases.load", "ports.assignments.load", "ports.slots.load"}
    )
    bad: tuple[str, ...] = (BAD, "'0000'")
    good: tuple[str, ...] = (GOOD, "'0001'")
    now_ms: int = NOON_MS
    leases: FakeDocuments = field(default_factory=FakeDocuments)
    started: set[str] = field(default_factory=set)

    def start(self, slot: str, share: int) -> None:
        self.started.add(slot)

    def build(self) -> dict[str, Any]:
        previous, streams = FakeDocuments(), fleet()
        for one in streams.fleet.values():
            lease = Lease(stream_arn=one.arn, stream_name=one.name, since_ms=NOON_MS)
            previous.save(one.arn, lease.model_dump_json(), 0)
        ports = ConductorPorts(
            streams, self.leases, previous, FakeDocuments(), FakeDocuments(), self, VirtualClock(), NOON_MS
        )
        return {"ports": ports, "settings": ConductorSettings(TAGGED, 1, 840_000, lambda _: True)}

    def tick(self, roots: Mapping[str, Any]) -> None:
        self.now_ms += 60_000
        report = conduct(roots["settings"], replace(roots["ports"], now_ms=self.now_ms))
        self.failures += [UnexpectedError(one) for one in report.warnings]
        self.failures += report.errors

    def results(self) -> set[str]:
        with_lease = {lease.stream_name for lease, _ in all_leases(self.leases).values()}
        with_consumer = ({BAD} if "0000" in self.started else set()) | ({GOOD} if self.started else set())
        return with_lease & with_consumer


@dataclass
class SweepStreams(Scheduled):
    """Two ranges of each of two streams, one after another."""

    roots: ClassVar[Mapping[str, Any]] = {"ports": SweepPorts, "settings": SweepSettings}
    unused: ClassVar[frozenset[str]] = frozenset({"ports.registry.describe", "ports.checkpoints.load"})
    now_ms: int = NOON_MS
    workflow: FakeWorkflow = field(default_factory=lambda: FakeWorkflow(at_once=RunStatus.SUCCEEDED))

    def build(self) -> dict[str, Any]:
        checkpoints, directory = FakeDocuments(), fleet()
        for stream_arn in directory.fleet:
            checkpoints.save(stream_arn, Checkpoint(swept_until_ms=NOON_MS).model_dump_json(), 0)
        ports = SweepPorts(directory, checkpoints, self.workflow, VirtualClock(), NOON_MS, 1e9)
        return {"ports": ports, "settings": SweepSettings(TAGGED, lambda _: SweepSampling(1000, 60_000))}

    def tick(self, roots: Mapping[str, Any]) -> None:
        self.now_ms += 900_000
        report = sweep(roots["settings"], replace(roots["ports"], now_ms=self.now_ms))
        self.failures += [UnexpectedError(one) for one in report.warnings]

    def results(self) -> set[str]:
        arns = [str(one["StreamARN"]) for one in self.workflow.inputs.values()]
        return {name for name in STREAMS if sum(f"/{name}/" in one for one in arns) >= 2}


class Tags:
    """The tags of streams by name."""

    def __init__(self) -> None:
        self.saved: Mapping[str, Mapping[str, str]] = {}

    def load(self) -> Mapping[str, Mapping[str, str]]:
        return self.saved

    def save(self, tags: Mapping[str, Mapping[str, str]]) -> None:
        self.saved = tags


@dataclass
class ConfigureStreams(Scheduled):
    """Settings that are set on two streams, and taken back when these are no longer selected."""

    roots: ClassVar[Mapping[str, Any]] = {"ports": ConfigureStreamsPorts, "settings": StreamSettings}
    unused: ClassVar[frozenset[str]] = frozenset(
        {"ports.registry.describe", "ports.managed.manages", "ports.managed.retire"}
    )
    directory: FakeStreamDirectory = field(default_factory=fleet)
    managed: FakeManagedStreams = field(default_factory=FakeManagedStreams)
    epoch_s: float = NOON_MS / 1000
    configured: set[str] = field(default_factory=set)
    restored: set[str] = field(default_factory=set)

    def build(self) -> dict[str, Any]:
        features = StreamFeatures({"Status": "ENABLED", "DestinationConfig": {"Uri": "s3://bucket/images"}}, None)
        ports = ConfigureStreamsPorts(
            self.directory, self.managed, Tags(), self.directory.clock, self.epoch_s, 1e9, workers=1
        )
        settings = StreamSettings(TAGGED, lambda _name, _tags: features, needs_tags=True)
        return {"ports": ports, "settings": settings}

    def tick(self, roots: Mapping[str, Any]) -> None:
        self.epoch_s += 2 * VERIFY_EVERY_S
        ports = replace(roots["ports"], epoch_s=self.epoch_s)
        for settings in (roots["settings"], replace(roots["settings"], selection=StreamSelection.of(["none"], []))):
            self.managed.token = None  # the lock of a run that failed expires
            error = run_safely(lambda settings=settings: self._refresh(settings, ports))  # type: ignore[misc]
            self.failures += [] if error is None else [error]
            set_now = {name for name in STREAMS for _, one in self.directory.configurations if f"/{name}/" in one}
            self.restored |= self.configured - set_now
            self.configured |= set_now

    def _refresh(self, settings: StreamSettings, ports: ConfigureStreamsPorts) -> None:
        report = refresh(settings, ports)
        self.failures += [UnexpectedError(one) for one in report.warnings]

    def results(self) -> set[str]:
        return self.restored - {one.stream_name for one in self.managed.all()}


@dataclass
class MissingImages(Scheduled):
    """A check of two streams whose last images are old; the first run of a third, which has had none."""

    roots: ClassVar[Mapping[str, Any]] = {"ports": MissingImagesPorts}
    unused: ClassVar[frozenset[str]] = frozenset({"ports.last_images.load", "ports.last_images.save"})
    found: set[str] = field(default_factory=set)

    def build(self) -> dict[str, Any]:
        images = FakeDocuments()
        for name in STREAMS:
            images.save(name, LastImageSeen(at_ms=NOON_MS).model_dump_json(), 0)
        return {"ports": MissingImagesPorts(images, self, NOW_MS, lambda: False)}

    def fragments(self, stream_name: str, selector: str, start_ms: int, end_ms: int) -> Iterator[FragmentSpan]:
        yield FragmentSpan("1", start_ms, 2000)

    def tick(self, roots: Mapping[str, Any]) -> None:
        report = find_missing_images(STREAMS, lambda _: 600_000, roots["ports"])
        self.failures += [UnexpectedError("not checked")] * report.unknown
        self.found |= set(report.without_images)

    def results(self) -> set[str]:
        return self.found


class Execution(Scenario):
    """A task of two executions. As the workflow does, an attempt follows an unexpected error until there were five;
    then the execution fails, and `kinesight redrive` starts it again."""

    done: set[str]

    def run(self, roots: Mapping[str, Any]) -> None:
        for name in STREAMS:
            self.execute(name, roots)

    def execute(self, name: str, roots: Mapping[str, Any]) -> None:
        transient = 0
        for attempt in range(1, 20):
            error = run_safely(lambda: self.task(name, roots))
            if error is None:
                self.done.add(name)
                return
            self.attempts += name == BAD
            transient += isinstance(error, TransientError)
            if not isinstance(error, TransientError) and attempt - transient >= MOST_ATTEMPTS:
                self.dead.sent.append((self.letter(name), error))
                return

    def letter(self, name: str) -> str:
        """Names what a failed execution leaves undone."""
        return name

    def task(self, name: str, roots: Mapping[str, Any]) -> None:
        """Runs the task of an execution. Raises what the function raises."""
        raise NotImplementedError

    def results(self) -> set[str]:
        return self.done

    def redrive(self, roots: Mapping[str, Any]) -> None:
        self.dead.sent, self.attempts = [], 0
        self.run(roots)


def a_plan(name: str, work: FakeWork, camera: FakeCamera, **changes: Any) -> RangePlan:
    ports = PlanningPorts(camera, camera, work, lambda: NOON + timedelta(minutes=5), lambda: "key")
    return plan_range(a_request(name, **changes), f"run-{name}", ports)


def a_request(name: str, **changes: Any) -> AnalysisRequest:
    document = {"StreamName": name, "StartTimestamp": NOON, "EndTimestamp": NOON + timedelta(seconds=4)}
    return AnalysisRequest.parse(document | changes)


class Camera(FakeCamera):
    """Streams of any name; their media and images bear it. One moment has to be decoded, and one has no image."""

    def __init__(self) -> None:
        super().__init__(dark={NOON_MS + 1000, NOON_MS + 2000}, broken={NOON_MS + 2000})

    def describe(self, name_or_arn: str) -> Any:
        return replace(super().describe(name_or_arn), name=name_or_arn)

    def fetch(self, stream_name: str, fragment_numbers: Any) -> Iterator[Any]:
        for one in super().fetch(stream_name, fragment_numbers):
            yield FragmentMedia(one.fragment_number, f"media of {stream_name}".encode())


@dataclass
class PlanWindows(Execution):
    """Plans of two executions."""

    roots: ClassVar[Mapping[str, Any]] = {"ports": PlanningPorts}
    unused: ClassVar[frozenset[str]] = frozenset({"ports.streams.streams", "ports.streams.tags", "ports.work.read"})
    done: set[str] = field(default_factory=set)

    def build(self) -> dict[str, Any]:
        camera = Camera()
        return {"ports": PlanningPorts(camera, camera, FakeWork(), lambda: NOON + timedelta(minutes=5), lambda: "key")}

    def task(self, name: str, roots: Mapping[str, Any]) -> None:
        plan_range(a_request(name), f"run-{name}", roots["ports"])


@dataclass
class ExtractImages(Execution):
    """The windows of two executions."""

    roots: ClassVar[Mapping[str, Any]] = {"ports": ExtractionPorts}
    unused: ClassVar[frozenset[str]] = frozenset({"ports.work.read"})
    done: set[str] = field(default_factory=set)
    camera: FakeCamera = field(default_factory=Camera)
    work: FakeWork = field(default_factory=FakeWork)

    def build(self) -> dict[str, Any]:
        self.plans = {name: a_plan(name, self.work, self.camera) for name in STREAMS}
        return {"ports": ExtractionPorts(self.camera, self.camera, self.camera, self.work)}

    def task(self, name: str, roots: Mapping[str, Any]) -> None:
        for window in Workflow(work=self.work).windows(self.plans[name]):
            extract_window(self.plans[name], window, roots["ports"])


@dataclass
class DetectObjects(Execution):
    """Two frames of one window: of these one may fail, and is in the window's report."""

    roots: ClassVar[Mapping[str, Any]] = {"ports": WindowPorts, "settings": PipelineSettings}
    unused: ClassVar[frozenset[str]] = frozenset(
        {
            "ports.work.bucket",
            *(f"ports.detection.gate.{one}" for one in ("settings", "images.describe", "images.read", "lumas.luma")),
            *(f"ports.detection.gate.states.{one}" for one in ("all", "load", "save")),
        }
    )
    done: set[str] = field(default_factory=set)
    work: FakeWork = field(default_factory=FakeWork)
    sink: FakeSink = field(default_factory=FakeSink)

    def build(self) -> dict[str, Any]:
        camera = Camera()
        self.plan = a_plan("camera", self.work, camera)
        (window,) = Workflow(work=self.work).windows(self.plan)
        extract_window(self.plan, window, ExtractionPorts(camera, camera, camera, self.work))
        manifest = WindowManifest.model_validate_json(self.work.objects[manifest_key(self.plan, 0)])
        self.frames = dict(zip(STREAMS, manifest.frames, strict=False))
        kept = manifest.model_copy(update={"frames": tuple(self.frames.values())})
        write_document(self.plan, manifest_key(self.plan, 0), kept, self.work)
        self.bad, self.good = ((one.image.key, result_id(one, "fake/detector")) for one in self.frames.values())
        detector = _MoodyOnImage(self)
        ports = WindowPorts(
            DetectionPorts(EveryStream(detector), self.sink, ExpiringLedger(), lambda: NOON_MS), self.work
        )
        settings = PipelineSettings(lambda: Configuration.of([], 50), extra_fields=lambda _frame, _output: {})
        return {"ports": ports, "settings": settings}

    def run(self, roots: Mapping[str, Any]) -> None:
        self.execute(BAD, roots)

    def letter(self, name: str) -> str:
        return " ".join(STREAMS)

    def task(self, name: str, roots: Mapping[str, Any]) -> None:
        report = detect_window(self.plan, 0, roots["ports"], roots["settings"], [])
        for one, frame in self.frames.items():
            reason = report.failed.get(to_epoch_ms(frame.image_timestamp))
            found = re.fullmatch(r"UnexpectedError\('(.*)'\)", reason or "")
            self.dead.sent += [(one, UnexpectedError(found[1]))] if found else []

    def redrive(self, roots: Mapping[str, Any]) -> None:
        """A new execution, with reports of its own."""
        self.work.objects = {key: body for key, body in self.work.objects.items() if "/reports/" not in key}
        super().redrive(roots)

    def results(self) -> set[str]:
        keys = {ResultRecord.model_validate_json(data).frame.image.key for _, data in self.sink.records}
        return {name for name, frame in self.frames.items() if frame.image.key in keys}


class _MoodyOnImage(MoodyDetector):
    def detect(self, frame: Any, spend: object = None) -> Any:
        if frame.image.key == self._scenario.bad[0]:
            self._scenario.fail_first(DetectorBusyError("busy"))
        return super().detect(frame, spend)


@dataclass
class SummarizeRange(Execution):
    """The summaries of two executions without detections."""

    roots: ClassVar[Mapping[str, Any]] = {"work": WorkStore}
    unused: ClassVar[frozenset[str]] = frozenset({"work.bucket"})
    done: set[str] = field(default_factory=set)
    work: FakeWork = field(default_factory=FakeWork)

    def build(self) -> dict[str, Any]:
        camera = Camera()
        self.plans = {name: a_plan(name, self.work, camera, Detector="NONE") for name in STREAMS}
        for plan in self.plans.values():
            for window in Workflow(work=self.work).windows(plan):
                extract_window(plan, window, ExtractionPorts(camera, camera, camera, self.work))
        return {"work": self.work}

    def task(self, name: str, roots: Mapping[str, Any]) -> None:
        assert json.loads(summarize(self.plans[name], roots["work"], "evidence").model_dump_json())


@dataclass
class RenderTimelapse(Execution):
    """The time-lapses of two executions. `folder`: where they are rendered, which the test sets."""

    folder: ClassVar[Path]
    roots: ClassVar[Mapping[str, Any]] = {"ports": RenderingPorts}
    unused: ClassVar[frozenset[str]] = frozenset({"ports.work.bucket", "ports.work.write"})
    done: set[str] = field(default_factory=set)
    work: FakeWork = field(default_factory=FakeWork)

    def build(self) -> dict[str, Any]:
        camera = Camera()
        self.plans = {name: a_plan(name, self.work, camera, Timelapse={}) for name in STREAMS}
        for plan in self.plans.values():
            for window in Workflow(work=self.work).windows(plan):
                extract_window(plan, window, ExtractionPorts(camera, camera, camera, self.work))
        return {
            "ports": RenderingPorts(self.work, FakeEncoder(), FakeFiles(), FakeFiles(), self.folder, lambda: 900_000)
        }

    def task(self, name: str, roots: Mapping[str, Any]) -> None:
        assert render(self.plans[name], Progress(), roots["ports"]).done
