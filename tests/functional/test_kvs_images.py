"""Image generation: selected frames, images, S3 objects."""

from collections.abc import Callable
from fractions import Fraction
from io import BytesIO
from typing import Any

import av
import boto3
import numpy as np
import pytest
from kinesight_local.kvs.server import KvsServer
from PIL import Image

from tests.builders import NOON_MS
from tests.functional.kvs_producer import Producer, eventually, put_clip, reset_moto, stored
from tests.media import IMAGE, Clip, a_clip, clusters, event_tags, producer_header

CLIP = a_clip(3)
PREFIX = "AWS_KINESISVIDEO_IMAGE_PREFIX"
CONFIGURATION = {
    "Status": "ENABLED",
    "ImageSelectorType": "PRODUCER_TIMESTAMP",
    "DestinationConfig": {"Uri": "s3://images/images", "DestinationRegion": "us-east-1"},
    "SamplingInterval": 400,
    "Format": "JPEG",
}

Configure = Callable[..., None]


@pytest.fixture
def s3(moto: str) -> Any:
    reset_moto(moto)
    client = boto3.client("s3")
    client.create_bucket(Bucket="images")
    return client


@pytest.fixture
def configure(kinesis_video: Any) -> Configure:
    kinesis_video.create_stream(StreamName="cam", DataRetentionInHours=24)

    def call(**changes: Any) -> None:
        kinesis_video.update_image_generation_configuration(
            StreamName="cam", ImageGenerationConfiguration=CONFIGURATION | changes
        )

    call()
    return call


def put(kvs: KvsServer, clip: Clip, tags: list[bytes], start_ms: int = NOON_MS) -> None:
    """Ingests fragments, with one entry of `tags` each."""
    producer = Producer(kvs)
    groups = clusters(clip, start_ms)
    producer.send(
        producer_header(clip) + b"".join(cluster + own for (_, cluster), own in zip(groups, tags, strict=True))
    )
    producer.end()
    assert len([one for one in producer.acknowledgements() if one["EventType"] == "PERSISTED"]) == len(tags)


def keys(kvs: KvsServer, s3: Any) -> list[str]:
    """The keys in order of time, once nothing is pending."""
    eventually(lambda: kvs.service.statistics("cam")["pending"] == 0)
    return sorted((one["Key"] for one in s3.list_objects_v2(Bucket="images").get("Contents", [])), key=_timecode)


def _timecode(key: str) -> int:
    return int(key.split("_")[-2])


def image(s3: Any, key: str) -> Image.Image:
    return Image.open(BytesIO(s3.get_object(Bucket="images", Key=key)["Body"].read()))


def shown_index(image: Image.Image) -> int:
    """tests.media paints the frame's index into the blue channel."""
    return round(float(np.asarray(image.convert("RGB"))[:, :, 2].mean()))


def test_only_tagged_fragments_give_images(configure: Configure, kvs: KvsServer, s3: Any, archived_media: Any) -> None:
    configure(WidthPixels=160)
    put(kvs, CLIP, [event_tags(IMAGE, Place="Porch"), b"", event_tags(IMAGE, Place="Porch")])

    found = keys(kvs, s3)

    assert [_timecode(key) - NOON_MS for key in found] == [0, 400, 800, 2000, 2400, 2800]
    assert all(key.startswith("images/123456789012_cam_") for key in found)
    assert all(key.endswith(".jpg") for key in found)
    head = s3.head_object(Bucket="images", Key=found[3])
    assert head["ContentType"] == "image/jpeg"
    assert head["Metadata"]["place"] == "Porch"
    assert head["Metadata"]["aws_kinesisvideo_producer_timestamp"] == str(NOON_MS + 2000)
    fragment = stored(archived_media)[2]
    assert head["Metadata"]["aws_kinesisvideo_fragment_number"] == fragment["FragmentNumber"]
    server_ms = round(1000 * fragment["ServerTimestamp"].timestamp())
    assert head["Metadata"]["aws_kinesisvideo_server_timestamp"] == str(server_ms)
    assert image(s3, found[0]).size == (160, 120)
    counters = kvs.service.statistics("cam")
    assert (counters["images_generated"], counters["images_delivered"], counters["image_failures"]) == (6, 6, 0)


def test_an_image_shows_the_frame_of_its_name(configure: Configure, kvs: KvsServer, s3: Any) -> None:
    put(kvs, CLIP, [event_tags(IMAGE)] * 3)

    for key in keys(kvs, s3):
        assert shown_index(image(s3, key)) == pytest.approx((_timecode(key) - NOON_MS) / 100, abs=4)


def test_frames_in_decoding_order(configure: Configure, kvs: KvsServer, s3: Any) -> None:
    clip = with_b_frames(CLIP)
    assert [at for at, *_ in clip.packets] != sorted(at for at, *_ in clip.packets)
    configure(SamplingInterval=300)
    put(kvs, clip, [event_tags(IMAGE)] * len(clusters(clip, NOON_MS)))

    found = keys(kvs, s3)

    assert [_timecode(key) - NOON_MS for key in found] == list(range(0, 3000, 300))
    for key in found:
        assert shown_index(image(s3, key)) == pytest.approx((_timecode(key) - NOON_MS) / 100, abs=4)


def with_b_frames(clip: Clip) -> Clip:
    """The same images, encoded with packets in another order than frames, in closed groups of ten."""
    decoder = av.CodecContext.create("h264", "r")
    decoder.extradata = clip.codec_private
    frames = [frame for *_, data in clip.packets for frame in decoder.decode(av.Packet(data))] + decoder.decode(None)
    target = BytesIO()
    options = {"x264-params": "bframes=2:b-adapt=0:keyint=10:min-keyint=10:scenecut=0:open-gop=0"}
    with av.open(target, "w", format="matroska") as container:
        stream = container.add_stream("libx264", rate=10, options=options)
        stream.width, stream.height, stream.pix_fmt = clip.width, clip.height, "yuv420p"
        for index, frame in enumerate(frames):
            frame.pts, frame.time_base, frame.pict_type = index, Fraction(1, 10), 0
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    with av.open(BytesIO(target.getvalue()), "r") as container:
        packets = tuple(
            (round(packet.pts * packet.time_base * 1000), packet.is_keyframe, bytes(packet))
            for packet in container.demux(video=0)
            if packet.pts is not None
        )
        private = bytes(container.streams.video[0].codec_context.extradata or b"")
    return Clip(packets, private, clip.width, clip.height)


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        ({}, (320, 240)),
        ({"WidthPixels": 80}, (80, 60)),
        ({"HeightPixels": 60}, (80, 60)),
        ({"WidthPixels": 100, "HeightPixels": 200}, (100, 200)),
    ],
)
def test_sizes(configure: Configure, kvs: KvsServer, s3: Any, size: dict[str, int], expected: tuple[int, int]) -> None:
    configure(SamplingInterval=5000, **size)
    put(kvs, CLIP, [event_tags(IMAGE), b"", b""])

    (key,) = keys(kvs, s3)

    assert image(s3, key).size == expected


def test_png(configure: Configure, kvs: KvsServer, s3: Any) -> None:
    configure(SamplingInterval=5000, Format="PNG", DestinationConfig=_destination("s3://images"))
    put(kvs, CLIP, [event_tags(IMAGE), b"", b""])

    (key,) = keys(kvs, s3)

    assert key.startswith("123456789012_cam_")
    assert key.endswith(".png")
    assert s3.head_object(Bucket="images", Key=key)["ContentType"] == "image/png"
    assert image(s3, key).format == "PNG"


def test_a_lower_quality_gives_smaller_images(configure: Configure, kvs: KvsServer, s3: Any) -> None:
    sizes = []
    for index, quality in enumerate(["90", "10"]):
        configure(SamplingInterval=5000, FormatConfig={"JPEGQuality": quality})
        put(kvs, CLIP, [event_tags(IMAGE), b"", b""], NOON_MS + index * 60_000)
        sizes.append(s3.head_object(Bucket="images", Key=keys(kvs, s3)[-1])["ContentLength"])

    assert sizes[1] < sizes[0] / 2


def test_the_producers_prefix_precedes_the_account(configure: Configure, kvs: KvsServer, s3: Any) -> None:
    configure(SamplingInterval=5000, DestinationConfig=_destination("s3://images/a/b/"))
    put(kvs, CLIP, [event_tags(IMAGE, **{PREFIX: "night"}), b"", b""])

    (key,) = keys(kvs, s3)

    assert key.startswith(f"a/b/night_123456789012_cam_{NOON_MS}_")
    assert set(s3.head_object(Bucket="images", Key=key)["Metadata"]) == {
        "aws_kinesisvideo_producer_timestamp",
        "aws_kinesisvideo_server_timestamp",
        "aws_kinesisvideo_fragment_number",
    }


def _destination(uri: str) -> dict[str, str]:
    return {"Uri": uri, "DestinationRegion": "us-east-1"}


def test_by_server_time_the_image_name_has_the_server_timestamp(
    configure: Configure, kvs: KvsServer, s3: Any, archived_media: Any
) -> None:
    configure(ImageSelectorType="SERVER_TIMESTAMP", SamplingInterval=500)
    put(kvs, CLIP, [event_tags(IMAGE), b"", b""])

    found = keys(kvs, s3)

    start_ms = round(1000 * stored(archived_media)[0]["ServerTimestamp"].timestamp())
    assert [_timecode(key) - start_ms for key in found] == [0, 500]


def test_the_sampling_clock_continues_across_connections(configure: Configure, kvs: KvsServer, s3: Any) -> None:
    configure(SamplingInterval=700)
    put(kvs, CLIP, [event_tags(IMAGE)] * 3)
    put(kvs, CLIP, [event_tags(IMAGE)] * 3, NOON_MS + 3000)

    assert [_timecode(key) - NOON_MS for key in keys(kvs, s3)] == list(range(0, 6000, 700))


def test_disabled_image_generation_gives_no_images(configure: Configure, kvs: KvsServer, s3: Any) -> None:
    configure(Status="DISABLED")
    put(kvs, CLIP, [event_tags(IMAGE)] * 3)

    assert keys(kvs, s3) == []
    assert kvs.service.statistics("cam")["images_generated"] == 0


def test_undeliverable_images_are_counted(configure: Configure, kvs: KvsServer, s3: Any) -> None:
    configure(DestinationConfig=_destination("s3://nobodys-bucket"))
    put(kvs, CLIP, [event_tags(IMAGE), b"", b""])
    eventually(lambda: kvs.service.statistics("cam")["pending"] == 0)

    counters = kvs.service.statistics("cam")
    assert (counters["images_generated"], counters["images_delivered"], counters["image_failures"]) == (3, 0, 3)


def test_an_undecodable_fragment_is_counted_and_the_next_one_gives_images(
    configure: Configure, kvs: KvsServer, s3: Any
) -> None:
    broken = Clip(
        tuple((at, key, b"\xff" * 50 if at < 1000 else data) for at, key, data in CLIP.packets),
        CLIP.codec_private,
        CLIP.width,
        CLIP.height,
    )
    put(kvs, broken, [event_tags(IMAGE), event_tags(IMAGE), b""])

    assert [_timecode(key) - NOON_MS for key in keys(kvs, s3)] == [1200, 1600]
    assert kvs.service.statistics("cam")["image_failures"] == 3


def test_a_session_with_all_fragments_tagged(configure: Configure, kvs: KvsServer, s3: Any) -> None:
    put_clip(kvs, CLIP, event_tags(IMAGE))

    assert len(keys(kvs, s3)) == 8
