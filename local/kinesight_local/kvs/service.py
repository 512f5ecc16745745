"""One account and Region: streams, media and what is delivered from them, with all state in one folder."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from threading import RLock

from botocore import xform_name

from kinesight_local.kvs.archived_media import ArchivedMedia
from kinesight_local.kvs.control import ControlPlane, Parameters
from kinesight_local.kvs.delivery import Delivery, Job
from kinesight_local.kvs.exceptions import NotImplementedHereError, ResourceNotFoundError
from kinesight_local.kvs.fragment import IngestedFragment
from kinesight_local.kvs.store import FragmentIdentity, FragmentStore, open_index
from kinesight_local.kvs.streams import StreamKey, StreamRegistry
from kinesight_local.kvs.urls import Route
from kinesight_local.kvs.validation import check

_SWEEP_EVERY_MS = 60_000


@dataclass(frozen=True, slots=True)
class Persisted:
    """`job`: what the fragment's tags ask for, to be submitted to `delivery` once the producer knows."""

    job: Job | None


def _epoch_ms() -> int:
    return time.time_ns() // 1_000_000


class KvsService:
    """Every method may be called from any thread."""

    def __init__(
        self, data_dir: Path, *, region: str, account_id: str, url: str, now_ms: Callable[[], int] = _epoch_ms
    ) -> None:
        """`url`: what GetDataEndpoint answers. `now_ms`: the server's clock, in epoch milliseconds.

        Raises UnreadableStateError.
        """
        data_dir.mkdir(parents=True, exist_ok=True)
        lock = RLock()
        self._index = open_index(data_dir / "index.sqlite")
        owner = f"arn:aws:kinesisvideo:{region}:{account_id}"
        self.streams = StreamRegistry(self._index, lock, owner=owner, now_ms=now_ms)
        self._store = FragmentStore(data_dir / "fragments", self._index, lock, now_ms=now_ms)
        self._operations = (
            ControlPlane(self.streams, self._store, region=region, data_endpoint=url),
            ArchivedMedia(self.streams, self._store),
        )
        self.delivery = Delivery(account_id, region)
        self._now_ms = now_ms
        self._swept_ms = now_ms()

    def close(self) -> None:
        """Nothing may be called any more."""
        self._index.close()

    def call(self, route: Route, parameters: Parameters) -> Parameters | Iterator[bytes]:
        """An operation's answer; where the model streams, its body piece by piece. Raises KvsError."""
        check(route.model, parameters)
        for part in self._operations:
            method = getattr(part, xform_name(route.operation), None)
            if method is not None:
                answer: Parameters | Iterator[bytes] = method(parameters)
                return answer
        raise NotImplementedHereError(f"{route.operation} is not part of this emulator yet.")

    def begin_fragment(self, stream_arn: str) -> FragmentIdentity:
        """For a fragment whose first bytes arrived. Raises ResourceNotFoundError if its stream was deleted."""
        self.streams.get(StreamKey(arn=stream_arn))
        return self._store.begin(stream_arn)

    def persist(self, stream_arn: str, fragment: IngestedFragment, identity: FragmentIdentity) -> Persisted | None:
        """None at retention 0: the host buffer that consumers can read from then is not here.

        Raises ResourceNotFoundError if the stream was deleted, OSError if the fragment can't be written.
        """
        if self.streams.get(StreamKey(arn=stream_arn)).retention_hours == 0:
            return None
        stored = self._store.add(stream_arn, fragment, identity)
        try:
            stream = self.streams.get(StreamKey(arn=stream_arn))
        except ResourceNotFoundError:
            self._store.drop(stream_arn)
            raise
        self.delivery.count(stream.name, fragments_persisted=1)
        self._sweep_when_due()
        return Persisted(self.delivery.job(stream, fragment, stored))

    def statistics(self, stream_name: str) -> dict[str, int]:
        """Counts since the start. Raises ResourceNotFoundError."""
        return self.delivery.counters(self.streams.get(StreamKey(name=stream_name)).name)

    def sweep(self) -> int:
        """Deletes what every stream's retention has passed; how many fragments."""
        self._swept_ms = self._now_ms()
        return sum(self._store.sweep(stream.arn, stream.retention_hours) for stream in self.streams.all())

    def _sweep_when_due(self) -> None:
        """What has expired is never served, so it only has to go before it fills the disk."""
        if self._now_ms() - self._swept_ms > _SWEEP_EVERY_MS:
            self.sweep()
