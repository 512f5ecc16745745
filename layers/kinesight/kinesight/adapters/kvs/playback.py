"""PlaybackSessions on KVS: GetHLSStreamingSessionURL. The URL needs no credentials until it expires."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

from kinesight.adapters.aws.errors import AWS_ERRORS, translate
from kinesight.adapters.aws.kvs_data_clients import ArchivedMediaClients
from kinesight.domain.errors import MediaBusyError, NoMediaError
from kinesight.domain.model import from_epoch_ms
from kinesight.domain.viewer.playback import PlaybackRange

_API: Final = "GET_HLS_STREAMING_SESSION_URL"
_LEAST_EXPIRY_S, _MOST_EXPIRY_S = 300, 43_200


class KvsPlayback:
    """Opens on-demand sessions of fragmented MP4. Gaps become discontinuities, so that players skip them."""

    def __init__(self, clients: ArchivedMediaClients, *, link_seconds: int) -> None:
        """`link_seconds` is the lifetime of sessions, limited to KVS's 300 to 43,200."""
        self._clients = clients
        self._expires_s = min(max(link_seconds, _LEAST_EXPIRY_S), _MOST_EXPIRY_S)

    def open(self, span: PlaybackRange) -> str:
        """Returns the session's URL. A range of server timestamps must not end in the future ("HLSTimestampRange")."""
        end = from_epoch_ms(span.end_ms)
        if span.selector == "SERVER_TIMESTAMP":
            end = min(end, datetime.now(UTC))
        try:
            response = self._clients.client(span.stream_name, _API).get_hls_streaming_session_url(
                StreamName=span.stream_name,
                PlaybackMode="ON_DEMAND",
                HLSFragmentSelector={
                    "FragmentSelectorType": span.selector,
                    "TimestampRange": {"StartTimestamp": from_epoch_ms(span.start_ms), "EndTimestamp": end},
                },
                ContainerFormat="FRAGMENTED_MP4",
                DiscontinuityMode="ON_DISCONTINUITY",
                DisplayFragmentTimestamp="ALWAYS",
                Expires=self._expires_s,
                MaxMediaPlaylistFragmentResults=span.fragments,
            )
        except AWS_ERRORS as error:
            self._clients.forget(span.stream_name, _API)
            raise translate(
                error, "KVS cannot play the range", transient=MediaBusyError, permanent=NoMediaError
            ) from error
        return response["HLSStreamingSessionURL"]
