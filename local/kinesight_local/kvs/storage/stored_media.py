"""Parses stored fragments."""

from functools import lru_cache
from itertools import chain

from kinesight.media.mkv import MkvParser, Track, TracksEvent

from kinesight_local.kvs.media.fragment import IngestedFragment
from kinesight_local.kvs.media.ingest import Ingest
from kinesight_local.kvs.storage.fragment_reader import FragmentReader
from kinesight_local.kvs.storage.stored_fragment import StoredFragment


class FragmentExpiredError(Exception):
    """The fragment was deleted after the query that found it."""


def read_fragment(fragments: FragmentReader, stored: StoredFragment) -> IngestedFragment:
    """The fragment as PutMedia ingested it. Raises FragmentExpiredError."""
    try:
        body = b"".join(fragments.parts(stored))
    except FileNotFoundError as error:
        raise FragmentExpiredError(stored.number) from error
    ingest = Ingest()
    for outcome in chain(ingest.feed(body), ingest.close()):
        if isinstance(outcome, IngestedFragment):
            outcome.producer_ms = stored.producer_ms
            return outcome
    raise FragmentExpiredError(stored.number)  # the file was changed


def tracks_of(fragments: FragmentReader, stored: StoredFragment) -> tuple[Track, ...]:
    """Reads the header only, so that a playlist of a thousand fragments reads no media. Raises FragmentExpiredError."""
    try:
        return _tracks(fragments.header(stored))
    except FileNotFoundError as error:
        raise FragmentExpiredError(stored.number) from error


@lru_cache(maxsize=64)
def _tracks(header: bytes) -> tuple[Track, ...]:
    """Cached: all fragments of one producer connection have the same header."""
    found = (event.tracks for event in MkvParser().feed(header) if isinstance(event, TracksEvent))
    return next(found, ())
