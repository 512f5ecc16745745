"""`kinesight doctor`: every check on facts alone, the order of the checks, and how errors of AWS are handled."""

import json
import random
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber
from kinesight.domain.check_results import Cause, Result, Status
from kinesight.domain.configuration.camera import CameraSettings
from kinesight.domain.configuration.configuration import Configuration
from kinesight.domain.health import checks as stream_health
from kinesight.domain.health.facts import (
    ClockFacts,
    ConfigurationFacts,
    Fragment,
    FragmentsFacts,
    HealthThresholds,
    LiveFacts,
    StreamFacts,
)
from kinesight.domain.model import to_epoch_ms
from kinesight_cli.doctor import capacity_checks, image_checks, model_checks, pipeline_checks, setup_checks
from kinesight_cli.doctor.aws_reader import (
    AccessDeniedError,
    AwsReader,
    CallFailedError,
    CannotCheckError,
    permission,
)
from kinesight_cli.doctor.capacity_inspector import CapacityInspector
from kinesight_cli.doctor.check_runner import CheckRunner
from kinesight_cli.doctor.checks import CHECKS
from kinesight_cli.doctor.facts import (
    BucketFacts,
    BucketNotificationFacts,
    ConcurrencyFacts,
    DeadLetterCount,
    DeadLettersFacts,
    DestinationFacts,
    ErrorsFacts,
    FragmentContent,
    FunctionFacts,
    ImagesFacts,
    KeyFacts,
    MediaFacts,
    ModelFacts,
    PolicyFacts,
    QueueFacts,
    ResultsFacts,
    SelectionFacts,
    ShardsFacts,
    StackFacts,
    Subscription,
    TopicFacts,
)
from kinesight_cli.doctor.media_inspector import MediaInspector
from kinesight_cli.doctor.resource_policies import allows, conditional_denials, denials
from kinesight_cli.doctor.stream_inspector import StreamInspector
from kinesight_cli.main import app
from typer.testing import CliRunner

ROOT = Path(__file__).resolve().parents[4]
NOW_MS = 1_767_268_800_000
ARN = "arn:aws:kinesisvideo:us-east-1:123456789012:stream/door/1"
QUEUE = "arn:aws:sqs:us-east-1:123456789012:images"
BUCKET = "arn:aws:s3:::images"
TOPIC = "arn:aws:sns:us-east-1:123456789012:alerts"
EXPECTED: Mapping[str, Any] = {
    "Status": "ENABLED",
    "ImageSelectorType": "PRODUCER_TIMESTAMP",
    "DestinationConfig": {"Uri": "s3://images/images/", "DestinationRegion": "us-east-1"},
    "SamplingInterval": 3000,
    "Format": "JPEG",
}
NOTICE: Mapping[str, Any] = {"Status": "ENABLED", "DestinationConfig": {"Uri": TOPIC}}
TLS_ONLY = {
    "Sid": "TlsOnly",
    "Effect": "Deny",
    "Principal": "*",
    "Action": "s3:*",
    "Resource": [BUCKET, f"{BUCKET}/*"],
    "Condition": {"Bool": {"aws:SecureTransport": "false"}},
}
MAY_SEND = {
    "Effect": "Allow",
    "Principal": {"Service": "s3.amazonaws.com"},
    "Action": "sqs:SendMessage",
    "Resource": QUEUE,
    "Condition": {"StringEquals": {"aws:SourceAccount": "1"}, "ArnEquals": {"aws:SourceArn": BUCKET}},
}

STACK = StackFacts("kinesight", "us-east-1", "123456789012", "UPDATE_COMPLETE")
STREAM = StreamFacts("door", "us-east-1", ARN, "ACTIVE", 24, "v1", "alias/aws/kinesisvideo")
KEY = KeyFacts("arn:aws:kms:us-east-1:123456789012:key/1", "Enabled", "the stream's media")
SELECTION = SelectionFacts("door", "kinesight", selected=True, stream_names="door", tag_filters="", first_tags={})
IMAGES = ConfigurationFacts("door", EXPECTED, EXPECTED)
DESTINATION = DestinationFacts("door", "images", "us-east-1", "us-east-1", "us-east-1", EXPECTED)
BUCKET_FACTS = BucketFacts("images", "us-east-1", "us-east-1")
BUCKET_POLICY = PolicyFacts(f"{BUCKET}/images/a.jpg", {"Statement": [TLS_ONLY]}, name="images")
FRAGMENTS = FragmentsFacts("door", Fragment("1", NOW_MS - 12_000, NOW_MS - 12_000, 2000), 60, NOW_MS, 300)
CLOCK = ClockFacts("door", 3, counts=True, clock_s=60)
CONTENT = FragmentContent(
    NOW_MS, NOW_MS, {image_checks.IMAGE_TAG: ""}, (("video", "V_MPEG4/ISO/AVC"), ("audio", "A_AAC"))
)
MEDIA = MediaFacts("door", (CONTENT,))
IMAGES_WRITTEN = ImagesFacts("door", "images", NOW_MS, NOW_MS, 40, 30, "arn:policy", ())
NOTIFICATION = BucketNotificationFacts("images", QUEUE, "images", (QUEUE,))
QUEUE_POLICY = PolicyFacts(QUEUE, {"Statement": [MAY_SEND]}, BUCKET, "https://sqs/images")
QUEUE_FACTS = QueueFacts("images", 3, 1, 20, 900)
FUNCTION = FunctionFacts("analyze", QUEUE, "uuid", "Enabled", "Active", records="Images")
ERRORS = ErrorsFacts(15, {"AnalyzeImages": 0}, {"AnalyzeImages": 0}, (), "/aws/lambda/analyze")
DEAD_LETTERS = DeadLettersFacts(7, ())
MAIL = Subscription("email", "ops@example.com", confirmed=True)
ALERTS = TopicFacts(TOPIC, "ops@example.com", (MAIL,))
LIVE = LiveFacts("door", leased=True, owner="consumer", behind_s=4, live_s=120, log_group="/aws/lambda/conduct")
SUBSCRIBED = TopicFacts(TOPIC, QUEUE, (Subscription("sqs", QUEUE, confirmed=True),))

Evaluate = Callable[[Any], Result | None]

GOOD: tuple[tuple[Evaluate, Any], ...] = (
    (stream_health.image_generation, replace(IMAGES, current={**EXPECTED, "WidthPixels": 640})),  # KVS's own
    (
        stream_health.image_generation,
        replace(IMAGES, current={**EXPECTED, "DestinationConfig": {"Uri": "s3://images/images"}}),
    ),
    (setup_checks.stack, STACK),
    (setup_checks.stack, replace(STACK, status="UPDATE_ROLLBACK_COMPLETE")),  # what was there before is there again
    (setup_checks.stack, replace(STACK, status="UPDATE_IN_PROGRESS")),
    (stream_health.stream, STREAM),
    (stream_health.status, STREAM),
    (stream_health.retention, STREAM),
    (setup_checks.stream_key, KEY),
    (setup_checks.stack_key, KEY),
    (setup_checks.selection, SELECTION),
    (stream_health.image_generation, IMAGES),
    # The service fills in the quality that was left out.
    (stream_health.image_generation, replace(IMAGES, current={**EXPECTED, "FormatConfig": {"JPEGQuality": "80"}})),
    (setup_checks.bucket, BUCKET_FACTS),
    (setup_checks.destination, DESTINATION),
    (image_checks.bucket_policy, BUCKET_POLICY),
    (image_checks.bucket_policy, replace(BUCKET_POLICY, policy=None)),
    (stream_health.fragments, FRAGMENTS),
    (stream_health.clock, CLOCK),
    (stream_health.clock, replace(CLOCK, ahead_s=-7200, counts=False)),
    (image_checks.tags, MEDIA),
    (image_checks.codec, MEDIA),
    (image_checks.images, IMAGES_WRITTEN),
    (pipeline_checks.bucket_notification, NOTIFICATION),
    (pipeline_checks.queue_exists, QUEUE_FACTS),
    (pipeline_checks.queue_age, QUEUE_FACTS),
    (pipeline_checks.queue_age, replace(QUEUE_FACTS, oldest_s=None)),
    (pipeline_checks.queue_policy, QUEUE_POLICY),
    (pipeline_checks.function, FUNCTION),
    (
        pipeline_checks.function,
        replace(FUNCTION, function_state="Inactive"),
    ),  # not invoked for weeks
    (model_checks.models, (ModelFacts("SAGEMAKER", "endpoint", "InService"),)),
    (model_checks.models, (ModelFacts("SAGEMAKER_ASYNC", "endpoint", "Updating"),)),  # the old one serves meanwhile
    (model_checks.models, (ModelFacts("REKOGNITION_FACE_SEARCH", "staff", "0"),)),
    (model_checks.models, (ModelFacts("REKOGNITION_CUSTOM_LABELS", "arn:model", "RUNNING"),)),
    (model_checks.models, (ModelFacts("HTTP", "https://model", "405"),)),
    (model_checks.models, (ModelFacts("BEDROCK", "amazon.nova", "AVAILABLE"),)),
    (pipeline_checks.results, ResultsFacts("results", "ACTIVE")),
    (capacity_checks.shards, ShardsFacts("results", 4, parameter=4)),
    (capacity_checks.shards, ShardsFacts("results", 4, parameter=1, target=4)),
    (capacity_checks.concurrency, ConcurrencyFacts(15, maximum_concurrency=5, is_live=False)),
    (pipeline_checks.evidence_bucket, BUCKET_FACTS),
    (pipeline_checks.errors, ERRORS),
    (pipeline_checks.dead_letters, DEAD_LETTERS),
    (pipeline_checks.alerts, ALERTS),
    (pipeline_checks.alerts, replace(ALERTS, endpoint="", subscriptions=())),
    (pipeline_checks.notifications_subscription, SUBSCRIBED),
    (stream_health.live, LIVE),
    (stream_health.live, replace(LIVE, behind_s=None)),
    (stream_health.notifications, ConfigurationFacts("door", NOTICE, NOTICE)),
)

BROKEN: tuple[tuple[Evaluate, Any, Cause], ...] = (
    (setup_checks.stack, StackFacts("kinesight", "us-east-1"), Cause.STACK_MISSING),
    (setup_checks.stack, replace(STACK, status="ROLLBACK_COMPLETE"), Cause.STACK_UNFINISHED),
    (setup_checks.stack, replace(STACK, status="UPDATE_ROLLBACK_FAILED"), Cause.STACK_UNFINISHED),
    (stream_health.stream, StreamFacts("door", "us-east-1"), Cause.STREAM_MISSING),
    (stream_health.status, replace(STREAM, status="CREATING"), Cause.STREAM_NOT_ACTIVE),
    (stream_health.status, replace(STREAM, status="DELETING"), Cause.STREAM_NOT_ACTIVE),
    (stream_health.retention, replace(STREAM, retention_hours=0), Cause.NO_RETENTION),
    (setup_checks.stream_key, replace(KEY, state="Disabled"), Cause.STREAM_KEY_UNUSABLE),
    (setup_checks.stream_key, replace(KEY, state=None), Cause.STREAM_KEY_UNUSABLE),
    (setup_checks.stack_key, replace(KEY, state="PendingDeletion"), Cause.KEY_UNUSABLE),
    (setup_checks.selection, replace(SELECTION, selected=False), Cause.NOT_SELECTED),
    (setup_checks.selection, replace(SELECTION, selected=False, first_tags={"Place": "Door"}), Cause.NOT_SELECTED),
    (stream_health.image_generation, replace(IMAGES, current=None), Cause.IMAGES_NOT_CONFIGURED),
    (
        stream_health.image_generation,
        replace(IMAGES, current={**EXPECTED, "Status": "DISABLED"}),
        Cause.IMAGES_DISABLED,
    ),
    (
        stream_health.image_generation,
        replace(IMAGES, current={**EXPECTED, "DestinationConfig": {"Uri": "s3://theirs"}}),
        Cause.IMAGES_ELSEWHERE,
    ),
    (stream_health.image_generation, replace(IMAGES, current={**EXPECTED, "Format": "PNG"}), Cause.IMAGES_DRIFTED),
    (setup_checks.bucket, replace(BUCKET_FACTS, region=None), Cause.BUCKET_MISSING),
    (setup_checks.bucket, replace(BUCKET_FACTS, region="eu-west-1"), Cause.DESTINATION_REGION),
    (setup_checks.destination, replace(DESTINATION, destination_region="eu-west-1"), Cause.DESTINATION_REGION),
    (
        image_checks.bucket_policy,
        replace(BUCKET_POLICY, policy={"Statement": {**TLS_ONLY, "Condition": {}}}),
        Cause.BUCKET_REFUSES,
    ),
    (stream_health.fragments, replace(FRAGMENTS, newest=None), Cause.NO_FRAGMENTS),
    (stream_health.fragments, replace(FRAGMENTS, now_ms=NOW_MS + 300_000), Cause.PRODUCER_SILENT),
    (stream_health.clock, replace(CLOCK, ahead_s=-61), Cause.CLOCK_OFF),
    (stream_health.clock, replace(CLOCK, ahead_s=3600), Cause.CLOCK_OFF),
    (image_checks.tags, MediaFacts("door", (replace(CONTENT, tags={}),)), Cause.UNTAGGED),
    (image_checks.codec, MediaFacts("door", (replace(CONTENT, tracks=(("video", "V_VP8"),)),)), Cause.CODEC_UNUSABLE),
    (image_checks.codec, MediaFacts("door", (replace(CONTENT, tracks=CONTENT.tracks[::-1]),)), Cause.CODEC_UNUSABLE),
    (image_checks.codec, MediaFacts("door", (replace(CONTENT, tracks=()),)), Cause.CODEC_UNUSABLE),
    (image_checks.images, replace(IMAGES_WRITTEN, newest_ms=None), Cause.IMAGES_NOT_WRITTEN),
    (
        pipeline_checks.bucket_notification,
        replace(NOTIFICATION, destinations=(f"{QUEUE}-2",)),
        Cause.BUCKET_NOT_NOTIFYING,
    ),
    (pipeline_checks.queue_exists, replace(QUEUE_FACTS, waiting=None), Cause.QUEUE_MISSING),
    (pipeline_checks.queue_age, replace(QUEUE_FACTS, oldest_s=901), Cause.IMAGES_WAIT),
    (pipeline_checks.queue_policy, replace(QUEUE_POLICY, policy=None), Cause.QUEUE_REFUSES),
    (pipeline_checks.queue_policy, replace(QUEUE_POLICY, caller=f"{BUCKET}-2"), Cause.QUEUE_REFUSES),
    (pipeline_checks.notifications_queue_policy, QUEUE_POLICY, Cause.QUEUE_REFUSES),  # it admits S3, not SNS
    (pipeline_checks.function, replace(FUNCTION, state=None), Cause.MAPPING_MISSING),
    (pipeline_checks.function, replace(FUNCTION, state="Disabled"), Cause.MAPPING_DISABLED),
    (pipeline_checks.function, replace(FUNCTION, concurrency=0), Cause.FUNCTION_THROTTLED),
    (pipeline_checks.function, replace(FUNCTION, function_state="Failed"), Cause.FUNCTION_NOT_READY),
    (pipeline_checks.function, replace(FUNCTION, function_state=None), Cause.FUNCTION_NOT_READY),
    (
        model_checks.models,
        (ModelFacts("SAGEMAKER", "endpoint", "Failed", "no capacity"),),
        Cause.ENDPOINT_NOT_IN_SERVICE,
    ),
    (model_checks.models, (ModelFacts("SAGEMAKER_ASYNC", "endpoint", None),), Cause.ENDPOINT_NOT_IN_SERVICE),
    (model_checks.models, (ModelFacts("REKOGNITION_FACE_SEARCH", "staff", None),), Cause.COLLECTION_MISSING),
    (model_checks.models, (ModelFacts("REKOGNITION_CUSTOM_LABELS", "arn:model", "STOPPED"),), Cause.MODEL_NOT_RUNNING),
    (model_checks.models, (ModelFacts("HTTP", "https://model", None, "ConnectError"),), Cause.MODEL_SILENT),
    (model_checks.models, (ModelFacts("HTTP", "https://model", "503"),), Cause.MODEL_SILENT),
    (model_checks.models, (ModelFacts("BEDROCK", "amazon.nova", "no agreement"),), Cause.MODEL_NOT_ALLOWED),
    (pipeline_checks.results, ResultsFacts("results", None), Cause.RESULTS_STREAM_MISSING),
    (pipeline_checks.results, ResultsFacts("results", "DELETING"), Cause.RESULTS_STREAM_MISSING),
    (pipeline_checks.evidence_bucket, replace(BUCKET_FACTS, region=None), Cause.EVIDENCE_BUCKET_MISSING),
    (pipeline_checks.errors, replace(ERRORS, errors={"AnalyzeImages": 2}), Cause.FUNCTION_ERRORS),
    (pipeline_checks.errors, replace(ERRORS, throttles={"AnalyzeImages": 1}), Cause.FUNCTION_ERRORS),
    (pipeline_checks.errors, replace(ERRORS, problems=("to be retried: ThrottledError",)), Cause.FUNCTION_ERRORS),
    (
        pipeline_checks.dead_letters,
        replace(DEAD_LETTERS, found=(DeadLetterCount("ImagesDeadLetterQueue", 2, "InvalidEventError"),)),
        Cause.DEAD_LETTERS,
    ),
    (pipeline_checks.alerts, replace(ALERTS, subscriptions=None), Cause.TOPIC_MISSING),
    (pipeline_checks.alerts, replace(ALERTS, subscriptions=()), Cause.ALERTS_UNSUBSCRIBED),
    (
        pipeline_checks.alerts,
        replace(ALERTS, subscriptions=(replace(MAIL, confirmed=False),)),
        Cause.ALERTS_UNCONFIRMED,
    ),
    (pipeline_checks.notifications_subscription, replace(SUBSCRIBED, subscriptions=None), Cause.TOPIC_MISSING),
    (
        pipeline_checks.notifications_subscription,
        replace(SUBSCRIBED, subscriptions=()),
        Cause.NOTIFICATIONS_UNSUBSCRIBED,
    ),
    (stream_health.live, replace(LIVE, leased=False, owner=None), Cause.LIVE_UNREAD),
    (stream_health.live, replace(LIVE, owner=None), Cause.LIVE_UNREAD),
    (stream_health.live, replace(LIVE, behind_s=121), Cause.LIVE_LATE),
    (stream_health.notifications, ConfigurationFacts("door", None, NOTICE), Cause.NOTIFICATIONS_NOT_CONFIGURED),
    (
        stream_health.notifications,
        ConfigurationFacts("door", {**NOTICE, "Status": "DISABLED"}, NOTICE),
        Cause.NOTIFICATIONS_NOT_CONFIGURED,
    ),
)


@pytest.mark.parametrize(("evaluate", "facts"), GOOD)
def test_ok(evaluate: Evaluate, facts: Any) -> None:
    result = evaluate(facts)

    assert result is not None
    assert result.status is Status.OK, result


@pytest.mark.parametrize(
    ("evaluate", "facts", "cause"), BROKEN, ids=[f"{cause}-{n}" for n, (*_, cause) in enumerate(BROKEN)]
)
def test_a_failed_check_names_its_cause_and_the_next_step(evaluate: Evaluate, facts: Any, cause: Cause) -> None:
    result = evaluate(facts)

    assert result is not None
    assert (result.status, result.cause) == (Status.FAILED, cause)
    assert result.fact
    assert result.explanation
    assert result.next_step


@pytest.mark.parametrize(
    ("current", "target", "steps"),
    [
        (1, 2, [2]),
        (1, 38, [2, 4, 8, 16, 32, 38]),
        (5, 1, [3, 2, 1]),
        (38, 20, [20]),
        (200, 1, [100, 50, 25, 13, 7, 4, 2, 1]),
        (4, 4, []),
    ],
)
def test_shard_counts_are_doubled_or_halved_at_most(current: int, target: int, steps: list[int]) -> None:
    assert list(capacity_checks.shard_steps(current, target)) == steps

    result = capacity_checks.shards(ShardsFacts("results", current, parameter=current, target=target))
    assert result is not None
    if steps:
        assert result.status is Status.WARNING
        assert result.next_step == f"# deploy ResultsShardCount={', then '.join(map(str, steps))}"


def test_a_shard_count_that_was_changed_outside_cloudformation_is_reported() -> None:
    result = capacity_checks.shards(ShardsFacts("results", 8, parameter=1))

    assert result is not None
    assert (result.status, result.next_step) == (Status.WARNING, "# deploy ResultsShardCount=8")
    assert capacity_checks.shards(ShardsFacts("results", None, parameter=1)) is None


@pytest.mark.parametrize(
    ("facts", "needed"),
    [
        (ConcurrencyFacts(10, maximum_concurrency=5, is_live=False), "15 (5 for images, 10 for the rest)"),
        (ConcurrencyFacts(15, maximum_concurrency=5, is_live=True), "16 (5 for images, 10 for the rest, and one"),
    ],
)
def test_an_account_with_few_concurrent_executions_is_reported(facts: ConcurrencyFacts, needed: str) -> None:
    result = capacity_checks.concurrency(facts)

    assert result is not None
    assert result.status is Status.WARNING
    assert needed in result.fact
    assert result.next_step.startswith("aws service-quotas request-service-quota-increase")
    assert capacity_checks.concurrency(replace(facts, unreserved=None)) is None


@pytest.mark.parametrize(
    ("evaluate", "uri", "facts"),
    [
        (stream_health.image_generation, "s3://theirs", IMAGES),
        (
            stream_health.notifications,
            "arn:aws:sns:us-east-1:111122223333:theirs",
            ConfigurationFacts("door", NOTICE, NOTICE),
        ),
    ],
)
def test_settings_of_another_owner_are_named_as_left_alone(evaluate: Evaluate, uri: str, facts: Any) -> None:
    result = evaluate(replace(facts, current={**facts.expected, "DestinationConfig": {"Uri": uri}}))

    assert result is not None
    assert uri in result.fact
    assert "takeOverStreamSettings" in result.explanation


def test_the_next_step_for_a_bucket_that_existed_deletes_and_replaces_nothing() -> None:
    moved = setup_checks.bucket(replace(BUCKET_FACTS, region="eu-west-1", is_of_stack=False))
    silenced = pipeline_checks.bucket_notification(replace(NOTIFICATION, destinations=(), is_of_stack=False))

    assert moved.next_step == "set ImagesBucketName to a bucket in us-east-1 and deploy"
    assert silenced.next_step.startswith("aws s3api get-bucket-notification-configuration --bucket images")
    assert "put-bucket-notification-configuration" not in silenced.next_step


def test_every_cause_is_tested_here_and_declared_by_a_check() -> None:
    tested = {cause for _, _, cause in BROKEN}
    named = {cause for check in CHECKS for cause in check.causes}

    assert tested == set(Cause) == named


def test_an_image_that_may_still_arrive_is_not_a_failure() -> None:
    result = image_checks.images(replace(IMAGES_WRITTEN, newest_ms=None, tagged_age_s=4))

    assert result is not None
    assert result.status is Status.WARNING


def test_principals_with_the_producer_policy_are_named_if_there_is_no_image() -> None:
    results = [
        image_checks.images(replace(IMAGES_WRITTEN, newest_ms=None, attached_to=attached))
        for attached in ((), ("door-role",), None)
    ]

    for result, holders in zip(results, ("none", "door-role", "unknown"), strict=True):
        assert f"principals with the producer policy: {holders})" in result.fact


def test_a_conditional_denial_is_inconclusive() -> None:
    some = {**TLS_ONLY, "Sid": "OnlyVpc", "Condition": {"StringNotEquals": {"aws:SourceVpc": "vpc-1"}}}

    assert image_checks.bucket_policy(replace(BUCKET_POLICY, policy={"Statement": [some]})).status is Status.WARNING


def test_a_check_that_does_not_apply_has_no_result() -> None:
    assert setup_checks.stack_key(KeyFacts("", None, "")) is None
    assert setup_checks.stream_key(replace(KEY, key="alias/aws/kinesisvideo")) is None
    assert model_checks.models(()) is None


def test_a_failed_model_is_named_among_others() -> None:
    endpoint, face_search = (
        ModelFacts("SAGEMAKER", "people", "InService"),
        ModelFacts("REKOGNITION_FACE_SEARCH", "x", "3"),
    )

    both = model_checks.models((endpoint, face_search))
    failed = model_checks.models((endpoint, replace(face_search, state=None)))

    assert both is not None
    assert both.fact == "the endpoint people is InService; the collection x has 3 faces"
    assert failed is not None
    assert failed.cause is Cause.COLLECTION_MISSING


class TestPolicies:
    """Of resources."""

    @pytest.mark.parametrize(
        ("change", "denied"),
        [
            ({}, False),
            ({"Condition": {}}, True),
            ({"Condition": {}, "Action": ["s3:PutObject"]}, True),
            ({"Condition": {}, "Action": "S3:PUT*"}, True),
            ({"Condition": {}, "Action": "s3:GetObject"}, False),
            ({"Condition": {}, "Resource": f"{BUCKET}/results/*"}, False),
            ({"Condition": {}, "Resource": f"{BUCKET}"}, False),
            ({"Condition": {}, "Effect": "Allow"}, False),
            ({"Condition": {}, "Principal": {"AWS": "*"}}, True),
            ({"Condition": {}, "Principal": {"AWS": "arn:aws:iam::1:role/guest"}}, False),
        ],
    )
    def test_denials(self, change: dict[str, Any], denied: bool) -> None:
        policy = {"Statement": [{**TLS_ONLY, **change}]}

        assert bool(denials(policy, "s3:PutObject", f"{BUCKET}/images/a.jpg")) is denied

    def test_a_denial_to_some_is_distinguished(self) -> None:
        guest = {**TLS_ONLY, "Condition": {}, "Principal": {"AWS": "arn:aws:iam::1:role/guest"}}

        assert conditional_denials({"Statement": [TLS_ONLY, guest]}, "s3:PutObject", f"{BUCKET}/a") == ("TlsOnly",)

    @pytest.mark.parametrize(
        ("change", "allowed"),
        [
            ({}, True),
            ({"Action": "sqs:*"}, True),
            ({"Action": "sqs:ReceiveMessage"}, False),
            ({"Principal": "*"}, True),
            ({"Principal": {"Service": ["sns.amazonaws.com", "s3.amazonaws.com"]}}, True),
            ({"Principal": {"Service": "sns.amazonaws.com"}}, False),
            ({"Condition": {}}, True),
            ({"Condition": {"ArnLike": {"AWS:SourceArn": "arn:aws:s3:::im*"}}}, True),
            ({"Condition": {"ArnLike": {"aws:SourceArn": "arn:aws:s3:::other"}}}, False),
        ],
    )
    def test_allows(self, change: dict[str, Any], allowed: bool) -> None:
        policy = {"Statement": [{**MAY_SEND, **change}]}

        assert allows(policy, "sqs:SendMessage", QUEUE, "s3.amazonaws.com", BUCKET) is allowed


class TestChecks:
    """The order of the checks and their needs."""

    def test_a_check_needs_only_what_comes_before_it(self) -> None:
        for index, check in enumerate(CHECKS):
            before = {one.name: one for one in CHECKS[:index]}
            assert set(check.needs) <= set(before), check.name
            assert check.of_stream or not any(before[need].of_stream for need in check.needs), check.name

    def test_names_are_unique(self) -> None:
        assert len({check.name for check in CHECKS}) == len(CHECKS)

    def test_the_troubleshooting_page_has_a_row_for_every_cause_of_every_check(self) -> None:
        page = (ROOT / "docs" / "troubleshooting.md").read_text()
        rows = re.findall(r"^\| [^|]+ \| ([^|]+) \| `([a-z-]+)`: [^|]+ \| [^|]+ \|$", page, re.MULTILINE)

        assert {(check.strip(), cause) for checks, cause in rows for check in checks.split(",")} == {
            (check.name, cause.value) for check in CHECKS for cause in check.causes
        }


def test_the_troubleshooting_page_names_every_permission() -> None:
    source = "".join(path.read_text() for path in (ROOT / "cli" / "kinesight_cli" / "doctor").glob("*.py"))
    called = set(re.findall(r'\.(?:call|pages)\(\s*"([a-z0-9-]+)",\s*"([a-z0-9_]+)"', source))
    media = re.findall(r'\.call_stream\(\s*self\._stream\.name,\s*"[A-Z_]+",\s*"([a-z_]+)"', source)
    called |= {("kinesis-video-archived-media", operation) for operation in media}
    named = {permission(service, methods_of(service)[operation]) for service, operation in called}
    page = (ROOT / "docs" / "troubleshooting.md").read_text().partition("## Permissions")[2]

    assert len(media) == 2
    assert set(re.findall(r"`([a-z0-9-]+:[A-Za-z0-9]+)`", page)) == named


def methods_of(service: str) -> dict[str, str]:
    client: Any = boto3.client(service)  # type: ignore[call-overload]  # any service
    methods: dict[str, str] = client.meta.method_to_api_mapping
    return methods


class StubbedSession:
    """A session with one stubbed client."""

    region_name = "us-east-1"

    def __init__(self, service: str) -> None:
        self.stubbed: Any = boto3.client(service)  # type: ignore[call-overload]  # any service
        self.stub = Stubber(self.stubbed)
        self.stub.activate()

    def client(self, service: str, **_: Any) -> Any:
        return self.stubbed


class TestAwsReader:
    """Errors of AWS are distinguished."""

    @pytest.mark.parametrize(
        ("code", "error", "text"),
        [
            ("AccessDeniedException", AccessDeniedError, "kinesisvideo:DescribeStream"),
            ("NotAuthorizedException", AccessDeniedError, "kinesisvideo:DescribeStream"),
            ("ExpiredTokenException", CannotCheckError, "credentials are invalid"),
            ("UnrecognizedClientException", CannotCheckError, "credentials are invalid"),
            ("ClientLimitExceededException", CallFailedError, "ClientLimitExceededException"),
        ],
    )
    def test_errors(self, code: str, error: type[Exception], text: str) -> None:
        session: Any = StubbedSession("kinesisvideo")
        session.stub.add_client_error("describe_stream", code)

        with pytest.raises(error, match=text):
            AwsReader(session).call("kinesisvideo", "describe_stream", StreamName="door")

    def test_a_missing_resource_is_none(self) -> None:
        session: Any = StubbedSession("kinesisvideo")
        session.stub.add_client_error("describe_stream", "ResourceNotFoundException")

        assert AwsReader(session).call("kinesisvideo", "describe_stream", StreamName="door") is None

    @pytest.mark.parametrize(
        ("service", "operation", "arguments", "permission"),
        [
            ("s3", "list_objects_v2", {"Bucket": "b"}, "s3:ListBucket"),
            ("s3", "get_bucket_notification_configuration", {"Bucket": "b"}, "s3:GetBucketNotification"),
            ("sqs", "get_queue_attributes", {"QueueUrl": "q"}, "sqs:GetQueueAttributes"),
            ("logs", "filter_log_events", {"logGroupName": "g"}, "logs:FilterLogEvents"),
        ],
    )
    def test_permissions_have_their_iam_names(
        self, service: str, operation: str, arguments: dict[str, Any], permission: str
    ) -> None:
        session: Any = StubbedSession(service)
        session.stub.add_client_error(operation, "AccessDenied")

        with pytest.raises(AccessDeniedError) as refused:
            AwsReader(session).call(service, operation, **arguments)
        assert refused.value.permission == permission

    def test_a_stack_that_cannot_be_described_is_inconclusive(self) -> None:
        session: Any = StubbedSession("cloudformation")
        session.stub.add_client_error("describe_stacks", "AccessDenied")

        report = CheckRunner("kinesight", session).check_all()

        assert not report.is_conclusive
        assert report.stack_checks[0].result.fact == (
            "cannot run the check: permission cloudformation:DescribeStacks is missing"
        )


def test_the_limit_of_the_account_is_read_with_the_parameters() -> None:
    session: Any = StubbedSession("lambda")
    session.stub.add_response(
        "get_account_settings", {"AccountLimit": {"ConcurrentExecutions": 10, "UnreservedConcurrentExecutions": 8}}
    )
    parameters = {"MaximumConcurrency": "5", "LiveStatus": "ENABLED"}
    stack: Any = SimpleNamespace(aws=AwsReader(session), parameter=parameters.get)

    facts = CapacityInspector(stack, None).concurrency

    assert facts == ConcurrencyFacts(8, maximum_concurrency=5, is_live=True)


def test_the_open_shards_are_compared_with_the_target() -> None:
    stack: Any = SimpleNamespace(results=ResultsFacts("results", "ACTIVE", 3), parameter={"ResultsShardCount": "2"}.get)

    assert CapacityInspector(stack, 8).shards == ShardsFacts("results", 3, parameter=2, target=8)


class Archive:
    """KVS with a fragment every two seconds of one camera, as far as the search for the last one needs it."""

    def __init__(self, first_s: float, last_s: float) -> None:
        """Seconds before now."""
        now = datetime.now(UTC)
        count = int((first_s - last_s) / 2) + 1
        self.times = [now - timedelta(seconds=last_s + 2 * n) for n in range(count)]

    def call(self, service: str, operation: str, **_: Any) -> Any:
        info = {"StreamARN": ARN, "Status": "ACTIVE", "DataRetentionInHours": 48}
        return {"StreamInfo": info}

    def call_stream(self, stream: str, api: str, operation: str, **arguments: Any) -> Any:
        searched = arguments["FragmentSelector"]["TimestampRange"]
        found = [at for at in self.times if searched["StartTimestamp"] <= at <= searched["EndTimestamp"]]
        random.Random(1).shuffle(found)
        page = [
            {"FragmentNumber": "1", "ProducerTimestamp": at, "ServerTimestamp": at}
            for at in found[: arguments["MaxResults"]]
        ]
        return {"Fragments": page} | ({"NextToken": "more"} if len(found) > len(page) else {})


@pytest.mark.parametrize(("first_s", "last_s"), [(100_000, 10), (100_000, 1000), (150_000, 7300), (120_000, 90_000)])
def test_the_last_fragment_is_found_among_many(first_s: float, last_s: float) -> None:
    archive = Archive(first_s, last_s)
    stack: Any = SimpleNamespace(aws=archive)

    newest = MediaInspector(StreamInspector(stack, "door"), HealthThresholds()).fragments.newest

    assert newest is not None
    assert newest.server_ms == to_epoch_ms(archive.times[0])


@pytest.mark.parametrize("stored", [True, False])
def test_settings_that_kvs_returns_differently_are_a_warning(stored: bool) -> None:
    """configure_streams stores what KVS returned after it had set something else."""
    returned = {**EXPECTED, "DestinationConfig": {"Uri": "https://images.s3.amazonaws.com/images/"}}
    item = {"described": {"S": json.dumps(returned if stored else None)}}

    def call(service: str, operation: str, **_: Any) -> Any:
        responses = {
            "describe_stream": {"StreamInfo": {"StreamARN": ARN, "Status": "ACTIVE"}},
            "describe_image_generation_configuration": {"ImageGenerationConfiguration": returned},
            "get_item": {"Item": item},
        }
        return responses[operation]

    stack: Any = SimpleNamespace(
        aws=SimpleNamespace(call=call),
        configuration=Configuration(CameraSettings(), None),
        expected_image_generation=lambda _camera, _region: EXPECTED,
        resource=lambda name: name,
    )
    result = stream_health.image_generation(StreamInspector(stack, "door").image_generation)

    assert result.status is (Status.WARNING if stored else Status.FAILED)
    assert "https://images" in result.fact


class TestCommand:
    """Without credentials or Region."""

    def test_without_credentials_no_check_runs(self, monkeypatch: pytest.MonkeyPatch) -> None:
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
            monkeypatch.delenv(name, raising=False)

        result = CliRunner().invoke(app, ["doctor", "door"])

        assert result.exit_code == 2
        assert "AWS_PROFILE" in result.stderr

    def test_without_a_region_no_check_runs(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv("AWS_DEFAULT_REGION", raising=False)

        result = CliRunner().invoke(app, ["doctor", "door"])

        assert result.exit_code == 2
        assert "--region" in result.stderr
