"""Clients for KVS data endpoints, cached per stream and API.

GetDataEndpoint is limited to 5 calls per second and stream. Caching is safe as long as a failing endpoint is fetched
again ("Amazon Kinesis Video Streams service quotas"); AWS's own SDKs refresh every 40 to 45 minutes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mypy_boto3_kinesis_video_archived_media import KinesisVideoArchivedMediaClient
    from mypy_boto3_kinesis_video_media import KinesisVideoMediaClient
    from mypy_boto3_kinesisvideo import KinesisVideoClient
    from mypy_boto3_kinesisvideo.literals import APINameType

_KEPT_S = 40 * 60


class DataClients[Client]:
    """Cached clients of one data service, by stream and API."""

    def __init__(
        self,
        control: KinesisVideoClient,
        connect: Callable[[str], Client],
        *,
        monotonic_s: Callable[[], float],
    ) -> None:
        """`connect` returns a client for an endpoint URL."""
        self._control = control
        self._connect = connect
        self._monotonic_s = monotonic_s
        self._known: dict[tuple[str, str], tuple[float, Client]] = {}

    def client(self, stream_name: str, api: APINameType) -> Client:
        """Returns the client; calls GetDataEndpoint at most once in 40 minutes. Raises botocore's errors."""
        known = self._known.get((stream_name, api))
        if known is not None and self._monotonic_s() - known[0] <= _KEPT_S:
            return known[1]
        response = self._control.get_data_endpoint(StreamName=stream_name, APIName=api)
        client = self._connect(response["DataEndpoint"])
        self._known[stream_name, api] = (self._monotonic_s(), client)
        return client

    def forget(self, stream_name: str, api: APINameType) -> None:
        """Drops the cached client. Call it when a request to the endpoint failed."""
        self._known.pop((stream_name, api), None)


type ArchivedMediaClients = DataClients[KinesisVideoArchivedMediaClient]
type MediaClients = DataClients[KinesisVideoMediaClient]
