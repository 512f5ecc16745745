"""Checks whether a queue or a shard of moto, which runs in this process, has something to read.

Without them every idle event source calls moto's server ten times a second, and an idle stack keeps a third of a core
busy.
"""

from collections.abc import Callable
from typing import Any

from moto.kinesis.models import kinesis_backends
from moto.sqs.models import sqs_backends


def has_messages(queue_arn: str) -> Callable[[], bool]:
    """Returns a check of whether the queue has a visible message. A deleted queue counts, so that reading it fails."""
    region, account, name = queue_arn.split(":")[3:6]
    queues: Any = sqs_backends[account][region].queues

    def check() -> bool:
        queue = queues.get(name)
        return queue is None or any(message.visible and not message.delayed for message in queue._messages)

    return check


def newest_number(stream_arn: str, shard_id: str) -> Callable[[], int | None]:
    """Returns a function that returns the highest sequence number of a shard, 0 if it is empty, None if it is gone."""
    region, account, stream = stream_arn.split(":")[3:6]
    streams: Any = kinesis_backends[account][region].streams

    def number() -> int | None:
        found = streams.get(stream.removeprefix("stream/"))
        return None if found is None else int(found.shards[shard_id].get_max_sequence_number())

    return number
