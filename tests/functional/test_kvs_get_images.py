"""GetImages: slots, pages, images, errors per slot."""

import base64
from datetime import UTC, datetime
from io import BytesIO
from typing import Any

import pytest
from kinesight.media import mkv_write as write
from kinesight.media.mkv import Tag, Track
from kinesight_local.kvs.faults import Missing, Undecodable
from kinesight_local.kvs.server import KvsServer
from PIL import Image

from tests.builders import NOON_MS
from tests.functional.kvs_producer import Producer, put_clip
from tests.media import Clip, a_clip, clusters, producer_header

CLIP = a_clip(4)


def at(seconds: float) -> datetime:
    return datetime.fromtimestamp(NOON_MS / 1000 + seconds, UTC)


def get_images(client: Any, start: float, end: float, **more: Any) -> Any:
    parameters = {"ImageSelectorType": "PRODUCER_TIMESTAMP", "Format": "JPEG", "SamplingInterval": 1000} | more
    return client.get_images(StreamName="cam", StartTimestamp=at(start), EndTimestamp=at(end), **parameters)


def results(response: Any) -> list[str]:
    """Per slot, the error or the image's format."""
    return [one.get("Error") or str(image(one).format) for one in response["Images"]]


def image(one: Any) -> Image.Image:
    return Image.open(BytesIO(base64.b64decode(one["ImageContent"], validate=True)))


@pytest.fixture
def camera(kvs: KvsServer, kinesis_video: Any, archived_media: Any) -> Any:
    kinesis_video.create_stream(StreamName="cam", DataRetentionInHours=1)
    put_clip(kvs, CLIP)
    return archived_media


def test_one_image_per_slot(camera: Any) -> None:
    response = get_images(camera, 0, 3.5, SamplingInterval=500)

    assert [one["TimeStamp"] for one in response["Images"]] == [at(half / 2) for half in range(8)]
    assert results(response) == ["JPEG"] * 8
    assert {image(one).size for one in response["Images"]} == {(320, 240)}
    assert "NextToken" not in response


def test_images_show_the_frame_at_their_time(camera: Any) -> None:
    """The clip's gradient moves with every frame."""
    dark = [image(one).convert("RGB").getpixel((0, 0))[0] for one in get_images(camera, 0, 3)["Images"]]  # type: ignore[index]  # Pillow's pixels are of many kinds

    assert all(abs(level - (9 * 10 * second) % 256) < 12 for second, level in enumerate(dark))


def test_a_fragment_that_started_earlier_gives_no_images(camera: Any) -> None:
    """As users report: 'never an image for the first result' unless the range starts at a fragment's start."""
    assert results(get_images(camera, 0.5, 3.5)) == ["NO_MEDIA", "JPEG", "JPEG", "JPEG"]


def test_slots_without_media_are_no_media(camera: Any) -> None:
    assert results(get_images(camera, -2, 5)) == [
        "NO_MEDIA",
        "NO_MEDIA",
        "JPEG",
        "JPEG",
        "JPEG",
        "JPEG",
        "NO_MEDIA",
        "NO_MEDIA",
    ]


def test_a_range_shorter_than_the_interval_has_one_slot(camera: Any) -> None:
    assert results(get_images(camera, 1, 1.9)) == ["JPEG"]


def test_by_server_timestamp(camera: Any) -> None:
    now = datetime.now(UTC).timestamp() - NOON_MS / 1000
    response = get_images(camera, now - 20, now + 5, ImageSelectorType="SERVER_TIMESTAMP", SamplingInterval=200)

    pages = [response]
    while token := pages[-1].get("NextToken"):
        pages.append(
            get_images(
                camera, now - 20, now + 5, ImageSelectorType="SERVER_TIMESTAMP", SamplingInterval=200, NextToken=token
            )
        )

    assert "JPEG" in {result for page in pages for result in results(page)}


def test_pages_have_at_most_25_slots(camera: Any) -> None:
    first = get_images(camera, 0, 10, SamplingInterval=200, MaxResults=100)
    second = get_images(camera, 0, 10, SamplingInterval=200, MaxResults=100, NextToken=first["NextToken"])
    third = get_images(camera, 0, 10, SamplingInterval=200, MaxResults=100, NextToken=second["NextToken"])

    assert [len(page["Images"]) for page in (first, second, third)] == [25, 25, 1]
    assert "NextToken" not in third
    assert results(first) + results(second) + results(third) == ["JPEG"] * 20 + ["NO_MEDIA"] * 31


def test_botocores_paginator(camera: Any) -> None:
    pages = camera.get_paginator("get_images").paginate(
        StreamName="cam",
        ImageSelectorType="PRODUCER_TIMESTAMP",
        StartTimestamp=at(0),
        EndTimestamp=at(10),
        SamplingInterval=200,
        Format="JPEG",
    )

    assert len(list(pages.search("Images"))) == 51


def test_png_and_sizes(camera: Any) -> None:
    (one,) = get_images(camera, 0, 0.5, Format="PNG", WidthPixels=100, HeightPixels=50)["Images"]

    assert (image(one).format, image(one).size) == ("PNG", (100, 50))


def test_quality_changes_the_size(camera: Any) -> None:
    sizes = [
        len(get_images(camera, 0, 0.5, FormatConfig={"JPEGQuality": quality})["Images"][0]["ImageContent"])
        for quality in ("5", "95")
    ]

    assert sizes[0] < sizes[1]


@pytest.mark.parametrize(
    "wrong",
    [
        {"SamplingInterval": 199},
        {"FormatConfig": {"JPEGQuality": "0"}},
        {"FormatConfig": {"JPEGQuality": "high"}},
        {"WidthPixels": 100},
        {"HeightPixels": 100},
        {"WidthPixels": 4000, "HeightPixels": 100},
        {"Format": "GIF"},
        {"MaxResults": 101},
        {"NextToken": "Zm9v"},
        {"NextToken": "a-b_c"},
    ],
)
def test_invalid_parameters_are_rejected(camera: Any, wrong: dict[str, Any]) -> None:
    with pytest.raises(camera.exceptions.InvalidArgumentException):
        get_images(camera, 0, 3, **wrong)


@pytest.mark.parametrize(("start", "end"), [(0, 300.5), (3, 2)])
def test_invalid_ranges_are_rejected(camera: Any, start: float, end: float) -> None:
    with pytest.raises(camera.exceptions.InvalidArgumentException):
        get_images(camera, start, end)


def test_a_stream_without_retention(kinesis_video: Any, archived_media: Any) -> None:
    kinesis_video.create_stream(StreamName="cam")

    with pytest.raises(archived_media.exceptions.NoDataRetentionException):
        get_images(archived_media, 0, 3)


def test_audio_only_is_a_media_error(kvs: KvsServer, kinesis_video: Any, archived_media: Any) -> None:
    kinesis_video.create_stream(StreamName="cam", DataRetentionInHours=1)
    track = Track(1, "audio", "A_AAC", b"\x12\x10", "mic", sampling_hz=44100.0, channels=2)
    producer = Producer(kvs)
    producer.send(write.ebml_header() + write.segment_start() + write.info() + write.tracks([track]))
    producer.send(write.cluster(NOON_MS, [write.simple_block(1, ms, True, b"sound") for ms in range(0, 1000, 20)]))
    producer.end()
    producer.acknowledgements()

    assert results(get_images(archived_media, 0, 1)) == ["MEDIA_ERROR", "NO_MEDIA"]


def test_undecodable_frames_are_a_media_error(kvs: KvsServer, kinesis_video: Any, archived_media: Any) -> None:
    kinesis_video.create_stream(StreamName="cam", DataRetentionInHours=1)
    noise = tuple((ms, ms == 0, b"\xff\xff\xff\xffnoise") for ms in range(0, 1000, 100))
    put_clip(kvs, Clip(noise, CLIP.codec_private, 320, 240))

    assert results(get_images(archived_media, 0, 0.9)) == ["MEDIA_ERROR"]


def test_images_are_available_once_a_fragment_is_persisted(
    kvs: KvsServer, kinesis_video: Any, archived_media: Any
) -> None:
    kinesis_video.create_stream(StreamName="cam", DataRetentionInHours=1)
    producer = Producer(kvs)
    producer.send(producer_header(CLIP))
    for second, (_, cluster) in enumerate(clusters(CLIP, NOON_MS)):
        producer.send(cluster + write.tags([Tag("AWS_KINESISVIDEO_END_OF_FRAGMENT", "")]))
        producer.until("PERSISTED")
        assert results(get_images(archived_media, second, second + 0.5)) == ["JPEG"]
    producer.end()


def test_injected_errors(kvs: KvsServer, camera: Any) -> None:
    kvs.service.faults.add(Missing(operation="GetImages", skip=1, count=1), Undecodable(skip=2, count=1))

    assert results(get_images(camera, 0, 3)) == ["JPEG", "NO_MEDIA", "JPEG", "MEDIA_ERROR"]
