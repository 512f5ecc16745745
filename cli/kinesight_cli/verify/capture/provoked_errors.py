"""Requests that must fail, to see how the service reports errors."""

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from botocore.exceptions import ClientError

from kinesight_cli.verify.capture.model import CapturedError
from kinesight_cli.verify.capture.source import Source

_MISSING = "kinesight-verify-no-such-stream"
_OTHER_REGION = {"us-east-1": "us-west-2"}


def _no_such_stream(source: Source) -> object:
    return source.control.describe_stream(StreamName=_MISSING)


def _stream_exists(source: Source) -> object:
    return source.control.create_stream(StreamName=source.stream)


def _wrong_region(source: Source) -> object:
    region = source.control.meta.region_name
    other = _OTHER_REGION.get(region, "us-east-1")
    settings = {
        "Status": "DISABLED",
        "ImageSelectorType": "PRODUCER_TIMESTAMP",
        "DestinationConfig": {"Uri": f"s3://{source.bucket}/images/", "DestinationRegion": other},
        "SamplingInterval": 3000,
        "Format": "JPEG",
    }
    return source.control.update_image_generation_configuration(
        StreamName=source.stream, ImageGenerationConfiguration=settings
    )


def _range_too_long(source: Source) -> object:
    end = datetime.now(UTC)
    return _images(source, {"StartTimestamp": end - timedelta(seconds=301), "EndTimestamp": end})


def _width_alone(source: Source) -> object:
    end = datetime.now(UTC)
    return _images(source, {"StartTimestamp": end - timedelta(seconds=60), "EndTimestamp": end, "WidthPixels": 320})


def _images(source: Source, request: Mapping[str, Any]) -> object:
    return source.data("kinesis-video-archived-media", "GET_IMAGES").get_images(
        StreamName=source.stream,
        ImageSelectorType="PRODUCER_TIMESTAMP",
        SamplingInterval=1000,
        Format="JPEG",
        **request,
    )


_REQUESTS: Mapping[str, Callable[[Source], object]] = {
    "no such stream": _no_such_stream,
    "stream exists": _stream_exists,
    "destination in another Region": _wrong_region,
    "range longer than 300 seconds": _range_too_long,
    "width without height": _width_alone,
}


def provoked_errors(source: Source) -> Iterator[CapturedError]:
    """Yields the response to each request; one that succeeds has the code `none`."""
    for name, request in _REQUESTS.items():
        try:
            request(source)
            yield CapturedError(name=name, operation="", http_status=200, code="none", message="", headers=())
        except ClientError as error:
            metadata = error.response["ResponseMetadata"]
            headers = (one.lower() for one in metadata["HTTPHeaders"])
            yield CapturedError(
                name=name,
                operation=error.operation_name,
                http_status=metadata["HTTPStatusCode"],
                code=error.response["Error"]["Code"],
                message=error.response["Error"]["Message"],
                headers=tuple(sorted(one for one in headers if one.startswith("x-amz"))),
            )
