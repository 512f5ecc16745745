"""GetImages: a picture per slot of a time range, from the fragments that start in it.

As users of the service report, a fragment that began before StartTimestamp gives nothing: unless the range begins
where a fragment does, its first slots say NO_MEDIA.
"""

import base64
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import suppress
from fractions import Fraction
from typing import Any

from kinesight.media.stills import UndecodableError, shown_at

from kinesight_local.kvs import tokens
from kinesight_local.kvs.control import Parameters, check_quality, key_of
from kinesight_local.kvs.documents import FragmentGoneError
from kinesight_local.kvs.exceptions import InvalidArgumentError, NoDataRetentionError
from kinesight_local.kvs.faults import FaultBook, Missing, NoMedia, Undecodable
from kinesight_local.kvs.images import ImageSettings, pictures, video_times_ms
from kinesight_local.kvs.reading import reread
from kinesight_local.kvs.store import FragmentStore, Selection, StoredFragment
from kinesight_local.kvs.streams import Stream, StreamRegistry

_PAGE = 25
_LONGEST_RANGE_MS = 300_000
_LEAST_INTERVAL_MS = 200
_DEFAULT_INTERVAL_MS = 3000
"""The service's default is not documented; this was the least interval when the parameter was still required."""
_MOST_IMAGE_BYTES = 6_291_456 * 3 // 4  # the model's longest base64 text
_MOST_FRAGMENTS = 5000
_FAULTS = {NoMedia: "NO_MEDIA", Undecodable: "MEDIA_ERROR"}


class Images:
    """The operation, without quotas: those are charged before."""

    def __init__(self, streams: StreamRegistry, store: FragmentStore, faults: FaultBook) -> None:
        self._streams = streams
        self._store = store
        self._faults = faults

    def get_images(self, wanted: Parameters) -> Parameters:
        """Pages of 25 whatever is asked for; both sides of the picture are given, or none. Tokens don't expire."""
        stream = self._streams.get(key_of(wanted))
        if stream.retention_hours == 0:
            raise NoDataRetentionError(f"{stream.name} has no data retention: DataRetentionInHours is 0.")
        chosen = _selection(wanted)
        interval_ms = _interval_ms(wanted)
        _check_picture(wanted)
        slots = range(chosen.start_ms, chosen.end_ms + 1, interval_ms)
        begin = _continued(wanted["NextToken"], len(slots)) if wanted.get("NextToken") else 0
        end = begin + min(_PAGE, wanted.get("MaxResults") or _PAGE)
        settings = ImageSettings.of(wanted | {"SamplingInterval": interval_ms})
        answer: Parameters = {"Images": self._images(stream, chosen, slots[begin:end], settings)}
        return answer | ({"NextToken": tokens.write(f"slot {end}")} if end < len(slots) else {})

    def _images(
        self, stream: Stream, chosen: Selection, slots: Sequence[int], settings: ImageSettings
    ) -> list[dict[str, Any]]:
        found = self._store.in_range(stream.arn, chosen, retention_hours=stream.retention_hours, most=_MOST_FRAGMENTS)
        found = [one for one in found if self._faults.draw((Missing,), "GetImages", stream.name) is None]
        by_fragment = _assigned(found, chosen, slots)
        made: dict[int, str | bytes] = {}
        for stored, moments in by_fragment.items():
            made |= dict(self._pictures(stored, stored.starts_ms(chosen.clock), moments, settings))
        return [self._told(stream, slot, made.get(slot, "NO_MEDIA")) for slot in slots]

    def _pictures(
        self, stored: StoredFragment, start_ms: int, moments_ms: Sequence[int], settings: ImageSettings
    ) -> Iterator[tuple[int, str | bytes]]:
        """(slot, picture or error)."""
        try:
            fragment = reread(self._store, stored)
        except FragmentGoneError:
            return
        times = video_times_ms(fragment)
        if not times:
            yield from ((moment, "MEDIA_ERROR") for moment in moments_ms)
            return
        frame_of = {moment: shown_at(times, moment - start_ms) for moment in moments_ms}
        encoded: dict[Fraction, bytes] = {}
        with suppress(UndecodableError):  # what was decoded until there stands: `update` takes it one by one
            encoded.update(pictures(fragment, sorted(set(frame_of.values())), settings))
        for moment, at_ms in frame_of.items():
            picture = encoded.get(at_ms, b"")
            yield moment, picture if 0 < len(picture) <= _MOST_IMAGE_BYTES else "MEDIA_ERROR"

    def _told(self, stream: Stream, slot_ms: int, result: str | bytes) -> dict[str, Any]:
        if isinstance(result, bytes):
            fault = self._faults.draw((NoMedia, Undecodable), "GetImages", stream.name)
            result = _FAULTS[type(fault)] if fault is not None else result
        told: dict[str, Any] = {"TimeStamp": slot_ms / 1000}
        if isinstance(result, str):
            return told | {"Error": result}
        return told | {"ImageContent": base64.b64encode(result).decode()}


def _assigned(
    found: Sequence[StoredFragment], chosen: Selection, slots: Sequence[int]
) -> dict[StoredFragment, list[int]]:
    """Each slot with the last fragment that starts before it, if that lasts until then."""
    starts = [one.starts_ms(chosen.clock) for one in found]
    by_fragment: defaultdict[StoredFragment, list[int]] = defaultdict(list)
    for slot in slots:
        index = bisect_right(starts, slot) - 1
        if index >= 0 and slot < starts[index] + max(1, found[index].length_ms):
            by_fragment[found[index]].append(slot)
    return by_fragment


def _selection(wanted: Parameters) -> Selection:
    start_ms, end_ms = (round(1000 * wanted[name]) for name in ("StartTimestamp", "EndTimestamp"))
    if end_ms < start_ms:
        raise InvalidArgumentError("EndTimestamp lies before StartTimestamp.")
    if end_ms - start_ms > _LONGEST_RANGE_MS:
        raise InvalidArgumentError("The range is at most 300 seconds long.")
    return Selection(wanted["ImageSelectorType"], start_ms, end_ms)


def _interval_ms(wanted: Parameters) -> int:
    interval_ms = wanted.get("SamplingInterval")
    if interval_ms is None:
        return _DEFAULT_INTERVAL_MS
    if interval_ms < _LEAST_INTERVAL_MS:
        raise InvalidArgumentError(f"SamplingInterval is at least {_LEAST_INTERVAL_MS} ms.")
    return int(interval_ms)


def _check_picture(wanted: Parameters) -> None:
    check_quality(wanted.get("FormatConfig") or {})
    if (wanted.get("WidthPixels") is None) != (wanted.get("HeightPixels") is None):
        raise InvalidArgumentError("WidthPixels and HeightPixels are given together or not at all.")


def _continued(token: str, slots: int) -> int:
    word, _, number = tokens.read(token).partition(" ")
    if word != "slot" or not (number.isascii() and number.isdecimal()) or not 0 < int(number) < slots:
        raise tokens.foreign()
    return int(number)
