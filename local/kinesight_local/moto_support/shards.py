"""Kinesis reads and writes whose cost is independent of the number of records in a shard.

moto iterates over all records of a shard for each GetRecords, and over all their numbers for each PutRecord, which
dominates from about ten thousand records on. A shard numbers its records consecutively, so the next one is found by its
number.
"""

from collections.abc import Callable
from itertools import count, islice, takewhile

from moto.kinesis.models import Record, Shard

from kinesight_local.moto_support.patches import install


def make_shards_quick() -> Callable[[], None]:
    """Installs the fast versions. Call the result to restore moto."""
    slow_get_records = Shard.get_records

    def get_records(shard: Shard, last_sequence_id: str, limit: int | None) -> tuple[list[Record], int, int]:
        last, newest = int(last_sequence_id), next(reversed(shard.records), 0)
        numbers = takewhile(shard.records.__contains__, count(last + 1))
        found = [shard.records[number] for number in islice(numbers, limit)]
        if not found and last < newest:
            # a gap in the numbers, such as a merge of shards leaves
            return slow_get_records(shard, last_sequence_id, limit)
        if not found:
            return [], last, 0
        behind_s = shard.records[newest].created_at - found[-1].created_at
        return found, last + len(found), int(behind_s * 1000)

    return install(
        (Shard, "get_records", get_records),
        (Shard, "get_min_sequence_number", lambda shard: next(iter(shard.records), 0)),
        (Shard, "get_max_sequence_number", lambda shard: next(reversed(shard.records), 0)),
    )
