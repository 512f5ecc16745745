"""KinesisResultSink: batches and retries of failed records."""

from typing import Any

from botocore.exceptions import ClientError
from kinesight.adapters.messages.kinesis_results import KinesisResultSink


class FlakyKinesis:
    """PutRecords that refuses some records some times, as the service does under load."""

    def __init__(self, *refusals: set[int]) -> None:
        self.refusals = list(refusals)
        self.taken: list[bytes] = []
        self.calls: list[int] = []

    def put_records(self, *, StreamName: str, Records: list[dict[str, Any]]) -> dict[str, Any]:  # noqa: N803 - boto3's
        self.calls.append(len(Records))
        refused = self.refusals.pop(0) if self.refusals else set()
        if -1 in refused:
            raise ClientError({"Error": {"Code": "InternalFailure"}}, "PutRecords")
        self.taken += [record["Data"] for index, record in enumerate(Records) if index not in refused]
        throttled = {"ErrorCode": "ProvisionedThroughputExceededException", "ErrorMessage": StreamName}
        return {"Records": [throttled if index in refused else {} for index in range(len(Records))]}


def sink(client: Any) -> KinesisResultSink:
    return KinesisResultSink(client, "results", sleep=lambda _: None)


class TestResultSink:
    """Only what was refused is sent again."""

    def test_refused_records_are_sent_again_alone(self) -> None:
        client = FlakyKinesis({1, 3}, {0})

        assert sink(client).put([("cam", str(n).encode()) for n in range(5)]) == {}
        assert client.calls == [5, 2, 1]
        assert sorted(client.taken) == [b"0", b"1", b"2", b"3", b"4"]

    def test_failed_calls_are_retried(self) -> None:
        assert sink(FlakyKinesis({-1})).put([("cam", b"x")]) == {}

    def test_records_that_are_never_accepted_are_returned_with_the_reason(self) -> None:
        refused = sink(FlakyKinesis(*[{0}] * 9)).put([("cam", b"x"), ("cam", b"y")])

        assert list(refused) == [0]
        assert "ProvisionedThroughputExceeded" in refused[0]

    def test_calls_hold_at_most_500_records_and_five_megabytes(self) -> None:
        client = FlakyKinesis()
        sink(client).put([("cam", b"x")] * 1200)
        sink(client).put([("cam", b"x" * 900_000)] * 12)
        sink(client).put([])

        assert client.calls == [500, 500, 200, 5, 5, 2]
