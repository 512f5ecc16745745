"""Scenarios of the functions that run on a schedule."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, ClassVar

from kinesight.domain.batches import run_safely
from kinesight.domain.errors import UnexpectedError
from kinesight.domain.live.conduct_live import ConductorPorts, ConductorSettings, conduct
from kinesight.domain.live.leases import Lease, all_leases
from kinesight.domain.on_demand.ports import RunStatus
from kinesight.domain.on_demand.sweep_streams import Checkpoint, SweepPorts, SweepSampling, SweepSettings, sweep
from kinesight.domain.ports import FragmentSpan
from kinesight.domain.streams.configure_streams import VERIFY_EVERY_S, ConfigureStreamsPorts, refresh
from kinesight.domain.streams.missing_images import LastImageSeen, MissingImagesPorts, find_missing_images
from kinesight.domain.streams.selection import StreamSelection
from kinesight.domain.streams.stream_settings import StreamFeatures, StreamSettings

from tests.builders import NOON_MS
from tests.fakes import FakeDocuments, FakeWorkflow
from tests.fakes_streams import FakeManagedStreams, FakeStreamDirectory, VirtualClock
from tests.unit.unexpected_errors.scenario import (
    BAD,
    GOOD,
    STREAMS,
    Scenario,
)


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
            error = run_safely(partial(self._refresh, settings, ports))
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
        return {"ports": MissingImagesPorts(images, self, NOON_MS + 3_600_000, lambda: False)}

    def fragments(self, stream_name: str, selector: str, start_ms: int, end_ms: int) -> Iterator[FragmentSpan]:
        yield FragmentSpan("1", start_ms, 2000)

    def tick(self, roots: Mapping[str, Any]) -> None:
        report = find_missing_images(STREAMS, lambda _: 600_000, roots["ports"])
        self.failures += [UnexpectedError("not checked")] * report.unknown
        self.found |= set(report.without_images)

    def results(self) -> set[str]:
        return self.found
