"""ImageStore: the fake and the adapter over moto."""

import boto3
import pytest
from kinesight.adapters.s3.image_store import S3ImageStore
from kinesight.domain.errors import ImageMissingError
from kinesight.domain.model import ImageReference
from kinesight.domain.ports import ImageStore

from tests.fakes import FakeImageStore


@pytest.fixture(params=["fake", "s3"])
def images(request: pytest.FixtureRequest, aws: None) -> ImageStore:
    if request.param == "fake":
        fake = FakeImageStore()
        fake.add("images", "a.jpg", b"body", place="porch")
        return fake
    client = boto3.client("s3")
    client.create_bucket(Bucket="images")
    client.put_object(Bucket="images", Key="a.jpg", Body=b"body", ContentType="image/jpeg", Metadata={"Place": "porch"})
    return S3ImageStore(client)


class TestImageStore:
    """Images and what KVS said of them."""

    def test_an_object_is_described_and_read(self, images: ImageStore) -> None:
        stored = images.describe("images", "a.jpg")

        assert stored.image == ImageReference(bucket="images", key="a.jpg", content_type="image/jpeg", size_bytes=4)
        assert stored.metadata == {"place": "porch"}
        assert images.read(stored.image) == b"body"

    def test_a_deleted_image_is_missing(self, images: ImageStore) -> None:
        with pytest.raises(ImageMissingError):
            images.describe("images", "gone.jpg")
