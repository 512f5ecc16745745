"""`kinesight doctor`: every judgement on facts alone, the order of the road, and what is made of AWS's refusals."""

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
from kinesight.domain.health import checks as of_stream
from kinesight.domain.health.facts import (
    ClockFacts,
    ConfigurationFacts,
    Fragment,
    FragmentsFacts,
    LiveFacts,
    StreamFacts,
)
from kinesight.domain.model import to_epoch_ms
from kinesight_cli.doctor import CannotLookError, Cause, Examination, HealthThresholds, Outcome, Verdict
from kinesight_cli.doctor import judging_models as of_models
from kinesight_cli.doctor import judging_pictures as of_pictures
from kinesight_cli.doctor import judging_stack as of_stack
from kinesight_cli.doctor import judging_streams as of_streams
from kinesight_cli.doctor.asking import Aws, RefusedError, UnansweredError, permission
from kinesight_cli.doctor.facts import (
    BucketFacts,
    BucketNotificationFacts,
    DeadLetters,
    DeadLettersFacts,
    DestinationFacts,
    ErrorsFacts,
    KeyFacts,
    MediaFacts,
    ModelFacts,
    PicturesFacts,
    PolicyFacts,
    QueueFacts,
    ReaderFacts,
    ResultsFacts,
    Seen,
    SelectionFacts,
    StackFacts,
    Subscription,
    TopicFacts,
)
from kinesight_cli.doctor.looking_at_stream import StreamEye
from kinesight_cli.doctor.policies import allows, conditional_refusals, refusals
from kinesight_cli.doctor.road import ROAD
from kinesight_cli.main import app
from typer.testing import CliRunner

ROOT = Path(__file__).resolve().parents[2]
NOW_MS = 1_767_268_800_000
ARN = "arn:aws:kinesisvideo:us-east-1:123456789012:stream/door/1"
QUEUE = "arn:aws:sqs:us-east-1:123456789012:images"
BUCKET = "arn:aws:s3:::images"
TOPIC = "arn:aws:sns:us-east-1:123456789012:alerts"
WANTED: Mapping[str, Any] = {
    "Status": "ENABLED",
    "ImageSelectorType": "PRODUCER_TIMESTAMP",
    "DestinationConfig": {"Uri": "s3://images/images", "DestinationRegion": "us-east-1"},
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
IMAGES = ConfigurationFacts("door", WANTED, WANTED)
DESTINATION = DestinationFacts("door", "images", "us-east-1", "us-east-1", "us-east-1", WANTED)
BUCKET_FACTS = BucketFacts("images", "us-east-1", "us-east-1")
BUCKET_POLICY = PolicyFacts(f"{BUCKET}/images/a.jpg", {"Statement": [TLS_ONLY]}, place="images")
FRAGMENTS = FragmentsFacts("door", Fragment("1", NOW_MS - 12_000, NOW_MS - 12_000, 2000), 60, NOW_MS, 300)
CLOCK = ClockFacts("door", 3, counts=True, clock_s=60)
SEEN = Seen(NOW_MS, NOW_MS, {of_pictures.IMAGE_TAG: ""}, (("video", "V_MPEG4/ISO/AVC"), ("audio", "A_AAC")))
MEDIA = MediaFacts("door", (SEEN,))
PICTURES = PicturesFacts("door", "images", NOW_MS, NOW_MS, 40, 30, "arn:policy", ())
NOTIFICATION = BucketNotificationFacts("images", QUEUE, "images/", (QUEUE,))
QUEUE_POLICY = PolicyFacts(QUEUE, {"Statement": [MAY_SEND]}, BUCKET, "https://sqs/images")
QUEUE_FACTS = QueueFacts("images", 3, 1, 20, 900)
READER = ReaderFacts("analyze", QUEUE, "uuid", "Enabled", "Active", what="Pictures")
ERRORS = ErrorsFacts(15, {"AnalyzeImages": 0}, {"AnalyzeImages": 0}, (), "/aws/lambda/analyze")
LETTERS = DeadLettersFacts(7, ())
MAIL = Subscription("email", "ops@example.com", confirmed=True)
ALERTS = TopicFacts(TOPIC, "ops@example.com", (MAIL,))
LIVE = LiveFacts("door", leased=True, owner="consumer", behind_s=4, live_s=120, log_group="/aws/lambda/conduct")
SUBSCRIBED = TopicFacts(TOPIC, QUEUE, (Subscription("sqs", QUEUE, confirmed=True),))

Judge = Callable[[Any], Verdict | None]

GOOD: tuple[tuple[Judge, Any], ...] = (
    (of_streams.stack, STACK),
    (of_streams.stack, replace(STACK, status="UPDATE_ROLLBACK_COMPLETE")),  # what was there before is there again
    (of_streams.stack, replace(STACK, status="UPDATE_IN_PROGRESS")),
    (of_stream.stream, STREAM),
    (of_stream.status, STREAM),
    (of_stream.retention, STREAM),
    (of_streams.stream_key, KEY),
    (of_streams.stack_key, KEY),
    (of_streams.selection, SELECTION),
    (of_stream.image_generation, IMAGES),
    # The service fills in the quality that was left out.
    (of_stream.image_generation, replace(IMAGES, current={**WANTED, "FormatConfig": {"JPEGQuality": "80"}})),
    (of_streams.bucket, BUCKET_FACTS),
    (of_streams.destination, DESTINATION),
    (of_pictures.bucket_policy, BUCKET_POLICY),
    (of_pictures.bucket_policy, replace(BUCKET_POLICY, policy=None)),
    (of_stream.fragments, FRAGMENTS),
    (of_stream.clock, CLOCK),
    (of_stream.clock, replace(CLOCK, ahead_s=-7200, counts=False)),
    (of_pictures.tags, MEDIA),
    (of_pictures.codec, MEDIA),
    (of_pictures.pictures, PICTURES),
    (of_stack.bucket_notification, NOTIFICATION),
    (of_stack.queue_exists, QUEUE_FACTS),
    (of_stack.queue_waits, QUEUE_FACTS),
    (of_stack.queue_waits, replace(QUEUE_FACTS, oldest_s=None)),
    (of_stack.queue_policy, QUEUE_POLICY),
    (of_stack.reader, READER),
    (of_stack.reader, replace(READER, function_state="Inactive")),  # Lambda's word for one that nobody called for weeks
    (of_models.model, ModelFacts("SAGEMAKER", "endpoint", "InService")),
    (of_models.model, ModelFacts("SAGEMAKER_ASYNC", "endpoint", "Updating")),  # the old one serves meanwhile
    (of_models.model, ModelFacts("REKOGNITION_FACE_SEARCH", "staff", "0")),
    (of_models.model, ModelFacts("REKOGNITION_CUSTOM_LABELS", "arn:model", "RUNNING")),
    (of_models.model, ModelFacts("HTTP", "https://model", "405")),
    (of_models.model, ModelFacts("BEDROCK", "amazon.nova", "AVAILABLE")),
    (of_stack.results, ResultsFacts("results", "ACTIVE")),
    (of_stack.evidence_bucket, BUCKET_FACTS),
    (of_stack.errors, ERRORS),
    (of_stack.dead_letters, LETTERS),
    (of_stack.alerts, ALERTS),
    (of_stack.alerts, replace(ALERTS, endpoint="", subscriptions=())),
    (of_stack.notifications_subscription, SUBSCRIBED),
    (of_stream.live, LIVE),
    (of_stream.live, replace(LIVE, behind_s=None)),
    (of_stream.notifications, ConfigurationFacts("door", NOTICE, NOTICE)),
)

BROKEN: tuple[tuple[Judge, Any, Cause], ...] = (
    (of_streams.stack, StackFacts("kinesight", "us-east-1"), Cause.STACK_MISSING),
    (of_streams.stack, replace(STACK, status="ROLLBACK_COMPLETE"), Cause.STACK_UNFINISHED),
    (of_streams.stack, replace(STACK, status="UPDATE_ROLLBACK_FAILED"), Cause.STACK_UNFINISHED),
    (of_stream.stream, StreamFacts("door", "us-east-1"), Cause.STREAM_MISSING),
    (of_stream.status, replace(STREAM, status="CREATING"), Cause.STREAM_NOT_ACTIVE),
    (of_stream.status, replace(STREAM, status="DELETING"), Cause.STREAM_NOT_ACTIVE),
    (of_stream.retention, replace(STREAM, retention_hours=0), Cause.NO_RETENTION),
    (of_streams.stream_key, replace(KEY, state="Disabled"), Cause.STREAM_KEY_UNUSABLE),
    (of_streams.stream_key, replace(KEY, state=None), Cause.STREAM_KEY_UNUSABLE),
    (of_streams.stack_key, replace(KEY, state="PendingDeletion"), Cause.KEY_UNUSABLE),
    (of_streams.selection, replace(SELECTION, selected=False), Cause.NOT_SELECTED),
    (of_streams.selection, replace(SELECTION, selected=False, first_tags={"Place": "Door"}), Cause.NOT_SELECTED),
    (of_stream.image_generation, replace(IMAGES, current=None), Cause.IMAGES_NOT_CONFIGURED),
    (of_stream.image_generation, replace(IMAGES, current={**WANTED, "Status": "DISABLED"}), Cause.IMAGES_DISABLED),
    (
        of_stream.image_generation,
        replace(IMAGES, current={**WANTED, "DestinationConfig": {"Uri": "s3://theirs"}}),
        Cause.IMAGES_ELSEWHERE,
    ),
    (of_stream.image_generation, replace(IMAGES, current={**WANTED, "WidthPixels": 640}), Cause.IMAGES_DRIFTED),
    (of_streams.bucket, replace(BUCKET_FACTS, region=None), Cause.BUCKET_MISSING),
    (of_streams.bucket, replace(BUCKET_FACTS, region="eu-west-1"), Cause.DESTINATION_REGION),
    (of_streams.destination, replace(DESTINATION, destination_region="eu-west-1"), Cause.DESTINATION_REGION),
    (
        of_pictures.bucket_policy,
        replace(BUCKET_POLICY, policy={"Statement": {**TLS_ONLY, "Condition": {}}}),
        Cause.BUCKET_REFUSES,
    ),
    (of_stream.fragments, replace(FRAGMENTS, newest=None), Cause.NO_FRAGMENTS),
    (of_stream.fragments, replace(FRAGMENTS, now_ms=NOW_MS + 300_000), Cause.PRODUCER_SILENT),
    (of_stream.clock, replace(CLOCK, ahead_s=-61), Cause.CLOCK_OFF),
    (of_stream.clock, replace(CLOCK, ahead_s=3600), Cause.CLOCK_OFF),
    (of_pictures.tags, MediaFacts("door", (replace(SEEN, tags={}),)), Cause.UNTAGGED),
    (of_pictures.codec, MediaFacts("door", (replace(SEEN, tracks=(("video", "V_VP8"),)),)), Cause.CODEC_UNUSABLE),
    (of_pictures.codec, MediaFacts("door", (replace(SEEN, tracks=SEEN.tracks[::-1]),)), Cause.CODEC_UNUSABLE),
    (of_pictures.codec, MediaFacts("door", (replace(SEEN, tracks=()),)), Cause.CODEC_UNUSABLE),
    (of_pictures.pictures, replace(PICTURES, newest_ms=None), Cause.PICTURES_NOT_WRITTEN),
    (of_stack.bucket_notification, replace(NOTIFICATION, told=(f"{QUEUE}-2",)), Cause.BUCKET_TELLS_NOBODY),
    (of_stack.queue_exists, replace(QUEUE_FACTS, waiting=None), Cause.QUEUE_MISSING),
    (of_stack.queue_waits, replace(QUEUE_FACTS, oldest_s=901), Cause.PICTURES_WAIT),
    (of_stack.queue_policy, replace(QUEUE_POLICY, policy=None), Cause.QUEUE_REFUSES),
    (of_stack.queue_policy, replace(QUEUE_POLICY, caller=f"{BUCKET}-2"), Cause.QUEUE_REFUSES),
    (of_stack.notifications_queue_policy, QUEUE_POLICY, Cause.QUEUE_REFUSES),  # it admits S3, not SNS
    (of_stack.reader, replace(READER, state=None), Cause.MAPPING_MISSING),
    (of_stack.reader, replace(READER, state="Disabled"), Cause.MAPPING_DISABLED),
    (of_stack.reader, replace(READER, concurrency=0), Cause.FUNCTION_THROTTLED),
    (of_stack.reader, replace(READER, function_state="Failed"), Cause.FUNCTION_NOT_READY),
    (of_stack.reader, replace(READER, function_state=None), Cause.FUNCTION_NOT_READY),
    (of_models.model, ModelFacts("SAGEMAKER", "endpoint", "Failed", "no capacity"), Cause.ENDPOINT_NOT_IN_SERVICE),
    (of_models.model, ModelFacts("SAGEMAKER_ASYNC", "endpoint", None), Cause.ENDPOINT_NOT_IN_SERVICE),
    (of_models.model, ModelFacts("REKOGNITION_FACE_SEARCH", "staff", None), Cause.COLLECTION_MISSING),
    (of_models.model, ModelFacts("REKOGNITION_CUSTOM_LABELS", "arn:model", "STOPPED"), Cause.MODEL_NOT_RUNNING),
    (of_models.model, ModelFacts("HTTP", "https://model", None, "ConnectError"), Cause.MODEL_SILENT),
    (of_models.model, ModelFacts("HTTP", "https://model", "503"), Cause.MODEL_SILENT),
    (of_models.model, ModelFacts("BEDROCK", "amazon.nova", "no agreement"), Cause.MODEL_NOT_ALLOWED),
    (of_stack.results, ResultsFacts("results", None), Cause.RESULTS_STREAM_MISSING),
    (of_stack.results, ResultsFacts("results", "DELETING"), Cause.RESULTS_STREAM_MISSING),
    (of_stack.evidence_bucket, replace(BUCKET_FACTS, region=None), Cause.EVIDENCE_BUCKET_MISSING),
    (of_stack.errors, replace(ERRORS, errors={"AnalyzeImages": 2}), Cause.FUNCTION_ERRORS),
    (of_stack.errors, replace(ERRORS, throttles={"AnalyzeImages": 1}), Cause.FUNCTION_ERRORS),
    (of_stack.errors, replace(ERRORS, problems=("to be retried: ThrottledError",)), Cause.FUNCTION_ERRORS),
    (
        of_stack.dead_letters,
        replace(LETTERS, found=(DeadLetters("ImagesDeadLetterQueue", 2, "InvalidEventError"),)),
        Cause.DEAD_LETTERS,
    ),
    (of_stack.alerts, replace(ALERTS, subscriptions=None), Cause.TOPIC_MISSING),
    (of_stack.alerts, replace(ALERTS, subscriptions=()), Cause.ALERTS_UNSUBSCRIBED),
    (of_stack.alerts, replace(ALERTS, subscriptions=(replace(MAIL, confirmed=False),)), Cause.ALERTS_UNCONFIRMED),
    (of_stack.notifications_subscription, replace(SUBSCRIBED, subscriptions=None), Cause.TOPIC_MISSING),
    (of_stack.notifications_subscription, replace(SUBSCRIBED, subscriptions=()), Cause.NOTIFICATIONS_UNSUBSCRIBED),
    (of_stream.live, replace(LIVE, leased=False, owner=None), Cause.LIVE_UNREAD),
    (of_stream.live, replace(LIVE, owner=None), Cause.LIVE_UNREAD),
    (of_stream.live, replace(LIVE, behind_s=121), Cause.LIVE_LATE),
    (of_stream.notifications, ConfigurationFacts("door", None, NOTICE), Cause.NOTIFICATIONS_NOT_CONFIGURED),
    (
        of_stream.notifications,
        ConfigurationFacts("door", {**NOTICE, "Status": "DISABLED"}, NOTICE),
        Cause.NOTIFICATIONS_NOT_CONFIGURED,
    ),
)


@pytest.mark.parametrize(("judge", "facts"), GOOD)
def test_what_is_well(judge: Judge, facts: Any) -> None:
    verdict = judge(facts)

    assert verdict is not None
    assert verdict.outcome is Outcome.GOOD, verdict


@pytest.mark.parametrize(
    ("judge", "facts", "cause"), BROKEN, ids=[f"{cause}-{n}" for n, (*_, cause) in enumerate(BROKEN)]
)
def test_what_is_broken_is_named_with_the_next_step(judge: Judge, facts: Any, cause: Cause) -> None:
    verdict = judge(facts)

    assert verdict is not None
    assert (verdict.outcome, verdict.cause) == (Outcome.BROKEN, cause)
    assert verdict.fact
    assert verdict.because
    assert verdict.next_step


def test_every_cause_is_judged_here_and_by_a_check_that_says_so() -> None:
    judged = {(judge, cause) for judge, _, cause in BROKEN}
    named = {cause for check in ROAD for cause in check.causes}

    assert {cause for _, cause in judged} == set(Cause) == named


def test_a_picture_that_may_still_come_is_no_fault() -> None:
    verdict = of_pictures.pictures(replace(PICTURES, newest_ms=None, tagged_age_s=4))

    assert verdict is not None
    assert verdict.outcome is Outcome.UNKNOWN


def test_who_carries_the_producer_policy_is_told_where_no_picture_is_written() -> None:
    told = [
        of_pictures.pictures(replace(PICTURES, newest_ms=None, attached_to=attached))
        for attached in ((), ("door-role",), None)
    ]

    assert ["by: nobody)" in str(told[0]), "by: door-role)" in str(told[1]), "nobody may tell" in str(told[2])] == [
        True
    ] * 3


def test_a_refusal_under_a_condition_can_not_be_told() -> None:
    some = {**TLS_ONLY, "Sid": "OnlyVpc", "Condition": {"StringNotEquals": {"aws:SourceVpc": "vpc-1"}}}

    assert of_pictures.bucket_policy(replace(BUCKET_POLICY, policy={"Statement": [some]})).outcome is Outcome.UNKNOWN


def test_what_is_not_asked_for_is_not_judged() -> None:
    assert of_streams.stack_key(KeyFacts("", None, "")) is None
    assert of_streams.stream_key(replace(KEY, key="alias/aws/kinesisvideo")) is None
    assert of_models.model(None) is None


class TestPolicies:
    """Of resources."""

    @pytest.mark.parametrize(
        ("change", "refused"),
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
    def test_who_refuses(self, change: dict[str, Any], refused: bool) -> None:
        policy = {"Statement": [{**TLS_ONLY, **change}]}

        assert bool(refusals(policy, "s3:PutObject", f"{BUCKET}/images/a.jpg")) is refused

    def test_a_refusal_to_some_is_told_apart(self) -> None:
        guest = {**TLS_ONLY, "Condition": {}, "Principal": {"AWS": "arn:aws:iam::1:role/guest"}}

        assert conditional_refusals({"Statement": [TLS_ONLY, guest]}, "s3:PutObject", f"{BUCKET}/a") == ("TlsOnly",)

    @pytest.mark.parametrize(
        ("change", "admitted"),
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
    def test_who_is_admitted(self, change: dict[str, Any], admitted: bool) -> None:
        policy = {"Statement": [{**MAY_SEND, **change}]}

        assert allows(policy, "sqs:SendMessage", QUEUE, "s3.amazonaws.com", BUCKET) is admitted


class TestRoad:
    """Its order, and what hangs on what."""

    def test_a_check_needs_only_what_comes_before_it(self) -> None:
        for index, check in enumerate(ROAD):
            before = {one.name: one for one in ROAD[:index]}
            assert set(check.needs) <= set(before), check.name
            assert check.of_stream or not any(before[need].of_stream for need in check.needs), check.name

    def test_names_are_given_once(self) -> None:
        assert len({check.name for check in ROAD}) == len(ROAD)

    def test_the_troubleshooting_page_has_a_row_for_every_cause_of_every_check(self) -> None:
        page = (ROOT / "docs" / "troubleshooting.md").read_text()
        rows = re.findall(r"^\| [^|]+ \| ([^|]+) \| `([a-z-]+)`: [^|]+ \| [^|]+ \|$", page, re.MULTILINE)

        assert {(check.strip(), cause) for checks, cause in rows for check in checks.split(",")} == {
            (check.name, cause.value) for check in ROAD for cause in check.causes
        }


def test_the_troubleshooting_page_names_every_permission_that_is_asked_for() -> None:
    source = "".join(path.read_text() for path in (ROOT / "cli" / "kinesight_cli" / "doctor").glob("*.py"))
    asked = set(re.findall(r'\.(?:ask|pages)\(\s*"([a-z0-9-]+)",\s*"([a-z0-9_]+)"', source))
    media = re.findall(r'\.ask_stream\(\s*self\.name,\s*"[A-Z_]+",\s*"([a-z_]+)"', source)
    asked |= {("kinesis-video-archived-media", operation) for operation in media}
    named = {permission(service, methods_of(service)[operation]) for service, operation in asked}
    page = (ROOT / "docs" / "troubleshooting.md").read_text().partition("## What it asks for")[2]

    assert len(media) == 2
    assert set(re.findall(r"`([a-z0-9-]+:[A-Za-z0-9]+)`", page)) == named


def methods_of(service: str) -> dict[str, str]:
    client: Any = boto3.client(service)  # type: ignore[call-overload]  # any service
    methods: dict[str, str] = client.meta.method_to_api_mapping
    return methods


class StubbedSession:
    """One client, which answers as it is told."""

    region_name = "us-east-1"

    def __init__(self, service: str) -> None:
        self.stubbed: Any = boto3.client(service)  # type: ignore[call-overload]  # any service
        self.stub = Stubber(self.stubbed)
        self.stub.activate()

    def client(self, service: str, **_: Any) -> Any:
        return self.stubbed


class TestAsking:
    """What AWS answers, told apart."""

    @pytest.mark.parametrize(
        ("code", "error", "told"),
        [
            ("AccessDeniedException", RefusedError, "kinesisvideo:DescribeStream"),
            ("NotAuthorizedException", RefusedError, "kinesisvideo:DescribeStream"),
            ("ExpiredTokenException", CannotLookError, "credentials are refused"),
            ("UnrecognizedClientException", CannotLookError, "credentials are refused"),
            ("ClientLimitExceededException", UnansweredError, "ClientLimitExceededException"),
        ],
    )
    def test_errors(self, code: str, error: type[Exception], told: str) -> None:
        session: Any = StubbedSession("kinesisvideo")
        session.stub.add_client_error("describe_stream", code)

        with pytest.raises(error, match=told):
            Aws(session).ask("kinesisvideo", "describe_stream", StreamName="door")

    def test_what_is_not_there_is_none(self) -> None:
        session: Any = StubbedSession("kinesisvideo")
        session.stub.add_client_error("describe_stream", "ResourceNotFoundException")

        assert Aws(session).ask("kinesisvideo", "describe_stream", StreamName="door") is None

    @pytest.mark.parametrize(
        ("service", "operation", "wanted", "permission"),
        [
            ("s3", "list_objects_v2", {"Bucket": "b"}, "s3:ListBucket"),
            ("s3", "get_bucket_notification_configuration", {"Bucket": "b"}, "s3:GetBucketNotification"),
            ("sqs", "get_queue_attributes", {"QueueUrl": "q"}, "sqs:GetQueueAttributes"),
            ("logs", "filter_log_events", {"logGroupName": "g"}, "logs:FilterLogEvents"),
        ],
    )
    def test_permissions_are_named_as_iam_names_them(
        self, service: str, operation: str, wanted: dict[str, Any], permission: str
    ) -> None:
        session: Any = StubbedSession(service)
        session.stub.add_client_error(operation, "AccessDenied")

        with pytest.raises(RefusedError) as refused:
            Aws(session).ask(service, operation, **wanted)
        assert refused.value.permission == permission

    def test_a_stack_that_may_not_be_looked_at_ends_with_nothing_seen(self) -> None:
        session: Any = StubbedSession("cloudformation")
        session.stub.add_client_error("describe_stacks", "AccessDenied")

        report = Examination("kinesight", session).fleet()

        assert not report.could_look
        assert report.stack_findings[0].verdict.fact == "you may not look: cloudformation:DescribeStacks is missing"


class Archive:
    """KVS with a fragment every two seconds, of one camera, as far as looking for the last of them asks for it."""

    def __init__(self, first_s: float, last_s: float) -> None:
        """Seconds before now."""
        now = datetime.now(UTC)
        count = int((first_s - last_s) / 2) + 1
        self.times = [now - timedelta(seconds=last_s + 2 * n) for n in range(count)]

    def ask(self, service: str, operation: str, **_: Any) -> Any:
        info = {"StreamARN": ARN, "Status": "ACTIVE", "DataRetentionInHours": 48}
        return {"StreamInfo": info}

    def ask_stream(self, stream: str, api: str, operation: str, **wanted: Any) -> Any:
        chosen = wanted["FragmentSelector"]["TimestampRange"]
        found = [at for at in self.times if chosen["StartTimestamp"] <= at <= chosen["EndTimestamp"]]
        random.Random(1).shuffle(found)
        told = [
            {"FragmentNumber": "1", "ProducerTimestamp": at, "ServerTimestamp": at}
            for at in found[: wanted["MaxResults"]]
        ]
        return {"Fragments": told} | ({"NextToken": "more"} if len(found) > len(told) else {})


@pytest.mark.parametrize(("first_s", "last_s"), [(100_000, 10), (100_000, 1000), (150_000, 7300), (120_000, 90_000)])
def test_the_last_fragment_is_found_among_very_many(first_s: float, last_s: float) -> None:
    archive = Archive(first_s, last_s)
    stack = SimpleNamespace(aws=archive, patience=HealthThresholds())

    newest = StreamEye(stack, "door").fragments.newest  # type: ignore[arg-type]  # as much of a stack as is looked at

    assert newest is not None
    assert newest.server_ms == to_epoch_ms(archive.times[0])


class TestCommand:
    """Without anything to look at."""

    def test_without_credentials_nobody_could_look(self, monkeypatch: pytest.MonkeyPatch) -> None:
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
            monkeypatch.delenv(name, raising=False)

        told = CliRunner().invoke(app, ["doctor", "door"])

        assert told.exit_code == 2
        assert "AWS_PROFILE" in told.stderr

    def test_without_a_region_neither(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv("AWS_DEFAULT_REGION", raising=False)

        told = CliRunner().invoke(app, ["doctor", "door"])

        assert told.exit_code == 2
        assert "--region" in told.stderr
