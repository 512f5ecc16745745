"""Two hundred cameras through the whole stack on this machine: does anything get lost, and what limits it?

`python -m benchmarks.load` sends one tagged fragment per camera and simulated second, the cameras side by side. They
wait while more than ten seconds' images are on their way; but once a minute they send ten seconds at once, as after
an outage of the network. Once a minute each camera sees a lamp go on for two seconds (load_cameras.py); the model, a
process beside, calls that a person.

In the end every image must have one result, every lit one its evidence, every lamp its one alert, and no dead-letter
queue a message. Simulated seconds are what the cameras' clocks counted; the other figures are this machine's.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
from kinesight.domain.analysis.result_records import evidence_keys
from kinesight.domain.model import ResultRecord, to_epoch_ms
from kinesight_local.cloud import LocalCloud

from benchmarks.load_cameras import Camera, encode_room

ROOT = Path(__file__).resolve().parent.parent
LEAD_S = 10
BURST_EVERY_S = 60
_TIMEOUT_S = 600
_POLL_EVERY_S = 1.0
_QUEUES = ("Images", "Evidence", "Sessions", "SessionClips", "Notifications", "Live")


DOCUMENT = {
    "schemaVersion": 1,
    "detectors": {"model": {"type": "HTTP", "modelMapping": "COCO", "classNames": ["Person"]}},
    "defaults": {"detector": "model"},
}


def parameters(model_url: str) -> dict[str, str]:
    return {
        "StreamNames": "load-*",
        "SamplingInterval": "1000",
        "Detector": "HTTP",
        "HttpModelUrl": model_url,
        "Labels": "Person",
        # A session's whole video is archived after the fact, at a rate of its own.
        "SessionClip": "DISABLED",
    }


@dataclass
class Watch:
    """Reads what the stack puts out while it does, so that the end needs no long look back."""

    cloud: LocalCloud
    iterators: list[str] = field(default_factory=list)
    moments: dict[str, tuple[str, int]] = field(default_factory=dict)
    """By result id: the stream and the image's time in epoch ms."""
    lit: set[str] = field(default_factory=set)
    evidence: set[str] = field(default_factory=set)
    """Keys that the matched results name."""
    copies: int = 0
    ages_s: list[float] = field(default_factory=list)

    def begin(self) -> None:
        kinesis, name = self.cloud.client("kinesis"), self.cloud.outputs["ResultsStreamName"]
        self.iterators = [
            kinesis.get_shard_iterator(StreamName=name, ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON")[
                "ShardIterator"
            ]
            for shard in kinesis.list_shards(StreamName=name)["Shards"]
        ]

    def read(self) -> int:
        """How many images have a result by now."""
        kinesis = self.cloud.client("kinesis")
        for index, iterator in enumerate(self.iterators):
            response = kinesis.get_records(ShardIterator=iterator, Limit=10_000)
            self.iterators[index] = response["NextShardIterator"]
            for record in response["Records"]:
                self._note(ResultRecord.model_validate_json(record["Data"]), record)
        return len(self.moments)

    def _note(self, result: ResultRecord, record: dict[str, Any]) -> None:
        self.copies += result.result_id in self.moments
        frame = result.frame
        self.moments[result.result_id] = (frame.stream_name, to_epoch_ms(frame.image_timestamp))
        if frame.server_timestamp is not None:
            self.ages_s.append(record["ApproximateArrivalTimestamp"].timestamp() - frame.server_timestamp.timestamp())
        if result.matched:
            keys = evidence_keys(result)
            self.lit.add(result.result_id)
            self.evidence |= {keys.result, keys.annotated} | ({keys.archive} if keys.archive else set())


@contextmanager
def a_model() -> Iterator[tuple[str, psutil.Process]]:
    """Its address, and the process."""
    with subprocess.Popen([sys.executable, "-m", "benchmarks.load_model"], cwd=ROOT, stdout=subprocess.PIPE) as process:
        try:
            yield process.stdout.readline().decode().strip(), psutil.Process(process.pid)
        finally:
            process.kill()


@dataclass
class Load:
    """A run: the cameras, how far they are, and what was seen on the way."""

    cloud: LocalCloud
    watch: Watch
    cameras: list[Camera]
    seconds: int
    start_ms: int
    most_waiting: int = 0
    filmed_s: float = 0.0
    drained_s: float = 0.0

    def run(self) -> None:
        """Sends all fragments, then waits for all results and evidence, at most ten minutes without a new one."""
        began_s = time.monotonic()
        for second in range(self.seconds):
            for camera in self.cameras:
                camera.send_second(second)
            self._let_catch_up(second)
        for camera in self.cameras:
            camera.end()
        self.filmed_s = time.monotonic() - began_s
        expected, done, last_s = len(self.cameras) * self.seconds, 0, time.monotonic()
        while done < expected and time.monotonic() - last_s < _TIMEOUT_S:
            pause()
            now = self.watch.read()
            last_s, done = (time.monotonic(), now) if now > done else (last_s, done)
        while self.watch.evidence - evidence(self.cloud) and time.monotonic() - last_s < _TIMEOUT_S:
            pause()
        self.drained_s = time.monotonic() - began_s - self.filmed_s

    def _let_catch_up(self, second: int) -> None:
        """At the end of a minute the cameras send ten seconds without looking back."""
        sent = (second + 1) * len(self.cameras)
        waiting = sent - self.watch.read()
        if second % 10 == 9:
            say(f"{second + 1:5} s filmed {sent:8} images {waiting:8} on their way")
        bursting = second % BURST_EVERY_S >= BURST_EVERY_S - LEAD_S
        while not bursting and waiting > LEAD_S * len(self.cameras):
            self.most_waiting = max(self.most_waiting, waiting)
            pause()
            waiting = sent - self.watch.read()
        self.most_waiting = max(self.most_waiting, waiting)

    def problems(self, alerts: list[str]) -> list[str]:
        """Sentences; none if all is there once."""
        expected = {(c.name, self.start_ms + 1000 * s) for c in self.cameras for s in range(self.seconds)}
        lamps = {(c.name, self.start_ms + 1000 * s) for c in self.cameras for s in c.lamps}
        found = list(self.watch.moments.values())
        matched = {self.watch.moments[one] for one in self.watch.lit}
        counts = {
            "images without a result": len(expected - set(found)),
            "results of no image that was sent": len(set(found) - expected),
            "images with two result ids": len(found) - len(set(found)),
            "lit images that are no match": len(lamps - matched),
            "dark images that are": len(matched - lamps),
            "pieces of evidence that are missing": len(self.watch.evidence - evidence(self.cloud)),
            "alerts too many or too few": abs(len(alerts) - sum(c.times_lit() for c in self.cameras)),
            "alerts sent twice": len(alerts) - len(set(alerts)),
            "messages in dead-letter queues": dead_letters(self.cloud),
        }
        return [f"{count} {what}" for what, count in counts.items() if count]


def evidence(cloud: LocalCloud) -> set[str]:
    pages = cloud.client("s3").get_paginator("list_objects_v2").paginate(Bucket=cloud.outputs["EvidenceBucketName"])
    return {one["Key"] for page in pages for one in page.get("Contents", [])}


def dead_letters(cloud: LocalCloud) -> int:
    sqs, waiting = cloud.client("sqs"), "ApproximateNumberOfMessages"
    urls = [cloud.outputs[f"{queue}DeadLetterQueueUrl"] for queue in _QUEUES]
    return sum(
        int(sqs.get_queue_attributes(QueueUrl=url, AttributeNames=[waiting])["Attributes"][waiting]) for url in urls
    )


def alert_queue(cloud: LocalCloud) -> str:
    sqs, sns = cloud.client("sqs"), cloud.client("sns")
    url: str = sqs.create_queue(QueueName="load-alerts")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    sns.subscribe(TopicArn=cloud.outputs["AlertTopicArn"], Protocol="sqs", Endpoint=arn)
    return url


def alerts_in(cloud: LocalCloud, url: str, expected: int) -> list[str]:
    """Session ids of the alerts; waits for the last ones for two minutes."""
    sqs, session_ids, deadline_s = cloud.client("sqs"), list[str](), time.monotonic() + 120
    while len(session_ids) < expected and time.monotonic() < deadline_s:
        messages = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", [])
        for message in messages:
            session_ids.append(json.loads(json.loads(message["Body"])["Message"])["sessionId"])
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        if not messages:
            pause()
    return session_ids


class Meter(threading.Thread):
    """Processor time by what it was spent on, and the largest memory; children come and go, so it looks each second."""

    def __init__(self, model: psutil.Process) -> None:
        super().__init__(daemon=True)
        self._model, self._own = model, psutil.Process()
        self._functions: dict[int, float] = {}
        self._before = {"own": _cpu_s(self._own), "model": _cpu_s(model)}
        self.peak_mb = 0.0
        self.stop = threading.Event()

    def run(self) -> None:
        while not self.stop.wait(1):
            memory = self._own.memory_info().rss
            for process in self._own.children(recursive=True):
                try:
                    memory += process.memory_info().rss
                    if process.pid != self._model.pid:
                        self._functions[process.pid] = _cpu_s(process)
                except psutil.NoSuchProcess:
                    continue
            self.peak_mb = max(self.peak_mb, memory / 1e6)

    def spent_s(self) -> dict[str, float]:
        return {
            "local cloud and cameras": _cpu_s(self._own) - self._before["own"],
            "functions": sum(self._functions.values()),
            "model": _cpu_s(self._model) - self._before["model"],
        }


def _cpu_s(process: psutil.Process) -> float:
    times = process.cpu_times()
    return times.user + times.system


def measure(streams: int, seconds: int, folder: Path) -> int:
    """The number of problems."""
    with (
        a_model() as (model_url, model),
        LocalCloud(ROOT, folder, parameters(model_url), configuration=DOCUMENT) as cloud,
    ):
        names = [f"load-{index:03}" for index in range(streams)]
        for name in names:
            cloud.ensure_stream(name)
        cloud.deploy(say)
        queue, watch, start_ms = alert_queue(cloud), Watch(cloud), time.time_ns() // 1_000_000
        watch.begin()
        seen = encode_room()
        cameras = [Camera(cloud.kvs.url, name, index, start_ms, seen) for index, name in enumerate(names)]
        meter = Meter(model)
        meter.start()
        load = Load(cloud, watch, cameras, seconds, start_ms)
        load.run()
        alerts = alerts_in(cloud, queue, sum(camera.times_lit() for camera in cameras))
        meter.stop.set()
        problems = load.problems(alerts)
        report(load, meter, len(alerts), problems)
    return len(problems)


def report(load: Load, meter: Meter, alerts: int, problems: list[str]) -> None:
    streams, whole_s = len(load.cameras), load.filmed_s + load.drained_s
    images, spent = len(load.watch.moments), meter.spent_s()
    ages = sorted(load.watch.ages_s)
    say("")
    say(f"{streams} cameras, {load.seconds} simulated seconds")
    say(f"{images} results, {load.watch.copies} came twice under one id")
    say(f"{len(load.watch.lit)} matched, {len(load.watch.evidence)} pieces of evidence, {alerts} alerts")
    say(f"{whole_s:.0f} s here, {load.drained_s:.0f} of them to drain: {images / whole_s:.0f} images a second")
    say(
        f"at most {load.most_waiting} images were on their way; from the service's receipt to the result "
        f"p50 {ages[len(ages) // 2]:.1f} s, p95 {ages[len(ages) * 95 // 100]:.1f} s"
    )
    for what, cpu_s in spent.items():
        say(f"{cpu_s:8.0f} s of processor time: {what} ({1000 * cpu_s / max(1, images):.1f} ms an image)")
    busy = sum(spent.values()) / whole_s / (os.cpu_count() or 1)
    say(f"{busy:.0%} of {os.cpu_count()} processors, {meter.peak_mb:.0f} MB at most")
    say("nothing lost, nothing duplicated" if not problems else "\n".join(problems))


def pause() -> None:
    """Between two looks: each costs the local cloud work that it should do for the cameras."""
    time.sleep(_POLL_EVERY_S)


def say(line: str) -> None:
    print(line, flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--streams", type=int, default=200)
    parser.add_argument("--seconds", type=int, default=300)
    chosen = parser.parse_args()
    os.environ.setdefault("AWS_DEFAULT_REGION", "us-east-1")
    folder = Path(tempfile.mkdtemp())
    try:
        sys.exit(1 if measure(chosen.streams, chosen.seconds, folder) else 0)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
