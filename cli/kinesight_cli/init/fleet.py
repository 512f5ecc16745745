"""The streams of the account: their names and tags, and whether their producers tag fragments."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from kinesight.domain.streams.selection import StreamSelection
from kinesight.media.fragments import MediaFragment, read_fragments
from kinesight.media.mkv import MkvError

from kinesight_cli.shared import aws_session
from kinesight_cli.shared.choices import Producers
from kinesight_cli.shared.errors import CommandError
from kinesight_cli.shared.put_media import IMAGE_GENERATION

_MOST_STREAMS = 200
"""Tags cost a call for each."""
_SAMPLED_STREAMS, _SAMPLED_FRAGMENTS = 5, 5
_RECENT = timedelta(days=1)
_CHUNK_BYTES = 64 * 1024


class FleetError(CommandError):
    """The account's streams cannot be listed."""


@dataclass(frozen=True, slots=True)
class Stream:
    """A stream of the account; without tags if they were not read."""

    name: str
    tags: Mapping[str, str]


def streams(*, with_tags: bool) -> list[Stream]:
    """The first streams of the account, in the order of their names. Raises FleetError."""
    try:
        client = aws_session.client("kinesisvideo")
        pages = client.get_paginator("list_streams").paginate()
        names = sorted(one["StreamName"] for page in pages for one in page["StreamInfoList"])
        return [
            Stream(name, client.list_tags_for_stream(StreamName=name).get("Tags", {}) if with_tags else {})
            for name in names[:_MOST_STREAMS]
        ]
    except (BotoCoreError, ClientError) as error:
        raise FleetError(f"cannot list the streams of the account: {aws_session.problem(error)}") from error


def selected(known: Iterable[Stream], selection: StreamSelection) -> list[Stream]:
    """Those that are selected by name or tags."""
    return [one for one in known if selection.matches_name(one.name) or selection.matches_tags(one.tags)]


def producers_of(found: Iterable[Stream]) -> Producers:
    """Reads recent fragments of some streams: TAG if all that have any tag some, DONT_TAG if one tags none.

    Raises FleetError.
    """
    tagging = [tags for one in islice(found, _SAMPLED_STREAMS) if (tags := _tags_images(one.name)) is not None]
    if not tagging:
        return Producers.UNKNOWN
    return Producers.TAG if all(tagging) else Producers.DONT_TAG


def _tags_images(stream_name: str) -> bool | None:
    """None if there are no fragments that can be read."""
    try:
        numbers = _recent_fragments(stream_name)
        return any(IMAGE_GENERATION in one.event_tags for one in _media(stream_name, numbers)) if numbers else None
    except MkvError:
        return None
    except (BotoCoreError, ClientError) as error:
        raise FleetError(f"cannot read fragments of {stream_name}: {aws_session.problem(error)}") from error


def _recent_fragments(stream_name: str) -> list[str]:
    now = datetime.now(UTC)
    selector = {
        "FragmentSelectorType": "SERVER_TIMESTAMP",
        "TimestampRange": {"StartTimestamp": now - _RECENT, "EndTimestamp": now},
    }
    page = _archive(stream_name, "LIST_FRAGMENTS").list_fragments(
        StreamName=stream_name, MaxResults=_SAMPLED_FRAGMENTS, FragmentSelector=selector
    )
    return [one["FragmentNumber"] for one in page["Fragments"]]


def _media(stream_name: str, numbers: list[str]) -> Iterator[MediaFragment]:
    client = _archive(stream_name, "GET_MEDIA_FOR_FRAGMENT_LIST")
    response = client.get_media_for_fragment_list(StreamName=stream_name, Fragments=numbers)
    chunks = response["Payload"].iter_chunks(_CHUNK_BYTES)
    yield from (one for one in read_fragments(chunks) if isinstance(one, MediaFragment))


def _archive(stream_name: str, api: str) -> Any:
    control = aws_session.client("kinesisvideo")
    endpoint = control.get_data_endpoint(StreamName=stream_name, APIName=api)["DataEndpoint"]
    return aws_session.client("kinesis-video-archived-media", endpoint_url=endpoint)
