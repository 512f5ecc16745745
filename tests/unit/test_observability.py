"""What CloudWatch gets: the embedded metric format on standard output, as its specification has it."""

import json
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from kinesight import observability
from kinesight.domain.analysis.analyze_images import BatchReport
from kinesight.domain.analysis.frame_report import FrameCounts
from kinesight.domain.errors import UnexpectedError
from kinesight.domain.model import Detection
from kinesight.frame_metrics import emit_frame_metrics
from kinesight.metric_catalogue import Metric, Unit
from kinesight.observability import count, count_kinds, emit_stream_metrics, measure, observed
from kinesight_cli.estimate.workload import Workload

from functions.analyze_images.app import _log_and_count
from tests.builders import a_detection, a_record

STACK = {"Stack": "east", "service": "analyze_images"}
COUNTS = {"front-door": FrameCounts(settled=2, analyzed=2), "back-door": FrameCounts(settled=1, analyzed=1)}


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("STACK_NAME", "east")
    monkeypatch.setenv("POWERTOOLS_SERVICE_NAME", "analyze_images")
    observability._settings.cache_clear()
    # serve_viewer adds keys to the lines of its process.
    observability.logger.remove_keys(["cold_start", "function_name", "function_memory_size", "function_arn"])
    yield
    observability._settings.cache_clear()


class Context:
    function_name = "function"
    memory_limit_in_mb = 128
    invoked_function_arn = "arn:aws:lambda:us-east-1:111122223333:function:function"
    aws_request_id = "1"


def points(printed: str) -> list[tuple[str, str, dict[str, str], list[float]]]:
    """(name, unit, dimensions, values) of everything that CloudWatch would make of the output."""
    found = []
    for document in (json.loads(line) for line in printed.splitlines() if '"_aws"' in line):
        for directive in document["_aws"]["CloudWatchMetrics"]:
            assert directive["Namespace"] == "Kinesight"
            for dimensions in directive["Dimensions"]:
                under = {name: document[name] for name in dimensions}
                found += [(one["Name"], one["Unit"], under, document[one["Name"]]) for one in directive["Metrics"]]
    return found


def no_stream(_: str) -> bool:
    """No stream has metrics of its own."""
    return False


def invoked(work: Any) -> None:
    observed(lambda _event, _context: work())({}, Context())  # type: ignore[arg-type]


def test_a_count_is_under_the_stack_and_the_service(capsys: pytest.CaptureFixture[str]) -> None:
    invoked(lambda: count(Metric.IMAGES_DEAD_LETTERED, 3))

    assert points(capsys.readouterr().out) == [("ImagesDeadLettered", "Count", STACK, [3.0])]


def test_two_stacks_of_one_account_have_separate_metrics(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    emitted = []
    for stack in ("east", "west"):
        monkeypatch.setenv("STACK_NAME", stack)
        observability._settings.cache_clear()
        invoked(lambda: count(Metric.IMAGES_DEAD_LETTERED, 1))
        emit_frame_metrics(COUNTS, no_stream)
        emitted.append({tuple(under.items()) for _, _, under, _ in points(capsys.readouterr().out)})

    assert emitted[0].isdisjoint(emitted[1])
    assert all(("Stack", "west") in under for under in emitted[1])


def test_a_count_of_nothing_costs_nothing_and_a_measure_of_nothing_is_one(capsys: pytest.CaptureFixture[str]) -> None:
    def work() -> None:
        count(Metric.IMAGES_DEAD_LETTERED, 0)
        measure(Metric.LEASES_HELD, [0])

    invoked(work)
    emit_frame_metrics({"front-door": FrameCounts()}, no_stream)

    assert points(capsys.readouterr().out) == [("LeasesHeld", "Count", STACK, [0.0])]


def test_metrics_of_a_failed_run_are_emitted_and_its_error_is_classified(capsys: pytest.CaptureFixture[str]) -> None:
    def work() -> None:
        count(Metric.IMAGES_DEAD_LETTERED, 1)
        raise ValueError("a defect")

    with pytest.raises(UnexpectedError, match="ValueError: a defect"):
        invoked(work)

    assert [name for name, *_ in points(capsys.readouterr().out)] == ["ImagesDeadLettered"]


def test_a_line_about_a_frame_has_the_size_that_the_estimate_assumes(caplog: pytest.LogCaptureFixture) -> None:
    record = a_record(detections=(a_detection(), Detection(label="Car", confidence=71.25)))

    invoked(lambda: _log_and_count(BatchReport(published=[record])))

    (logged,) = caplog.records
    line = observability.logger.registered_formatter.format(logged)
    assert list(json.loads(line))[:5] == ["level", "message", "timestamp", "service", "function_request_id"]
    # A request id has 36 characters, and CloudWatch adds 26 bytes to each line (API_PutLogEvents).
    assert (len(line) + 35 + 26) / 1000 == pytest.approx(Workload().log_kilobytes_per_line, abs=0.03)


def test_a_kind_is_added_up_and_emitted_by_itself(capsys: pytest.CaptureFixture[str]) -> None:
    count_kinds(Metric.GET_IMAGES_ERRORS, {"NO_MEDIA": 2, "MEDIA_ERROR": 1})

    assert points(capsys.readouterr().out) == [
        ("GetImagesErrors", "Count", STACK, [2.0]),
        ("GetImagesErrors", "Count", STACK | {"Kind": "NO_MEDIA"}, [2.0]),
        ("GetImagesErrors", "Count", STACK, [1.0]),
        ("GetImagesErrors", "Count", STACK | {"Kind": "MEDIA_ERROR"}, [1.0]),
    ]


def test_streams_have_no_metrics_of_their_own_by_default(capsys: pytest.CaptureFixture[str]) -> None:
    emit_frame_metrics(COUNTS, no_stream)

    assert points(capsys.readouterr().out) == [
        ("FramesIn", "Count", STACK, [3.0]),
        ("FramesAnalyzed", "Count", STACK, [3.0]),
    ]


def test_streams_with_metrics_of_their_own_count_once_in_the_whole(capsys: pytest.CaptureFixture[str]) -> None:
    emit_frame_metrics(COUNTS | {"": FrameCounts(settled=1)}, lambda _: True)

    emitted = [(under, values) for name, _, under, values in points(capsys.readouterr().out) if name == "FramesIn"]

    assert emitted == [
        (STACK, [2.0]),
        (STACK | {"StreamName": "front-door"}, [2.0]),
        (STACK, [1.0]),
        (STACK | {"StreamName": "back-door"}, [1.0]),
        (STACK, [1.0]),
    ]


def test_streams_without_metrics_of_their_own_are_added_up(capsys: pytest.CaptureFixture[str]) -> None:
    yard = {"yard": FrameCounts(settled=4)}
    emit_frame_metrics(COUNTS | yard, lambda stream_name: stream_name == "front-door")

    emitted = [(under, values) for name, _, under, values in points(capsys.readouterr().out) if name == "FramesIn"]

    assert emitted == [(STACK, [2.0]), (STACK | {"StreamName": "front-door"}, [2.0]), (STACK, [5.0])]


def test_times_are_emitted_one_by_one_so_that_percentiles_are_possible(capsys: pytest.CaptureFixture[str]) -> None:
    emit_frame_metrics({"front-door": FrameCounts(analyzed=2, latencies_ms=[40, 60], ages_ms=[1000, 3000])}, no_stream)

    emitted = {name: (unit, values) for name, unit, _, values in points(capsys.readouterr().out)}

    assert emitted["DetectorLatency"] == ("Milliseconds", [40.0, 60.0])
    assert emitted["FrameAge"] == ("Milliseconds", [1000.0, 3000.0])


def test_more_times_than_a_document_may_have_make_several(capsys: pytest.CaptureFixture[str]) -> None:
    """At most 100 values a metric and document (Embedded metric format specification)."""
    emit_frame_metrics({"front-door": FrameCounts(analyzed=250, ages_ms=list(range(250)))}, no_stream)

    emitted = [values for name, _, _, values in points(capsys.readouterr().out) if name == "FrameAge"]

    assert [value for values in emitted for value in values] == list(range(250))
    assert max(len(values) for values in emitted) <= 100


def test_detector_errors_are_emitted_by_class(capsys: pytest.CaptureFixture[str]) -> None:
    emit_frame_metrics({"front-door": FrameCounts(detector_errors=Counter(DetectorBusyError=2))}, no_stream)

    assert ("DetectorErrors", "Count", STACK | {"Kind": "DetectorBusyError"}, [2.0]) in points(capsys.readouterr().out)


def test_a_lag_of_zero_is_emitted(capsys: pytest.CaptureFixture[str]) -> None:
    emit_stream_metrics("", {Metric.LIVE_KEYFRAMES: [0], Metric.LIVE_LAG: [0]})

    assert points(capsys.readouterr().out) == [("LiveLag", "Milliseconds", STACK, [0.0])]


def test_every_metric_has_a_name_of_its_own_and_a_unit_of_cloudwatch() -> None:
    names = [metric.value.name for metric in Metric]

    assert len(names) == len(set(names))
    assert all(metric.value.unit in Unit and metric.value.services for metric in Metric)
