"""The demo: the whole pipeline on the local cloud, from a camera's video to evidence, every picture accounted for."""

import json
import shutil
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from kinesight.domain.model import ResultRecord
from kinesight_local.cloud import LocalCloud

from kinesight_cli.accounting import Seen, Summary, summarize
from kinesight_cli.cost import flows
from kinesight_cli.cost.counted import Check, checks, named, sent_again
from kinesight_cli.cost.month import flow_of
from kinesight_cli.cost.workload import Workload
from kinesight_cli.demo_video import make_demo_video
from kinesight_cli.fragmenting import SourceVideo, read_video
from kinesight_cli.producing import Tagging, play
from kinesight_cli.progress import Progress
from kinesight_cli.report import write_report

STREAM = "demo-camera"
PARAMETERS = {
    "StreamNames": STREAM,
    "SamplingInterval": "1000",
    "MinimumConfidence": "70",  # the local detectors' own scale, see docs/local-cloud.md
    "Labels": "Person,Face,Cat",
    "AlertPer": "PICTURE",  # so that every picture can be accounted for
    "EnableViewer": "ENABLED",
}
_PATIENCE_S = 120.0
_POLL_S = 0.25
_QUIET_S = 1.0
"""So long must everything stay accounted for: a second alert or record would come within it."""


@dataclass(slots=True)
class _Watch:
    """Reads what the stack put out since it was last asked."""

    cloud: LocalCloud
    alert_queue: str
    records: list[ResultRecord] = field(default_factory=list)
    alerted: list[str] = field(default_factory=list)
    iterators: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, cloud: LocalCloud) -> "_Watch":
        sqs, sns, kinesis = (cloud.client(name) for name in ("sqs", "sns", "kinesis"))
        queue = sqs.create_queue(QueueName="demo-alerts")["QueueUrl"]
        arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        sns.subscribe(TopicArn=cloud.outputs["AlertTopicArn"], Protocol="sqs", Endpoint=arn)
        name = cloud.outputs["ResultsStreamName"]
        shards = kinesis.describe_stream(StreamName=name)["StreamDescription"]["Shards"]
        watch = cls(cloud, queue)
        watch.iterators = [
            kinesis.get_shard_iterator(StreamName=name, ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON")[
                "ShardIterator"
            ]
            for shard in shards
        ]
        return watch

    def look(self, fragments_sent: int) -> Seen:
        self._read_results()
        self._read_alerts()
        counters = self.cloud.kvs.service.delivery.counters(STREAM)
        return Seen(
            fragments_sent=fragments_sent,
            images_generated=counters["images_generated"],
            image_failures=counters["image_failures"],
            records=tuple(self.records),
            evidence=frozenset(self._evidence()),
            alerted=frozenset(self.alerted),
            alerts=len(self.alerted),
            dead_letters=self._dead_letters(),
        )

    def calls_of_functions(self) -> int:
        """A function that has told everything may still have its ledger to write."""
        return sum(count for call, count in self.cloud.calls.counts().items() if call.caller)

    def calls(self) -> dict[str, int]:
        """What functions have called, and what was called for them."""
        counted: dict[str, int] = {}
        for call, count in self.cloud.calls.counts().items():
            name = named(call.caller, call.service, call.operation, call.place)
            counted[name] = counted.get(name, 0) + count
        return counted

    def _read_results(self) -> None:
        kinesis = self.cloud.client("kinesis")
        for index, iterator in enumerate(self.iterators):
            answer = kinesis.get_records(ShardIterator=iterator)
            self.iterators[index] = answer["NextShardIterator"]
            self.records += [ResultRecord.model_validate_json(record["Data"]) for record in answer["Records"]]

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

    def _dead_letters(self) -> int:
        sqs, total = self.cloud.client("sqs"), 0
        for output in ("ImagesDeadLetterQueueUrl", "EvidenceDeadLetterQueueUrl"):
            attributes = sqs.get_queue_attributes(
                QueueUrl=self.cloud.outputs[output], AttributeNames=["ApproximateNumberOfMessages"]
            )["Attributes"]
            total += int(attributes["ApproximateNumberOfMessages"])
        return total


def demo_cloud(project_dir: Path, state_dir: Path) -> LocalCloud:
    """One that is not running yet. Each run begins with an empty stream, so what `state_dir` has of videos goes."""
    shutil.rmtree(state_dir / "kvs", ignore_errors=True)
    return LocalCloud(project_dir, state_dir, PARAMETERS)


def run_demo(cloud: LocalCloud, video: Path | None, report_dir: Path, progress: Progress) -> Summary:
    """Deploys the stack and plays the video, one of our own unless there is any. Raises what building, deploying and
    sending raise."""
    with tempfile.TemporaryDirectory() as folder:
        source = video
        if source is None:
            progress.step("making the video from photographs")
            source = Path(folder) / "demo.mp4"
            make_demo_video(source)
        film = read_video(source)
    cloud.ensure_stream(STREAM)
    cloud.deploy(progress.step)
    watch = _Watch.of(cloud)
    cloud.calls.clear()
    progress.step("playing the video into the stream")
    total = len(film.fragments)
    sent = play(STREAM, film, Tagging(image=True), lambda done: progress.amount("fragments", done, total))
    progress.step("waiting until every picture is accounted for")
    summary = _settle(watch, sent.fragments, progress)
    calls = watch.calls()
    summary = replace(summary, calls_sent_again=sent_again(calls))
    if not summary.lost:  # what is missing has not called
        summary = replace(summary, calls=_checked(calls, cloud, film, summary))
    progress.step("writing the report")
    write_report(report_dir, summary, watch.records, cloud)
    return summary


def _checked(calls: Mapping[str, int], cloud: LocalCloud, film: SourceVideo, summary: Summary) -> tuple[Check, ...]:
    """The formulas of `kinesight estimate` with this run's parameters. The video says how long it is, and the run which
    of its pictures matched and which fragments these lie in: that is in the video, not in the formulas."""
    assert cloud.stack is not None  # noqa: S101 - it was deployed
    parameters, workload = cloud.stack.parameters, Workload()
    seconds = float(sum(one.length_ms for one in film.fragments)) / 1000
    shown = {"matched": float(summary.matched), "fragments": float(summary.fragments_archived)}
    flow = replace(flow_of(seconds, float(parameters["SamplingInterval"]), parameters, workload), **shown)
    items = (*flows.image_events(flow, parameters, workload), *flows.evidence(flow, parameters, workload, 0.0))
    return tuple(checks(items, calls))


def _settle(watch: _Watch, fragments_sent: int, progress: Progress) -> Summary:
    """Waits while something is missing that may still come, then a second longer; gives up after two minutes."""
    deadline_s = time.monotonic() + _PATIENCE_S
    complete_since: float | None = None
    calls_before = -1
    while True:
        seen = watch.look(fragments_sent)
        pending = watch.cloud.kvs.service.delivery.counters(STREAM)["pending"]
        summary = summarize(seen)
        progress.amount("results", summary.results, max(1, seen.images_generated))
        now_s = time.monotonic()
        calls = watch.calls_of_functions()
        complete = pending == 0 and summary.lost == 0 and calls == calls_before
        calls_before = calls
        complete_since = (complete_since or now_s) if complete else None
        if complete_since is not None and now_s - complete_since >= _QUIET_S:
            return summary
        if now_s > deadline_s:
            return summary
        time.sleep(_POLL_S)
