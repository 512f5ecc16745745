"""Records a capture. A part that cannot be recorded is a problem in the capture, and the others are recorded."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import botocore
from botocore.exceptions import BotoCoreError, ClientError
from kinesight.domain.json_text import parse_json
from kinesight.media.fragments import MediaFragment, read_fragments
from kinesight.media.mkv import MkvError

from kinesight_cli.verify.capture.identifiers import without_identifiers
from kinesight_cli.verify.capture.model import (
    Capture,
    CapturedFragment,
    CapturedImage,
    CapturedLatency,
    CapturedMedia,
    CapturedMoment,
    CapturedNotification,
    CapturedRange,
    CapturedSettings,
)
from kinesight_cli.verify.capture.provoked_errors import provoked_errors
from kinesight_cli.verify.capture.source import Source
from kinesight_cli.verify.outcome import Outcome

_MOST = 3
"""Images, notifications, and fragments of GetMedia."""
_BORDERS_MS = 5000
_INTERVALS_MS = (400, 1000)
_MARGIN_MS = 500
_CHUNK_BYTES = 64 * 1024
_TIMECODE = re.compile(r"_([0-9]{13})_[0-9A-Fa-f-]{36}\.")


def record(source: Source, outcomes: Iterable[Outcome], *, is_on_aws: bool) -> Capture:
    """Returns a capture without identifiers. Never raises botocore's errors."""
    parts: dict[str, Any] = {}
    problems: list[str] = []
    for name, part in _PARTS.items():
        try:
            parts[name] = list(part(source))
        except (BotoCoreError, ClientError, MkvError, KeyError, ValueError) as error:
            problems.append(f"{name}: {type(error).__name__}: {error}")
    capture = Capture(
        source="aws" if is_on_aws else "emulator",
        region=source.control.meta.region_name,
        botocore=botocore.__version__,
        latencies=tuple(_latency(one) for one in outcomes),
        problems=tuple(problems),
        **parts,
    )
    return Capture.model_validate(without_identifiers(capture.model_dump(mode="json"), source.names))


def _latency(outcome: Outcome) -> CapturedLatency:
    return CapturedLatency(
        step=outcome.step,
        status=outcome.status.value,
        seconds=round(outcome.seconds, 1),
        waits_for=outcome.waits_for.value,
    )


def _images(source: Source) -> Iterator[CapturedImage]:
    for key in sorted(source.image_keys)[:_MOST]:
        head = source.clients("s3").head_object(Bucket=source.bucket, Key=key)
        timecode = _TIMECODE.search(key)
        producer = head["Metadata"].get("aws_kinesisvideo_producer_timestamp")
        yield CapturedImage(
            key=key,
            metadata=head["Metadata"],
            content_type=head["ContentType"],
            server_side_encryption=head.get("ServerSideEncryption"),
            timecode_is_producer_timestamp=timecode is not None and timecode[1] == producer,
        )


def _notifications(source: Source) -> Iterator[CapturedNotification]:
    for envelope in source.envelopes[:_MOST]:
        yield CapturedNotification(
            subject=envelope.get("Subject"),
            envelope=tuple(sorted(envelope)),
            message=parse_json(envelope["Message"]),
        )


def _settings(source: Source) -> Iterator[CapturedSettings]:
    """Sets image generation with the required fields alone, to see which others Describe returns."""
    key = "ImageGenerationConfiguration"
    before = source.control.describe_image_generation_configuration(StreamName=source.stream).get(key)
    if before:
        required = ("Status", "ImageSelectorType", "DestinationConfig", "SamplingInterval", "Format")
        applied = {name: before[name] for name in required}
        source.control.update_image_generation_configuration(StreamName=source.stream, **{key: applied})
        after = source.control.describe_image_generation_configuration(StreamName=source.stream)[key]
        yield CapturedSettings(operation="UpdateImageGenerationConfiguration", applied=applied, described=after)


def _listed(source: Source) -> list[Any]:
    """Returns all fragments of the stream in the order of the producer's clock."""
    now = datetime.now(UTC)
    selected = {
        "FragmentSelectorType": "SERVER_TIMESTAMP",
        "TimestampRange": {"StartTimestamp": now - timedelta(hours=1), "EndTimestamp": now},
    }
    client = source.data("kinesis-video-archived-media", "LIST_FRAGMENTS")
    pages = client.get_paginator("list_fragments").paginate(StreamName=source.stream, FragmentSelector=selected)
    return sorted((one for page in pages for one in page["Fragments"]), key=lambda one: one["ProducerTimestamp"])


def _fragments(source: Source) -> Iterator[CapturedFragment]:
    listed = _listed(source)
    for one in listed:
        yield CapturedFragment(
            start_ms=_ms(one["ProducerTimestamp"] - listed[0]["ProducerTimestamp"]),
            length_ms=one["FragmentLengthInMilliseconds"],
            size_bytes=one["FragmentSizeInBytes"],
        )


def _get_images(source: Source) -> Iterator[CapturedRange]:
    """Requests images from before the first fragment to after the second border, at two intervals."""
    began = _listed(source)[0]["ProducerTimestamp"]
    client = source.data("kinesis-video-archived-media", "GET_IMAGES")
    for interval_ms in _INTERVALS_MS:
        images = _pages(
            client.get_images,
            StreamName=source.stream,
            ImageSelectorType="PRODUCER_TIMESTAMP",
            StartTimestamp=began - timedelta(milliseconds=_MARGIN_MS),
            EndTimestamp=began + timedelta(milliseconds=_BORDERS_MS),
            SamplingInterval=interval_ms,
            Format="JPEG",
            MaxResults=100,
        )
        moments = [CapturedMoment(at_ms=_ms(one["TimeStamp"] - began), error=one.get("Error")) for one in images]
        yield CapturedRange(start_ms=-_MARGIN_MS, end_ms=_BORDERS_MS, interval_ms=interval_ms, moments=tuple(moments))


def _pages(get_images: Callable[..., Any], **request: Any) -> Iterator[Any]:
    token: dict[str, str] = {}
    while True:
        page = get_images(**request, **token)
        yield from page["Images"]
        if not page.get("NextToken"):
            return
        token = {"NextToken": page["NextToken"]}


def _get_media(source: Source) -> Iterator[CapturedMedia]:
    client = source.data("kinesis-video-media", "GET_MEDIA")
    body = client.get_media(StreamName=source.stream, StartSelector={"StartSelectorType": "EARLIEST"})["Payload"]
    try:
        for item in _first(read_fragments(body.iter_chunks(_CHUNK_BYTES))):
            server_s = float(item.server_timestamp or 0)
            yield CapturedMedia(
                tags=tuple(sorted({*item.tags, *item.event_tags})),
                millis_behind_now=item.millis_behind_now,
                age_ms=round(1000 * (datetime.now(UTC).timestamp() - server_s)),
            )
    finally:
        body.close()


def _first(items: Iterable[Any]) -> Iterator[MediaFragment]:
    count = 0
    for item in items:
        if isinstance(item, MediaFragment):
            yield item
            count += 1
        if count == _MOST:
            return


def _ms(span: timedelta) -> int:
    return round(span / timedelta(milliseconds=1))


_PARTS: dict[str, Callable[[Source], Iterable[Any]]] = {
    "images": _images,
    "notifications": _notifications,
    "fragments": _fragments,
    "get_images": _get_images,
    "get_media": _get_media,
    "settings": _settings,
    "errors": provoked_errors,
}
"""By field of the capture. The last ones change the stream's settings."""
