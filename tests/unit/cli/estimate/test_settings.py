"""Parameters and configuration documents as settings of an estimate."""

import pytest
from kinesight_cli.estimate.estimator import estimator
from kinesight_cli.estimate.workload import Workload

from tests.unit.cli.estimate.stacks import PRICES, calls, configured, plain


def test_the_documents_defaults_and_limits_are_settings() -> None:
    found = estimator({"HttpModelUrl": "https://m"}, Workload(), PRICES, configured())

    settings = found.parameters
    assert settings["gate.mode"] == "ON"
    assert (settings["Detector"], settings["SamplingInterval"]) == ("own", "1000")
    assert settings["limits.concurrentDetections"] == "3"
    assert (settings["followUp.detector"], settings["followUp.on"]) == ("NONE", "FRAME")
    assert (settings["dailyBudgetUsd"], settings["gate.threshold"]) == ("2", "")
    assert set(plain().parameters) <= set(settings)


def test_a_named_detector_counts_by_its_type_and_its_own_price() -> None:
    budget = "analyze_images dynamodb:UpdateItem CoordinationTable"
    url = {"HttpModelUrl": "https://m"}
    priced = estimator(url, Workload(), PRICES, configured())
    free = estimator(url | {"detectors.own.usdPerThousandCalls": ""}, Workload(), PRICES, configured())

    assert calls(priced)[budget] == pytest.approx((0.1 + 0.9 / 60) * 30 * 86_400)
    assert budget not in calls(free)
    assert [row.key for row in priced.bill().rows if row.usd is None] == ["kvs.image", "http.call"]


def test_parameters_and_paths_make_the_same_estimate() -> None:
    chosen = {"Detector": "HTTP", "SamplingInterval": "1000", "NotificationStatus": "ENABLED"}
    paths = {"detector": "HTTP", "imageGeneration.samplingInterval": "1000", "notifications.status": "ENABLED"}
    one, other = (estimator({"HttpModelUrl": "https://m"} | given, Workload(), PRICES) for given in (chosen, paths))

    assert one.bill() == other.bill()
    assert one.parameters == other.parameters


def test_without_a_detector_images_are_written_and_nothing_is_analyzed() -> None:
    found = estimator({"detector": "NONE", "LiveStatus": "ENABLED"}, Workload(), PRICES)
    counted = calls(found)

    assert counted["KVS s3:PutObject images"] == pytest.approx(864_000)
    assert {one for one in counted if "rekognition" in one or "kinesis:Record" in one or "evidence" in one} == set()


def test_a_second_detector_is_removed_whatever_else_is_set() -> None:
    given = {"followUp.detector": "NONE", "followUp.on": "CROP"}

    assert estimator(given, Workload(), PRICES).bill() == plain().bill()


def test_settings_that_cost_nothing_may_be_given() -> None:
    given = {"followUp.detector": "REKOGNITION_FACES", "followUp.labels": "Person, Car", "stationary.enabled": "true"}

    settings = estimator(given, Workload(), PRICES).parameters

    assert (settings["followUp.labels"], settings["stationary.enabled"]) == ("Person,Car", "true")
