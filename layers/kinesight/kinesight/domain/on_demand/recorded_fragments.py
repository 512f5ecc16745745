"""Finds notified fragments among those that KVS lists. Who may publish to the notification topic can invent others, and
a camera may publish there (developer guide, "Notifications in Kinesis Video Streams")."""

from collections.abc import Collection, Iterator
from dataclasses import replace

from kinesight.domain.model import LATEST_MS, Selector
from kinesight.domain.on_demand.executions import stream_name_of
from kinesight.domain.on_demand.kvs_notifications import NotifiedFragment
from kinesight.domain.ports import FragmentIndex

_ROUNDED_MS = 999
"""The guide does not specify the unit of a notification's timestamps: they may be in whole seconds."""
_LISTED_AT_ONCE_MS = 300_000
_LATEST_START_MS = LATEST_MS - _ROUNDED_MS


def recorded_fragments(
    fragments: Collection[NotifiedFragment], selector: Selector, index: FragmentIndex
) -> dict[NotifiedFragment, NotifiedFragment]:
    """Returns those that their stream has, with the start that KVS lists. Raises MediaBusyError, StreamGoneError."""
    by_time = sorted(fragments, key=lambda one: one.start_ms)
    found: dict[NotifiedFragment, NotifiedFragment] = {}
    for group in _groups(by_time):
        begin_ms = max(0, group[0].start_ms - _ROUNDED_MS)
        end_ms = min(group[-1].start_ms, _LATEST_START_MS) + _ROUNDED_MS
        listed = index.fragments(stream_name_of(group[0].stream_arn) or "", selector, begin_ms, end_ms)
        starts_ms = {one.number: one.start_ms for one in listed}
        for one in group:
            start_ms = starts_ms.get(one.fragment_number)
            if start_ms is not None and abs(start_ms - one.start_ms) <= _ROUNDED_MS:
                found[one] = replace(one, start_ms=start_ms)
    return found


def _groups(by_time: list[NotifiedFragment]) -> Iterator[list[NotifiedFragment]]:
    """Yields fragments of one stream that one listing covers."""
    group: list[NotifiedFragment] = []
    for one in by_time:
        if group and one.start_ms - group[0].start_ms > _LISTED_AT_ONCE_MS:
            yield group
            group = []
        group.append(one)
    if group:
        yield group
