"""HLS sessions: playlists and segments.

A signed, expiring token holds all state of a session, so that sessions survive a restart. File and parameter names are
the service's (API_reader_GetHLSStreamingSessionURL). Video and audio are in one rendition.
"""

import base64
import hashlib
import hmac
import json
import secrets
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from fractions import Fraction
from functools import lru_cache
from typing import Any, Literal
from urllib.parse import urlencode

from kinesight.media.mkv import Track

from kinesight_local.kvs.exceptions import (
    InvalidArgumentError,
    NoDataRetentionError,
    NotAuthorizedError,
    ResourceNotFoundError,
)
from kinesight_local.kvs.media.fragment import IngestedFragment
from kinesight_local.kvs.media.mp4_boxes import moved
from kinesight_local.kvs.media.mux import Placed, check_playable, fragmented_mp4, mpeg_ts
from kinesight_local.kvs.operations.control import Parameters, key_of
from kinesight_local.kvs.operations.hls_playlists import Segment, master_playlist, media_playlist
from kinesight_local.kvs.storage.fragment_reader import FragmentReader
from kinesight_local.kvs.storage.stored_fragment import Clock, Selection, StoredFragment
from kinesight_local.kvs.storage.stored_media import FragmentExpiredError, read_fragment, tracks_of
from kinesight_local.kvs.storage.streams import Stream, StreamKey, StreamRegistry

Mode = Literal["LIVE", "LIVE_REPLAY", "ON_DEMAND"]

FOLDER = "/hls/v1"
_DEFAULT_EXPIRES_S = 300
_LIVE_WITHIN_MS = 30_000
_LONGEST_RANGE_MS = 24 * 3_600_000
_FOREVER_MS = 2**62
_MOST_REPLAYED = 10_000


@dataclass(frozen=True, slots=True)
class Session:
    """The content of a token. Times are epoch milliseconds."""

    stream_arn: str
    mode: Mode
    clock: Clock
    start_ms: int
    end_ms: int
    container: Literal["FRAGMENTED_MP4", "MPEG_TS"]
    discontinuities: Literal["ALWAYS", "NEVER", "ON_DISCONTINUITY"]
    shows_time: bool
    fragments: int
    started_ms: int
    expires_ms: int
    first_ordinal: int = 0
    origin_ms: int = 0
    """Start of the segments' timeline."""


class Hls:
    """The operation, and the files that its URLs return."""

    def __init__(
        self, streams: StreamRegistry, fragments: FragmentReader, *, url: str, key: bytes, now_ms: Callable[[], int]
    ) -> None:
        """`url`: the emulator's base URL. `key`: signs tokens."""
        self._streams = streams
        self._fragments = fragments
        self._url = url
        self._key = key
        self._now_ms = now_ms
        self._fragment = lru_cache(maxsize=8)(self._read_cached)

    def get_hls_streaming_session_url(self, request: Parameters) -> Parameters:
        """All modes, both containers."""
        stream = self._streams.get(key_of(request))
        if stream.retention_hours == 0:
            raise NoDataRetentionError(f"{stream.name} has no data retention: DataRetentionInHours is 0.")
        session = _session(stream, request, self._now_ms())
        first = self._first(stream, session)
        session = replace(session, first_ordinal=first.ordinal, origin_ms=first.starts_ms(session.clock))
        check_playable(self._fragment(first).tracks)
        address = self._address(session, "getHLSMasterPlaylist.m3u8")
        return {"HLSStreamingSessionURL": f"{self._url}{FOLDER}/{address}"}

    def _first(self, stream: Stream, session: Session) -> StoredFragment:
        """Raises ResourceNotFoundError if the session has no fragments to play."""
        found = self._visible(stream, session)
        if not found or (session.mode == "LIVE" and found[-1].server_ms < self._now_ms() - _LIVE_WITHIN_MS):
            raise ResourceNotFoundError("No fragments to play in the range or, for LIVE, within the last 30 seconds.")
        return found[0]

    def master(self, token: str) -> str:
        """The master playlist. Like the following methods, raises NotAuthorizedError and ResourceNotFoundError."""
        session, stream = self._open(token)
        found = self._visible(stream, session)
        if not found:
            raise ResourceNotFoundError("The session has no fragments.")
        address = self._address(session, "getHLSMediaPlaylist.m3u8")
        return master_playlist(self._fragment(found[0]), found[0], address)

    def playlist(self, token: str) -> str:
        """The media playlist."""
        session, stream = self._open(token)
        segments = [self._segment(session, stored) for stored in self._visible(stream, session)]
        return media_playlist(
            segments,
            is_complete=session.mode == "ON_DEMAND",
            discontinuities=session.discontinuities,
            shows_time=session.shows_time,
            has_init=session.container == "FRAGMENTED_MP4",
        )

    def init_segment(self, token: str, number: str) -> bytes:
        """The initialization segment of a fragmented MP4."""
        _, stream = self._open(token)
        return fragmented_mp4(self._read(stream, number)[1])[0]

    def mp4_segment(self, token: str, number: str) -> bytes:
        """A fragment as moof and mdat."""
        session, stream = self._open(token)
        stored, fragment = self._read(stream, number)
        return moved(*fragmented_mp4(fragment), _offset_ms(session, stored), _sequence(session, stored))

    def ts_segment(self, token: str, number: str) -> bytes:
        """A fragment as MPEG-TS."""
        session, stream = self._open(token)
        stored, fragment = self._read(stream, number)
        return mpeg_ts(Placed(fragment, _offset_ms(session, stored)))

    def _visible(self, stream: Stream, session: Session) -> list[StoredFragment]:
        """The fragments that the playlist lists now."""
        if session.mode == "LIVE":
            found = self._fragments.newest(stream, session.fragments)
            return [one for one in found if one.ordinal >= session.first_ordinal]
        most = session.fragments if session.mode == "ON_DEMAND" else _MOST_REPLAYED
        chosen = Selection(session.clock, session.start_ms, session.end_ms)
        found = self._fragments.in_range(stream, chosen, most=most)
        return found if session.mode == "ON_DEMAND" else _replayed(found, session, self._now_ms())

    def _segment(self, session: Session, stored: StoredFragment) -> Segment:
        name = "getMP4MediaFragment.mp4" if session.container == "FRAGMENTED_MP4" else "getTSFragment.ts"
        return Segment(
            stored,
            self._tracks(stored),
            start_ms=stored.starts_ms(session.clock),
            sequence=_sequence(session, stored),
            address=self._address(session, name, stored.number),
            init_address=self._address(session, "getMP4InitFragment.mp4", stored.number),
        )

    def _read(self, stream: Stream, number: str) -> tuple[StoredFragment, IngestedFragment]:
        stored = self._fragments.find(stream, number)
        if stored is None:
            raise ResourceNotFoundError("The fragment is not found or has expired.")
        return stored, self._fragment(stored)

    def _tracks(self, stored: StoredFragment) -> tuple[Track, ...]:
        try:
            return tracks_of(self._fragments, stored)
        except FragmentExpiredError as error:
            raise ResourceNotFoundError("The fragment has expired.") from error

    def _read_cached(self, stored: StoredFragment) -> IngestedFragment:
        try:
            return read_fragment(self._fragments, stored)
        except FragmentExpiredError as error:
            raise ResourceNotFoundError("The fragment has expired.") from error

    def _address(self, session: Session, name: str, number: str = "") -> str:
        """A URL relative to the playlist's."""
        query = {"SessionToken": self._token(session)} | ({"FragmentNumber": number} if number else {})
        return f"{name}?{urlencode(query)}"

    def _token(self, session: Session) -> str:
        payload = json.dumps(list(asdict(session).values()), separators=(",", ":")).encode()
        return _text(payload) + "." + _text(self._signature(payload))

    def _open(self, token: str) -> tuple[Session, Stream]:
        try:
            payload, signature = (_bytes(part) for part in token.split("."))
        except ValueError as error:
            raise NotAuthorizedError("The session token is not valid.") from error
        if not hmac.compare_digest(signature, self._signature(payload)):
            raise NotAuthorizedError("The session token is not valid.")
        session = Session(*json.loads(payload))
        if session.expires_ms <= self._now_ms():
            raise NotAuthorizedError("The session has expired.")
        return session, self._streams.get(StreamKey(arn=session.stream_arn))

    def _signature(self, payload: bytes) -> bytes:
        return hmac.new(self._key, payload, hashlib.sha256).digest()


def new_key() -> bytes:
    return secrets.token_bytes(32)


def _text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def _bytes(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _session(stream: Stream, request: Parameters, now_ms: int) -> Session:
    mode: Mode = request.get("PlaybackMode") or "LIVE"
    selector = request.get("HLSFragmentSelector") or {}
    clock: Clock = selector.get("FragmentSelectorType") or "SERVER_TIMESTAMP"
    start_ms, end_ms = _range(mode, selector.get("TimestampRange") or {})
    expires_ms = now_ms + 1000 * (request.get("Expires") or _DEFAULT_EXPIRES_S)
    return Session(
        stream_arn=stream.arn,
        mode=mode,
        clock=clock,
        start_ms=start_ms,
        end_ms=end_ms,
        container=request.get("ContainerFormat") or "FRAGMENTED_MP4",
        discontinuities=request.get("DiscontinuityMode") or ("ALWAYS" if clock == "SERVER_TIMESTAMP" else "NEVER"),
        shows_time=request.get("DisplayFragmentTimestamp") == "ALWAYS",
        fragments=request.get("MaxMediaPlaylistFragmentResults") or (1000 if mode == "ON_DEMAND" else 5),
        started_ms=now_ms,
        expires_ms=expires_ms,
    )


def _range(mode: str, times: dict[str, Any]) -> tuple[int, int]:
    """(start, end): LIVE has neither, LIVE_REPLAY a start, ON_DEMAND both."""
    start_s, end_s = times.get("StartTimestamp"), times.get("EndTimestamp")
    if mode == "LIVE":
        if times:
            raise InvalidArgumentError("PlaybackMode LIVE does not allow TimestampRange.")
        return 0, _FOREVER_MS
    if start_s is None:
        raise InvalidArgumentError(f"PlaybackMode {mode} requires StartTimestamp.")
    if mode == "LIVE_REPLAY":
        return round(1000 * start_s), _FOREVER_MS
    if end_s is None or not 0 < end_s - start_s <= _LONGEST_RANGE_MS / 1000:
        raise InvalidArgumentError("ON_DEMAND requires an EndTimestamp at most 24 hours after StartTimestamp.")
    return round(1000 * start_s), round(1000 * end_s)


def _replayed(found: Sequence[StoredFragment], session: Session, now_ms: int) -> list[StoredFragment]:
    """A live window over recorded media: it starts with one playlist length and moves at the media's speed."""
    elapsed_ms, shown = now_ms - session.started_ms, session.fragments
    for stored in found[session.fragments :]:
        elapsed_ms -= max(1, stored.length_ms)
        if elapsed_ms < 0:
            break
        shown += 1
    return list(found[max(0, shown - session.fragments) : shown])


def _sequence(session: Session, stored: StoredFragment) -> int:
    return max(1, stored.ordinal - session.first_ordinal + 1)


def _offset_ms(session: Session, stored: StoredFragment) -> Fraction:
    return Fraction(max(0, stored.starts_ms(session.clock) - session.origin_ms))
