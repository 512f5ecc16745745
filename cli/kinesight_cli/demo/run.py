"""Runs the demo: the whole pipeline on the local cloud, from a video to evidence, with every image accounted for."""

import json
import shutil
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from kinesight.domain.configuration.document import ConfigurationDocument
from kinesight.domain.model import ResultRecord
from kinesight_local.cloud import LocalCloud

from kinesight_cli.demo.accounting import Observed, Summary, Waiting, summarize
from kinesight_cli.demo.report import write_report
from kinesight_cli.estimate import downstream, formulas
from kinesight_cli.estimate.call_comparison import CallComparison, call_name, compare_calls, repeated_calls
from kinesight_cli.estimate.month import flow_of
from kinesight_cli.estimate.settings import flat_settings
from kinesight_cli.estimate.workload import Workload
from kinesight_cli.shared.play_video import Tagging, play
from kinesight_cli.shared.progress import Progress
from kinesight_cli.shared.sample_video import make_sample_video
from kinesight_cli.shared.video_file import SourceVideo, read_video

STREAM = "demo-camera"
PARAMETERS = {
    "StreamNames": STREAM,
    "SamplingInterval": "1000",
    "Labels": "Person,Face,Cat",
    "ViewerUserEmail": "viewer@example.com",
}
DOCUMENT = {"schemaVersion": 1, "defaults": {"minimumConfidence": 70}, "alerts": {"per": "IMAGE"}}
"""A confidence on the local detectors' own scale (docs/local-cloud.md). One alert per image, so that every image can be
accounted for."""
_STANDSTILL_S = 120.0
"""After this time without any change, what has no result and is not waiting is lost."""
_LONGEST_S = 1800.0
"""What still waits after this time is reported as waiting."""
_REPORT_S = 10.0
"""Between two lines about what the demo waits for."""
_POLL_S = 0.25
_QUIET_S = 1.0
"""How long everything must stay accounted for: a duplicate alert or record would arrive within it."""


@dataclass(slots=True)
class _Observer:
    """Reads what the stack has published since the last read."""

    cloud: LocalCloud
    alert_queue: str
    records: list[ResultRecord] = field(default_factory=list)
    alerted: list[str] = field(default_factory=list)
    iterators: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, cloud: LocalCloud) -> "_Observer":
        sqs, sns, kinesis = (cloud.client(name) for name in ("sqs", "sns", "kinesis"))
        queue = sqs.create_queue(QueueName="demo-alerts")["QueueUrl"]
        arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        sns.subscribe(TopicArn=cloud.outputs["AlertTopicArn"], Protocol="sqs", Endpoint=arn)
        name = cloud.outputs["ResultsStreamName"]
        shards = kinesis.describe_stream(StreamName=name)["StreamDescription"]["Shards"]
        observer = cls(cloud, queue)
        observer.iterators = [
            kinesis.get_shard_iterator(StreamName=name, ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON")[
                "ShardIterator"
            ]
            for shard in shards
        ]
        return observer

    def read(self, fragments_sent: int) -> Observed:
        self._read_results()
        self._read_alerts()
        counters = self.cloud.kvs.service.delivery.counters(STREAM)
        return Observed(
            fragments_sent=fragments_sent,
            images_generated=counters["images_generated"],
            image_failures=counters["image_failures"],
            records=tuple(self.records),
            evidence=frozenset(self._evidence()),
            alerted=frozenset(self.alerted),
            alerts=len(self.alerted),
            dead_letters=self._dead_letters(),
            waiting=self._waiting(counters["pending"]),
        )

    def calls_of_functions(self) -> int:
        """Counts calls of functions. A function that has published everything may still have to write its ledger."""
        return sum(count for call, count in self.cloud.calls.counts().items() if call.caller)

    def calls(self) -> dict[str, int]:
        """Returns the number of calls by functions and by AWS services on their behalf, by name of the call."""
        counted: dict[str, int] = {}
        for call, count in self.cloud.calls.counts().items():
            name = call_name(call.caller, call.service, call.operation, call.place)
            counted[name] = counted.get(name, 0) + count
        return counted

    def _read_results(self) -> None:
        kinesis = self.cloud.client("kinesis")
        for index, iterator in enumerate(self.iterators):
            response = kinesis.get_records(ShardIterator=iterator)
            self.iterators[index] = response["NextShardIterator"]
            self.records += [ResultRecord.model_validate_json(record["Data"]) for record in response["Records"]]

    def _read_alerts(self) -> None:
        sqs = self.cloud.client("sqs")
        while messages := sqs.receive_message(QueueUrl=self.alert_queue, MaxNumberOfMessages=10).get("Messages"):
            for message in messages:
                self.alerted.append(json.loads(json.loads(message["Body"])["Message"])["resultId"])
                sqs.delete_message(QueueUrl=self.alert_queue, ReceiptHandle=message["ReceiptHandle"])

    def _evidence(self) -> list[str]:
        pages = self.cloud.client("s3").get_paginator("list_objects_v2")
        bucket = self.cloud.outputs["EvidenceBucketName"]
        return [one["Key"] for page in pages.paginate(Bucket=bucket) for one in page.get("Contents", [])]

    def _waiting(self, undelivered: int) -> Waiting:
        assert self.cloud.stack is not None  # noqa: S101 - it was deployed
        counts = self.cloud.client("sqs").get_queue_attributes(
            QueueUrl=self.cloud.stack.physical_id("ImagesQueue"),
            AttributeNames=["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"],
        )["Attributes"]
        visible, in_flight = (int(counts[f"ApproximateNumberOfMessages{kind}"]) for kind in ("", "NotVisible"))
        return Waiting(undelivered, visible, in_flight)

    def _dead_letters(self) -> int:
        sqs, total = self.cloud.client("sqs"), 0
        for output in ("ImagesDeadLetterQueueUrl", "EvidenceDeadLetterQueueUrl"):
            attributes = sqs.get_queue_attributes(
                QueueUrl=self.cloud.outputs[output], AttributeNames=["ApproximateNumberOfMessages"]
            )["Attributes"]
            total += int(attributes["ApproximateNumberOfMessages"])
        return total


def demo_cloud(project_dir: Path, state_dir: Path) -> LocalCloud:
    """Returns a local cloud that is not running yet. Deletes the videos in `state_dir`: a run begins with no video."""
    shutil.rmtree(state_dir / "kvs", ignore_errors=True)
    return LocalCloud(project_dir, state_dir, PARAMETERS, configuration=DOCUMENT)


def run_demo(cloud: LocalCloud, video: Path | None, report_dir: Path, progress: Progress) -> Summary:
    """Deploys the stack, plays the video (a built-in one without `video`) and writes the report.

    Raises the errors of building, deploying and sending.
    """
    with tempfile.TemporaryDirectory() as folder:
        source = video
        if source is None:
            progress.step("generating the sample video")
            source = Path(folder) / "demo.mp4"
            make_sample_video(source)
        source_video = read_video(source)
    cloud.ensure_stream(STREAM)
    cloud.deploy(progress.step)
    observer = _Observer.of(cloud)
    cloud.calls.clear()
    progress.step("playing the video into the stream")
    total = len(source_video.fragments)
    sent = play(STREAM, source_video, Tagging(image=True), lambda done: progress.amount("fragments", done, total))
    progress.step("waiting until every image is accounted for")
    summary = _settle(observer, sent.fragments, progress)
    calls = observer.calls()
    summary = replace(summary, repeated_calls=repeated_calls(calls))
    if not summary.lost:  # what is missing has made no calls
        summary = replace(summary, calls=_compared(calls, cloud, source_video, summary))
    progress.step("writing the report")
    write_report(report_dir, summary, observer.records, cloud)
    return summary


def _compared(
    calls: Mapping[str, int], cloud: LocalCloud, source_video: SourceVideo, summary: Summary
) -> tuple[CallComparison, ...]:
    """Compares the counted calls with the formulas of `kinesight estimate` for this run's settings.

    The length comes from the video; matched images and their fragments come from the run, since they depend on the
    content of the video.
    """
    assert cloud.stack is not None  # noqa: S101 - it was deployed
    document, workload = ConfigurationDocument.model_validate(DOCUMENT), Workload()
    parameters = flat_settings(cloud.stack.parameters, document)
    seconds = float(sum(one.length_ms for one in source_video.fragments)) / 1000
    observed = {"matched": float(summary.matched), "fragments": float(summary.fragments_archived)}
    flow = replace(flow_of(seconds, float(parameters["SamplingInterval"]), parameters, workload), **observed)
    items = (*formulas.image_events(flow, parameters, workload), *downstream.evidence(flow, parameters, workload, 0.0))
    return tuple(compare_calls(items, calls))


def _settle(observer: _Observer, fragments_sent: int, progress: Progress) -> Summary:
    """Returns the summary once everything has been accounted for during a second, or once nothing changes any more."""
    began_s = reported_s = changed_s = time.monotonic()
    complete_since: float | None = None
    before: object = None
    while True:
        observed = observer.read(fragments_sent)
        summary, calls, now_s = summarize(observed), observer.calls_of_functions(), time.monotonic()
        progress.amount("results", summary.results, max(1, observed.images_generated))
        is_complete = not summary.waiting and summary.lost == 0 and (summary, calls) == before
        complete_since = (complete_since or now_s) if is_complete else None
        if complete_since is not None and now_s - complete_since >= _QUIET_S:
            return summary
        if observed.waiting or (summary, calls) != before:
            changed_s = now_s
        if now_s - changed_s > _STANDSTILL_S or now_s - began_s > _LONGEST_S:
            return summary
        if observed.waiting and now_s - reported_s > _REPORT_S:
            progress.step(f"waiting for images: {observed.waiting}")
            reported_s = now_s
        before = (summary, calls)
        time.sleep(_POLL_S)
