"""EvidenceReader, in memory and on S3: the same results of the same calls."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import boto3
import pytest
from kinesight.adapters.s3 import evidence_reader as adapter
from kinesight.adapters.s3.evidence_reader import S3EvidenceReader
from kinesight.domain.errors import EvidenceTooLargeError, StorageBusyError
from kinesight.domain.viewer.evidence import EvidenceReader
from moto import mock_aws
from moto.s3.models import s3_backends

from tests.fakes_viewer import FakeEvidenceReader

OBJECTS = {
    "results/a/1.json": b"one",
    "results/a/2.json": b"two!",
    "results/a/3.json": b"three",
    "results/b/1.json": b"another folder",
}
ORIGINALS = {"images/1.jpg": b"as taken"}


@dataclass
class ReaderUnderTest:
    """An evidence reader and its bucket."""

    evidence_reader: EvidenceReader
    client: Any

    def objects(self) -> Mapping[str, bytes]:
        if isinstance(self.evidence_reader, FakeEvidenceReader):
            return self.evidence_reader.objects
        listed = self.client.list_objects_v2(Bucket="evidence").get("Contents", [])
        return {one["Key"]: self.client.get_object(Bucket="evidence", Key=one["Key"])["Body"].read() for one in listed}


@pytest.fixture
def s3() -> Iterator[Any]:
    with mock_aws():
        client = boto3.client("s3", region_name="us-east-1")
        for bucket, objects in (("evidence", OBJECTS), ("images", ORIGINALS)):
            client.create_bucket(Bucket=bucket)
            for key, body in objects.items():
                client.put_object(Bucket=bucket, Key=key, Body=body)
        yield client


@pytest.fixture(params=["memory", "S3"])
def made(request: pytest.FixtureRequest, s3: Any) -> ReaderUnderTest:
    if request.param == "memory":
        return ReaderUnderTest(
            FakeEvidenceReader(dict(OBJECTS), others={"images": FakeEvidenceReader(dict(ORIGINALS), "images")}), None
        )
    return ReaderUnderTest(S3EvidenceReader(s3, "evidence", link_seconds=60), s3)


@pytest.mark.parametrize(
    ("first", "last", "most", "found"),
    [
        ("results/a/", "results/a/z", 10, {"results/a/1.json": 3, "results/a/2.json": 4, "results/a/3.json": 5}),
        ("results/a/2.json", "results/a/3.json", 10, {"results/a/2.json": 4, "results/a/3.json": 5}),
        ("results/a/2", "results/a/2z", 10, {"results/a/2.json": 4}),
        ("results/a/", "results/a/z", 2, {"results/a/1.json": 3, "results/a/2.json": 4}),
        ("results/a/4", "results/a/9", 10, {}),
    ],
)
def test_sizes_between_two_keys_both_included(
    made: ReaderUnderTest, first: str, last: str, most: int, found: dict[str, int]
) -> None:
    listed = made.evidence_reader.sizes_between("results/a/", first, last, most)

    assert (listed, list(listed)) == (found, list(found))


def test_more_keys_than_a_page_holds(s3: Any) -> None:
    stored = s3_backends["123456789012"]["aws"]
    for index in range(1001):
        stored.put_object("evidence", f"many/{index:04d}", b"")  # a request for each takes a quarter of a minute

    listed = S3EvidenceReader(s3, "evidence", link_seconds=60).sizes_between("many/", "many/0001", "many/z", 5000)

    assert list(listed) == [f"many/{index:04d}" for index in range(1, 1001)]


@pytest.mark.parametrize("ahead", [1, 2, 16])
def test_objects_keep_the_order_of_their_keys_if_some_are_missing(made: ReaderUnderTest, ahead: int) -> None:
    keys = ["results/a/3.json", "results/none", "results/a/1.json", "results/b/1.json", "results/a/3.json"]

    assert list(made.evidence_reader.each(keys, ahead)) == [(key, OBJECTS.get(key)) for key in keys]
    assert [made.evidence_reader.read(key) for key in keys] == [OBJECTS.get(key) for key in keys]


def test_no_more_is_read_ahead_than_was_allowed(s3: Any) -> None:
    read: list[str] = []

    class Counting(S3EvidenceReader):
        def read(self, key: str) -> bytes | None:
            read.append(key)
            return super().read(key)

    bodies = Counting(s3, "evidence", link_seconds=60).each([f"results/{index}" for index in range(100)], 3)
    next(bodies)
    bodies.close()  # type: ignore[attr-defined]  # a generator; waits for what was begun

    assert len(read) <= 3


def test_copies_lie_below_a_folder_under_their_own_keys(made: ReaderUnderTest) -> None:
    made.evidence_reader.copy(["results/a/1.json", "results/none"], "held/x/")
    made.evidence_reader.copy(["images/1.jpg", "images/none"], "held/x/originals/", "images")

    copies = {"held/x/results/a/1.json": b"one", "held/x/originals/images/1.jpg": b"as taken"}
    assert made.objects() == OBJECTS | copies


def test_removing_a_folder_removes_only_the_objects_below_it(made: ReaderUnderTest) -> None:
    made.evidence_reader.remove("results/a/")
    made.evidence_reader.remove("none/")

    assert made.objects() == {"results/b/1.json": b"another folder"}


def test_objects_too_large_for_evidence_are_not_read(s3: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A record could name it; what is read is held in memory."""
    monkeypatch.setattr(adapter, "_LARGEST_BYTES", 1024)
    s3.put_object(Bucket="evidence", Key="results/huge", Body=bytes(1025))

    with pytest.raises(EvidenceTooLargeError, match="results/huge has 1025 bytes"):
        S3EvidenceReader(s3, "evidence", link_seconds=60).read("results/huge")


def test_a_bucket_that_refuses_is_tried_again(s3: Any) -> None:
    evidence_reader = S3EvidenceReader(s3, "nowhere", link_seconds=60)

    with pytest.raises(StorageBusyError):
        evidence_reader.sizes_between("a/", "a/", "a/z", 1)
    with pytest.raises(StorageBusyError):
        evidence_reader.remove("a/")
    with pytest.raises(StorageBusyError):
        evidence_reader.read("a/b")
