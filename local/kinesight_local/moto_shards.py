"""Reads and writes of a shard that cost the same however much it holds.

moto goes through all of a shard's records for each GetRecords, and lists all their numbers for each PutRecord: with ten
thousand records the local cloud would do little else. A shard's records are numbered one after the other, so that the
next one is found by its number.
"""

from collections.abc import Callable
from itertools import count, islice, takewhile

from moto.kinesis.models import Record, Shard

from kinesight_local.moto_patches import install


def make_shards_quick() -> Callable[[], None]:
    """Call the result to have moto's own again."""
    slow_get_records = Shard.get_records

    def get_records(shard: Shard, last_sequence_id: str, limit: int | None) -> tuple[list[Record], int, int]:
        last, newest = int(last_sequence_id), next(reversed(shard.records), 0)
        numbers = takewhile(shard.records.__contains__, count(last + 1))
        found = [shard.records[number] for number in islice(numbers, limit)]
        if not found and last < newest:
            # a gap, as a merge of shards leaves one
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
