"""The estimate: formulas, prices, warnings and output."""

import json
import runpy
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import boto3
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kinesight.domain.configuration.current import DOCUMENT_KEY
from kinesight.domain.configuration.document import ConfigurationDocument
from kinesight.domain.detectors import catalogue
from kinesight.domain.detectors.call_prices import MICRO_USD
from kinesight.metric_catalogue import Metric
from kinesight_cli.estimate.advice import best_saving
from kinesight_cli.estimate.alternatives import KIT_EQUIVALENT, kit, rekognition_streaming
from kinesight_cli.estimate.bill import Bill
from kinesight_cli.estimate.call_comparison import CallComparison, call_name, compare_calls, repeated_calls
from kinesight_cli.estimate.estimator import Estimator, estimator
from kinesight_cli.estimate.lines import Item, Line, Work
from kinesight_cli.estimate.month import lines_of
from kinesight_cli.estimate.prices import DETECTORS, load_prices
from kinesight_cli.estimate.tables import show_calls
from kinesight_cli.estimate.workload import Workload, WorkloadError, assumed
from kinesight_cli.main import app
from kinesight_cli.shared.document_file import parse
from kinesight_local.template import read_template
from moto import mock_aws
from typer.testing import CliRunner

from tests.examples import examples

ROOT = Path(__file__).resolve().parents[2]
PRICES = load_prices("us-east-1")


@cache
def _defaults() -> Estimator:
    return estimator({}, Workload(), PRICES)


def of(workload: Workload | None = None, /, **overrides: str) -> Estimator:
    """The template's defaults with these. Resources that come and go by a condition stay as they are by default."""
    plain = _defaults()
    assert set(overrides) <= set(plain.parameters)
    return Estimator({**plain.parameters, **overrides}, plain.shape, workload or Workload(), PRICES)


def calls(found: Estimator) -> dict[str, float]:
    counted: dict[str, float] = {}
    for line in lines_of(found.parameters, found.workload, found.shape):
        counted[line.call] = counted.get(line.call, 0.0) + line.count
    return counted


def template() -> dict[str, Any]:
    document: dict[str, Any] = read_template(ROOT / "template.yaml")
    return document


def usd(found: Estimator, key: str) -> float:
    return sum(row.usd or 0.0 for row in found.bill().rows if row.key == key)


def test_an_image_every_three_seconds_is_864_000_a_month() -> None:
    counted = calls(of(SamplingInterval="3000"))

    images = 30 * 86_400 / 3
    for name in (
        "KVS s3:PutObject images",
        "S3 sqs:SendMessage ImagesQueue",
        "analyze_images s3:HeadObject images",
        "analyze_images dynamodb:PutItem IdempotencyTable",
        "analyze_images dynamodb:UpdateItem IdempotencyTable",
        "analyze_images rekognition:DetectLabels",
        "analyze_images kinesis:Record ResultsStream",
    ):
        assert counted[name] == pytest.approx(images), name
    assert counted["keep_evidence s3:PutObject results"] == pytest.approx(0.02 * images)
    assert usd(of(SamplingInterval="3000"), "rekognition.image.group2") == pytest.approx(864.0)


def test_video_is_billed_by_its_bytes() -> None:
    found = of()

    assert usd(found, "kvs.ingest") == pytest.approx(324 * 0.0085)
    assert usd(found, "kvs.storage") == pytest.approx(324 / 30 * 0.023)


def test_images_in_a_bucket_that_existed_are_stored_for_the_whole_month() -> None:
    """The stack's own bucket keeps them for three days."""
    own, existing = (
        sum(
            line.units
            for line in lines_of(found.parameters, found.workload, found.shape)
            if line.price == "s3.storage" and line.why.startswith("images")
        )
        for found in (of(), of(ImagesBucketName="shared-images"))
    )

    assert existing == pytest.approx(10 * own)


def test_the_gate_saves_detector_calls_but_reads_every_image() -> None:
    off, on = calls(of()), calls(of(**{"gate.mode": "ON"}))

    detect = "analyze_images rekognition:DetectLabels"
    assert on[detect] == pytest.approx((0.1 + 0.9 * 3 / 60) * off[detect])
    assert on["analyze_images s3:GetObject images"] == on["analyze_images s3:HeadObject images"]
    assert on["analyze_images dynamodb:PutItem CoordinationTable"] == on[detect]
    assert "analyze_images s3:GetObject images" not in off


def test_the_gates_intervals_bound_what_is_sent() -> None:
    still = assumed(["changed_share=0"])
    busy = assumed(["changed_share=1"])
    detect = "analyze_images rekognition:DetectLabels"

    assert calls(of(still, **{"gate.mode": "ON", "gate.maximumIntervalSeconds": "60"}))[detect] == pytest.approx(43_200)
    minimum = of(busy, **{"gate.mode": "ON", "gate.minimumIntervalMilliseconds": "30000"})
    assert calls(minimum)[detect] == pytest.approx(86_400)


def test_what_did_not_match_is_paid_for_if_it_is_kept() -> None:
    """With an image every 3 s and a fragment every 2 s, each image is in a fragment of its own."""
    records, fragments = "keep_evidence s3:PutObject results", "keep_evidence s3:PutObject archive"
    usual, kept = calls(of()), calls(of(**{"keep.records": "ALL"}))
    both = calls(of(**{"keep.records": "ALL", "keep.fragments": "ALL"}))

    assert [one[records] for one in (usual, kept, both)] == pytest.approx([0.02 * 864_000, 864_000, 864_000])
    assert [one[fragments] for one in (usual, kept, both)] == pytest.approx([0.02 * 864_000, 0.02 * 864_000, 864_000])
    annotated = "keep_evidence s3:PutObject annotated"
    assert both[annotated] == usual[annotated]


def test_the_documentation_has_what_it_costs_to_keep_everything() -> None:
    page = (ROOT / "docs/configuration.md").read_text()
    records = {"keep.records": "ALL"}
    usual, kept, both = (of(**one).bill().usd_per_camera for one in ({}, records, {**records, "keep.fragments": "ALL"}))

    assert f"all records cost ${kept - usual:.0f} more, both ${both - usual:.0f};" in page


def test_keeping_less_is_a_saving() -> None:
    found = of(**{"keep.records": "ALL", "keep.fragments": "ALL"})
    bill, tried = found.bill(), set[tuple[str, str]]()

    def estimate(settings: Mapping[str, str]) -> Bill:
        tried.add((settings["keep.records"], settings["keep.fragments"]))
        return bill

    best_saving(found.parameters, bill, estimate)

    assert {("MATCHED", "ALL"), ("ALL", "MATCHED")} < tried


def test_what_is_detected_never_exceeds_what_matched_can_be() -> None:
    found = calls(of(assumed(["matched_share=0.5"]), **{"gate.mode": "ON"}))

    assert found["keep_evidence s3:PutObject results"] == found["analyze_images rekognition:DetectLabels"]


def test_sampling_below_the_keyframes_distance_makes_no_more_live_images() -> None:
    live = {"ImageGenerationStatus": "DISABLED", "LiveStatus": "ENABLED"}
    each_second = calls(of(**live, **{"live.samplingInterval": "1000"}))
    by_keyframe = calls(of(**live, **{"live.inferenceInterval": "6"}))

    assert each_second["consume_live s3:PutObject live"] == pytest.approx(30 * 86_400 / 2)
    assert by_keyframe["consume_live s3:PutObject live"] == pytest.approx(30 * 86_400 / 12)


def test_a_consumer_works_for_ten_cameras_as_for_one() -> None:
    one, ten = (
        of(
            assumed([f"cameras={n}"]),
            ImageGenerationStatus="DISABLED",
            LiveStatus="ENABLED",
            Detector="HTTP",
            HttpModelUrl="https://model.example.com/",
        )
        for n in (1, 10)
    )
    seconds = {
        n: sum(
            line.count
            for line in lines_of(found.parameters, found.workload, found.shape)
            if line.why.startswith("duration of consume_live")
        )
        for n, found in ((1, one), (10, ten))
    }

    assert seconds[1] == seconds[10] == pytest.approx(1.1 * 30 * 86_400)


def test_metrics_per_stream_are_those_of_the_catalogue() -> None:
    images, live = (
        sum(one.value.per_stream and verb in one.value.services for one in Metric)
        for verb in ("analyze_images", "consume_live")
    )

    def metrics(**overrides: str) -> float:
        found = of(assumed(["cameras=4", "stack_metrics=15", "live_metrics=25"]), **overrides)
        return sum(row.units for row in found.bill().rows if row.key == "cloudwatch.metric")

    assert metrics() == 15
    assert metrics(metricsPerStream="true") == 15 + 4 * images > 15
    assert metrics(metricsPerStream="true", LiveStatus="ENABLED") == 15 + 25 + 4 * (images + live)


def test_sweeps_use_windows_of_25_images() -> None:
    found = of(ImageGenerationStatus="DISABLED", SweepSchedule="rate(1 hour)")

    assert calls(found)["extract_images s3:PutObject on-demand"] == pytest.approx(2_592_000)
    transitions = usd(found, "stepfunctions.transition")
    assert transitions == pytest.approx((3 * 2_592_000 / 25 + 6 * 720) * 0.000025)


def test_notified_ranges_have_their_rolls() -> None:
    found = of(ImageGenerationStatus="DISABLED", NotificationStatus="ENABLED")

    seconds = 0.02 * 30 * 86_400 + 20 * 30 * (10 + 10)
    assert calls(found)["extract_images s3:PutObject on-demand"] == pytest.approx(seconds)


def test_a_chain_is_paid_for_twice() -> None:
    chained = of(FaceCollectionId="staff", **{"followUp.detector": "REKOGNITION_FACE_SEARCH", "followUp.on": "CROP"})

    assert usd(chained, "rekognition.image.group1") == pytest.approx(0.02 * 864_000 * 0.001)
    assert calls(chained)["analyze_images s3:PutObject crops"] == pytest.approx(0.02 * 864_000)


def test_each_secret_that_a_parameter_lists_is_paid_for() -> None:
    none, two = (usd(of(HttpAuthSecretArn=secrets), "secrets.secret") for secrets in ("", "arn:a,arn:b"))

    assert none == 0
    assert two == pytest.approx(2 * 0.4)


def test_models_by_the_hour_cost_hours_not_calls() -> None:
    model = "arn:aws:rekognition:us-east-1:111122223333:project/p/version/v/1"
    endpoint = of(Detector="SAGEMAKER", SageMakerEndpointName="e").bill()
    custom = of(Detector="REKOGNITION_CUSTOM_LABELS", CustomLabelsModelArn=model).bill()

    assert [row.units for row in endpoint.rows if row.key == "sagemaker.instance"] == [pytest.approx(720)]
    assert [row.units for row in custom.rows if row.key == "rekognition.custom_labels"] == [pytest.approx(720)]


def test_the_stack_is_read_from_the_template() -> None:
    overrides = {"ResultsShardCount": "4", "LiveStatus": "ENABLED", "SweepSchedule": "rate(1 hour)"}
    found = estimator(overrides, Workload(), PRICES).shape
    resources = template()["Resources"]

    assert found.shards == 4
    assert found.results_retention_hours == resources["ResultsStream"]["Properties"]["RetentionPeriodHours"]
    assert found.memory_mb["keep_evidence"] == resources["KeepEvidenceFunction"]["Properties"]["MemorySize"]
    assert found.runs["track_sessions"] == 43_200
    assert found.runs["configure_streams"] == 8_640
    assert found.queue_sources == 3
    assert found.dashboards == 1
    assert 0 < found.alarms <= sum(one["Type"] == "AWS::CloudWatch::Alarm" for one in resources.values())
    assert found.runs["conduct_live"] == 43_200
    assert found.runs["sweep_streams"] == 720
    assert "conduct_live" not in _defaults().shape.runs


@settings(max_examples=examples(40))
@given(
    cameras=st.integers(1, 500),
    hours=st.floats(0, 24),
    matched=st.floats(0, 1),
    interval_ms=st.sampled_from([200, 1000, 3000, 20_000]),
    gate=st.sampled_from(["OFF", "OBSERVE", "ON"]),
)
def test_more_of_anything_never_costs_less(
    cameras: int, hours: float, matched: float, interval_ms: int, gate: str
) -> None:
    def total(cameras: int, hours: float, interval_ms: int) -> float:
        workload = assumed([f"cameras={cameras}", f"hours_per_day={hours}", f"matched_share={matched}"])
        found = of(workload, **{"gate.mode": gate})
        return found.bill({**found.parameters, "SamplingInterval": str(interval_ms)}).usd

    usual = total(cameras, hours, interval_ms) * (1 - 1e-12)
    assert usual <= total(cameras + 1, hours, interval_ms)
    assert usual <= total(cameras, (hours + 24) / 2, interval_ms)
    assert usual <= total(cameras, hours, interval_ms // 2)


def test_tiers_are_those_of_aws_worked_example() -> None:
    """2.5 million images: the first million at $0.0010, the next 1.5 at $0.0008 ("Amazon Rekognition pricing")."""
    price = PRICES["rekognition.image.group2"]

    assert price.usd_of(2_500_000) == pytest.approx(1000 + 1200)
    assert price.usd_of(0) == 0
    assert price.usd_of(40_000_000) == pytest.approx(1000 + 3200 + 35_000_000 * 0.0006)


def test_every_detector_has_a_price() -> None:
    parameters = template()["Parameters"]

    assert set(parameters["Detector"]["AllowedValues"]) == set(DETECTORS)
    assert set(DETECTORS.values()) <= set(PRICES.by_key)


def test_the_budget_and_the_estimate_have_the_same_prices() -> None:
    needed = {"face_collection_id": "staff", "custom_labels_model_arn": "arn", "sagemaker_endpoint_name": "m"} | {
        "sagemaker_async_output_bucket": "b"
    }
    needed |= {"http_model_url": "https://m"}
    for detector, entry in catalogue.DETECTORS.items():
        if detector == "BEDROCK":
            continue  # paid by token
        micro_usd = entry.price(entry.read(needed)).most
        price = PRICES[DETECTORS[detector]]
        a_call = price.first_usd if price.unit == "image" else 0.0
        assert a_call is not None
        assert a_call * MICRO_USD == pytest.approx(micro_usd), detector


def test_each_limit_of_the_budget_is_a_write_per_paid_call() -> None:
    call = "analyze_images dynamodb:UpdateItem CoordinationTable"

    assert call not in calls(of())
    assert calls(of(DailyBudgetUsd="10"))[call] == pytest.approx(864_000)
    assert calls(of(DailyBudgetUsd="10", dailyBudgetUsd="1"))[call] == pytest.approx(2 * 864_000)
    assert call not in calls(of(DailyBudgetUsd="10", Detector="SAGEMAKER"))


def test_an_unknown_price_is_listed_and_not_added() -> None:
    bill = of().bill()
    (unknown,) = [row for row in bill.rows if row.usd is None]

    assert unknown.key == "kvs.image"
    assert unknown.units == pytest.approx(864_000)
    assert bill.rows[-1] is unknown
    assert bill.usd == pytest.approx(sum(row.usd for row in bill.rows if row.usd is not None))


@pytest.mark.parametrize(
    "text", ["x=1", "cameras=", "cameras=0", "matched_share=1.1", "hours_per_day=25", "crops=-1", "crops=nan"]
)
def test_invalid_assumptions_are_rejected(text: str) -> None:
    with pytest.raises(WorkloadError):
        assumed([text])


def test_expensive_settings_cause_warnings() -> None:
    def said(found: Estimator) -> str:
        return " | ".join(found.warnings(found.bill()))

    assert "12,960,000 calls" in said(of(SamplingInterval="200"))
    assert "default quota of 50" in said(of(assumed(["cameras=200"]), SamplingInterval="1000"))
    assert "by image generation and by live consumers" in said(of(LiveStatus="ENABLED"))
    assert "nothing is analyzed" in said(of(ImageGenerationStatus="DISABLED"))
    assert said(of(SamplingInterval="20000")) == ""
    assert "DailyBudgetUsd=10 is less than the $28.80 per day" in said(of(DailyBudgetUsd="10"))
    two = assumed(["cameras=2"])
    assert "ailyBudget" not in said(of(two, DailyBudgetUsd="60", dailyBudgetUsd="30"))
    assert "dailyBudgetUsd=1 in the configuration document is less" in said(of(dailyBudgetUsd="1"))
    assert "sets detector to null" in said(of(Detector="NONE"))


def test_the_best_saving_is_named() -> None:
    busy, gated = of(SamplingInterval="3000"), of(SamplingInterval="3000", **{"gate.mode": "ON"})

    best = best_saving(busy.parameters, busy.bill(), busy.bill)
    assert best is not None
    assert str(best) == "gate.mode=ON in the configuration document"
    assert best.usd_per_camera == pytest.approx(busy.bill().usd - gated.bill().usd)
    slower = best_saving(gated.parameters, gated.bill(), gated.bill)
    assert slower is not None
    assert str(slower) == "SamplingInterval=9000"
    idle = of(assumed(["hours_per_day=0", "sessions_per_day=0"]))
    assert best_saving(idle.parameters, idle.bill(), idle.bill) is None


def test_the_alternatives_pay_for_the_same_video() -> None:
    workload = assumed(["cameras=10", "hours_per_day=12"])
    theirs, streaming = kit(workload, PRICES).bill, rekognition_streaming(workload, PRICES).bill

    assert theirs.usd_of("kvs.ingest") == streaming.usd_of("kvs.ingest") == pytest.approx(162 * 0.0085)
    assert theirs.usd_of("fargate.") * 10 == pytest.approx(720 * (0.04048 + 2 * 0.004445))
    assert streaming.usd_of("rekognition.") == pytest.approx(12 * 60 * 30 * 0.00817)
    ours = estimator(KIT_EQUIVALENT, workload, PRICES)
    assert ours.bill().usd_of("sagemaker.") == theirs.usd_of("sagemaker.")


def test_counted_calls_get_the_names_of_the_formulas() -> None:
    assert (
        call_name("kinesight-AnalyzeImagesFunction", "dynamodb", "PutItem", "kinesight-IdempotencyTable-OL6JMLIDM24D")
        == "analyze_images dynamodb:PutItem IdempotencyTable"
    )
    assert call_name("", "s3", "PutObject", "images") == "KVS s3:PutObject images"
    assert call_name("", "sqs", "Queued", "kinesight-ImagesQueue-RKBVCHRZVIAI") == "S3 sqs:SendMessage ImagesQueue"
    assert call_name("", "kinesis", "GetRecords", "") == "kinesis:GetRecords"


def test_formulas_are_compared_call_by_call() -> None:
    items: list[Item] = [
        Line("s3.get", 24, "one", "a s3:HeadObject images", of_images=True),
        Line("s3.put", 4, "two", "a s3:PutObject images", of_images=True),
        Line("s3.put", 4, "two again", "a s3:PutObject images", of_images=True),
        Line("s3.get", 99, "batches decide", "a s3:GetObject rules"),
        Work("a", 1, 1),
    ]

    found = compare_calls(items, {"a s3:HeadObject images": 25, "a s3:GetObject rules": 1})

    assert found == [CallComparison("a s3:HeadObject images", 25, 24), CallComparison("a s3:PutObject images", 0, 8)]
    assert [one.difference_percent for one in found] == [-4.0, 100.0]
    assert repeated_calls({"a s3:HeadObject again images": 3, "a s3:HeadObject images": 25}) == 3


def test_the_documents_have_the_current_tables() -> None:
    """After a change: .venv/bin/python scripts/cost_tables.py"""
    for path, fresh in runpy.run_path(str(ROOT / "scripts/cost_tables.py"))["documents"]().items():
        assert path.read_text() == fresh, f"{path.name}: run scripts/cost_tables.py"


FULL_IMAGES = [
    *("--parameter", "LiveStatus=DISABLED", "--parameter", "ImageGenerationStatus=ENABLED"),
    *("--parameter", "gate.mode=OFF", "--parameter", "DailyBudgetUsd="),
]
"""Generated images, each of them analyzed."""


def test_the_command_prints_tables(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    done = CliRunner().invoke(app, ["estimate", *FULL_IMAGES, "--parameter", "SamplingInterval=200", "--compare"])

    assert done.exit_code == 0, done.output
    for said in (
        "8,976.00",
        "not included: KVS: images generated",
        "gate.mode=ON in the configuration document saves most",
        "KIT",
        "cameras=1 ",
    ):
        assert said in done.output


def test_the_command_prints_json() -> None:
    done = CliRunner().invoke(app, ["estimate", *FULL_IMAGES, "--cameras", "3", "--json", "--compare"])

    document = json.loads(done.stdout)
    assert document["usd"] == pytest.approx(3 * document["usdPerCamera"], rel=1e-4)
    assert document["usd"] == pytest.approx(sum(row["usd"] or 0 for row in document["rows"]), rel=1e-4)
    assert document["saving"]["parameter"] == "gate.mode"
    assert set(document["comparison"]) == {"this stack", "configured like KIT", "KIT", "Rekognition Streaming"}
    assert {"formula", "call", "units"} == set(document["rows"][0]["lines"][0])


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--parameter", "Nonsense=1"], "no such parameters: Nonsense"),
        (["--parameter", "SamplingInterval=soon"], "which is no number"),
        (["--parameter", "SamplingInterval"], "is not NAME=VALUE"),
        (["--parameter", "gate.mod=ON"], "no such settings of the configuration document: gate.mod"),
        (["--parameter", "gate.mode=MAYBE"], "defaults.gate.mode: Input should be"),
        (["--parameter", "followUp.detector=OWN"], "there is no detector 'OWN'"),
        (["--parameter", "followUp.detector=HTTP"], "set the parameter HttpModelUrl"),
        (["--assume", "colour=red"], "is not an assumption: choose one of"),
        (["--region", "mars-1"], "no prices of the Region mars-1"),
        (["--prices", "nowhere.json"], "nowhere.json is not a valid price file"),
    ],
)
def test_the_command_names_what_is_wrong(arguments: list[str], said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "300")
    done = CliRunner().invoke(app, ["estimate", *arguments])

    assert done.exit_code != 0
    assert said in done.output


@mock_aws
def test_the_parameters_of_a_deployed_stack_are_used() -> None:
    boto3.client("s3").create_bucket(Bucket="evidence")
    _deploy_a_stack()

    done = CliRunner().invoke(app, ["estimate", "--stack", "mine", "--json"])
    other = CliRunner().invoke(app, ["estimate", "--stack", "mine", "--parameter", "SamplingInterval=1000", "--json"])
    absent = CliRunner().invoke(app, ["estimate", "--stack", "yours"])

    assert _image_units(done.stdout) == pytest.approx(129_600)
    assert _image_units(other.stdout) == pytest.approx(2_592_000)
    assert absent.exit_code == 1
    assert "there is no stack yours" in absent.output


CONFIGURATION = """
schemaVersion: 1
detectors:
  own: {type: HTTP, usdPerThousandCalls: 0.5}
defaults:
  detector: own
  gate: {mode: "ON"}
  imageGeneration: {samplingInterval: 1000}
  dailyBudgetUsd: 2
limits: {concurrentDetections: 3}
cameras:
  - streams: [front]
    gate: {mode: "OFF"}
"""


def _configured(text: str = CONFIGURATION) -> ConfigurationDocument:
    return parse(text, "a document", is_yaml=True).document


def test_the_documents_defaults_and_limits_are_settings() -> None:
    found = estimator({"HttpModelUrl": "https://m"}, Workload(), PRICES, _configured())

    settings = found.parameters
    assert settings["gate.mode"] == "ON"
    assert (settings["Detector"], settings["SamplingInterval"]) == ("own", "1000")
    assert settings["limits.concurrentDetections"] == "3"
    assert (settings["followUp.detector"], settings["followUp.on"]) == ("NONE", "FRAME")
    assert (settings["dailyBudgetUsd"], settings["gate.threshold"]) == ("2", "")
    assert set(_defaults().parameters) <= set(settings)


def test_a_named_detector_counts_by_its_type_and_its_own_price() -> None:
    budget = "analyze_images dynamodb:UpdateItem CoordinationTable"
    url = {"HttpModelUrl": "https://m"}
    priced = estimator(url, Workload(), PRICES, _configured())
    free = estimator(url | {"detectors.own.usdPerThousandCalls": ""}, Workload(), PRICES, _configured())

    assert calls(priced)[budget] == pytest.approx((0.1 + 0.9 / 60) * 30 * 86_400)
    assert budget not in calls(free)
    assert [row.key for row in priced.bill().rows if row.usd is None] == ["kvs.image", "http.call"]


def test_parameters_and_paths_make_the_same_estimate() -> None:
    chosen = {"Detector": "HTTP", "SamplingInterval": "1000", "NotificationStatus": "ENABLED"}
    paths = {"detector": "HTTP", "imageGeneration.samplingInterval": "1000", "notifications.status": "ENABLED"}
    one, other = (estimator({"HttpModelUrl": "https://m"} | given, Workload(), PRICES) for given in (chosen, paths))

    assert one.bill() == other.bill()
    assert one.parameters == other.parameters


def test_a_saving_names_what_has_an_effect() -> None:
    found = estimator({"HttpModelUrl": "https://m"}, Workload(), PRICES, _configured())
    best = found.saving(found.bill())

    assert best is not None
    assert str(best) == "imageGeneration.samplingInterval=3000 in the configuration document"


def test_without_a_detector_images_are_written_and_nothing_is_analyzed() -> None:
    found = estimator({"detector": "NONE", "LiveStatus": "ENABLED"}, Workload(), PRICES)
    counted = calls(found)

    assert counted["KVS s3:PutObject images"] == pytest.approx(864_000)
    assert {one for one in counted if "rekognition" in one or "kinesis:Record" in one or "evidence" in one} == set()


def test_a_second_detector_is_removed_whatever_else_is_set() -> None:
    given = {"followUp.detector": "NONE", "followUp.on": "CROP"}

    assert estimator(given, Workload(), PRICES).bill() == _defaults().bill()


def test_settings_that_cost_nothing_may_be_given() -> None:
    given = {"followUp.detector": "REKOGNITION_FACES", "followUp.labels": "Person, Car", "stationary.enabled": "true"}

    settings = estimator(given, Workload(), PRICES).parameters

    assert (settings["followUp.labels"], settings["stationary.enabled"]) == ("Person,Car", "true")


def test_the_command_reads_a_configuration_document(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "300")
    file = tmp_path / "cameras.yaml"
    file.write_text(CONFIGURATION)
    command = ["estimate", "--config", str(file), "--parameter", "HttpModelUrl=https://m"]

    done = CliRunner().invoke(app, command)
    ineffective = CliRunner().invoke(app, [*command, "--parameter", "SamplingInterval=200"])

    assert done.exit_code == 0, done.output
    assert "detector=own, gate.mode=ON, " in done.output.replace("\n", " ")
    assert ineffective.exit_code == 1
    assert "the parameter SamplingInterval has no effect" in ineffective.output


@mock_aws
def test_the_document_of_a_deployed_stack_is_used(tmp_path: Path) -> None:
    boto3.client("s3").create_bucket(Bucket="evidence")
    document = {"schemaVersion": 1, "defaults": {"imageGeneration": {"samplingInterval": 1000}}}
    _deploy_a_stack()
    boto3.client("s3").put_object(Bucket="evidence", Key=DOCUMENT_KEY, Body=json.dumps(document))
    file = tmp_path / "empty.json"
    file.write_text('{"schemaVersion": 1}')

    own = CliRunner().invoke(app, ["estimate", "--stack", "mine", "--json"])
    other = CliRunner().invoke(app, ["estimate", "--stack", "mine", "--config", str(file), "--json"])

    assert _image_units(own.stdout) == pytest.approx(2_592_000)
    assert _image_units(other.stdout) == pytest.approx(129_600)


def _deploy_a_stack() -> None:
    template = {
        "Parameters": {"SamplingInterval": {"Type": "Number"}, "StreamNames": {"Type": "String"}},
        "Resources": {"Topic": {"Type": "AWS::SNS::Topic"}},
        "Outputs": {"EvidenceBucketName": {"Value": "evidence"}},
    }
    boto3.client("cloudformation").create_stack(
        StackName="mine",
        TemplateBody=json.dumps(template),
        Parameters=[
            {"ParameterKey": "SamplingInterval", "ParameterValue": "20000"},
            {"ParameterKey": "StreamNames", "ParameterValue": "front-*"},
        ],
    )


def _image_units(text: str) -> float:
    return float(next(row["units"] for row in json.loads(text)["rows"] if row["price"] == "kvs.image"))


def test_the_demos_table_adds_up(capsys: pytest.CaptureFixture[str]) -> None:
    show_calls([CallComparison("a s3:HeadObject images", 25, 24.0), CallComparison("a s3:PutObject images", 75, 74.0)])

    (last,) = [line for line in capsys.readouterr().out.splitlines() if "total" in line]
    assert "100" in last
    assert "98.0" in last
    assert "-2.0 %" in last
