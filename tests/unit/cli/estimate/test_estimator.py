"""The estimate of settings: what budgets, batches, LogLevel and full rate change."""

from collections.abc import Callable

import pytest
from kinesight_cli.estimate.estimator import Estimator, estimator
from kinesight_cli.estimate.month import lines_of
from kinesight_cli.estimate.workload import Workload, assumed
from kinesight_cli.shared.choices import Choices

from tests.unit.cli.estimate.stacks import PRICES, calls, initial, live, of, usd

DETECT = "rekognition:DetectLabels"
KEYFRAMES = 30 * 86_400 / 2
PASSED = (0.1 + 0.9 * 2 / 60) * KEYFRAMES
"""A tenth has changed, and of the others the gate passes one a minute."""
GATE_WRITES = "one per image that the gate passes on"
LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")


def calls_with(found: Estimator, name: str) -> float:
    return sum(count for call, count in calls(found).items() if name in call)


def count(found: Estimator, why: str) -> float:
    lines = lines_of(found.parameters, found.workload, found.shape)
    return sum(line.count for line in lines if line.why == why)


def test_the_initial_setup_is_read_live_with_gate_and_budget() -> None:
    found = initial()
    settings = found.parameters

    assert (settings["LiveStatus"], settings["ImageGenerationStatus"]) == ("ENABLED", "DISABLED")
    assert (settings["gate.mode"], settings["DailyBudgetUsd"]) == ("ON", "2.50")
    # A tenth of one keyframe every 10 s, and one a minute of the others.
    assert calls_with(found, DETECT) == pytest.approx(30 * (864 + 0.9 * 1440))
    assert list(found.warnings(found.bill())) == []


def test_a_budget_bounds_calls_and_what_follows_from_them() -> None:
    free, limited = live(DailyBudgetUsd=""), live()

    assert calls_with(free, DETECT) == pytest.approx(PASSED)
    assert calls_with(limited, DETECT) == pytest.approx(30 * 1000)
    share = 30_000 / PASSED
    for name in ("kinesis:Record", "keep_evidence s3:PutObject results"):
        assert calls_with(limited, name) == pytest.approx(share * calls_with(free, name)), name
    # The gate counts an image over the budget as sent, and each try is a write.
    assert count(limited, GATE_WRITES) == count(free, GATE_WRITES) == pytest.approx(PASSED)
    assert calls_with(limited, "consume_live dynamodb:UpdateItem CoordinationTable") == pytest.approx(PASSED)


def test_a_budget_of_each_camera_grows_with_the_cameras() -> None:
    ten = assumed(["cameras=10"])

    assert calls_with(live(ten, DailyBudgetUsd="", dailyBudgetUsd="1"), DETECT) == pytest.approx(300_000)
    assert calls_with(live(ten, DailyBudgetUsd="2", dailyBudgetUsd="1"), DETECT) == pytest.approx(60_000)
    assert calls_with(live(ten, DailyBudgetUsd="0"), DETECT) == 0


def test_a_budget_that_suffices_changes_nothing_but_its_writes() -> None:
    free, ample = live(DailyBudgetUsd=""), live(DailyBudgetUsd="1000")

    assert calls_with(free, DETECT) == calls_with(ample, DETECT)
    assert list(ample.warnings(ample.bill())) == []


def test_a_detectors_own_price_counts_for_the_budget() -> None:
    settings = {"HttpModelUrl": "https://m", "detectors.own.type": "HTTP", "detectors.own.usdPerThousandCalls": "2"}
    found = estimator(
        {**Choices.default().parameters(), **settings, "detector": "own", "gate.mode": "ON"}, Workload(), PRICES
    )

    assert calls_with(found, "kinesis:Record") == pytest.approx(30 * 1250)


def test_what_is_over_the_budget_is_named() -> None:
    found = live()
    (said,) = found.warnings(found.bill())

    assert said == (
        "DailyBudgetUsd=1.00 is less than the $5.62 per day of all calls: 82% of the images that the detector would "
        "get are over the budget and not analyzed"
    )


def test_full_rate_has_neither_gate_nor_budget() -> None:
    full = live().full_rate()

    assert full == live(**{"gate.mode": "OFF", "DailyBudgetUsd": ""}).bill()
    row = full.row("rekognition.image.group2")
    assert row is not None
    assert row.units == pytest.approx(KEYFRAMES)


def test_images_of_a_fragment_are_one_invocation() -> None:
    slow, fast = of(SamplingInterval="3000"), of(SamplingInterval="200")
    duration = "duration of analyze_images × its memory"

    assert count(slow, "invocations of analyze_images") == pytest.approx(864_000)
    assert count(slow, duration) == pytest.approx(864_000 * 0.7)
    # Ten images of a fragment of two seconds, five at a time.
    assert count(fast, "invocations of analyze_images") == pytest.approx(1_296_000)
    assert count(fast, duration) == pytest.approx(1_296_000 * 2 * (0.7 + 4 * 0.02))
    wide = of(SamplingInterval="200", **{"limits.concurrentDetections": "10"})
    assert count(wide, duration) == pytest.approx(1_296_000 * (0.7 + 9 * 0.02))
    one_by_one = of(SamplingInterval="200", **{"limits.concurrentDetections": "1"})
    assert count(one_by_one, duration) == pytest.approx(1_296_000 * 7.0)


def test_a_stated_number_of_images_per_invocation_is_used() -> None:
    found = of(assumed(["images_per_invocation=5"]), SamplingInterval="3000")

    assert count(found, "invocations of analyze_images") == pytest.approx(864_000 / 5)
    assert count(found, "duration of analyze_images × its memory") == pytest.approx(864_000 / 5 * (0.7 + 4 * 0.02))


def test_a_batching_window_fills_invocations() -> None:
    at_once, gathered = (
        of(assumed(["cameras=30"]), SamplingInterval="5000", BatchingWindowSeconds=window) for window in ("0", "10")
    )
    images = 30 * 2_592_000 / 5

    assert count(at_once, "invocations of analyze_images") == pytest.approx(images)
    assert count(gathered, "invocations of analyze_images") == pytest.approx(images / 10)
    assert calls(gathered)["Lambda sqs:DeleteMessageBatch ImagesQueue"] == pytest.approx(images / 10)
    receives = "one receive per invocation, per image with a batching window; at least the long polls"
    assert count(gathered, receives) == count(at_once, receives) == pytest.approx(images)
    assert count(gathered, "invocations of keep_evidence") < count(at_once, "invocations of keep_evidence") / 5


def test_busy_functions_take_more_images_at_once() -> None:
    fleet = of(assumed(["cameras=100"]), SamplingInterval="3000", MaximumConcurrency="2")

    invocations = count(fleet, "invocations of analyze_images")
    assert 86_400_000 / 10 <= invocations < 86_400_000 / 5


def test_windows_of_ranges_are_billed_in_waves() -> None:
    found = of(ImageGenerationStatus="DISABLED", SweepSchedule="rate(1 hour)")
    requests = 2_592_000 / 25

    expected_s = requests / 10 * 0.3 + requests * 5 * (0.7 + 4 * 0.02)
    assert count(found, "duration of detect_objects × its memory") == pytest.approx(expected_s)
    per_window = count(found, "three per window of up to 250 images, at least one per execution")
    assert per_window == pytest.approx(requests / 10)
    often = of(
        ImageGenerationStatus="DISABLED", SweepSchedule="rate(15 minutes)", **{"analysis.samplingInterval": "5000"}
    )
    assert usd(often, "stepfunctions.transition") == pytest.approx(2880 * (6 + 3) * 25e-6)


def test_evidence_of_a_batch_is_kept_side_by_side() -> None:
    busy = of(assumed(["cameras=30", "matched_share=1"]), SamplingInterval="1000")
    matched, duration = 30 * 2_592_000, count(busy, "duration of keep_evidence × its memory")

    assert duration < 0.4 * matched / 4
    assert duration > 0.4 * matched / 8


def test_notifications_are_gathered_for_a_second() -> None:
    one, many = (
        of(assumed([f"cameras={n}"]), ImageGenerationStatus="DISABLED", NotificationStatus="ENABLED") for n in (1, 1000)
    )

    assert count(many, "invocations of start_analysis") < 400 * count(one, "invocations of start_analysis")


@pytest.mark.parametrize("source", [live, of])
def test_log_level_changes_the_logs(source: Callable[..., Estimator]) -> None:
    debug, info, warning, error = (usd(source(LogLevel=level), "cloudwatch.logs") for level in LEVELS)

    assert debug == info > warning >= error > 0


def test_images_over_the_budget_are_logged_at_warning() -> None:
    warning, error = (usd(live(LogLevel=level), "cloudwatch.logs") for level in ("WARNING", "ERROR"))
    over = PASSED - 30_000

    assert warning - error == pytest.approx(over * 0.62 / 1e6 * 0.5)


def test_only_the_logs_depend_on_the_log_level() -> None:
    info, error = live(LogLevel="INFO").bill(), live(LogLevel="ERROR").bill()

    assert info.usd - usd(live(LogLevel="INFO"), "cloudwatch.logs") == pytest.approx(
        error.usd - usd(live(LogLevel="ERROR"), "cloudwatch.logs")
    )


def test_each_camera_with_a_match_is_read_once_per_batch() -> None:
    fleet = live(assumed(["cameras=30"]), DailyBudgetUsd="")
    matched = 0.02 * 30 * KEYFRAMES

    # The cameras of a batch rarely match twice in a second.
    assert calls_with(fleet, "track_sessions dynamodb:GetItem CoordinationTable") == pytest.approx(matched, rel=0.05)
