"""ARNs of streams, cached, on DescribeStream."""

from typing import Any

from botocore.exceptions import ClientError
from kinesight.adapters.kvs.stream_directory import KvsStreamDirectory
from kinesight.domain.analysis.stream_arns import StreamArns


class TestStreamArns:
    """An ARN is cached, and a failure to read it as well."""

    def test_a_stream_is_described_once_in_ten_minutes(self) -> None:
        class Client:
            calls = 0

            def describe_stream(self, **_: Any) -> Any:
                self.calls += 1
                if self.calls == 1:
                    raise ClientError({"Error": {"Code": "ResourceNotFoundException"}}, "DescribeStream")
                return {"StreamInfo": {"StreamName": "cam", "StreamARN": "arn"}}

        now = [0.0]
        client = Client()
        directory = KvsStreamDirectory(client, describe_attempts=1)  # type: ignore[arg-type]  # a part of one
        arns = StreamArns(directory, monotonic_s=lambda: now[0])

        assert [arns.arn_of("cam") for _ in range(2)] == [None, None]
        now[0] = 601
        assert [arns.arn_of("cam") for _ in range(2)] == ["arn", "arn"]
        assert client.calls == 2
