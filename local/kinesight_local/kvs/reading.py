"""Fragments from disk, as PutMedia took them in."""

from functools import lru_cache
from itertools import chain

from kinesight.media.mkv import MkvParser, Track, TracksEvent

from kinesight_local.kvs.documents import FragmentGoneError
from kinesight_local.kvs.fragment import IngestedFragment
from kinesight_local.kvs.ingest import Ingest
from kinesight_local.kvs.store import FragmentStore, StoredFragment


def reread(store: FragmentStore, stored: StoredFragment) -> IngestedFragment:
    """Its frames, tracks and tags; `producer_ms` is the stored one. Raises FragmentGoneError."""
    try:
        body = b"".join(store.parts(stored))
    except FileNotFoundError as error:
        raise FragmentGoneError(stored.number) from error
    ingest = Ingest()
    for outcome in chain(ingest.feed(body), ingest.close()):
        if isinstance(outcome, IngestedFragment):
            outcome.producer_ms = stored.producer_ms
            return outcome
    raise FragmentGoneError(stored.number)  # a file that somebody changed


def tracks_of(store: FragmentStore, stored: StoredFragment) -> tuple[Track, ...]:
    """From its header alone: a playlist of a thousand fragments reads no media. Raises FragmentGoneError."""
    try:
        return _tracks(store.header(stored))
    except FileNotFoundError as error:
        raise FragmentGoneError(stored.number) from error


@lru_cache(maxsize=64)
def _tracks(header: bytes) -> tuple[Track, ...]:
    """One producer's header is the same for all its fragments."""
    found = (event.tracks for event in MkvParser().feed(header) if isinstance(event, TracksEvent))
    return next(found, ())
