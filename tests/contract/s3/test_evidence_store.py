"""EvidenceStore: the fake and the adapter over moto."""

import boto3
import pytest
from kinesight.adapters.s3.evidence_store import S3EvidenceStore
from kinesight.domain.ports import EvidenceStore

from tests.fakes import FakeEvidenceStore


@pytest.fixture(params=["fake", "s3"])
def store(request: pytest.FixtureRequest, aws: None) -> EvidenceStore:
    if request.param == "fake":
        return FakeEvidenceStore()
    client = boto3.client("s3")
    client.create_bucket(Bucket="evidence")
    return S3EvidenceStore(client, "evidence", link_seconds=60)


class TestEvidenceStore:
    """The first writer of a key wins."""

    def test_a_key_is_written_once(self, store: EvidenceStore) -> None:
        assert not store.exists("a/b.json")
        assert store.write_once("a/b.json", b"first", "application/json")
        assert not store.write_once("a/b.json", b"second", "application/json")
        assert store.exists("a/b.json")

    def test_a_link_names_the_key(self, store: EvidenceStore) -> None:
        assert "a/b.json" in store.link("a/b.json")
