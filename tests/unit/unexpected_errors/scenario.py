"""What the test of unexpected errors needs of a function: its ports by type, an item that a call may fail for, a
neighbour, and how AWS delivers them."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from kinesight.domain.batches import MOST_DELIVERIES, QueuedMessage
from kinesight.domain.errors import DetectorBusyError
from kinesight.domain.gate.decision import GateMode, GateSettings
from kinesight.domain.gate.frame_gate import FrameGate
from kinesight.domain.model import Detection, ResultRecord
from kinesight_cli.redrive.actions import Action, SendMessage, action_for
from kinesight_cli.shared.dead_letter_routes import QUEUES, DeadLetterRoute
from kinesight_cli.shared.dead_letters import DeadLetter

from tests.fakes import FakeDeadLetters, FakeDetector, FakeDocuments, FakeImageStore, FakeLedger, FakeSink

BAD, GOOD = "cam-bad", "cam-good"
STREAMS = (BAD, GOOD)
ROUTES = {one.name: one for one in QUEUES}


@dataclass
class Scenario:
    """`roots`: types of the ports and settings. `unused`: calls of ports that the function never makes. `repeated`:
    calls without which there is no item yet. `primed`: a transient error comes first, which makes calls necessary."""

    roots: ClassVar[Mapping[str, Any]] = {}
    unused: ClassVar[frozenset[str]] = frozenset()
    repeated: ClassVar[frozenset[str]] = frozenset()
    route: ClassVar[DeadLetterRoute | None] = None
    primed: bool = False
    attempts: int = 0
    bad: tuple[str, ...] = (BAD,)
    good: tuple[str, ...] = (GOOD,)
    dead: FakeDeadLetters = field(default_factory=FakeDeadLetters)
    failures: list[Exception] = field(default_factory=list)

    def build(self) -> dict[str, Any]:
        """Returns the roots, on fakes."""
        raise NotImplementedError

    def run(self, roots: Mapping[str, Any]) -> None:
        """Delivers both items as AWS does, until nothing is delivered again. Counts the attempts of the bad item."""
        raise NotImplementedError

    def results(self) -> set[str]:
        """Returns which of the two have all their results."""
        raise NotImplementedError

    def redrive(self, roots: Mapping[str, Any]) -> None:
        """Does with all dead letters what `kinesight redrive` decides."""
        letters, self.dead.sent = list(self.dead.sent), []
        assert self.route is not None
        for body, error in letters:
            letter = DeadLetter("id", "receipt", body, type(error).__name__, str(error))
            self.repeat(action_for(self.route, letter, forced=False), roots)

    def repeat(self, action: Action, roots: Mapping[str, Any]) -> None:
        """Carries out an action of `kinesight redrive`."""
        raise NotImplementedError

    def fail_first(self, error: Exception) -> None:
        """Raises an error that is expected, once, of the bad item, if the scenario is primed."""
        if self.primed:
            self.primed = False
            raise error


@dataclass
class QueueScenario(Scenario):
    """A function that reads a queue."""

    attempts_of_malformed: int = 0

    def messages(self) -> dict[str, str]:
        """Returns the bodies by stream."""
        raise NotImplementedError

    def take(self, messages: list[QueuedMessage], roots: Mapping[str, Any]) -> list[str]:
        """Invokes the function; returns the ids of the messages to be redelivered."""
        raise NotImplementedError

    def run(self, roots: Mapping[str, Any]) -> None:
        self.deliver(self.messages(), roots)

    def send_malformed(self, roots: Mapping[str, Any]) -> None:
        """Delivers a message that the function cannot read."""
        self.deliver({"malformed": "malformed"}, roots)

    def deliver(self, bodies: Mapping[str, str], roots: Mapping[str, Any]) -> None:
        left = dict(bodies)
        for count in range(1, MOST_DELIVERIES + 1):
            messages = [QueuedMessage(name, body, f"handle of {name}", count) for name, body in left.items()]
            self.attempts += BAD in left
            self.attempts_of_malformed += "malformed" in left
            failed = self.take(messages, roots) if left else []
            left = {name: left[name] for name in failed}

    def repeat(self, action: Action, roots: Mapping[str, Any]) -> None:
        assert isinstance(action, SendMessage)
        self.deliver({"again": action.body}, roots)


class MoodyDetector(FakeDetector):
    """Is busy once, for the bad camera, if its scenario is primed."""

    def __init__(self, scenario: Scenario) -> None:
        super().__init__((Detection(label="Person", confidence=99),))
        self._scenario = scenario

    def detect(self, frame: Any, spend: object = None) -> Any:
        if frame.stream_name == BAD:
            self._scenario.fail_first(DetectorBusyError("busy"))
        return super().detect(frame, spend)


class ExpiringLedger(FakeLedger):
    """Work that an invocation left in progress is free again after two attempts, as when its time is up."""

    def __init__(self) -> None:
        super().__init__()
        self._waits: Counter[str] = Counter()

    def begin(self, key: str) -> bool:
        if key in self.in_progress:
            self._waits[key] += 1
            if self._waits[key] % 3 == 0:
                self.in_progress.discard(key)
        return super().begin(key)


class Luma:
    """The luma of an image is a hash of nothing."""

    def luma(self, image: bytes) -> bytes:
        return bytes(64 * 36)


def an_open_gate(images: FakeImageStore) -> FrameGate:
    """A gate that is on, without a frame so far."""
    return FrameGate(lambda _: GateSettings(mode=GateMode.ON), images, Luma(), FakeDocuments())


def published_streams(sink: FakeSink) -> set[str]:
    """The streams of the records that were published."""
    return {ResultRecord.model_validate_json(data).frame.stream_name for _, data in sink.records}
