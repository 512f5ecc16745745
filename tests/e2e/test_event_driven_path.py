"""Video in, evidence out; then everything is delivered again, and nothing changes."""

import base64
import json
import re
import time
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from typing import Any
from urllib.parse import quote_plus

import av
import httpx
import pytest
from kinesight.adapters.dynamodb.documents import DynamoDbDocuments
from kinesight.domain.analysis.result_records import evidence_keys
from kinesight.domain.model import ResultRecord, to_epoch_ms
from kinesight.domain.streams.image_destination import images_uri
from kinesight.domain.streams.missing_images import LastImageSeen
from kinesight.media.fragments import MediaFragment, read_fragments
from kinesight_cli.shared.play_video import Tagging, play
from kinesight_cli.shared.video_file import read_video
from kinesight_local.cloud import LocalCloud
from kinesight_local.kvs.storage.streams import StreamKey
from kinesight_local.kvs.undocumented import Describe, ImageJoin, Undocumented, described
from PIL import Image

from tests.athena import QUERIES, Athena
from tests.e2e.conftest import ROOT, STREAM
from tests.sample_video import write_sample_video
from tests.user_stacks import deploy_example


@dataclass(frozen=True, slots=True)
class Case:
    """What AWS does not document, or an operator chooses. `former`: whether the stream still has the destination that
    former versions set."""

    join: ImageJoin = ImageJoin.ONE_SLASH
    describe: Describe = Describe.AS_SET
    former: bool = False
    log_level: str = "INFO"

    @property
    def name(self) -> str:
        return f"{self.join}-{self.describe}-{self.log_level}{'-former' * self.former}"


LONG_CASES = (
    Case(ImageJoin.SLASH, Describe.DEFAULTS, log_level="WARNING"),
    Case(ImageJoin.NOTHING, Describe.NORMALIZED, former=True),
    Case(ImageJoin.NOTHING, Describe.REWRITTEN),
    Case(ImageJoin.UNDERSCORE, former=True, log_level="DEBUG"),
)
CASES = [
    pytest.param(Case(), id="usual"),
    *(pytest.param(case, id=case.name, marks=pytest.mark.long) for case in LONG_CASES),
]
Objects = dict[str, tuple[str, Any]]
NO_JSON = b"this is not JSON"


def eventually[T](read: Callable[[], T], good: Callable[[T], bool], seconds: float = 60) -> T:
    deadline = time.monotonic() + seconds
    while not good(seen := read()):
        assert time.monotonic() < deadline, f"it did not happen in time: {seen}"
        time.sleep(0.1)
    return seen


@pytest.fixture(scope="module", params=CASES)
def case(request: pytest.FixtureRequest) -> Case:
    chosen: Case = request.param
    return chosen


@pytest.fixture(scope="module")
def undocumented(case: Case) -> Undocumented:
    return Undocumented(case.join, case.describe)


@pytest.fixture(scope="module")
def more_parameters(case: Case) -> dict[str, str]:
    return {"LogLevel": case.log_level}


class Stack:
    """What can be seen of the stack from outside."""

    def __init__(self, cloud: LocalCloud) -> None:
        self.cloud = cloud
        self.outputs = cloud.outputs
        assert cloud.stack is not None
        self.images_queue = self._url(cloud.stack.physical_id("ImagesQueue"))
        self.keep_evidence = cloud.stack.function_name("KeepEvidenceFunction")
        sqs, sns = cloud.client("sqs"), cloud.client("sns")
        self.alert_queue = sqs.create_queue(QueueName="alerts")["QueueUrl"]
        arn = sqs.get_queue_attributes(QueueUrl=self.alert_queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        sns.subscribe(TopicArn=self.outputs["AlertTopicArn"], Protocol="sqs", Endpoint=arn)
        self.alerts: list[dict[str, Any]] = []
        self.letters: list[dict[str, Any]] = []

    def _url(self, name: str) -> str:
        return str(self.cloud.client("sqs").get_queue_url(QueueName=name.rpartition("/")[2])["QueueUrl"])

    def raw_results(self) -> list[dict[str, Any]]:
        kinesis, name = self.cloud.client("kinesis"), self.outputs["ResultsStreamName"]
        (shard,) = kinesis.describe_stream(StreamName=name)["StreamDescription"]["Shards"]
        iterator = kinesis.get_shard_iterator(
            StreamName=name, ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON"
        )["ShardIterator"]
        records: list[dict[str, Any]] = kinesis.get_records(ShardIterator=iterator)["Records"]
        return records

    def results(self) -> list[ResultRecord]:
        return [ResultRecord.model_validate_json(record["Data"]) for record in self.raw_results()]

    def objects(self, output: str) -> Objects:
        pages = self.cloud.client("s3").get_paginator("list_objects_v2").paginate(Bucket=self.outputs[output])
        return {one["Key"]: (one["ETag"], one["LastModified"]) for page in pages for one in page.get("Contents", [])}

    def body(self, key: str) -> bytes:
        response = self.cloud.client("s3").get_object(Bucket=self.outputs["EvidenceBucketName"], Key=key)
        body: bytes = response["Body"].read()
        return body

    def drained(self, queue: str) -> list[dict[str, Any]]:
        sqs, found = self.cloud.client("sqs"), []
        while messages := sqs.receive_message(
            QueueUrl=queue, MaxNumberOfMessages=10, MessageAttributeNames=["All"]
        ).get("Messages"):
            for message in messages:
                found.append(message)
                sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
        return found

    def all_alerts(self) -> list[dict[str, Any]]:
        messages = self.drained(self.alert_queue)
        self.alerts += [json.loads(json.loads(message["Body"])["Message"]) for message in messages]
        return self.alerts

    def new_dead_letters(self, output: str) -> list[tuple[str, str]]:
        """(error type, body)"""
        return [
            (message["MessageAttributes"]["errorType"]["StringValue"], message["Body"])
            for message in self.drained(self.outputs[output])
        ]

    def announce(self, key: str) -> None:
        """An S3 event for an object, as S3 sends it."""
        record = {
            "eventName": "ObjectCreated:Put",
            "s3": {"bucket": {"name": self.outputs["ImagesBucketName"]}, "object": {"key": quote_plus(key, safe="/")}},
        }
        self.say(json.dumps({"Records": [record]}))

    def say(self, body: str) -> None:
        self.cloud.client("sqs").send_message(QueueUrl=self.images_queue, MessageBody=body)

    def waiting(self) -> int:
        attributes = self.cloud.client("sqs").get_queue_attributes(
            QueueUrl=self.images_queue,
            AttributeNames=["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"],
        )["Attributes"]
        return sum(int(value) for value in attributes.values())

    def keep(self, event: Any) -> Any:
        response = self.cloud.client("lambda").invoke(FunctionName=self.keep_evidence, Payload=json.dumps(event))
        return json.loads(response["Payload"].read())


@pytest.fixture(scope="module")
def stack(cloud: LocalCloud, case: Case) -> Stack:
    if case.former:
        set_former_destination(cloud)
    return Stack(cloud)


def set_former_destination(cloud: LocalCloud) -> None:
    """As if a former version had attached the stream: nothing sets it again."""
    streams = cloud.kvs.service.streams
    key = StreamKey(name=STREAM)
    settings = streams.get(key).image_generation
    assert settings is not None
    uri = f"s3://{cloud.outputs['ImagesBucketName']}/images"
    streams.configure_images(key, settings | {"DestinationConfig": settings["DestinationConfig"] | {"Uri": uri}})


@pytest.fixture(scope="module")
def played(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> list[ResultRecord]:
    """The demo's video, played into the stream; the results of all its images, evidence kept."""
    video = tmp_path_factory.mktemp("video") / "demo.mp4"
    write_sample_video(video)
    play(STREAM, read_video(video), Tagging(image=True, metadata=(("place", "porch"),)), lambda _: None)
    counters = stack.cloud.kvs.service.delivery.counters
    eventually(lambda: counters(STREAM)["pending"], lambda pending: pending == 0)
    generated = counters(STREAM)["images_generated"]
    records = eventually(stack.results, lambda seen: len(seen) >= generated)
    matched = {record.result_id for record in records if record.matched}
    eventually(stack.all_alerts, lambda seen: {alert["resultId"] for alert in seen} >= matched)
    return records


def test_every_image_has_exactly_one_result(stack: Stack, played: list[ResultRecord]) -> None:
    keys = sorted(record.frame.image.key for record in played)

    assert keys == sorted(stack.objects("ImagesBucketName"))
    assert len({record.result_id for record in played}) == len(played) == 48  # two a second for 24 seconds
    assert all(record.frame.tags == {"place": "porch"} for record in played)
    assert all(record.frame.stream_arn for record in played)


def test_the_face_is_found_and_its_evidence_kept(stack: Stack, played: list[ResultRecord]) -> None:
    matched = [record for record in played if record.matched]
    evidence = stack.objects("EvidenceBucketName")

    assert len(matched) >= 12
    for record in matched:
        keys = evidence_keys(record)
        assert {keys.result, keys.annotated, keys.archive} <= set(evidence)
        assert ResultRecord.model_validate_json(stack.body(keys.result)) == record
    with Image.open(BytesIO(stack.body(evidence_keys(matched[0]).annotated))) as image:
        assert image.size == (960, 540)


def test_archived_fragments_hold_the_very_frames_that_their_records_name(
    stack: Stack, played: list[ResultRecord]
) -> None:
    for record in (record for record in played if record.matched):
        archive = evidence_keys(record).archive
        assert archive is not None
        (fragment,) = read_fragments([stack.body(archive)])
        assert isinstance(fragment, MediaFragment)
        assert fragment.number == record.frame.fragment_number
        assert to_epoch_ms(record.frame.image_timestamp) in {round(frame.timecode_ms) for frame in fragment.frames}
        with av.open(BytesIO(fragment.raw), "r") as container:
            assert sum(1 for _ in container.decode(video=0)) == len(fragment.frames)


def test_alerts_link_to_the_image(stack: Stack, played: list[ResultRecord]) -> None:
    alert = stack.all_alerts()[0]

    assert alert["streamName"] == STREAM
    assert httpx.get(alert["links"]["image"]).headers["content-type"] == "image/jpeg"


def test_a_second_delivery_of_everything_changes_nothing(stack: Stack, played: list[ResultRecord]) -> None:
    results, evidence, images = stack.results(), stack.objects("EvidenceBucketName"), stack.objects("ImagesBucketName")
    alerts = list(stack.all_alerts())
    paid = dict(stack.cloud.vision.calls)

    for key in images:
        stack.announce(key)
    batch = {
        "Records": [
            {
                "kinesis": {
                    "sequenceNumber": record["SequenceNumber"],
                    "data": base64.b64encode(record["Data"]).decode(),
                }
            }
            for record in stack.raw_results()
        ]
    }
    assert stack.keep(batch) == {"batchItemFailures": []}
    assert stack.keep(batch) == {"batchItemFailures": []}
    eventually(stack.waiting, lambda count: count == 0)

    assert stack.results() == results
    assert stack.objects("EvidenceBucketName") == evidence
    assert stack.all_alerts() == alerts
    assert dict(stack.cloud.vision.calls) == paid


def test_malformed_images_are_dead_lettered_and_others_are_analyzed(stack: Stack, played: list[ResultRecord]) -> None:
    s3, bucket = stack.cloud.client("s3"), stack.outputs["ImagesBucketName"]
    known = {record.result_id for record in stack.results()}
    good = s3.get_object(Bucket=bucket, Key=played[0].frame.image.key)["Body"].read()
    guid = "0f8fad5b-d9cb-469f-a165-7086772895"
    tail = f"123456789012_{STREAM}_17672688"
    images = {
        f"images/{tail}00001_{guid}01.jpg": b"this is no image",
        f"images/{tail}00002_{guid}02.jpg": b"",
        f"images/{tail}00003_{guid}03.jpg": b"\xff\xd8\xff" + bytes(15 * 1024 * 1024 + 1),
        "images/holiday.jpg": good,
        f"images/tür +50%_a_{tail}00004_{guid}04.jpg": good,
    }
    for key, body in images.items():
        s3.put_object(Bucket=bucket, Key=key, Body=body, ContentType="image/jpeg")
    for body in ("this is not JSON", json.dumps({"Event": "s3:TestEvent", "Bucket": bucket})):
        stack.say(body)
    stack.announce(f"images/{tail}00009_{guid}09.jpg")

    fresh = eventually(
        lambda: [record for record in stack.results() if record.result_id not in known], lambda seen: len(seen) >= 1
    )
    eventually(stack.waiting, lambda count: count == 0)
    letters = stack.new_dead_letters("ImagesDeadLetterQueueUrl")

    assert [record.frame.image.key for record in fresh] == [f"images/tür +50%_a_{tail}00004_{guid}04.jpg"]
    assert sorted(kind for kind, _ in letters) == [
        "ImageMissingError",
        "InvalidEventError",
        "NotAKvsImageError",
        "UnsupportedImageError",
        "UnsupportedImageError",
        "UnsupportedImageError",
    ]
    assert "this is not JSON" in [body for _, body in letters]


def test_malformed_records_are_dead_lettered_and_others_are_processed(stack: Stack, played: list[ResultRecord]) -> None:
    frame = next(record for record in played if record.matched).frame
    gone = a_copy(played, frame.model_copy(update={"fragment_number": "123"}), "a" * 32)
    good = a_copy(played, frame, "b" * 32)
    kinesis, name = stack.cloud.client("kinesis"), stack.outputs["ResultsStreamName"]
    for data in (NO_JSON, gone.model_dump_json(by_alias=True), good.model_dump_json(by_alias=True)):
        kinesis.put_record(StreamName=name, PartitionKey=STREAM, Data=data)

    alerts = eventually(
        lambda: {alert["resultId"]: alert for alert in stack.all_alerts()},
        lambda seen: {gone.result_id, good.result_id} <= set(seen),
    )

    assert "fragment 123" in alerts[gone.result_id]["missing"][0]
    assert alerts[good.result_id]["missing"] == []
    assert evidence_keys(gone).annotated in stack.objects("EvidenceBucketName")
    assert stack.new_dead_letters("EvidenceDeadLetterQueueUrl") == [("InvalidEventError", NO_JSON.decode())]


def test_a_consumer_of_the_users_keeps_detections_and_their_fragments(stack: Stack, played: list[ResultRecord]) -> None:
    """examples/consumer. It reads the stream from its start, and so the malformed record of the test above."""
    s3 = stack.cloud.client("s3")
    outputs = deploy_example(stack.cloud, "consumer", KinesightStack="kinesight")
    records = [ResultRecord.model_validate_json(one["Data"]) for one in stack.raw_results() if one["Data"] != NO_JSON]
    detected = {f"detections/stream={STREAM}/{one.result_id}.json": one for one in records if one.detections}
    numbers = {one.frame.fragment_number for one in detected.values()}
    fragments = {number: f"fragments/stream={STREAM}/{number}.mkv" for number in numbers if number != "123"}

    def kept() -> set[str]:
        return {one["Key"] for one in s3.list_objects_v2(Bucket=outputs["BucketName"]).get("Contents", [])}

    def body(key: str) -> bytes:
        content: bytes = s3.get_object(Bucket=outputs["BucketName"], Key=key)["Body"].read()
        return content

    expected = {*detected, *fragments.values()}
    assert eventually(kept, lambda keys: len(keys) >= len(expected)) == expected
    for key, record in detected.items():
        document = json.loads(body(key))
        assert document["detections"] == json.loads(record.model_dump_json(by_alias=True))["detections"]
        assert document["fragment"] == fragments.get(record.frame.fragment_number)
    for number, key in fragments.items():
        (media,) = read_fragments([body(key)])
        assert isinstance(media, MediaFragment)
        assert media.number == number
    (failed,) = eventually(lambda: stack.drained(outputs["FailedRecordsQueueUrl"]), bool)
    assert json.loads(failed["Body"])["requestContext"]["condition"] == "RetryAttemptsExhausted"


def test_athena_finds_every_result_by_the_table_and_queries_of_the_example(
    stack: Stack, played: list[ResultRecord], tmp_path: Path
) -> None:
    """examples/athena, over the objects that the stack wrote."""
    keys = [key for key in stack.objects("EvidenceBucketName") if key.startswith("results/")]
    objects = {key: stack.body(key) for key in keys}
    records = [ResultRecord.model_validate_json(body) for body in objects.values()]

    athena = Athena(objects, f"other,{STREAM}", tmp_path)

    assert athena.seen == set(keys)
    confidences = defaultdict(list)
    for detection in (one for record in records for one in record.detections):
        confidences[detection.label].append(detection.confidence)
    by_label = {row["label"]: row for row in athena.run(QUERIES["ConfidencePerLabel"])}
    assert {label: row["detections"] for label, row in by_label.items()} == {
        label: len(found) for label, found in confidences.items()
    }
    assert {label: row["highest"] for label, row in by_label.items()} == {
        label: max(found) for label, found in confidences.items()
    }
    per_hour = athena.run(QUERIES["DetectionsPerHour"])
    assert sum(row["detections"] for row in per_hour) == sum(map(len, confidences.values()))
    assert {row["stream"] for row in per_hour} == {STREAM}
    assert {row["resultid"] for row in athena.run(QUERIES["MatchesOfToday"])} == today(records)
    (first, *_) = athena.run(
        "SELECT resultid, frame.fragmentnumber, detections[1].boundingbox.left AS edge FROM results"
    )
    record = next(one for one in records if one.result_id == first["resultid"])
    assert first["fragmentnumber"] == record.frame.fragment_number
    assert record.detections[0].bounding_box is not None
    assert first["edge"] == record.detections[0].bounding_box.left


def today(records: Iterable[ResultRecord]) -> set[str]:
    """The ids of those of the current day in UTC: a test may run at midnight."""
    day = datetime.now(UTC).date()
    return {one.result_id for one in records if one.matched and one.frame.image_timestamp.date() == day}


def a_copy(records: list[ResultRecord], frame: Any, result_id: str) -> ResultRecord:
    matched = next(record for record in records if record.matched)
    return matched.model_copy(update={"frame": frame, "result_id": result_id})


def test_the_streams_are_configured_and_only_those(cloud: LocalCloud, case: Case) -> None:
    kinesis_video = cloud.client("kinesisvideo")

    def images(name: str) -> Any:
        return kinesis_video.describe_image_generation_configuration(StreamName=name).get(
            "ImageGenerationConfiguration"
        )

    uri = images_uri(cloud.outputs["ImagesBucketName"])
    expected = described(case.describe, {"DestinationConfig": {"Uri": uri}})
    assert images(STREAM)["SamplingInterval"] == 500
    assert images("camera-3")["DestinationConfig"]["Uri"] == expected["DestinationConfig"]["Uri"]
    assert images("camera-0") is None
    assert images("other") is None
    notices = kinesis_video.describe_notification_configuration(StreamName=STREAM)["NotificationConfiguration"]
    assert notices["DestinationConfig"]["Uri"] == cloud.outputs["NotificationTopicArn"]
    assert cloud.outputs["StreamSettingsLeftAlone"] == "0"


def test_a_camera_with_fragments_but_no_images_is_logged(
    stack: Stack, played: list[ResultRecord], tmp_path: Path
) -> None:
    """camera-2 does not tag; camera-3 is off; both had their last image over an hour ago."""
    video = tmp_path / "demo.mp4"
    write_sample_video(video)
    play("camera-2", read_video(video), Tagging(), lambda _: None)
    assert stack.cloud.stack is not None
    documents = DynamoDbDocuments(
        stack.cloud.client("dynamodb"), stack.cloud.stack.physical_id("CoordinationTable"), kind="images"
    )
    assert STREAM in documents.all()
    for camera in ("camera-2", "camera-3"):
        last_image = LastImageSeen(at_ms=round(time.time() * 1000) - 3_700_000).model_dump_json()
        assert documents.save(camera, last_image, documents.load(camera).version)

    stack.cloud.client("lambda").invoke(
        FunctionName=stack.cloud.stack.function_name("ConfigureStreamsFunction"),
        Payload=(ROOT / "events/configure_streams/schedule.json").read_bytes(),
    )

    log = Path(stack.cloud.log_dir / "kinesight-ConfigureStreamsFunction.log").read_text()
    lines = [json.loads(line) for line in log.splitlines() if line.startswith("{")]
    named = {line["stream_name"] for line in lines if line.get("message") == "fragments arrive, but no images"}
    assert named == {"camera-2"}
    assert [line["StreamsWithoutImages"] for line in lines if "StreamsWithoutImages" in line] == [[1]]


def test_deleting_the_stack_gives_the_streams_back(cloud: LocalCloud, played: list[ResultRecord]) -> None:
    assert cloud.stack is not None

    cloud.stack.delete_custom_resources()

    response = cloud.client("kinesisvideo").describe_image_generation_configuration(StreamName=STREAM)
    assert "ImageGenerationConfiguration" not in response


def test_the_function_logs_json_of_its_level(cloud: LocalCloud, played: list[ResultRecord], case: Case) -> None:
    log = Path(cloud.log_dir / "kinesight-AnalyzeImagesFunction.log").read_text()

    lines = [json.loads(line) for line in log.splitlines() if line.startswith('{"level"')]
    analyzed = [line for line in lines if line["message"] == "analyzed" and line["stream_name"] == STREAM]
    assert bool(analyzed) == (case.log_level in ("DEBUG", "INFO"))


def test_analyses_are_emitted_as_metrics(cloud: LocalCloud, played: list[ResultRecord]) -> None:
    log = Path(cloud.log_dir / "kinesight-AnalyzeImagesFunction.log").read_text()

    documents = [json.loads(line) for line in log.splitlines() if line.startswith('{"_aws"')]
    analyses = [one for one in documents if {"FramesAnalyzed", "FrameAge", "DetectorLatency"} <= one.keys()]
    assert {one["Stack"] for one in documents} == {"kinesight"}
    assert {one["service"] for one in analyses} == {"analyze_images"}
    assert {one["service"] for one in documents} == {"analyze_images", "budget"}
    assert sum(sum(one["FramesAnalyzed"]) for one in analyses) >= len(played)
    assert sum(len(one["FrameAge"]) for one in analyses) == sum(sum(one["FramesAnalyzed"]) for one in analyses)


def test_the_dashboard_is_deployed_with_every_name_filled_in(cloud: LocalCloud) -> None:
    cloudwatch = cloud.client("cloudwatch")

    body = cloudwatch.get_dashboard(DashboardName="kinesight-us-east-1")["DashboardBody"]

    assert cloud.stack is not None
    assert set(re.findall(r"\$\{[^P].*?\}", body)) == set()
    assert cloud.stack.function_name("AnalyzeImagesFunction") in body
    assert cloud.outputs["ResultsStreamName"] in body
    assert json.loads(body)["widgets"]
