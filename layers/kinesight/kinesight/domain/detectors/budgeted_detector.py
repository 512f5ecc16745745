"""A detector that is paid by the call: it asks the budget first, and counts what is spent."""

from dataclasses import dataclass
from threading import Lock

from kinesight.domain.detectors.budget import Budget, Reservation
from kinesight.domain.detectors.call_prices import CallPrice
from kinesight.domain.detectors.ports import Detector, ModelOutput
from kinesight.domain.errors import BudgetReachedError, DetectorBusyError, KinesightError, StorageBusyError
from kinesight.domain.model import Frame


@dataclass(slots=True)
class Spend:
    """What one detector cost for one stream: calls, micro-dollars, calls that the budget held back because the limit
    was reached (`stopped`) or to spread them over the day (`slowed`), and accounts that could not be kept."""

    calls: int = 0
    micro_usd: int = 0
    slowed: int = 0
    stopped: int = 0
    unaccounted: int = 0


class SpendingTally:
    """Spend by stream and detector since it was last drained; safe for threads."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._spent: dict[tuple[str, str], Spend] = {}

    def add(self, stream_name: str, detector: str, **deltas: int) -> None:
        """Adds to the fields of Spend."""
        with self._lock:
            spending = self._spent.setdefault((stream_name, detector), Spend())
            for name, delta in deltas.items():
                setattr(spending, name, getattr(spending, name) + delta)

    def drain(self) -> dict[tuple[str, str], Spend]:
        """What was added since the last call."""
        with self._lock:
            spent, self._spent = self._spent, {}
        return spent


class BudgetedDetector:
    """A detector behind a budget; without one it only counts. `name` is the Detector parameter's value."""

    def __init__(
        self, detector: Detector, name: str, price: CallPrice, budget: Budget | None, tally: SpendingTally
    ) -> None:
        self._detector = detector
        self._name = name
        self._price = price
        self._budget = budget
        self._tally = tally

    @property
    def fingerprint(self) -> str:
        """The detector's own."""
        return self._detector.fingerprint

    def detect(self, frame: Frame) -> ModelOutput:
        """Raises what the detector raises, BudgetReachedError where the call is not to be paid, StorageBusyError where
        nobody can say whether it is: a limit that lets calls through then is none."""
        try:
            return self._paid(frame)
        except DetectorBusyError as error:
            if not error.connection_closed:
                raise
        # Most likely it was kept open while the function slept. The second call is a call of its own.
        return self._paid(frame)

    def _paid(self, frame: Frame) -> ModelOutput:
        if not self._price.most:
            return self._detector.detect(frame)
        reservation = self._reserved(frame.stream_name)
        try:
            answer = self._detector.detect(frame)
        except KinesightError as error:
            self._settle(frame.stream_name, reservation, self._price.most if error.may_be_billed else 0)
            raise
        self._settle(frame.stream_name, reservation, self._price.of(answer.tokens))
        return answer

    def _reserved(self, stream_name: str) -> Reservation | None:
        if self._budget is None:
            return None
        try:
            return self._budget.reserve(stream_name, self._price.most)
        except BudgetReachedError as reached:
            self._tally.add(stream_name, self._name, stopped=int(reached.is_hard), slowed=int(not reached.is_hard))
            raise
        except StorageBusyError:
            self._tally.add(stream_name, self._name, unaccounted=1)
            raise

    def _settle(self, stream_name: str, reservation: Reservation | None, micro_usd: int) -> None:
        """A correction that fails leaves too much counted, and must not cost the answer."""
        if micro_usd:
            self._tally.add(stream_name, self._name, calls=1, micro_usd=micro_usd)
        if reservation is None or self._budget is None:
            return
        try:
            self._budget.settle(reservation, micro_usd)
        except StorageBusyError:
            self._tally.add(stream_name, self._name, unaccounted=1)
