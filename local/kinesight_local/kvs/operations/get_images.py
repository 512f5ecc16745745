"""GetImages: one image per slot of a time range, from the fragments that start in it.

As on AWS (by its users' reports), a fragment that starts before StartTimestamp gives no images: the slots before the
first fragment start are NO_MEDIA.
"""

import base64
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import suppress
from fractions import Fraction
from typing import Any

from kinesight.media.stills import FrameTooLargeError, UndecodableError, shown_at

from kinesight_local.kvs.exceptions import InvalidArgumentError, NoDataRetentionError
from kinesight_local.kvs.faults import FaultBook, Missing, NoMedia, Undecodable
from kinesight_local.kvs.media.images import ImageSettings, extract_images, video_times_ms
from kinesight_local.kvs.operations import tokens
from kinesight_local.kvs.operations.control import Parameters, check_quality, key_of
from kinesight_local.kvs.storage.fragment_reader import FragmentReader
from kinesight_local.kvs.storage.stored_fragment import Selection, StoredFragment
from kinesight_local.kvs.storage.stored_media import FragmentExpiredError, read_fragment
from kinesight_local.kvs.storage.streams import Stream, StreamRegistry

_PAGE = 25
_LONGEST_RANGE_MS = 300_000
_LEAST_INTERVAL_MS = 200
_DEFAULT_INTERVAL_MS = 3000
"""AWS does not document its default; this was the minimum while the parameter was required."""
_MOST_IMAGE_BYTES = 6_291_456 * 3 // 4  # the model's longest base64 text
_MOST_FRAGMENTS = 5000
_FAULTS = {NoMedia: "NO_MEDIA", Undecodable: "MEDIA_ERROR"}


class Images:
    """Quotas are charged by the caller."""

    def __init__(self, streams: StreamRegistry, fragments: FragmentReader, faults: FaultBook) -> None:
        self._streams = streams
        self._fragments = fragments
        self._faults = faults

    def get_images(self, request: Parameters) -> Parameters:
        """Pages have at most 25 slots, even if MaxResults is greater. Tokens don't expire."""
        stream = self._streams.get(key_of(request))
        if stream.retention_hours == 0:
            raise NoDataRetentionError(f"{stream.name} has no data retention: DataRetentionInHours is 0.")
        chosen = _selection(request)
        interval_ms = _interval_ms(request)
        _check_image(request)
        slots = range(chosen.start_ms, chosen.end_ms + 1, interval_ms)
        begin = _continued(request["NextToken"], len(slots)) if request.get("NextToken") else 0
        end = begin + min(_PAGE, request.get("MaxResults") or _PAGE)
        settings = ImageSettings.of(request | {"SamplingInterval": interval_ms})
        response: Parameters = {"Images": self._images(stream, chosen, slots[begin:end], settings)}
        return response | ({"NextToken": tokens.write(f"slot {end}")} if end < len(slots) else {})

    def _images(
        self, stream: Stream, chosen: Selection, slots: Sequence[int], settings: ImageSettings
    ) -> list[dict[str, Any]]:
        found = self._fragments.in_range(stream, chosen, most=_MOST_FRAGMENTS)
        found = [one for one in found if self._faults.draw((Missing,), "GetImages", stream.name) is None]
        by_fragment = _assigned(found, chosen, slots)
        made: dict[int, str | bytes] = {}
        for stored, slots_ms in by_fragment.items():
            made |= dict(self._encoded(stored, stored.starts_ms(chosen.clock), slots_ms, settings))
        return [self._image(stream, slot, made.get(slot, "NO_MEDIA")) for slot in slots]

    def _encoded(
        self, stored: StoredFragment, start_ms: int, slots_ms: Sequence[int], settings: ImageSettings
    ) -> Iterator[tuple[int, str | bytes]]:
        """(slot, image or error code)."""
        try:
            fragment = read_fragment(self._fragments, stored)
        except FragmentExpiredError:
            return
        times = video_times_ms(fragment)
        if not times:
            yield from ((slot, "MEDIA_ERROR") for slot in slots_ms)
            return
        frame_of = {slot: shown_at(times, slot - start_ms) for slot in slots_ms}
        encoded: dict[Fraction, bytes] = {}
        with suppress(
            UndecodableError, FrameTooLargeError
        ):  # keeps the frames decoded before the error: `update` adds them one by one
            encoded.update(extract_images(fragment, sorted(set(frame_of.values())), settings))
        for slot, at_ms in frame_of.items():
            image = encoded.get(at_ms, b"")
            yield slot, image if 0 < len(image) <= _MOST_IMAGE_BYTES else "MEDIA_ERROR"

    def _image(self, stream: Stream, slot_ms: int, result: str | bytes) -> dict[str, Any]:
        if isinstance(result, bytes):
            fault = self._faults.draw((NoMedia, Undecodable), "GetImages", stream.name)
            result = _FAULTS[type(fault)] if fault is not None else result
        image: dict[str, Any] = {"TimeStamp": slot_ms / 1000}
        if isinstance(result, str):
            return image | {"Error": result}
        return image | {"ImageContent": base64.b64encode(result).decode()}


def _assigned(
    found: Sequence[StoredFragment], chosen: Selection, slots: Sequence[int]
) -> dict[StoredFragment, list[int]]:
    """Slots by the fragment that contains them; slots between fragments are omitted."""
    starts = [one.starts_ms(chosen.clock) for one in found]
    by_fragment: defaultdict[StoredFragment, list[int]] = defaultdict(list)
    for slot in slots:
        index = bisect_right(starts, slot) - 1
        if index >= 0 and slot < starts[index] + max(1, found[index].length_ms):
            by_fragment[found[index]].append(slot)
    return by_fragment


def _selection(request: Parameters) -> Selection:
    start_ms, end_ms = (round(1000 * request[name]) for name in ("StartTimestamp", "EndTimestamp"))
    if end_ms < start_ms:
        raise InvalidArgumentError("EndTimestamp must not be before StartTimestamp.")
    if end_ms - start_ms > _LONGEST_RANGE_MS:
        raise InvalidArgumentError("The range must not be longer than 300 seconds.")
    return Selection(request["ImageSelectorType"], start_ms, end_ms)


def _interval_ms(request: Parameters) -> int:
    interval_ms = request.get("SamplingInterval")
    if interval_ms is None:
        return _DEFAULT_INTERVAL_MS
    if interval_ms < _LEAST_INTERVAL_MS:
        raise InvalidArgumentError(f"SamplingInterval must be at least {_LEAST_INTERVAL_MS} ms.")
    return int(interval_ms)


def _check_image(request: Parameters) -> None:
    check_quality(request.get("FormatConfig") or {})
    if (request.get("WidthPixels") is None) != (request.get("HeightPixels") is None):
        raise InvalidArgumentError("WidthPixels and HeightPixels must be given together.")


def _continued(token: str, slots: int) -> int:
    word, _, number = tokens.read(token).partition(" ")
    if word != "slot" or not (number.isascii() and number.isdecimal()) or not 0 < int(number) < slots:
        raise tokens.invalid()
    return int(number)
