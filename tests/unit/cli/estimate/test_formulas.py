"""Formulas: what a month's calls are counted and billed by."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kinesight.metric_catalogue import Metric
from kinesight_cli.estimate.alternatives import KIT_EQUIVALENT, kit, rekognition_streaming
from kinesight_cli.estimate.estimator import estimator
from kinesight_cli.estimate.month import lines_of
from kinesight_cli.estimate.workload import WorkloadError, assumed

from tests.examples import examples
from tests.unit.cli.estimate.stacks import PRICES, calls, of, usd


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


def test_sweeps_use_windows_of_250_images() -> None:
    found = of(ImageGenerationStatus="DISABLED", SweepSchedule="rate(1 hour)")

    assert calls(found)["extract_images s3:PutObject on-demand"] == pytest.approx(2_592_000)
    transitions = usd(found, "stepfunctions.transition")
    assert transitions == pytest.approx((3 * 2_592_000 / 250 + 6 * 720) * 0.000025)


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


def test_the_alternatives_pay_for_the_same_video() -> None:
    workload = assumed(["cameras=10", "hours_per_day=12"])
    theirs, streaming = kit(workload, PRICES).bill, rekognition_streaming(workload, PRICES).bill

    assert theirs.usd_of("kvs.ingest") == streaming.usd_of("kvs.ingest") == pytest.approx(162 * 0.0085)
    assert theirs.usd_of("fargate.") * 10 == pytest.approx(720 * (0.04048 + 2 * 0.004445))
    assert streaming.usd_of("rekognition.") == pytest.approx(12 * 60 * 30 * 0.00817)
    ours = estimator(KIT_EQUIVALENT, workload, PRICES)
    assert ours.bill().usd_of("sagemaker.") == theirs.usd_of("sagemaker.")
