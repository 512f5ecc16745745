"""Fast shards return exactly what moto's own return."""

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kinesight_local.moto_support.shards import make_shards_quick
from moto.kinesis.models import Record, Shard

Reads = list[tuple[str, int | None]]


def a_shard(numbers: set[int]) -> Shard:
    shard = Shard(0, 0, 1)
    for number in sorted(numbers):
        record = Record("key", "data", number, "")
        record.created_at = 1_700_000_000.0 + number / 8
        shard.records[number] = record
    return shard


@pytest.fixture
def quick() -> Iterator[None]:
    restore = make_shards_quick()
    yield
    restore()


def results(shard: Shard, reads: Reads) -> list[object]:
    return [
        shard.get_min_sequence_number(),
        shard.get_max_sequence_number(),
        *(shard.get_records(last, limit) for last, limit in reads),
    ]


NUMBERS = st.one_of(
    st.integers(0, 40).map(lambda most: set(range(1, most + 1))),
    st.integers(1, 40).map(lambda first: set(range(first, 41))),
)
READS: st.SearchStrategy[Reads] = st.lists(
    st.tuples(st.integers(0, 45).map(str), st.one_of(st.none(), st.integers(1, 50)))
)


@given(NUMBERS, READS)
def test_a_fast_shard_returns_what_motos_own_returns(numbers: set[int], reads: Reads) -> None:
    shard = a_shard(numbers)
    expected = results(shard, reads)
    restore = make_shards_quick()
    try:
        assert results(shard, reads) == expected
    finally:
        restore()


@pytest.mark.usefixtures("quick")
@given(st.sets(st.integers(1, 60)), st.integers(1, 7))
def test_a_reader_gets_every_record_once_and_in_order_across_gaps(numbers: set[int], limit: int) -> None:
    shard, last, seen = a_shard(numbers), 0, list[int]()
    while True:
        records, last, _ = shard.get_records(str(last), limit)
        if not records:
            break
        seen += [record.sequence_number for record in records]
    assert seen == sorted(numbers)


@pytest.mark.usefixtures("quick")
def test_records_are_numbered_consecutively() -> None:
    shard = a_shard(set())
    assert [shard.put_record("key", "data", "") for _ in range(3)] == ["1", "2", "3"]
