"""The inspectors of `kinesight doctor` against moto and the emulators; the stack has what the e2e stack lacks."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import boto3
import pytest
from kinesight.adapters.dynamodb.documents import partition_key
from kinesight.domain.check_results import Cause, CheckResult, Status
from kinesight.domain.configuration.current import DOCUMENT_KEY
from kinesight.domain.health.facts import HealthThresholds
from kinesight.domain.live.leases import Lease, LiveCheckpoint
from kinesight_cli.doctor.check_runner import CheckRunner
from kinesight_cli.shared.play_video import Tagging, play
from kinesight_cli.shared.video_file import EncodedFrame, SourceFragment, SourceVideo
from kinesight_local.kvs.server import KvsServer
from kinesight_local.vision.server import VisionServer

from tests.media import a_clip

STREAM = "door"
MODEL = "arn:aws:rekognition:us-east-1:111122223333:project/parts/version/v1/1767268800000"
PARAMETERS = {
    "StreamNames": "",
    "TagFilters": '{"key":"Place","values":["Front"]}',
    "ImageGenerationStatus": "DISABLED",
    "ImageSelectorType": "PRODUCER_TIMESTAMP",
    "SamplingInterval": "3000",
    "Format": "JPEG",
    "NotificationStatus": "DISABLED",
    "LiveStatus": "ENABLED",
    "Detector": "REKOGNITION_LABELS",
    "SageMakerEndpointName": "people",
    "CustomLabelsModelArn": MODEL,
    "BedrockModelId": "us.amazon.nova-lite-v1:0",
}
NAMED = (
    ("ImagesBucket", "AWS::S3::Bucket"),
    ("EvidenceBucket", "AWS::S3::Bucket"),
    ("ImagesQueue", "AWS::SQS::Queue"),
    ("ImagesDeadLetterQueue", "AWS::SQS::Queue"),
    ("AlertTopic", "AWS::SNS::Topic"),
    ("AnalyzeImagesLogs", "AWS::Logs::LogGroup"),
    ("ConductLiveLogs", "AWS::Logs::LogGroup"),
    ("Role", "AWS::IAM::Role"),
    ("AnalyzeImagesFunction", "AWS::Lambda::Function"),
    ("KeepEvidenceFunction", "AWS::Lambda::Function"),
)
PROPERTIES: dict[str, Any] = {
    "AWS::IAM::Role": {"AssumeRolePolicyDocument": {"Version": "2012-10-17", "Statement": []}},
    "AWS::Lambda::Function": {
        "Code": {"ZipFile": "def handler(event, context): ..."},
        "Handler": "index.handler",
        "Role": {"Fn::GetAtt": ["Role", "Arn"]},
        "Runtime": "python3.13",
    },
}


class MotoStack:
    """A stack that moto's CloudFormation deploys from these resources."""

    def __init__(self) -> None:
        self.resources: dict[str, Any] = {
            name: {"Type": kind, "Properties": PROPERTIES.get(kind, {})} for name, kind in NAMED
        }
        self.resources["ResultsStream"] = {"Type": "AWS::Kinesis::Stream", "Properties": {"ShardCount": 1}}
        keys = [{"AttributeName": name, "AttributeType": "S"} for name in ("pk", "sk")]
        schema = [{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}]
        table = {"AttributeDefinitions": keys, "KeySchema": schema, "BillingMode": "PAY_PER_REQUEST"}
        self.resources["CoordinationTable"] = {"Type": "AWS::DynamoDB::Table", "Properties": table}

    def deploy(self, **parameters: str) -> None:
        chosen = PARAMETERS | parameters
        template = {"Parameters": {name: {"Type": "String"} for name in chosen}, "Resources": self.resources}
        boto3.client("cloudformation").create_stack(
            StackName="kinesight",
            TemplateBody=json.dumps(template),
            Parameters=[{"ParameterKey": name, "ParameterValue": value} for name, value in chosen.items()],
        )

    def configure(self, **document: Any) -> None:
        """Puts a configuration document; its schema version is added."""
        body = json.dumps({"schemaVersion": 1, **document})
        boto3.client("s3").put_object(Bucket=self.physical("EvidenceBucket"), Key=DOCUMENT_KEY, Body=body)

    def physical(self, name: str) -> str:
        found = boto3.client("cloudformation").describe_stack_resource(StackName="kinesight", LogicalResourceId=name)
        return found["StackResourceDetail"]["PhysicalResourceId"]


@pytest.fixture
def stack(moto: str, kvs: KvsServer, monkeypatch: pytest.MonkeyPatch) -> MotoStack:
    for name in ("KINESIS_VIDEO", "KINESIS_VIDEO_MEDIA", "KINESIS_VIDEO_ARCHIVED_MEDIA"):
        monkeypatch.setenv(f"AWS_ENDPOINT_URL_{name}", kvs.url)
    boto3.client("kinesisvideo").create_stream(StreamName=STREAM, DataRetentionInHours=24, Tags={"Place": "Front"})
    return MotoStack()


@pytest.fixture(scope="module")
def vision() -> Iterator[VisionServer]:
    with VisionServer() as server:
        yield server


@pytest.fixture
def models(vision: VisionServer, monkeypatch: pytest.MonkeyPatch) -> None:
    for service in ("REKOGNITION", "SAGEMAKER", "BEDROCK"):
        monkeypatch.setenv(f"AWS_ENDPOINT_URL_{service}", vision.url)


@cache
def session() -> boto3.Session:
    """Returns one session for all tests: reading botocore's models takes longer than checking a stream."""
    return boto3.Session()


def found(check: str, thresholds: HealthThresholds | None = None) -> CheckResult:
    report = CheckRunner("kinesight", session(), thresholds).check_stream(STREAM)
    return {one.check: one for one in report.streams[0].checks}[check]


def cause(check: str, thresholds: HealthThresholds | None = None) -> Cause | None:
    return found(check, thresholds).result.cause


def test_a_stream_is_selected_by_its_tag(stack: MotoStack) -> None:
    stack.deploy()

    assert cause("selection") is None
    boto3.client("kinesisvideo").untag_stream(StreamName=STREAM, TagKeyList=["Place"])
    unselected = found("selection").result
    assert unselected.cause is Cause.NOT_SELECTED
    assert "--tags Place=Front" in unselected.next_step


def test_all_streams_are_those_that_are_selected_or_named(stack: MotoStack) -> None:
    stack.deploy(StreamNames="gone,yard-*")
    kinesis_video = boto3.client("kinesisvideo")
    for name in ("yard-1", "other"):
        kinesis_video.create_stream(StreamName=name, DataRetentionInHours=24)

    report = CheckRunner("kinesight", session()).check_all()

    causes = {one.stream: one.first_failed.result.cause for one in report.streams if one.first_failed}
    assert set(causes) == {STREAM, "gone", "yard-1"}
    assert causes["gone"] is Cause.STREAM_MISSING


def test_disabled_features_are_not_checked(stack: MotoStack) -> None:
    stack.deploy(LiveStatus="DISABLED")

    (health,) = CheckRunner("kinesight", session()).check_stream(STREAM).streams

    of_images = {"image generation", "destination", "tags", "codec", "images"}
    of_paths = {"live", "notifications", "notification topic", "notifications queue policy", "start_analysis"}
    assert not {one.check for one in health.checks} & (of_images | of_paths)


def test_a_bucket_that_existed_takes_the_place_of_the_stacks_own(stack: MotoStack) -> None:
    boto3.client("s3").create_bucket(Bucket="shared-images")
    del stack.resources["ImagesBucket"]
    stack.deploy(ImagesBucketName="shared-images")

    bucket, notified = found("images bucket").result, found("bucket notification").result

    assert (bucket.status, bucket.fact) == (Status.OK, "shared-images exists in us-east-1")
    assert "shared-images does not notify" in notified.fact
    assert notified.next_step.startswith("aws s3api get-bucket-notification-configuration")


NEEDS_CAMERA = ("image generation", "images", "live", "notifications")


def test_a_camera_decides_what_is_checked(stack: MotoStack) -> None:
    for name, kind in (("NotificationTopic", "AWS::SNS::Topic"), ("NotificationsQueue", "AWS::SQS::Queue")):
        stack.resources[name] = {"Type": kind, "Properties": {}}
    stack.deploy()
    camera = {
        "imageGeneration": {"status": "ENABLED", "samplingInterval": 1500},
        "notifications": {"status": "ENABLED"},
    }
    stack.configure(cameras=[{"streams": [STREAM], "detector": None, **camera}])

    (health,) = CheckRunner("kinesight", session()).check_stream(STREAM).streams
    names = {one.check for one in health.checks}

    assert {one for one in NEEDS_CAMERA if one in names} == {"image generation", "images", "notifications"}
    assert {"notification topic", "start_analysis"} <= names


def test_stream_settings_are_those_of_the_camera(stack: MotoStack) -> None:
    stack.deploy()
    camera = {"imageGeneration": {"status": "ENABLED", "samplingInterval": 1500}}
    stack.configure(cameras=[{"streamTags": "Place=Front", **camera}])
    uri = f"s3://{stack.physical('ImagesBucket')}/images"
    settings: Any = {
        "Status": "ENABLED",
        "ImageSelectorType": "PRODUCER_TIMESTAMP",
        "DestinationConfig": {"Uri": uri, "DestinationRegion": "us-east-1"},
        "SamplingInterval": 1500,
        "Format": "JPEG",
    }
    kinesis_video = boto3.client("kinesisvideo")
    kinesis_video.update_image_generation_configuration(StreamName=STREAM, ImageGenerationConfiguration=settings)

    assert found("image generation").result.status is Status.OK
    stack.configure(cameras=[{"streams": [STREAM], "imageGeneration": {"status": "ENABLED"}}])
    assert cause("image generation") is Cause.IMAGES_DRIFTED


@pytest.mark.parametrize(
    ("document", "said"),
    [
        ({"defaults": {"gate": {"mode": "MAYBE"}}}, "defaults.gate.mode"),
        ({"defaults": {"detector": "HTTP"}}, "set the parameter HttpModelUrl"),
    ],
)
def test_checks_that_need_a_document_that_is_invalid(stack: MotoStack, document: dict[str, Any], said: str) -> None:
    stack.deploy()
    stack.configure(**document)

    for name in ("model", "image generation"):
        result = found(name).result
        assert result.status is Status.WARNING
        assert said in result.fact


def test_a_missing_mapping_and_a_missing_function_are_distinguished(stack: MotoStack) -> None:
    stack.deploy()

    assert cause("keep_evidence") is Cause.MAPPING_MISSING
    boto3.client("lambda").delete_function(FunctionName=stack.physical("KeepEvidenceFunction"))
    assert cause("keep_evidence") is Cause.FUNCTION_NOT_READY


@pytest.mark.parametrize(
    ("resource", "check", "expected"),
    [
        ("ImagesQueue", "queue", Cause.QUEUE_MISSING),
        ("AlertTopic", "alerts", Cause.TOPIC_MISSING),
        ("EvidenceBucket", "evidence bucket", Cause.EVIDENCE_BUCKET_MISSING),
        ("ResultsStream", "results stream", Cause.RESULTS_STREAM_MISSING),
    ],
)
def test_resources_that_were_deleted_outside_cloudformation(
    stack: MotoStack, resource: str, check: str, expected: Cause
) -> None:
    stack.deploy()
    assert found(check).result.status is Status.OK
    name = stack.physical(resource)
    delete: dict[str, Any] = {
        "ImagesQueue": lambda: boto3.client("sqs").delete_queue(QueueUrl=name),
        "AlertTopic": lambda: boto3.client("sns").delete_topic(TopicArn=name),
        "EvidenceBucket": lambda: boto3.client("s3").delete_bucket(Bucket=name),
        "ResultsStream": lambda: boto3.client("kinesis").delete_stream(StreamName=name),
    }

    delete[resource]()

    assert cause(check) is expected


def test_a_stream_with_a_customer_managed_key(stack: MotoStack) -> None:
    stack.deploy()
    kms = boto3.client("kms")
    key = kms.create_key()["KeyMetadata"]
    kinesis_video = boto3.client("kinesisvideo")
    kinesis_video.delete_stream(StreamARN=kinesis_video.describe_stream(StreamName=STREAM)["StreamInfo"]["StreamARN"])
    kinesis_video.create_stream(StreamName=STREAM, DataRetentionInHours=24, KmsKeyId=key["Arn"])

    assert cause("stream key") is None
    kms.disable_key(KeyId=key["KeyId"])
    assert cause("stream key") is Cause.STREAM_KEY_UNUSABLE


def test_problems_in_the_log(stack: MotoStack) -> None:
    stack.deploy()
    logs, group = boto3.client("logs"), stack.physical("AnalyzeImagesLogs")
    assert found("errors").result.status is Status.OK
    line = {"level": "WARNING", "message": "to be retried", "reason": "ThrottledError('slow down')"}
    moment_ms = round(datetime.now(UTC).timestamp() * 1000)
    logs.create_log_stream(logGroupName=group, logStreamName="one")
    logs.put_log_events(
        logGroupName=group,
        logStreamName="one",
        logEvents=[
            {"timestamp": moment_ms, "message": text}
            for text in ("START", '{"level":"INFO","message":"analyzed"}', json.dumps(line))
        ],
    )

    result = found("errors").result

    assert result.cause is Cause.FUNCTION_ERRORS
    assert result.fact == "in the last 15 minutes: to be retried: ThrottledError('slow down')"


# -- live ------------------------------------------------------------------------------------------------------------


def put_lease(stack: MotoStack, **more: Any) -> None:
    arn = boto3.client("kinesisvideo").describe_stream(StreamName=STREAM)["StreamInfo"]["StreamARN"]
    now_ms = round(datetime.now(UTC).timestamp() * 1000)
    lease = Lease(stream_arn=arn, stream_name=STREAM, since_ms=now_ms, expires_at_ms=now_ms + 30_000, **more)
    item = {"pk": partition_key("leases", arn), "sk": arn, "body": lease.model_dump_json(), "version": "1"}
    table = stack.physical("CoordinationTable")
    boto3.client("dynamodb").put_item(TableName=table, Item={key: {"S": value} for key, value in item.items()})


def record() -> None:
    clip = a_clip(1)
    frames = tuple(EncodedFrame(at, key, data) for at, key, data in clip.packets)  # type: ignore[arg-type]  # whole ms
    video = SourceVideo(clip.track, (SourceFragment(frames, 1000),), transcoded=False)  # type: ignore[arg-type]  # whole ms
    play(STREAM, video, Tagging(), lambda _: None)


def test_leases_that_are_missing_free_late_or_retired(stack: MotoStack) -> None:
    stack.deploy()
    record()
    hour_ago_ms = round((datetime.now(UTC) - timedelta(hours=1)).timestamp() * 1000)

    assert found("live").result.fact == "it has no lease"
    put_lease(stack)
    assert found("live").result.fact == "no consumer holds its lease"
    put_lease(stack, owner="consumer")
    assert found("live").result.status is Status.OK
    late = LiveCheckpoint(fragment_number="1", server_ms=hour_ago_ms, sampler_state=0)
    put_lease(stack, owner="consumer", checkpoint=late)
    assert cause("live") is Cause.LIVE_LATE
    put_lease(stack, owner="consumer", retired=True)
    assert cause("live") is Cause.LIVE_UNREAD


# -- models ----------------------------------------------------------------------------------------------------------


def test_an_endpoint(stack: MotoStack, models: None, monkeypatch: pytest.MonkeyPatch, moto: str) -> None:
    stack.deploy(Detector="SAGEMAKER")

    assert found("model").result.fact == "the endpoint people is InService"
    monkeypatch.setenv("AWS_ENDPOINT_URL_SAGEMAKER", moto)  # which has none of that name
    assert cause("model") is Cause.ENDPOINT_NOT_IN_SERVICE


def test_a_custom_labels_model(stack: MotoStack, models: None) -> None:
    rekognition = boto3.client("rekognition")
    stack.deploy()
    stack.configure(defaults={"followUp": {"detector": "REKOGNITION_CUSTOM_LABELS"}})

    assert cause("second model") is Cause.MODEL_NOT_RUNNING
    rekognition.start_project_version(ProjectVersionArn=MODEL, MinInferenceUnits=1)
    assert cause("second model") is None
    rekognition.stop_project_version(ProjectVersionArn=MODEL)
    assert cause("second model") is Cause.MODEL_NOT_RUNNING


def test_a_bedrock_model_by_its_inference_profile(stack: MotoStack, models: None) -> None:
    stack.deploy(Detector="BEDROCK")

    assert found("model").result.fact == "us.amazon.nova-lite-v1:0 is available"


def test_the_models_of_all_cameras(stack: MotoStack, models: None) -> None:
    stack.deploy()
    people = {"type": "SAGEMAKER", "sagemakerTimeoutMilliseconds": 5000}
    second = {"streams": ["office"], "detector": None, "followUp": {"detector": "BEDROCK"}}
    stack.configure(detectors={"people": people}, cameras=[{"streams": ["yard"], "detector": "people"}, second])

    assert found("model").result.fact == "the endpoint people is InService"
    assert found("second model").result.fact == "us.amazon.nova-lite-v1:0 is available"


def test_a_model_that_a_definition_names(stack: MotoStack, models: None) -> None:
    stack.deploy(SageMakerEndpointName="gone,people", Detector="SAGEMAKER")
    stack.configure(
        detectors={"people": {"type": "SAGEMAKER", "sagemakerEndpointName": "people"}}, defaults={"detector": "people"}
    )

    assert found("model").result.fact == "the endpoint people is InService"


def test_a_model_in_a_vpc_cannot_be_checked(stack: MotoStack) -> None:
    stack.deploy(Detector="HTTP", HttpModelUrl="http://10.0.0.1/see", VpcSubnetIds="subnet-1")

    assert found("model").result.status is Status.WARNING
