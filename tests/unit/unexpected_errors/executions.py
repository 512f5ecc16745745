"""Scenarios of the tasks of the workflow."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar

from kinesight.domain.analysis.pipeline import DetectionPorts, PipelineSettings
from kinesight.domain.analysis.result_records import result_id
from kinesight.domain.batches import MOST_ATTEMPTS, run_safely
from kinesight.domain.configuration.configuration import Configuration
from kinesight.domain.errors import DetectorBusyError, TransientError, UnexpectedError
from kinesight.domain.model import ResultRecord, to_epoch_ms
from kinesight.domain.on_demand.detect_objects import WindowPorts, detect_window
from kinesight.domain.on_demand.extract_images import ExtractionPorts, extract_window, manifest_key
from kinesight.domain.on_demand.messages import AnalysisRequest, RangePlan, WindowManifest
from kinesight.domain.on_demand.plan_windows import PlanningPorts, plan_range
from kinesight.domain.on_demand.render_timelapse import Progress, RenderingPorts, render
from kinesight.domain.on_demand.seals import write_document
from kinesight.domain.on_demand.summarize_range import summarize
from kinesight.domain.ports import FragmentMedia, WorkStore

from tests.builders import NOON_MS
from tests.fakes import EveryStream, FakeSink, FakeWork
from tests.unit.on_demand.test_on_demand import FakeCamera, Workflow
from tests.unit.on_demand.test_render_timelapse import FakeEncoder, FakeFiles
from tests.unit.unexpected_errors.scenario import (
    BAD,
    STREAMS,
    ExpiringLedger,
    MoodyDetector,
    Scenario,
)

NOON = datetime.fromtimestamp(NOON_MS / 1000, UTC)


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


def extract(plan: RangePlan, ports: ExtractionPorts, work: FakeWork) -> None:
    """Extracts the images of all windows of a plan."""
    for window in Workflow(work=work).windows(plan):
        extract_window(plan, window, ports)


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
    """The windows of two executions, of one request each."""

    roots: ClassVar[Mapping[str, Any]] = {"ports": ExtractionPorts}
    unused: ClassVar[frozenset[str]] = frozenset({"ports.remaining_ms"})
    done: set[str] = field(default_factory=set)
    camera: FakeCamera = field(default_factory=Camera)
    work: FakeWork = field(default_factory=FakeWork)

    def build(self) -> dict[str, Any]:
        self.plans = {name: a_plan(name, self.work, self.camera) for name in STREAMS}
        return {"ports": ExtractionPorts(self.camera, self.camera, self.camera, self.work)}

    def task(self, name: str, roots: Mapping[str, Any]) -> None:
        extract(self.plans[name], roots["ports"], self.work)


@dataclass
class DetectObjects(Execution):
    """Two frames of one window: of these one may fail, and is in the window's report."""

    roots: ClassVar[Mapping[str, Any]] = {"ports": WindowPorts, "settings": PipelineSettings}
    unused: ClassVar[frozenset[str]] = frozenset(
        {
            "ports.work.bucket",
            "ports.remaining_ms",
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
        extract(self.plan, ExtractionPorts(camera, camera, camera, self.work), self.work)
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
            extract(plan, ExtractionPorts(camera, camera, camera, self.work), self.work)
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
            extract(plan, ExtractionPorts(camera, camera, camera, self.work), self.work)
        return {
            "ports": RenderingPorts(self.work, FakeEncoder(), FakeFiles(), FakeFiles(), self.folder, lambda: 900_000)
        }

    def task(self, name: str, roots: Mapping[str, Any]) -> None:
        assert render(self.plans[name], Progress(), roots["ports"]).done
