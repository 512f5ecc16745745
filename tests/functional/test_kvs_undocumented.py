"""Behaviour that AWS does not document: the emulator's choices, and that Kinesight works with each."""

import time
from functools import partial
from pathlib import Path
from typing import Any

import boto3
import pytest
from kinesight.adapters.kvs.stream_directory import KvsStreamDirectory
from kinesight.domain.analysis.image_keys import parse_image_key
from kinesight.domain.configuration.stream_tags import StreamTagsFile
from kinesight.domain.streams.configure_streams import (
    VERIFY_EVERY_S,
    ConfigureStreamsPorts,
    apply,
    refresh,
    restore_all,
)
from kinesight.domain.streams.image_destination import IMAGES_PREFIX, images_uri, possible_keys
from kinesight.domain.streams.selection import StreamSelection
from kinesight.domain.streams.stream_settings import Feature
from kinesight_local.kvs.server import KvsServer
from kinesight_local.kvs.undocumented import Describe, ImageJoin, Undocumented

from tests.fakes import FakeWork
from tests.fakes_streams import FakeManagedStreams, VirtualClock, same_settings
from tests.functional.kvs_producer import eventually, put_clip, reset_moto
from tests.media import IMAGE, a_clip, event_tags

ACCOUNT = "123456789012"
IMAGES = {
    "Status": "ENABLED",
    "ImageSelectorType": "PRODUCER_TIMESTAMP",
    "DestinationConfig": {"Uri": images_uri("images"), "DestinationRegion": "us-east-1"},
    "SamplingInterval": 5000,
    "Format": "JPEG",
}
NOTICES = {"Status": "ENABLED", "DestinationConfig": {"Uri": f"arn:aws:sns:us-east-1:{ACCOUNT}:notices"}}
DESTINATIONS = (images_uri("images"), "s3://images/images")
"""The destination, and that of former versions."""
BEGINNINGS = {
    ImageJoin.ONE_SLASH: ("images/", "images/"),
    ImageJoin.SLASH: ("images//", "images/"),
    ImageJoin.NOTHING: ("images/", "images"),
    ImageJoin.UNDERSCORE: ("images/_", "images_"),
}
"""Of keys, for both destinations."""


def keys(s3: Any, prefix: str) -> list[str]:
    return [one["Key"] for one in s3.list_objects_v2(Bucket="images", Prefix=prefix).get("Contents", [])]


def _has_delivered(kvs: KvsServer, name: str) -> bool:
    return kvs.service.statistics(name)["pending"] == 0


@pytest.mark.parametrize("join", ImageJoin)
def test_images_of_both_destinations_are_found(join: ImageJoin, tmp_path: Path, moto: str) -> None:
    reset_moto(moto)
    s3 = boto3.client("s3")
    s3.create_bucket(Bucket="images")
    with KvsServer(tmp_path, undocumented=Undocumented(image_join=join)) as kvs:
        kinesis_video = boto3.client("kinesisvideo", endpoint_url=kvs.url)
        for name, uri, beginning in zip(("now", "former"), DESTINATIONS, BEGINNINGS[join], strict=True):
            kinesis_video.create_stream(StreamName=name, DataRetentionInHours=24)
            settings: Any = IMAGES | {"DestinationConfig": {"Uri": uri, "DestinationRegion": "us-east-1"}}
            kinesis_video.update_image_generation_configuration(StreamName=name, ImageGenerationConfiguration=settings)
            put_clip(kvs, a_clip(1), event_tags(IMAGE), stream=name)
            eventually(partial(_has_delivered, kvs, name))

            (key,) = {one for prefix in possible_keys(f"{ACCOUNT}_{name}_") for one in keys(s3, prefix)}
            assert key.startswith(f"{beginning}{ACCOUNT}_{name}_")
            assert key in keys(s3, IMAGES_PREFIX)
            assert parse_image_key(key, ACCOUNT).stream_name == name


@pytest.mark.parametrize("describe", Describe)
def test_settings_are_set_once_and_restored(describe: Describe, tmp_path: Path) -> None:
    managed, epoch_s = FakeManagedStreams(), time.time()
    desired = same_settings(StreamSelection.of(["cam"], []), IMAGES, NOTICES, takes_over=False)
    with KvsServer(tmp_path, undocumented=Undocumented(describe=describe)) as kvs:
        kinesis_video = boto3.client("kinesisvideo", endpoint_url=kvs.url)
        kinesis_video.create_stream(StreamName="cam", DataRetentionInHours=24)

        def ports(later_s: float) -> ConfigureStreamsPorts:
            directory = KvsStreamDirectory(kinesis_video)
            return ConfigureStreamsPorts(
                directory, managed, StreamTagsFile(FakeWork()), VirtualClock(), epoch_s + later_s, 600
            )

        assert apply(desired, ports(0)).updated == 2
        report = refresh(desired, ports(VERIFY_EVERY_S + 1))
        assert (report.unchanged, report.updated, report.theirs) == (2, 0, 0)
        returned = KvsStreamDirectory(kinesis_video).feature_settings(
            Feature.IMAGE_GENERATION, managed.all()[0].stream_arn
        )
        assert (returned == IMAGES) == (describe is Describe.AS_SET)
        assert restore_all(ports(VERIFY_EVERY_S + 2)).restored == 2
        assert "ImageGenerationConfiguration" not in kinesis_video.describe_image_generation_configuration(
            StreamName="cam"
        )
