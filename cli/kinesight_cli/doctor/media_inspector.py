"""Reads facts about what a camera sends: the last fragments of a stream, their timestamps and content."""

import time
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any

from kinesight.domain.health.facts import ClockFacts, Fragment, FragmentsFacts, HealthThresholds, LiveFacts
from kinesight.domain.model import to_epoch_ms
from kinesight.media.fragments import MediaFragment, read_fragments
from kinesight.media.mkv import MkvError

from kinesight_cli.doctor.aws_reader import CallFailedError
from kinesight_cli.doctor.facts import FragmentContent, MediaFacts
from kinesight_cli.doctor.stream_inspector import StreamInspector

_READ = 5
"""Number of fragments to read: some seconds of video, and 5 of the 500 points per second that all readers share."""
_SEARCH_S = (60.0, 600.0, 3600.0, 86_400.0)
_PAGE = 300
"""Fragments per call; a call costs as many of the 10,000 points per second that all readers of the stream share."""
_LEAST_RANGE = timedelta(seconds=2)
_AHEAD = timedelta(minutes=1)
_CHUNK_BYTES = 64 * 1024


class MediaInspector:
    """Reads the last fragments of a stream. Everything raises like `AwsReader.call`."""

    def __init__(self, stream: StreamInspector, thresholds: HealthThresholds) -> None:
        self._stream = stream
        self._aws = stream.stack.aws
        self._thresholds = thresholds

    @cached_property
    def _latest(self) -> tuple[list[Fragment], float]:
        """The last fragments in order of time, and how far back the search went, in seconds."""
        now = datetime.now(UTC)
        searched_s = 0.0
        for span_s in (*_SEARCH_S, max(_SEARCH_S[-1], self._stream.facts.retention_hours * 3600.0)):
            end = now - timedelta(seconds=searched_s) if searched_s else now + _AHEAD
            found = self._listed(now - timedelta(seconds=span_s), end)
            if found:
                return sorted(found, key=lambda one: one.server_ms)[-_READ:], span_s
            searched_s = span_s
        return [], searched_s

    def _listed(self, begin: datetime, end: datetime) -> list[Fragment]:
        """Returns the fragments of the range, or of its last part that fits a page: pages have no order."""
        selector = {
            "FragmentSelectorType": "SERVER_TIMESTAMP",
            "TimestampRange": {"StartTimestamp": begin, "EndTimestamp": end},
        }
        page = self._aws.call_stream(
            self._stream.name, "LIST_FRAGMENTS", "list_fragments", MaxResults=_PAGE, FragmentSelector=selector
        ) or {"Fragments": []}
        if not page.get("NextToken") or end - begin < _LEAST_RANGE:
            return [_fragment(one) for one in page["Fragments"]]
        middle = begin + (end - begin) / 2
        return self._listed(middle, end) or self._listed(begin, middle)

    @property
    def fragments(self) -> FragmentsFacts:
        found, searched_s = self._latest
        newest = found[-1] if found else None
        return FragmentsFacts(self._stream.name, newest, searched_s, now_ms(), self._thresholds.silent_s)

    @property
    def clock(self) -> ClockFacts:
        """The camera's clock: a fragment gets its server timestamp about when its first frame was taken."""
        newest = self._latest[0][-1]
        return ClockFacts(
            stream=self._stream.name,
            ahead_s=(newest.producer_ms - newest.server_ms) / 1000,
            counts=self._stream.camera.image_generation.image_selector_type == "PRODUCER_TIMESTAMP",
            clock_s=self._thresholds.clock_s,
        )

    @cached_property
    def media(self) -> MediaFacts:
        """Content of the last fragments. Raises CallFailedError if none of them can be read."""
        numbers = [one.number for one in self._latest[0]]
        response = self._aws.call_stream(
            self._stream.name, "GET_MEDIA_FOR_FRAGMENT_LIST", "get_media_for_fragment_list", Fragments=numbers
        )
        body: Iterable[bytes] = () if response is None else response["Payload"].iter_chunks(_CHUNK_BYTES)
        try:
            found = [_content(one) for one in read_fragments(body) if isinstance(one, MediaFragment)]
        except MkvError as error:
            raise CallFailedError(f"KVS returns invalid Matroska for the last fragments: {error}") from error
        if not found:
            raise CallFailedError("KVS lists the last fragments but returns none of them")
        return MediaFacts(self._stream.name, tuple(sorted(found, key=lambda one: one.server_ms)))

    @property
    def live(self) -> LiveFacts:
        """How far the live consumer is behind the last fragment."""
        found, _ = self._latest
        return LiveFacts.of(
            self._stream.name,
            self._stream.lease,
            found[-1] if found else None,
            now_ms(),
            live_s=self._thresholds.live_s,
            log_group=self._stream.stack.resource("ConductLiveLogs"),
        )


def now_ms() -> int:
    """Returns the current time in epoch milliseconds."""
    return time.time_ns() // 1_000_000


def _fragment(listed: Any) -> Fragment:
    return Fragment(
        number=listed["FragmentNumber"],
        producer_ms=to_epoch_ms(listed["ProducerTimestamp"]),
        server_ms=to_epoch_ms(listed["ServerTimestamp"]),
        length_ms=listed.get("FragmentLengthInMilliseconds", 0),
    )


def _content(found: MediaFragment) -> FragmentContent:
    return FragmentContent(
        producer_ms=round(1000 * (found.producer_timestamp or 0)),
        server_ms=round(1000 * (found.server_timestamp or 0)),
        tags=found.event_tags,
        tracks=tuple((one.kind, one.codec_id) for one in sorted(found.tracks, key=lambda one: one.number)),
    )
