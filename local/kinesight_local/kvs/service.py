"""One account and Region: streams, media and what is delivered from them, with all state in one folder."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from threading import RLock

from botocore import xform_name

from kinesight_local.kvs.archived_media import ArchivedMedia
from kinesight_local.kvs.body import Body
from kinesight_local.kvs.clips import Clips
from kinesight_local.kvs.control import ControlPlane, Parameters, key_of
from kinesight_local.kvs.delivery import Delivery, Job
from kinesight_local.kvs.exceptions import NotImplementedHereError, ResourceNotFoundError
from kinesight_local.kvs.faults import FaultBook, Faults
from kinesight_local.kvs.fragment import IngestedFragment
from kinesight_local.kvs.get_images import Images
from kinesight_local.kvs.get_media import Media
from kinesight_local.kvs.hls import Hls, new_key
from kinesight_local.kvs.quotas import Limits, Quotas, points_of
from kinesight_local.kvs.store import FragmentIdentity, FragmentStore, open_index
from kinesight_local.kvs.streams import StreamKey, StreamRegistry
from kinesight_local.kvs.timing import Timing
from kinesight_local.kvs.tip import Tip
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
        self,
        data_dir: Path,
        *,
        region: str,
        account_id: str,
        url: str,
        now_ms: Callable[[], int] = _epoch_ms,
        limits: Limits | None = None,
        faults: Faults | None = None,
        timing: Timing | None = None,
    ) -> None:
        """`url`: what GetDataEndpoint answers. `now_ms`: the machine's clock, in epoch milliseconds.

        Quotas are enforced where there are limits. Raises UnreadableStateError.
        """
        data_dir.mkdir(parents=True, exist_ok=True)
        lock = RLock()
        self.faults = FaultBook(faults)
        self.quotas = Quotas(limits)
        self.timing = timing or Timing()
        self._machine_now_ms = now_ms
        self._index = open_index(data_dir / "index.sqlite")
        owner = f"arn:aws:kinesisvideo:{region}:{account_id}"
        self.streams = StreamRegistry(self._index, lock, owner=owner, now_ms=self._now_ms)
        self._store = FragmentStore(data_dir / "fragments", self._index, lock, now_ms=self._now_ms)
        self._tip = Tip()
        key = self._store.secret("hls", new_key)
        self.hls = Hls(self.streams, self._store, url=url, key=key, now_ms=self._now_ms)
        self._operations = (
            ControlPlane(self.streams, self._store, self.quotas, region=region, data_endpoint=url),
            ArchivedMedia(self.streams, self._store, self.faults),
            Images(self.streams, self._store, self.faults),
            Clips(self.streams, self._store, self.quotas),
            Media(self.streams, self._store, self._tip, self.faults, self.timing.patience_s, limits),
            self.hls,
        )
        self.delivery = Delivery(self._store, self.faults, account_id, region)
        self._swept_ms = self._now_ms()

    def _now_ms(self) -> int:
        return self._machine_now_ms() + self.faults.clock_skew_ms

    def close(self) -> None:
        """Nothing may be called any more."""
        self._index.close()

    def call(self, route: Route, parameters: Parameters) -> Parameters | Body:
        """An operation's answer. Raises KvsError."""
        check(route.model, parameters)
        for part in self._operations:
            method = getattr(part, xform_name(route.operation), None)
            if method is not None:
                self._charge(route.operation, parameters)
                answer: Parameters | Body = method(parameters)
                return answer
        raise NotImplementedHereError(f"{route.operation} is not part of this emulator.")

    def _charge(self, operation: str, parameters: Parameters) -> None:
        key = key_of(parameters)
        if self.quotas.limits is None or operation == "CreateStream" or not (key.name or key.arn):
            self.quotas.charge_call(operation, None)
            return
        stream = self.streams.get(key)
        self.quotas.charge_call(operation, stream.arn)
        self.quotas.charge_points(stream.arn, **points_of(operation, parameters))

    def begin_fragment(self, stream_arn: str) -> FragmentIdentity:
        """For a fragment whose first bytes arrived; `persist` or `abandon_fragment` must follow.

        Raises ResourceNotFoundError if its stream was deleted.
        """
        self.streams.get(StreamKey(arn=stream_arn))
        identity = self._store.begin(stream_arn)
        self._tip.opened(stream_arn)
        return identity

    def abandon_fragment(self, stream_arn: str) -> None:
        """For a fragment that will never be whole."""
        self._tip.closed(stream_arn)

    def persist(self, stream_arn: str, fragment: IngestedFragment, identity: FragmentIdentity) -> Persisted | None:
        """None at retention 0: consumers can then read it from the host buffer for a while, and nothing is archived.

        Raises ResourceNotFoundError if the stream was deleted, OSError if the fragment can't be written.
        """
        archived = self.streams.get(StreamKey(arn=stream_arn)).retention_hours > 0
        stored = self._store.add(stream_arn, fragment, identity, archived=archived)
        try:
            stream = self.streams.get(StreamKey(arn=stream_arn))
        except ResourceNotFoundError:
            self._store.drop(stream_arn)
            raise
        self._tip.closed(stream_arn)
        self._sweep_when_due()
        if not archived:
            return None
        self.delivery.count(stream.name, fragments_persisted=1)
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
