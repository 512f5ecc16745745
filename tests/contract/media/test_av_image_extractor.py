"""AvImageExtractor on real video: the very images that GetImages gives, and a reason where there can be none."""

from base64 import b64decode
from datetime import UTC, datetime
from typing import Any

import pytest
from kinesight.adapters.media.av_image_extractor import AvImageExtractor
from kinesight.domain.ports import ImageSpec, SlotImage
from kinesight.media import mkv_write as write
from kinesight.media.mkv_model import Tag, Track
from kinesight_local.kvs.server import KvsServer

from tests.builders import NOON_MS
from tests.functional.kvs_producer import put_clip, stored
from tests.media import a_clip

JPEG = ImageSpec("PRODUCER_TIMESTAMP", "JPEG")


@pytest.mark.parametrize(
    ("spec", "arguments"),
    [
        (JPEG, {}),
        (ImageSpec("PRODUCER_TIMESTAMP", "PNG", 64, 48), {"Format": "PNG", "WidthPixels": 64, "HeightPixels": 48}),
        (ImageSpec("PRODUCER_TIMESTAMP", "JPEG", jpeg_quality=30), {"FormatConfig": {"JPEGQuality": "30"}}),
    ],
)
def test_the_same_images_as_get_images(
    kvs: KvsServer, kinesis_video: Any, archived_media: Any, spec: ImageSpec, arguments: dict[str, Any]
) -> None:
    kinesis_video.create_stream(StreamName="cam", DataRetentionInHours=1)
    put_clip(kvs, a_clip(2))
    moments = [NOON_MS + at for at in (1000, 1200, 1600, 1800)]
    images = archived_media.get_images(
        **{"StreamName": "cam", "ImageSelectorType": "PRODUCER_TIMESTAMP", "Format": "JPEG", "SamplingInterval": 200}
        | {"StartTimestamp": at(moments[0]), "EndTimestamp": at(moments[-1])}
        | arguments
    )["Images"]
    theirs = {round(image["TimeStamp"].timestamp() * 1000): b64decode(image["ImageContent"]) for image in images}
    body = archived_media.get_media_for_fragment_list(
        StreamName="cam", Fragments=[stored(archived_media)[1]["FragmentNumber"]]
    )["Payload"].read()

    ours = list(AvImageExtractor().extract(body, moments, spec))

    assert [image.at_ms for image in ours] == moments
    assert all(image.data == theirs[image.at_ms] for image in ours)
    assert len({image.data for image in ours}) == 4


def test_a_server_timestamp(kvs: KvsServer, kinesis_video: Any, archived_media: Any) -> None:
    kinesis_video.create_stream(StreamName="cam", DataRetentionInHours=1)
    put_clip(kvs, a_clip(1))
    (fragment,) = stored(archived_media)
    body = archived_media.get_media_for_fragment_list(StreamName="cam", Fragments=[fragment["FragmentNumber"]])
    server_ms = round(fragment["ServerTimestamp"].timestamp() * 1000)

    (image,) = AvImageExtractor().extract(
        body["Payload"].read(), [server_ms + 400], ImageSpec("SERVER_TIMESTAMP", "JPEG")
    )

    assert image.data is not None


def at(epoch_ms: int) -> datetime:
    return datetime.fromtimestamp(epoch_ms / 1000, UTC)


def document(track: Track | None, data: bytes = b"\0\0\0\1\x65broken", *, tags: bool = True) -> bytes:
    clock = [Tag("AWS_KINESISVIDEO_FRAGMENT_NUMBER", "1"), Tag("AWS_KINESISVIDEO_PRODUCER_TIMESTAMP", "1.000")]
    return b"".join(
        [
            write.ebml_header(),
            write.segment_start(),
            write.info(),
            write.tracks([track] if track else []),
            write.tags(clock) if tags else b"",
            write.cluster(1000, [write.simple_block(1, 0, True, data)]),
        ]
    )


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (
            document(Track(1, "video", "V_AV1")),
            "UNSUPPORTED_CODEC: V_AV1, not one of V_MPEG4/ISO/AVC, V_MPEGH/ISO/HEVC",
        ),
        (document(Track(1, "audio", "A_AAC")), "NO_VIDEO"),
        (document(Track(2, "video", "V_MPEG4/ISO/AVC")), "NO_VIDEO"),
        (document(a_clip(1).track), "UNDECODABLE"),
        (document(a_clip(1).track, tags=False), "NO_TIMESTAMP"),
        (b"", "UNREADABLE"),
        (b"no matroska at all", "UNREADABLE"),
        (document(a_clip(1).track)[:-3], "UNREADABLE"),
    ],
)
def test_the_reason_for_a_missing_image(body: bytes, reason: str) -> None:
    assert list(AvImageExtractor().extract(body, [1000, 2000], JPEG)) == [
        SlotImage(1000, None, reason),
        SlotImage(2000, None, reason),
    ]
