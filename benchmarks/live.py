"""The live consumer on the emulators: from a fragment received to its result in Kinesis, and through a bad hour.

    latency   p50 and p95 from a fragment's last byte to the end of PutRecords, one stream, nothing else to do; beside a
              reader as one writes it by hand: PyAV opens every fragment, its first frame is saved as JPEG and put to
              S3, a record is put to Kinesis, and there are neither leases, ledger nor checkpoints
    trouble   a detector that refuses 30 % of its calls and takes 3 s at p95, for a while, then recovers: memory, what
              is read but not analyzed, and whether anything was lost

`python -m benchmarks.live latency` (a minute) or `trouble` (three minutes).
"""

import argparse
import json
import math
import random
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import av
import boto3
import psutil
from kinesight.adapters.aws.kvs_data_clients import DataClients
from kinesight.adapters.dynamodb.documents import DynamoDbDocuments
from kinesight.adapters.dynamodb.ledger import PowertoolsLedger
from kinesight.adapters.kvs.live_media import KvsLiveMedia
from kinesight.adapters.media.av_keyframe_converter import AvKeyframeConverter
from kinesight.adapters.messages.kinesis_results import KinesisResultSink
from kinesight.adapters.messages.sqs_dead_letters import SqsDeadLetters
from kinesight.adapters.s3.bucket import S3Bucket
from kinesight.domain.analysis.pipeline import DetectionPorts, PipelineSettings
from kinesight.domain.configuration.camera import CameraSettings
from kinesight.domain.configuration.configuration import Configuration
from kinesight.domain.detectors.ports import ModelOutput
from kinesight.domain.errors import DetectorBusyError
from kinesight.domain.live.consume_live import ConsumerPorts, ConsumerSettings, Ends, consume
from kinesight.domain.live.leased_streams import ConsumerReport
from kinesight.domain.live.leases import Lease, LeaseClock
from kinesight.domain.live.live_stream import LiveSettings
from kinesight.domain.live.ports import LivePorts, LiveStart
from kinesight.domain.model import Detection, DetectorInfo, Frame, ResultRecord
from kinesight.media.fragments import MediaErrorNotice, MediaFragment
from kinesight.media.stills import StillForm
from kinesight_local.cloud import LocalCloud
from kinesight_local.kvs.server import KvsServer

from tests.fakes import EveryStream
from tests.functional.kvs_producer import Producer
from tests.media import Clip, a_clip, clusters, producer_header

ROOT = Path(__file__).resolve().parent.parent
_HEADER = b"\x1a\x45\xdf\xa3"
_SPREAD = 0.67
"""Of a lognormal whose p95 is three times its median."""


class Model:
    """Sees one thing. `busy` refuses that share of calls; `median_s` is what a call takes, with a long tail."""

    fingerprint = "benchmark/model"

    def __init__(self, busy: float = 0.0, median_s: float = 0.0) -> None:
        self.busy = busy
        self.median_s = median_s
        self._chance = random.Random(1)

    def detect(self, frame: Frame, spend: object) -> ModelOutput:  # noqa: ARG002 - all frames are alike, calls free
        if self.median_s:
            time.sleep(self._chance.lognormvariate(math.log(self.median_s), _SPREAD))  # this is what a slow model is
        if self._chance.random() < self.busy:
            raise DetectorBusyError("throttled")
        info = DetectorInfo(type="benchmark", operation="model", latency_ms=0)
        return ModelOutput(info, (Detection(label="Thing", confidence=99),), None)


class Account:
    """The services, and what the consumer needs of them."""

    def __init__(self, cloud: LocalCloud) -> None:
        self.kvs: KvsServer = cloud.kvs
        self.s3, self.kinesis, self.dynamodb = (cloud.client(name) for name in ("s3", "kinesis", "dynamodb"))
        self.control, self.sqs = cloud.client("kinesisvideo"), cloud.client("sqs")
        self.s3.create_bucket(Bucket="work")
        self.kinesis.create_stream(StreamName="results", ShardCount=1)
        self.queue = self.sqs.create_queue(QueueName="dead")["QueueUrl"]
        for name, keys in (("coordination", ("pk", "sk")), ("ledger", ("id",))):
            kinds = ("HASH", "RANGE")
            self.dynamodb.create_table(
                TableName=name,
                BillingMode="PAY_PER_REQUEST",
                AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"} for key in keys],
                KeySchema=[{"AttributeName": k, "KeyType": kind} for k, kind in zip(keys, kinds, strict=False)],
            )
        self.leases = DynamoDbDocuments(self.dynamodb, "coordination", kind="leases")

    def camera(self, name: str) -> None:
        arn = self.control.create_stream(StreamName=name, DataRetentionInHours=1)["StreamARN"]
        lease = Lease(stream_arn=arn, stream_name=name, since_ms=now_ms() - 1000)
        self.leases.save(arn, lease.model_dump_json(), 0)

    def consumer(self, model: Model, remaining_s: Callable[[], float], watch: "Watch | None" = None) -> ConsumerReport:
        media: Any = KvsLiveMedia(DataClients(self.control, _media_client, monotonic_s=time.monotonic))
        sink: Any = KinesisResultSink(self.kinesis, "results", sleep=time.sleep)
        if watch is not None:
            media, sink = watch.media(media), watch.sink(sink)
        ledger = PowertoolsLedger(self.dynamodb, "ledger", name="live", kept_seconds=3600, remaining_ms=lambda: 30_000)
        live = LivePorts(
            media,
            AvKeyframeConverter(StillForm()),
            S3Bucket(self.s3, "work"),
            DetectionPorts(EveryStream(model), sink, ledger, now_ms),
            SqsDeadLetters(self.sqs, self.queue, source="benchmark"),
            now_ms,
        )
        configuration = Configuration(
            CameraSettings.model_validate({"minimumConfidence": 50, "live": {"inferenceInterval": 1}})
        )
        detection = PipelineSettings(lambda: configuration, concurrent_detections=5)
        plan = ConsumerSettings(LiveSettings(detection, fragments_in_flight=10), workers=20)
        ports = ConsumerPorts(self.leases, LeaseClock(now_ms, 30_000), live, lambda: self.leases.all(), remaining_s)
        return consume("benchmark", plan, ports, Ends(stop_s=10, abandon_s=2))

    def results(self) -> list[ResultRecord]:
        (shard,) = self.kinesis.describe_stream(StreamName="results")["StreamDescription"]["Shards"]
        iterator = self.kinesis.get_shard_iterator(
            StreamName="results", ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON"
        )["ShardIterator"]
        records = self.kinesis.get_records(ShardIterator=iterator)["Records"]
        return [ResultRecord.model_validate_json(record["Data"]) for record in records]


class Watch:
    """When fragments came, and when their results were put, by fragment number."""

    def __init__(self) -> None:
        self.came: dict[str, float] = {}
        self.put: dict[str, float] = {}

    def media(self, inner: KvsLiveMedia) -> Any:
        watch = self

        class Media:
            def read(self, stream_name: str, start: LiveStart) -> Iterator[MediaFragment | MediaErrorNotice]:
                for item in inner.read(stream_name, start):
                    if isinstance(item, MediaFragment):
                        watch.came[str(item.number)] = time.monotonic()
                    yield item

        return Media()

    def sink(self, inner: KinesisResultSink) -> Any:
        watch = self

        class Sink:
            def put(self, records: Any) -> Any:
                refused = inner.put(records)
                for _, data in records:
                    watch.put[str(json.loads(data)["frame"]["fragmentNumber"])] = time.monotonic()
                return refused

        return Sink()

    def took_ms(self) -> list[float]:
        return [1000 * (self.put[number] - self.came[number]) for number in self.put]


def latency(account: Account) -> None:
    clip = a_clip(25, fps=15, width=1280, height=720)
    account.camera("ours")
    watch, ends = Watch(), Ending(40)
    camera = _filming(account, "ours", clip)
    account.consumer(Model(), ends.remaining_s, watch)
    camera.join()
    mine = watch.took_ms()
    account.camera("theirs")
    theirs: list[float] = []
    camera = _filming(account, "theirs", clip)
    _by_hand(account, "theirs", theirs, time.monotonic() + 30)
    camera.join()
    say(f"{'':>16} {'fragments':>10} {'p50 ms':>8} {'p95 ms':>8}")
    for name, times in (("ours", mine), ("by hand", theirs)):
        p95 = statistics.quantiles(times, n=20)[-1]
        say(f"{name:>16} {len(times):>10} {statistics.median(times):>8.1f} {p95:>8.1f}")
    ratio = statistics.median(mine) / statistics.median(theirs)
    say(f"ours is {ratio:.2f}× the other's p50 (720p, S3, DynamoDB and Kinesis local)")


def _by_hand(account: Account, stream: str, times: list[float], until_s: float) -> None:
    """As one writes it in an afternoon; a fragment is whole when the next one begins or KVS says where it stands."""
    client: Any = _media_client(account.kvs.url)
    body = client.get_media(StreamName=stream, StartSelector={"StartSelectorType": "EARLIEST"})["Payload"]
    held = b""
    for piece in body._raw_stream.stream(65_536):
        held += piece
        while (end := _end_of_first(held)) is not None:
            came = time.monotonic()
            fragment, held = held[:end], held[end:]
            with av.open(BytesIO(fragment), "r") as container:
                image = next(iter(container.decode(video=0))).to_image()
            target = BytesIO()
            image.save(target, "JPEG", quality=80)
            key = f"by-hand/{len(times)}.jpg"
            account.s3.put_object(Bucket="work", Key=key, Body=target.getvalue())
            account.kinesis.put_record(
                StreamName="results", PartitionKey=stream, Data=json.dumps({"key": key}).encode()
            )
            times.append(1000 * (time.monotonic() - came))
        if time.monotonic() > until_s:
            return


def _end_of_first(held: bytes) -> int | None:
    """Where the continuation token's tag ends, as the emulator writes it."""
    at = held.find(b"CONTINUATION_TOKEN")
    if at < 0:
        return None
    following = held.find(_HEADER, at)
    return following if following > 0 else len(held)


def trouble(account: Account) -> None:
    """Five cameras, a fragment a second; trouble from the 15th to the 60th second."""
    names = [f"camera-{number}" for number in range(5)]
    for name in names:
        account.camera(name)
    clip, model, ends, watch = a_clip(110, fps=5, width=640, height=360), Model(), Ending(150), Watch()
    cameras = [_filming(account, name, clip) for name in names]
    process, seen = psutil.Process(), []

    def sample() -> None:
        began_s = time.monotonic()
        while (at_s := time.monotonic() - began_s) < 130:
            bad = 15 < at_s < 60
            model.busy, model.median_s = (0.3, 1.0) if bad else (0.0, 0.05)
            seen.append((at_s, process.memory_info().rss / 1e6, len(watch.came) - len(watch.put)))
            time.sleep(1)  # a row a second

    watcher = threading.Thread(target=sample)
    watcher.start()
    report = account.consumer(model, ends.remaining_s, watch)
    for thread in (*cameras, watcher):
        thread.join()
    say(f"{'second':>8} {'MB':>8} {'read, not analyzed':>20}")
    for at_s, mb, behind in seen[::10]:
        say(f"{at_s:>8.0f} {mb:>8.0f} {behind:>20}")
    frames = {(one.frame.stream_name, one.frame.fragment_number) for one in account.results()}
    say(
        f"{len(frames)} of {110 * len(names)} keyframes analyzed; "
        f"{sum(one.retried for one in report.streams.values())} tried again, "
        f"{sum(one.dropped for one in report.streams.values())} passed over"
    )


class Ending:
    """Time as a function has it: `seconds` until it reads no more."""

    def __init__(self, seconds: float) -> None:
        self._ends_s = time.monotonic() + seconds + 10

    def remaining_s(self) -> float:
        return self._ends_s - time.monotonic()


def _filming(account: Account, name: str, clip: Clip) -> threading.Thread:
    thread = threading.Thread(target=_send_clip, args=(account.kvs, name, clip))
    thread.start()
    return thread


def _send_clip(kvs: KvsServer, name: str, clip: Clip) -> None:
    producer, start_ms = Producer(kvs, name), now_ms()
    producer.send(producer_header(clip))
    for at_ms, cluster in clusters(clip, start_ms):
        time.sleep(max(0.0, (at_ms + 1000 - now_ms()) / 1000))  # a camera sends what has happened
        producer.send(cluster)
    producer.end()
    producer.acknowledgements()


def _media_client(endpoint: str) -> Any:
    return boto3.client("kinesis-video-media", endpoint_url=endpoint)


def now_ms() -> int:
    return round(time.time() * 1000)


def say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("latency", "trouble"))
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, LocalCloud(ROOT, Path(folder), {}) as cloud:
        {"latency": latency, "trouble": trouble}[chosen.what](Account(cloud))


if __name__ == "__main__":
    main()
