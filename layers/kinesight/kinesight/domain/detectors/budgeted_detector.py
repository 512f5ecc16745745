"""A detector that is paid by the call: reserves each call in the budget and records what it costs."""

from kinesight.domain.detectors.budget import Budget, Reservation
from kinesight.domain.detectors.call_prices import CallPrice
from kinesight.domain.detectors.ports import Detector, ModelOutput
from kinesight.domain.detectors.spend import FrameSpend, Spend
from kinesight.domain.errors import BudgetReachedError, DetectorBusyError, KinesightError, StorageBusyError
from kinesight.domain.model import Frame


class BudgetedDetector:
    """A detector with a budget; without one it only records. `name` is the detector's type."""

    def __init__(self, detector: Detector, name: str, price: CallPrice, budget: Budget | None) -> None:
        self._detector = detector
        self._name = name
        self._price = price
        self._budget = budget

    @property
    def fingerprint(self) -> str:
        """The detector's own."""
        return self._detector.fingerprint

    def detect(self, frame: Frame, spend: FrameSpend) -> ModelOutput:
        """Adds to `spend` also when it raises. Raises what the detector raises, BudgetReachedError if the budget has no
        call left, StorageBusyError if it cannot be read: a limit that lets calls through then is none."""
        try:
            return self._reserved_call(frame, spend)
        except DetectorBusyError as error:
            if not error.connection_closed:
                raise
        # Most likely it was kept open while the function slept. The second call is a call of its own.
        return self._reserved_call(frame, spend)

    def _reserved_call(self, frame: Frame, spend: FrameSpend) -> ModelOutput:
        if not self._price.most:
            return self._detector.detect(frame)
        reservation = self._reserve(frame.stream_name, spend)
        try:
            output = self._detector.detect(frame)
        except KinesightError as error:
            self._settle(spend, reservation, self._price.most if error.may_be_billed else 0)
            raise
        self._settle(spend, reservation, self._price.of(output.tokens))
        return output

    def _reserve(self, stream_name: str, spend: FrameSpend) -> Reservation | None:
        if self._budget is None:
            return None
        try:
            return self._budget.reserve(stream_name, self._price.most)
        except BudgetReachedError as reached:
            spend.add(self._name, Spend(stopped=int(reached.is_hard), slowed=int(not reached.is_hard)))
            raise
        except StorageBusyError:
            spend.add(self._name, Spend(unaccounted=1))
            raise

    def _settle(self, spend: FrameSpend, reservation: Reservation | None, micro_usd: int) -> None:
        """A correction that fails leaves too much counted, and must not cost the model output."""
        if micro_usd:
            spend.add(self._name, Spend(calls=1, micro_usd=micro_usd))
        if reservation is None or self._budget is None:
            return
        try:
            self._budget.settle(reservation, micro_usd)
        except StorageBusyError:
            spend.add(self._name, Spend(unaccounted=1))
