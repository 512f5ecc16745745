"""The batching window of the images queue: calls of a minute, counted, next to the estimate's, and the added latency.

    python -m benchmarks.batching_window [--seconds 60] [--interval 5] [--windows 0 5 10] [--cameras 1 10 30]

Each camera's images arrive in a queue of moto. Five pollers of the local cloud, as many as Lambda's, gather them and
invoke a function that takes as long as a detector. A receive without messages is not counted: Lambda polls long.
"""

import argparse
import random
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import product
from typing import Any

import boto3
from kinesight_cli.estimate.batches import QUEUE_POLLERS, Batch
from kinesight_local.event_sources.poller import IDLE_S
from kinesight_local.event_sources.queues import QueueSource
from kinesight_local.lambdas import InvocationResult
from moto import mock_aws

_FUNCTION_S = 0.7
_LONGEST_BATCH = 10
_MOTO = threading.Lock()
"""moto changes the messages of a queue while it iterates over them."""
_ARN = "arn:aws:sqs:us-east-1:123456789012:images"


@dataclass
class Queue:
    """A queue and its counted calls. `waits_s`: from an image's arrival to the invocation that has it."""

    cameras: int
    window_s: float
    sqs: Any
    url: str
    ends_s: float
    calls: Counter[str] = field(default_factory=Counter)
    waits_s: list[float] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def receive_message(self, **arguments: Any) -> Any:
        with _MOTO:
            response = self.sqs.receive_message(**arguments)
        with self.lock:
            self.calls["receives"] += bool(response.get("Messages"))
        return response

    def delete_message_batch(self, **arguments: Any) -> Any:
        with self.lock:
            self.calls["deletions"] += 1
        with _MOTO:
            return self.sqs.delete_message_batch(**arguments)

    def invoke(self, event: Any) -> InvocationResult:
        arrived_s = [float(record["body"]) for record in event["Records"]]
        with self.lock:
            self.calls["invocations"] += 1
            self.waits_s += [time.monotonic() - one for one in arrived_s]
        time.sleep(_FUNCTION_S)
        return InvocationResult(b"null", failed=False)

    def send(self, interval_s: float) -> None:
        """Sends the images of a camera, whose first one is at a random moment."""
        time.sleep(random.uniform(0, interval_s))
        while time.monotonic() < self.ends_s:
            with _MOTO:
                self.sqs.send_message(QueueUrl=self.url, MessageBody=str(time.monotonic()))
            time.sleep(interval_s)

    def poll(self) -> None:
        source = QueueSource(self.url, _ARN, "us-east-1", _LONGEST_BATCH, reports_failures=True, window_s=self.window_s)
        while time.monotonic() < self.ends_s + self.window_s:
            if not source.poll(self, self.invoke):
                time.sleep(IDLE_S)


def measure(cameras: int, window_s: float, seconds: float, interval_s: float) -> str:
    """Returns a row of the table."""
    sqs = boto3.client("sqs", region_name="us-east-1")
    url = sqs.create_queue(QueueName=f"images-{cameras}-{window_s:g}", Attributes={"VisibilityTimeout": "600"})
    queue = Queue(cameras, window_s, sqs, url["QueueUrl"], time.monotonic() + seconds)
    with ThreadPoolExecutor(cameras + QUEUE_POLLERS) as pool:
        running = [pool.submit(queue.send, interval_s) for _ in range(cameras)]
        running += [pool.submit(queue.poll) for _ in range(QUEUE_POLLERS)]
        for one in running:
            one.result()
    images, waits = len(queue.waits_s), sorted(queue.waits_s)
    expected = images / Batch(_LONGEST_BATCH, window_s, QUEUE_POLLERS).gathered(cameras / interval_s)
    counted = [queue.calls[name] for name in ("receives", "invocations", "deletions")]
    cells = [f"{cameras}", f"{window_s:g}", f"{images}", *(f"{one}" for one in counted), f"{expected:.0f}"]
    return " | ".join([*cells, f"{waits[len(waits) // 2]:.1f}", f"{waits[-1]:.1f}"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--interval", type=float, default=5)
    parser.add_argument("--windows", type=float, nargs="+", default=[0, 5, 10])
    parser.add_argument("--cameras", type=int, nargs="+", default=[1, 10, 30])
    chosen = parser.parse_args()
    print(
        "cameras | window s | images | receives | invocations | deletions | estimated | median wait s | longest wait s"
    )
    with mock_aws(), ThreadPoolExecutor(len(chosen.windows) * len(chosen.cameras)) as pool:
        for row in pool.map(
            lambda one: measure(*one, chosen.seconds, chosen.interval), product(chosen.cameras, chosen.windows)
        ):
            print(row)


if __name__ == "__main__":
    main()
