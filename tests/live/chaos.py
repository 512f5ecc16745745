"""Untagged cameras read live by consumers that are killed every few seconds.

`python -m tests.live.chaos --streams 20 --seconds 180 --seed 1` is the full scale; a test runs a small one.
"""

import argparse
import json
import math
import os
import random
import signal
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

from kinesight.adapters.dynamodb.documents import DynamoDbDocuments
from kinesight.adapters.kvs.stream_directory import KvsStreamDirectory
from kinesight.domain.live.conduct_live import ConductorPorts, ConductorSettings, conduct
from kinesight.domain.live.leases import Lease, all_leases
from kinesight.domain.model import ResultRecord, to_epoch_ms
from kinesight.domain.streams.selection import StreamSelection
from kinesight.wiring.system_clock import SystemClock
from kinesight_local.cloud import LocalCloud
from moto.dynamodb.models import DynamoDBBackend

from tests.functional.kvs_producer import Producer, everything
from tests.media import Clip, a_clip, clusters, producer_header

ROOT = Path(__file__).resolve().parents[2]
LEASE_S = 3.0
PARAMETERS = {
    "StreamNames": "live-*",
    "Detector": "REKOGNITION_FACES",
    "Labels": "Nothing",
    "ImageGenerationStatus": "DISABLED",
}
DOCUMENT = {"schemaVersion": 1, "defaults": {"live": {"inferenceInterval": 1}}}


@dataclass
class Chaos:
    """Result of a run."""

    fragments: dict[str, list[str]] = field(default_factory=dict)
    results: list[ResultRecord] = field(default_factory=list)
    writes: list[tuple[float, Lease]] = field(default_factory=list)
    kills: int = 0
    ahead: list[str] = field(default_factory=list)
    took_s: float = 0.0

    def problems(self) -> list[str]:
        """Lists problems; empty if there are none."""
        return [*self._missing(), *self._two_ids(), *self.ahead, *self._meetings()]

    def _missing(self) -> Iterator[str]:
        seen = {(one.frame.stream_name, one.frame.fragment_number) for one in self.results}
        for stream, numbers in self.fragments.items():
            absent = [number for number in numbers if (stream, number) not in seen]
            if absent:
                yield f"{stream}: {len(absent)} of {len(numbers)} keyframes have no result"

    def _two_ids(self) -> Iterator[str]:
        ids: dict[tuple[str, str | None, int], set[str]] = {}
        for one in self.results:
            frame = one.frame
            key = (frame.stream_name, frame.fragment_number, to_epoch_ms(frame.image_timestamp))
            ids.setdefault(key, set()).add(one.result_id)
        yield from (f"{key} has {len(known)} ids" for key, known in ids.items() if len(known) > 1)

    def _meetings(self) -> Iterator[str]:
        """Checks that only holders write leases, and that a new holder takes only free leases."""
        last: dict[str, Lease] = {}
        for at_s, lease in self.writes:
            before = last.get(lease.stream_arn)
            if before is not None and _is_taken_early(before, lease, at_s * 1000):
                yield f"{lease.stream_name}: {lease.owner} came while {before.owner} held it"
            if before is not None and _number(lease) < _number(before):
                yield f"{lease.stream_name}: the checkpoint went back"
            last[lease.stream_arn] = lease


def _is_taken_early(before: Lease, after: Lease, at_ms: float) -> bool:
    changed = None not in (before.owner, after.owner) and before.owner != after.owner
    return changed and before.expires_at_ms > at_ms


def _number(lease: Lease) -> int:
    return int(lease.checkpoint.fragment_number) if lease.checkpoint is not None else 0


def run(streams: int, seconds: int, consumers: int, seed: int, folder: Path, *, most_kills: float = math.inf) -> Chaos:
    """Plays video into the streams in real time, kills consumers, and waits until everything is analyzed."""
    chaos, names = Chaos(), [f"live-{number}" for number in range(streams)]
    began_s = time.monotonic()
    with LocalCloud(ROOT, folder, PARAMETERS, configuration=DOCUMENT) as cloud, _watched(chaos):
        for name in names:
            cloud.ensure_stream(name)
        cloud.deploy()
        leases = _conducted(cloud, -(-streams // _slots(consumers)))
        stop = threading.Event()
        clip = a_clip(seconds, fps=2, width=96, height=96)
        cameras = [threading.Thread(target=_send_video, args=(cloud, name, clip)) for name in names]
        killer = threading.Thread(target=_kill, args=(cloud, folder, consumers, seed, most_kills, chaos, stop))
        for thread in (*cameras, killer):
            thread.start()
        for thread in cameras:
            thread.join()
        chaos.fragments = {name: fragments_of(cloud, name) for name in names}
        _await_the_end(chaos, leases, cloud)
        stop.set()
        killer.join()
        chaos.results = results_of(cloud)
    chaos.took_s = time.monotonic() - began_s
    return chaos


def _slots(consumers: int) -> int:
    """Returns the number of slots: one less than consumers, so that two compete for the streams of the first slot."""
    return max(1, consumers - 1)


def _conducted(cloud: LocalCloud, share: int) -> DynamoDbDocuments:
    """Creates leases and assigns them as the conductor does; consumers are started separately."""
    assert cloud.stack is not None
    table, client = cloud.stack.physical_id("CoordinationTable"), cloud.client("dynamodb")
    leases = DynamoDbDocuments(client, table, kind="leases")
    ports = ConductorPorts(
        registry=KvsStreamDirectory(cloud.client("kinesisvideo")),
        leases=leases,
        previous_leases=DynamoDbDocuments(client, table, kind="leases", partitions=1),
        assignments=DynamoDbDocuments(client, table, kind="assignments"),
        slots=DynamoDbDocuments(client, table, kind="consumers"),
        starter=_NoStarter(),
        clock=SystemClock(),
        now_ms=round(time.time() * 1000),
    )
    conduct(ConductorSettings(StreamSelection.of(["live-*"], []), share, 840_000), ports)
    return leases


class _NoStarter:
    def start(self, slot: str, share: int) -> None:
        """Consumers are processes."""


def _send_video(cloud: LocalCloud, name: str, clip: Clip) -> None:
    """Sends a keyframe and a fragment per second, in real time."""
    producer, start_ms = Producer(cloud.kvs, name), round(time.time() * 1000)
    producer.send(producer_header(clip))
    for at_ms, cluster in clusters(clip, start_ms):
        time.sleep(max(0.0, (at_ms + 1000) / 1000 - time.time()))
        producer.send(cluster)
    producer.end()
    producer.acknowledgements()


def _kill(
    cloud: LocalCloud,
    folder: Path,
    consumers: int,
    seed: int,
    most_kills: float,
    chaos: Chaos,
    stop: threading.Event,
) -> None:
    chance = random.Random(seed)
    environment = folder / "consumer.json"
    assert cloud.stack is not None
    function = cloud.client("lambda").get_function_configuration(
        FunctionName=cloud.stack.function_name("ConsumeLiveFunction")
    )
    variables = function["Environment"]["Variables"] | cloud.endpoints | {"LEASE_SECONDS": str(LEASE_S)}
    environment.write_text(json.dumps({key: str(value) for key, value in variables.items()}))
    running = [_consumer(environment, number, consumers, folder) for number in range(consumers)]
    while chaos.kills < most_kills and not stop.wait(chance.uniform(1.5, 4.0)):
        number = chance.randrange(consumers)
        os.killpg(running[number].pid, signal.SIGKILL)
        running[number].wait()
        chaos.kills += 1
        running[number] = _consumer(environment, number, consumers, folder)
    stop.wait()
    for process in running:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _consumer(environment: Path, number: int, consumers: int, folder: Path) -> "subprocess.Popen[bytes]":
    slot = f"{number % _slots(consumers):04}"
    command = [sys.executable, str(Path(__file__).with_name("consumer_process.py")), str(environment)]
    with (folder / f"consumer-{number}.log").open("ab") as log:
        return subprocess.Popen([*command, slot, "840"], stdout=log, stderr=log, start_new_session=True)


def fragments_of(cloud: LocalCloud, name: str) -> list[str]:
    archived = cloud.client("kinesis-video-archived-media")
    pages = archived.get_paginator("list_fragments").paginate(
        StreamName=name, FragmentSelector=everything("SERVER_TIMESTAMP")
    )
    return sorted((one["FragmentNumber"] for page in pages for one in page["Fragments"]), key=int)


def results_of(cloud: LocalCloud) -> list[ResultRecord]:
    kinesis, name = cloud.client("kinesis"), cloud.outputs["ResultsStreamName"]
    (shard,) = kinesis.describe_stream(StreamName=name)["StreamDescription"]["Shards"]
    iterator = kinesis.get_shard_iterator(StreamName=name, ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON")[
        "ShardIterator"
    ]
    records = kinesis.get_records(ShardIterator=iterator)["Records"]
    return [ResultRecord.model_validate_json(record["Data"]) for record in records]


def _await_the_end(chaos: Chaos, leases: DynamoDbDocuments, cloud: LocalCloud) -> None:
    """Waits until every checkpoint is at its stream's last fragment; checks that none is ahead of a result."""
    deadline_s = time.monotonic() + 120
    last = {name: int(numbers[-1]) for name, numbers in chaos.fragments.items()}
    while time.monotonic() < deadline_s:
        known = [lease for lease, _ in all_leases(leases).values()]
        _check_progress(chaos, known, results_of(cloud))
        if all(_number(lease) >= last[lease.stream_name] for lease in known):
            return
        time.sleep(0.5)
    chaos.ahead.append("the end was not reached in two minutes")


def _check_progress(chaos: Chaos, known: list[Lease], results: list[ResultRecord]) -> None:
    """Reads results after checkpoints."""
    done = {(one.frame.stream_name, one.frame.fragment_number) for one in results}
    for lease in known:
        passed = [number for number in chaos.fragments[lease.stream_name] if int(number) <= _number(lease)]
        absent = [number for number in passed if (lease.stream_name, number) not in done]
        if absent:
            chaos.ahead.append(f"{lease.stream_name}: its checkpoint is ahead of {len(absent)} results")


@contextmanager
def _watched(chaos: Chaos) -> Iterator[None]:
    """Records every lease that is written."""
    original = DynamoDBBackend.put_item

    def put_item(self: Any, table_name: str, item_attrs: Any, *others: Any, **named: Any) -> Any:
        response = original(self, table_name, item_attrs, *others, **named)
        if item_attrs.get("pk", {}).get("S", "").startswith("leases#"):
            chaos.writes.append((time.time(), Lease.model_validate_json(item_attrs["body"]["S"])))
        return response

    DynamoDBBackend.put_item = put_item  # type: ignore[method-assign]  # a witness
    try:
        yield
    finally:
        DynamoDBBackend.put_item = original  # type: ignore[method-assign]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--streams", type=int, default=20)
    parser.add_argument("--seconds", type=int, default=180)
    parser.add_argument("--consumers", type=int, default=4)
    parser.add_argument("--seed", type=int, default=1)
    chosen = parser.parse_args()
    os.environ.setdefault("AWS_DEFAULT_REGION", "us-east-1")
    with tempfile.TemporaryDirectory() as folder:
        chaos = run(chosen.streams, chosen.seconds, chosen.consumers, chosen.seed, Path(folder))
    count = sum(len(numbers) for numbers in chaos.fragments.values())
    ids = len({one.result_id for one in chaos.results})
    sys.stdout.write(
        f"{chosen.streams} streams, {count} keyframes, {chaos.kills} kills, {ids} results "
        f"({len(chaos.results) - ids} came twice), {len(chaos.writes)} writes of leases, {chaos.took_s:.0f} s\n"
    )
    problems = chaos.problems()
    sys.stdout.write("\n".join(problems) + "\n" if problems else "nothing lost, no checkpoint ahead, no lease shared\n")
    sys.exit(1 if problems else 0)


if __name__ == "__main__":
    main()
