"""The daily budget: never exceeded, used up to its limit, spread if it is soft, reported if it stops calls."""

from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kinesight.domain.analysis.pipeline import DetectionPorts, FrameAnalysis, PipelineSettings, analyze
from kinesight.domain.configuration.configuration import Configuration
from kinesight.domain.detectors.budget import DAY_MS, Budget, BudgetLimits, Reservation, allowance
from kinesight.domain.detectors.budgeted_detector import BudgetedDetector
from kinesight.domain.detectors.call_prices import (
    DEAREST_TOKENS,
    CallPrice,
    TokenPrice,
    given_price,
    token_call_price,
    token_price,
)
from kinesight.domain.detectors.catalogue import DETECTORS
from kinesight.domain.detectors.chained_detector import ChainedDetector, ChainRules
from kinesight.domain.detectors.ports import Detector, ModelOutput, ReserveResult, SpendingDetector, TokenUsage
from kinesight.domain.detectors.spend import FrameSpend, Spend
from kinesight.domain.errors import (
    BudgetReachedError,
    DetectorBusyError,
    DetectorRejectedError,
    KinesightError,
    ModelOutputError,
    StorageBusyError,
    maybe_billed,
)
from kinesight.domain.model import BoundingBox, DetectorInfo, Frame, from_epoch_ms

from tests.builders import NOON_MS, a_detection, a_frame
from tests.fakes import EveryStream, FakeDetector, FakeLedger, FakeSink, FakeSpendCounters

MIDNIGHT_MS = NOON_MS - DAY_MS // 2
DAY = "2026-01-01"
STREAMS = ("front-door", "parking")


@dataclass
class World:
    """A budget and its clock."""

    stack: int | None = None
    stream: int | None = None
    soft_percent: int = 100
    now_ms: int = NOON_MS
    spending: FakeSpendCounters = field(default_factory=FakeSpendCounters)

    @property
    def budget(self) -> Budget:
        limits = BudgetLimits(self.stack, self.stream, self.soft_percent)
        return Budget(limits, self.spending, lambda: self.now_ms)

    def spent(self, counter: str = "stack", day: str = DAY) -> int:
        return self.spending.micro_usd.get((counter, day), 0)

    def grants(self, stream: str = "front-door", micro_usd: int = 1) -> bool:
        try:
            self.budget.reserve(stream, micro_usd)
        except BudgetReachedError:
            return False
        return True


def test_a_limit_is_reached_exactly() -> None:
    world = World(stack=5000)

    assert [world.grants(micro_usd=1000) for _ in range(8)] == [True] * 5 + [False] * 3
    assert world.spent() == 5000


def test_a_call_that_does_not_fit_any_more_leaves_room_for_a_cheaper_one() -> None:
    world = World(stack=1500)

    assert [world.grants(micro_usd=cost) for cost in (1000, 1000, 500, 1)] == [True, False, True, False]


def test_a_limit_of_nothing_lets_nothing_through() -> None:
    assert not World(stack=0).grants()


def test_a_stream_has_its_own_limit_and_leaves_the_others_theirs() -> None:
    world = World(stack=5, stream=3)

    assert [world.grants("front-door") for _ in range(4)] == [True, True, True, False]
    assert [world.grants("parking") for _ in range(4)] == [True, True, False, False]
    assert (world.spent(), world.spent("stream#parking")) == (5, 2)


def test_what_the_stack_refuses_the_stream_has_back() -> None:
    world = World(stack=1, stream=3)
    world.grants()

    with pytest.raises(BudgetReachedError, match="stack") as reached:
        world.budget.reserve("front-door", 1)

    assert reached.value.is_hard
    assert world.spent("stream#front-door") == 1
    assert world.spending.calls["stream#front-door", DAY] == 1


@pytest.mark.parametrize(("stream", "stack"), [(3, None), (None, 3), (5, 3), (3, 5)])
def test_a_budget_is_reached_when_no_call_is_left_and_checking_costs_none(
    stream: int | None, stack: int | None
) -> None:
    world = World(stack=stack, stream=stream)
    reached = [world.budget.is_reached("front-door", 1) for _ in range(5)]
    while world.grants():
        reached.append(world.budget.is_reached("front-door", 1))

    assert reached == [False] * 7 + [True]
    assert world.budget.is_reached("front-door", 0) is False


def test_a_budget_that_is_spread_over_the_day_is_not_reached() -> None:
    world = World(stack=10, soft_percent=0, now_ms=MIDNIGHT_MS)

    assert not world.grants()
    assert not world.budget.is_reached("front-door", 1)


def test_a_new_day_has_its_own_budget() -> None:
    world = World(stack=1, now_ms=MIDNIGHT_MS + DAY_MS - 1)
    first = [world.grants(), world.grants()]
    world.now_ms += 1

    assert first == [True, False]
    assert world.grants()
    assert (world.spent(), world.spent(day="2026-01-02")) == (1, 1)


def test_what_is_given_back_counts_for_the_day_it_was_taken_on() -> None:
    world = World(stack=1, now_ms=MIDNIGHT_MS + DAY_MS - 1)
    reservation = world.budget.reserve("front-door", 1)
    world.now_ms += 1
    world.grants()

    world.budget.settle(reservation, 0)

    assert (world.spent(), world.spent(day="2026-01-02")) == (0, 1)


def test_the_soft_part_of_a_limit_is_spread_evenly_over_the_rest_of_the_day() -> None:
    """An image a minute, and money for half of them."""
    world = World(stack=720, soft_percent=80)
    granted = []
    for minute in range(1440):
        world.now_ms = MIDNIGHT_MS + 60_000 * minute
        granted += [minute] if world.grants() else []

    gaps = [later - earlier for earlier, later in pairwise(granted)]
    slowed = gaps[gaps.index(10) :]
    assert granted[:576] == list(range(576))  # 80 % of the limit, as the images come
    assert set(slowed) == {10}  # 20 % of 720 in a day of 1,440 minutes
    assert gaps.index(10) < 650  # from where the images meet the line
    assert len(granted) in (719, 720)
    assert granted[-1] >= 1430


def test_a_spread_limit_is_not_hard_and_a_reached_one_is() -> None:
    world = World(stack=100, soft_percent=50, now_ms=MIDNIGHT_MS)
    for _ in range(50):
        world.grants()

    with pytest.raises(BudgetReachedError, match="spread") as slowed:
        world.budget.reserve("front-door", 1)
    with pytest.raises(BudgetReachedError, match="reached") as stopped:
        world.budget.reserve("front-door", 51)

    assert (slowed.value.is_hard, stopped.value.is_hard) == (False, True)


@given(st.integers(0, 10**9), st.integers(0, 100), st.integers(0, DAY_MS - 1), st.integers(0, DAY_MS - 1))
def test_the_allowance_grows_with_the_day_from_the_soft_part_to_the_limit(
    limit: int, soft_percent: int, one_ms: int, other_ms: int
) -> None:
    earlier, later = (allowance(limit, soft_percent, at_ms) for at_ms in sorted((one_ms, other_ms)))

    assert limit * soft_percent // 100 == allowance(limit, soft_percent, 0) <= earlier <= later <= limit
    assert allowance(limit, soft_percent, DAY_MS) == limit


class Interleaved(FakeSpendCounters):
    """Before each write of one caller, others get through whole calls of theirs: what `between` holds."""

    def __init__(self) -> None:
        super().__init__()
        self.between: list[Callable[[], None]] = []

    def reserve(self, counter: str, day: str, micro_usd: int, most_micro_usd: int) -> ReserveResult:
        self._let_others()
        return super().reserve(counter, day, micro_usd, most_micro_usd)

    def correct(self, counter: str, day: str, micro_usd: int, *, calls: int) -> None:
        self._let_others()
        super().correct(counter, day, micro_usd, calls=calls)

    def _let_others(self) -> None:
        if self.between:
            self.between.pop()()


@dataclass
class Spenders:
    """Callers of one budget, whose steps may fall between each other's."""

    world: World
    held: list[Reservation] = field(default_factory=list)

    def spend(self, stream: str, cost: int, later_ms: int, ends: str) -> None:
        self.world.now_ms = min(self.world.now_ms + later_ms, MIDNIGHT_MS + DAY_MS - 1)
        try:
            reservation = self.world.budget.reserve(stream, cost)
        except BudgetReachedError:
            return
        if ends == "failed":
            self.world.budget.settle(reservation, 0)
        elif ends == "cheaper":
            self.world.budget.settle(reservation, cost // 2)
        self.check()

    def check(self) -> None:
        for counter, limit in (("stack", self.world.stack), *((f"stream#{one}", self.world.stream) for one in STREAMS)):
            most = allowance(limit or 0, self.world.soft_percent, self.world.now_ms % DAY_MS)
            assert 0 <= self.world.spent(counter) <= most <= (limit or 0)


CALLS = st.tuples(
    st.sampled_from(STREAMS),
    st.integers(1, 40),
    st.integers(0, DAY_MS // 20),
    st.sampled_from(["paid", "failed", "cheaper"]),
)


@given(
    st.integers(0, 200),
    st.integers(0, 100),
    st.integers(0, 100),
    st.lists(CALLS, max_size=30),
    st.lists(CALLS, max_size=30),
)
def test_no_interleaving_passes_a_limit_and_what_is_left_is_to_be_had(
    stack: int,
    stream: int,
    soft_percent: int,
    calls: list[tuple[str, int, int, str]],
    others: list[tuple[str, int, int, str]],
) -> None:
    spending = Interleaved()
    world = World(stack, stream, soft_percent, MIDNIGHT_MS, spending)
    spenders = Spenders(world)
    spending.between = [lambda other=other: spenders.spend(*other) for other in others]  # type: ignore[misc]  # bound at once
    for call in calls:
        spenders.spend(*call)
    spending.between = []
    spenders.check()

    world.now_ms, world.soft_percent = MIDNIGHT_MS + DAY_MS - 1, 100
    left = min(stack - world.spent(), stream - world.spent("stream#parking"))
    assert [world.grants("parking") for _ in range(left + 1)] == [True] * left + [False]


# -- detectors ---------------------------------------------------------------------------------------------------------


@dataclass
class Paid:
    """A detector with a budget, its counters and what it spent."""

    detector: Detector
    price: CallPrice = field(default_factory=lambda: CallPrice(1000))
    world: World = field(default_factory=lambda: World(stack=5000))
    spend: FrameSpend = field(default_factory=FrameSpend)

    @property
    def budgeted(self) -> BudgetedDetector:
        return BudgetedDetector(self.detector, "REKOGNITION_LABELS", self.price, self.world.budget)

    def detect(self) -> ModelOutput:
        return self.budgeted.detect(a_frame(), self.spend)

    def spent(self) -> Spend:
        (spend,) = self.spend.by_detector.values()
        return spend


def test_a_paid_call_is_recorded_for_its_detector() -> None:
    paid = Paid(FakeDetector())

    paid.detect()

    assert paid.spend.by_detector == {"REKOGNITION_LABELS": Spend(calls=1, micro_usd=1000)}


def test_behind_the_limit_the_detector_is_not_called() -> None:
    detector = FakeDetector()
    paid = Paid(detector, world=World(stack=2000))
    for _ in range(2):
        paid.detect()

    with pytest.raises(BudgetReachedError):
        paid.detect()

    assert len(detector.analyzed_keys) == 2
    assert paid.spent() == Spend(calls=2, micro_usd=2000, stopped=1)


@pytest.mark.parametrize(
    ("failure", "left_counted"),
    [
        (DetectorBusyError("throttled"), 0),
        (DetectorRejectedError("400"), 0),
        (maybe_billed(DetectorBusyError("no answer came")), 1000),
        (ModelOutputError("not what was agreed"), 1000),
        (RuntimeError("a defect, behind which anything may have been called"), 1000),
    ],
)
def test_only_calls_that_are_not_billed_are_given_back(failure: Exception, left_counted: int) -> None:
    paid = Paid(FakeDetector(failures={a_frame().image.key: failure}))

    with pytest.raises(type(failure)):
        paid.detect()

    assert paid.world.spent() == left_counted


def closed() -> DetectorBusyError:
    error = maybe_billed(DetectorBusyError("the connection was closed"))
    error.connection_closed = True
    return error


@dataclass
class Dropping:
    """A detector whose first connections are closed under the call."""

    closed_connections: int
    calls: int = 0
    fingerprint: str = "dropping"

    def detect(self, frame: Frame) -> ModelOutput:
        self.calls += 1
        if self.calls <= self.closed_connections:
            raise closed()
        return FakeDetector().detect(frame)


def test_a_connection_that_was_closed_is_replaced_once_and_both_calls_are_counted() -> None:
    paid = Paid(Dropping(1))

    paid.detect()

    assert paid.spent() == Spend(calls=2, micro_usd=2000)
    assert paid.world.spent() == 2000


def test_connections_that_are_always_closed_are_left_for_later() -> None:
    detector = Dropping(9)

    with pytest.raises(DetectorBusyError):
        Paid(detector).detect()

    assert detector.calls == 2


def test_the_second_call_reserves_too() -> None:
    detector = Dropping(1)

    with pytest.raises(BudgetReachedError):
        Paid(detector, world=World(stack=1000)).detect()

    assert detector.calls == 1


def test_if_the_spend_is_unknown_no_model_is_called() -> None:
    detector = FakeDetector()
    paid = Paid(detector)
    paid.world.spending.failure = StorageBusyError("throttled")

    with pytest.raises(StorageBusyError):
        paid.detect()

    assert detector.analyzed_keys == []
    assert paid.spent() == Spend(unaccounted=1)


def test_a_failed_correction_does_not_lose_the_model_output() -> None:
    paid = Paid(FakeDetector(), price=CallPrice(5000, TokenPrice(1, 1)))

    class Failing(FakeDetector):
        def detect(self, frame: Frame, spend: object = None) -> ModelOutput:
            paid.world.spending.failure = StorageBusyError("throttled")
            return ModelOutput(DetectorInfo(type="f", operation="o", latency_ms=1), (), {}, tokens=TokenUsage(1, 1))

    paid.detector = Failing()

    assert paid.detect().tokens == TokenUsage(1, 1)
    assert paid.world.spent() == 5000
    assert paid.spent() == Spend(calls=1, micro_usd=1, unaccounted=1)


def test_a_free_call_reserves_nothing() -> None:
    paid = Paid(FakeDetector(), price=CallPrice(0), world=World(stack=0))

    paid.detect()

    assert (paid.world.spending.reservations, paid.spend.by_detector) == (0, {})


def test_without_a_budget_it_only_counts() -> None:
    spend = FrameSpend()

    BudgetedDetector(FakeDetector(), "REKOGNITION_TEXT", CallPrice(1000), None).detect(a_frame(), spend)

    assert spend.by_detector == {"REKOGNITION_TEXT": Spend(calls=1, micro_usd=1000)}


def test_tokens_are_paid_by_the_reported_usage() -> None:
    price = token_call_price("us.amazon.nova-lite-v1:0", 1000)
    usage = TokenUsage(read=2000, written=300)

    assert price.most == 600  # 6,000 tokens at $0.06 and 1,000 at $0.24 a million
    assert price.of(usage) == 192
    assert price.of(None) == 600


def test_a_model_without_a_known_price_is_counted_as_the_dearest() -> None:
    assert token_price("eu.vendor.new-model-v9:0") == DEAREST_TOKENS
    listed = token_price("amazon.nova-premier-v1:0")
    assert (listed.read, listed.written) < (DEAREST_TOKENS.read, DEAREST_TOKENS.written)


def test_every_detector_has_a_price() -> None:
    needed = {"face_collection_id": "staff", "custom_labels_model_arn": "arn", "sagemaker_endpoint_name": "m"} | {
        "sagemaker_async_output_bucket": "b"
    }
    needed |= {"http_model_url": "https://m", "bedrock_model_id": "m"}
    prices = {kind: one.price(one.read(needed)) for kind, one in DETECTORS.items()}

    assert [kind for kind, price in prices.items() if price.tokens is not None] == ["BEDROCK"]
    assert {price.most for price in prices.values() if price.tokens is None} == {0, 1000}
    assert prices["BEDROCK"].tokens == DEAREST_TOKENS


def test_a_price_of_ones_own_is_taken() -> None:
    price = given_price(Decimal("0.4"))

    assert (price.most, price.of(None)) == (400, 400)


# -- frames ------------------------------------------------------------------------------------------------------------


def frames(count: int) -> list[Frame]:
    return [a_frame(image_timestamp=from_epoch_ms(NOON_MS + 1000 * index)) for index in range(count)]


_NO_RULES = PipelineSettings(lambda: Configuration.of([], 0))


def analyzed(detector: SpendingDetector, ledger: FakeLedger, *shown: Frame) -> list[FrameAnalysis]:
    analyses = [FrameAnalysis(str(frame.image_timestamp), lambda frame=frame: frame) for frame in shown]  # type: ignore[misc]  # bound at once
    analyze(analyses, DetectionPorts(EveryStream(detector), FakeSink(), ledger, lambda: NOON_MS), _NO_RULES)
    return analyses


def test_a_frame_that_is_not_paid_for_is_no_failure_and_may_come_again() -> None:
    paid, ledger = Paid(FakeDetector(), world=World(stack=3000)), FakeLedger()
    shown = frames(5)

    first = analyzed(paid.budgeted, ledger, *shown)
    paid.world.stack = 5000
    again = analyzed(paid.budgeted, ledger, *shown)

    assert sum(one.record is not None for one in first) == 3
    assert [one.error for one in first] == [None] * 5
    assert {one.subject for one in first if one.over_budget} == {one.subject for one in again if one.record}
    assert sum(one.already_analyzed for one in again) == 3


def test_detections_of_the_first_detector_are_kept_and_note_that_the_second_was_over_budget() -> None:
    person, car = a_detection(label="Person"), a_detection(label="Car")
    second = Paid(FakeDetector(found=(a_detection(label="Face"),)), world=World(stack=1000))
    rules = ChainRules.of(["Person"], 0, "FRAME")
    chain = ChainedDetector(FakeDetector(found=(person, car)), second.budgeted, rules, NoCrops())

    first, second_frame = (chain.detect(frame, FrameSpend()).detections for frame in frames(2))

    assert [one.label for one in first] == ["Person", "Car", "Face"]
    assert [(one.label, one.attributes.get("thenDetector")) for one in second_frame] == [
        ("Person", "OVER_BUDGET"),
        ("Car", None),
    ]


def test_the_first_of_a_chain_is_paid_also_when_the_second_fails() -> None:
    first = BudgetedDetector(FakeDetector(found=(a_detection(),)), "REKOGNITION_LABELS", CallPrice(1000), None)
    failing = FakeDetector(failures={a_frame().image.key: maybe_billed(DetectorBusyError("no answer came"))})
    second = BudgetedDetector(failing, "REKOGNITION_TEXT", CallPrice(2000), None)
    one = FrameAnalysis("one", a_frame)

    chain = ChainedDetector(first, second, ChainRules.of([], 0, "FRAME"), NoCrops())
    analyze([one], DetectionPorts(EveryStream(chain), FakeSink(), FakeLedger(), lambda: NOON_MS), _NO_RULES)

    assert isinstance(one.error, DetectorBusyError)
    assert one.spend.by_detector == {
        "REKOGNITION_LABELS": Spend(calls=1, micro_usd=1000),
        "REKOGNITION_TEXT": Spend(calls=1, micro_usd=2000),
    }


class NoCrops:
    """For chains on whole images."""

    def crop(self, frame: Frame, box: BoundingBox) -> tuple[Frame, BoundingBox]:
        raise AssertionError("nothing is to be cut")


def test_a_counter_that_cannot_be_corrected_keeps_no_other_from_it() -> None:
    world = World(stack=10, stream=10)
    reservation = world.budget.reserve("front-door", 2)

    class Half(FakeSpendCounters):
        def correct(self, counter: str, day: str, micro_usd: int, *, calls: int) -> None:
            if counter != "stack":
                raise StorageBusyError("throttled")
            super().correct(counter, day, micro_usd, calls=calls)

    half = Half()
    half.micro_usd = world.spending.micro_usd
    world.spending = half

    with pytest.raises(StorageBusyError):
        world.budget.settle(reservation, 0)

    assert (world.spent(), world.spent("stream#front-door")) == (0, 2)


def test_the_error_says_what_is_spent() -> None:
    error: KinesightError = BudgetReachedError("stack", 4_999_000, 5_000_000, is_hard=True)

    assert str(error) == "stack: $4.999000 of today's $5.000000 are spent; the limit is reached"
