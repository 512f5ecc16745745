"""ResultSink on Kinesis Data Streams."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from kinesight.adapters.aws.backoff import full_jitter_delays_s
from kinesight.adapters.aws.errors import AWS_ERRORS, error_code

if TYPE_CHECKING:
    from mypy_boto3_kinesis import KinesisClient

_RECORDS_PER_CALL = 500  # API_PutRecords
_BYTES_PER_CALL = 5_000_000  # API_PutRecords: 5 MiB including partition keys in smaller Regions
_ATTEMPTS = 5

Indexed = tuple[int, tuple[str, bytes]]


class KinesisResultSink:
    """Calls PutRecords with full batches; sends only the failed records of a batch again."""

    def __init__(self, client: KinesisClient, stream_name: str, *, sleep: Callable[[float], None]) -> None:
        self._client = client
        self._stream_name = stream_name
        self._sleep = sleep

    def put(self, records: Sequence[tuple[str, bytes]]) -> Mapping[int, str]:
        """Makes up to five attempts per batch, with full jitter between them."""
        failed: dict[int, str] = {}
        for call in _calls(list(enumerate(records))):
            failed |= self._put_call(call)
        return failed

    def _put_call(self, call: list[Indexed]) -> dict[int, str]:
        pending = call
        reasons: dict[int, str] = {}
        for delay_s in (*full_jitter_delays_s(_ATTEMPTS - 1), None):
            reasons = self._attempt(pending)
            pending = [item for item in pending if item[0] in reasons]
            if not pending or delay_s is None:
                break
            self._sleep(delay_s)
        return reasons

    def _attempt(self, call: Sequence[Indexed]) -> dict[int, str]:
        """Returns index → reason of the records that failed in this attempt."""
        entries = [{"PartitionKey": key, "Data": data} for _, (key, data) in call]
        try:
            response = self._client.put_records(StreamName=self._stream_name, Records=entries)  # type: ignore[arg-type]
        except AWS_ERRORS as error:
            return {index: f"{error_code(error)}: {error}" for index, _ in call}
        return {
            index: f"{result['ErrorCode']}: {result.get('ErrorMessage', '')}"
            for (index, _), result in zip(call, response["Records"], strict=True)
            if result.get("ErrorCode")
        }


def _calls(records: Sequence[Indexed]) -> Iterator[list[Indexed]]:
    call: list[Indexed] = []
    size = 0
    for item in records:
        weight = len(item[1][0].encode()) + len(item[1][1])
        if call and (len(call) == _RECORDS_PER_CALL or size + weight > _BYTES_PER_CALL):
            yield call
            call, size = [], 0
        call.append(item)
        size += weight
    if call:
        yield call
