"""KVS's control plane: one suite for the fake and for the adapter on the emulator."""

from collections.abc import Callable, Iterator
from pathlib import Path

import boto3
import pytest
from kinesight.adapters.kvs.stream_directory import KvsStreamDirectory
from kinesight.domain.errors import NoRetentionError, StreamGoneError
from kinesight.domain.streams.stream_settings import ConfigurableStreams, Feature
from kinesight_local.kvs.server import KvsServer

from tests.fakes_streams import FakeStreamDirectory

IMAGES = {
    "Status": "ENABLED",
    "ImageSelectorType": "SERVER_TIMESTAMP",
    "DestinationConfig": {"Uri": "s3://images/images", "DestinationRegion": "us-east-1"},
    "SamplingInterval": 1000,
    "Format": "PNG",
}
NOTICES = {"Status": "ENABLED", "DestinationConfig": {"Uri": "arn:aws:sns:us-east-1:123456789012:notices"}}
Add = Callable[[str, int], str]


@pytest.fixture(params=["fake", "kvs"])
def fleet(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[ConfigurableStreams, Add]]:
    if request.param == "fake":
        fake = FakeStreamDirectory()
        yield fake, lambda name, hours: fake.add(name, retention_hours=hours, Place="Porch").arn
        return
    with KvsServer(tmp_path) as server:
        client = boto3.client("kinesisvideo", endpoint_url=server.url)

        def add(name: str, hours: int) -> str:
            return client.create_stream(StreamName=name, DataRetentionInHours=hours, Tags={"Place": "Porch"})[
                "StreamARN"
            ]

        yield KvsStreamDirectory(client), add


def test_streams_are_listed_with_their_attributes(fleet: tuple[ConfigurableStreams, Add]) -> None:
    registry, add = fleet
    arns = {add("cam-1", 24), add("cam-2", 0)}

    found = {stream.name: stream for stream in registry.streams()}

    assert {stream.arn for stream in found.values()} == arns
    assert [found[name].retention_hours for name in ("cam-1", "cam-2")] == [24, 0]
    assert all(stream.active and stream.region == "us-east-1" for stream in found.values())
    assert registry.tags(found["cam-1"].arn) == {"Place": "Porch"}


@pytest.mark.parametrize(("feature", "expected"), [(Feature.IMAGE_GENERATION, IMAGES), (Feature.NOTIFICATION, NOTICES)])
def test_stream_settings_are_set_described_and_deleted(
    fleet: tuple[ConfigurableStreams, Add], feature: Feature, expected: dict[str, object]
) -> None:
    registry, add = fleet
    arn = add("cam", 24)

    assert registry.feature_settings(feature, arn) is None
    registry.configure(feature, arn, expected)
    assert registry.feature_settings(feature, arn) == expected
    registry.configure(feature, arn, None)
    assert registry.feature_settings(feature, arn) is None


def test_errors_are_domain_errors(fleet: tuple[ConfigurableStreams, Add]) -> None:
    registry, add = fleet
    silent = add("silent", 0)
    gone = silent.replace("silent", "gone")

    with pytest.raises(NoRetentionError):
        registry.configure(Feature.IMAGE_GENERATION, silent, IMAGES)
    with pytest.raises(StreamGoneError):
        registry.tags(gone)
    with pytest.raises(StreamGoneError):
        registry.feature_settings(Feature.NOTIFICATION, gone)
