"""ImageStore: the fake and the adapter over moto."""

import boto3
import pytest
from kinesight.adapters.s3.image_store import S3ImageStore
from kinesight.domain.errors import ImageMissingError, UnsupportedImageError
from kinesight.domain.model import ImageReference
from kinesight.domain.ports import LARGEST_IMAGE_BYTES, ImageStore

from tests.fakes import FakeImageStore

LARGE = bytes(LARGEST_IMAGE_BYTES + 1)


@pytest.fixture(params=["fake", "s3"])
def images(request: pytest.FixtureRequest, aws: None) -> ImageStore:
    if request.param == "fake":
        fake = FakeImageStore()
        fake.add("images", "a.jpg", b"body", place="porch")
        fake.add("images", "large.jpg", LARGE)
        return fake
    client = boto3.client("s3")
    client.create_bucket(Bucket="images")
    client.put_object(Bucket="images", Key="a.jpg", Body=b"body", ContentType="image/jpeg", Metadata={"Place": "porch"})
    client.put_object(Bucket="images", Key="large.jpg", Body=LARGE)
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

    def test_a_large_object_is_not_read(self, images: ImageStore) -> None:
        stored = images.describe("images", "large.jpg")

        with pytest.raises(UnsupportedImageError, match="s3://images/large"):
            images.read(stored.image)

    @pytest.mark.parametrize(("key", "size_bytes"), [("a.jpg", 450_000_000), ("large.jpg", 4), ("large.jpg", 0)])
    def test_either_size_may_be_stale(self, images: ImageStore, key: str, size_bytes: int) -> None:
        """The object was replaced after it was described."""
        image = ImageReference(bucket="images", key=key, content_type="image/jpeg", size_bytes=size_bytes)

        with pytest.raises(UnsupportedImageError):
            images.read(image)
