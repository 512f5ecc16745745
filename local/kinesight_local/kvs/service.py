"""One account and Region: streams, media and deliveries, with all state in one folder."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from botocore import xform_name

from kinesight_local.kvs.aws_models import Route
from kinesight_local.kvs.delivery.worker import Delivery, Job
from kinesight_local.kvs.exceptions import NotImplementedHereError, ResourceNotFoundError
from kinesight_local.kvs.faults import FaultBook, Faults
from kinesight_local.kvs.live_edge import LiveEdge
from kinesight_local.kvs.media.fragment import IngestedFragment
from kinesight_local.kvs.operations.archived_media import ArchivedMedia
from kinesight_local.kvs.operations.body import Body
from kinesight_local.kvs.operations.control import ControlPlane, Parameters, key_of
from kinesight_local.kvs.operations.get_clip import Clips
from kinesight_local.kvs.operations.get_images import Images
from kinesight_local.kvs.operations.get_media import Media
from kinesight_local.kvs.operations.hls import Hls, new_key
from kinesight_local.kvs.quotas import Limits, Quotas, points_of
from kinesight_local.kvs.storage.fragment_files import FragmentFiles
from kinesight_local.kvs.storage.fragment_reader import FragmentReader
from kinesight_local.kvs.storage.fragment_store import FragmentStore
from kinesight_local.kvs.storage.index import Index
from kinesight_local.kvs.storage.pending_deliveries import PendingDeliveries
from kinesight_local.kvs.storage.secret_keys import secret_key
from kinesight_local.kvs.storage.stored_fragment import FragmentIdentity
from kinesight_local.kvs.storage.streams import StreamKey, StreamRegistry
from kinesight_local.kvs.timing import Timing
from kinesight_local.kvs.undocumented import Undocumented
from kinesight_local.kvs.validation import check

_SWEEP_EVERY_MS = 60_000


@dataclass(frozen=True, slots=True)
class Persisted:
    """`job`: the deliveries that the fragment's tags request, to be submitted once PERSISTED is acknowledged."""

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
        undocumented: Undocumented | None = None,
    ) -> None:
        """`url`: the response of GetDataEndpoint. `now_ms`: the machine's clock, in epoch milliseconds. `limits`: the
        quotas to enforce; None enforces nothing.

        Raises UnreadableStateError.
        """
        data_dir.mkdir(parents=True, exist_ok=True)
        self.faults = FaultBook(faults)
        self.quotas = Quotas(limits)
        self.timing = timing or Timing()
        chosen = undocumented or Undocumented()
        self._machine_now_ms = now_ms
        self._index = Index(data_dir / "index.sqlite")
        files = FragmentFiles(data_dir / "fragments")
        self._fragments = FragmentReader(self._index, files, now_ms=self._now_ms)
        self._store = FragmentStore(self._index, files, now_ms=self._now_ms)
        self.streams = StreamRegistry(
            self._index, arn_prefix=f"arn:aws:kinesisvideo:{region}:{account_id}", now_ms=self._now_ms
        )
        self._live_edge = LiveEdge()
        key = secret_key(self._index, "hls", new_key)
        self.hls = Hls(self.streams, self._fragments, url=url, key=key, now_ms=self._now_ms)
        self._operations = (
            ControlPlane(
                self.streams, self._store, self.quotas, region=region, data_endpoint=url, describe=chosen.describe
            ),
            ArchivedMedia(self.streams, self._fragments, self.faults),
            Images(self.streams, self._fragments, self.faults),
            Clips(self.streams, self._fragments, self.quotas),
            Media(self.streams, self._fragments, self._live_edge, self.faults, self.timing.live_edge_timeout_s, limits),
            self.hls,
        )
        pending = PendingDeliveries(self._index)
        self.delivery = Delivery(
            self._fragments, pending, self.faults, account_id=account_id, region=region, join=chosen.image_join
        )
        self._swept_ms = self._now_ms()

    def _now_ms(self) -> int:
        return self._machine_now_ms() + self.faults.clock_skew_ms

    def close(self) -> None:
        """No method may be called afterwards."""
        self._index.close()

    def call(self, route: Route, parameters: Parameters) -> Parameters | Body:
        """The response of an operation. Raises KvsError."""
        check(route.model, parameters)
        for part in self._operations:
            method = getattr(part, xform_name(route.operation), None)
            if method is not None:
                self._charge(route.operation, parameters)
                response: Parameters | Body = method(parameters)
                return response
        raise NotImplementedHereError(f"The emulator does not support {route.operation}.")

    def _charge(self, operation: str, parameters: Parameters) -> None:
        key = key_of(parameters)
        if self.quotas.limits is None or operation == "CreateStream" or not (key.name or key.arn):
            self.quotas.charge_call(operation, None)
            return
        stream = self.streams.get(key)
        self.quotas.charge_call(operation, stream.arn)
        self.quotas.charge_points(stream.arn, **points_of(operation, parameters))

    def begin_fragment(self, stream_arn: str) -> FragmentIdentity:
        """Assigns a number when a fragment's first bytes arrive. `persist` or `abandon_fragment` must follow.

        Raises ResourceNotFoundError if the stream was deleted.
        """
        self.streams.get(StreamKey(arn=stream_arn))
        identity = self._store.begin(stream_arn)
        self._live_edge.opened(stream_arn)
        return identity

    def abandon_fragment(self, stream_arn: str) -> None:
        """Records that a fragment will not be completed."""
        self._live_edge.closed(stream_arn)

    def persist(self, stream_arn: str, fragment: IngestedFragment, identity: FragmentIdentity) -> Persisted | None:
        """Stores a complete fragment. None at retention 0, which only keeps it in the host buffer.

        Raises ResourceNotFoundError if the stream was deleted, OSError if the fragment cannot be written.
        """
        archived = self.streams.get(StreamKey(arn=stream_arn)).retention_hours > 0
        stored = self._store.add(stream_arn, fragment, identity, archived=archived)
        try:
            stream = self.streams.get(StreamKey(arn=stream_arn))
        except ResourceNotFoundError:
            self._store.drop(stream_arn)
            raise
        self._live_edge.closed(stream_arn)
        self._sweep_when_due()
        if not archived:
            return None
        self.delivery.count(stream.name, fragments_persisted=1)
        return Persisted(self.delivery.job(stream, fragment, stored))

    def statistics(self, stream_name: str) -> dict[str, int]:
        """Counts since the start of the emulator. Raises ResourceNotFoundError."""
        return self.delivery.counters(self.streams.get(StreamKey(name=stream_name)).name)

    def sweep(self) -> int:
        """Deletes the expired fragments of all streams; returns their number."""
        self._swept_ms = self._now_ms()
        return sum(self._store.sweep(stream.arn, stream.retention_hours) for stream in self.streams.all())

    def _sweep_when_due(self) -> None:
        """Expired fragments are never served; deleting them once a minute keeps the disk from filling up."""
        if self._now_ms() - self._swept_ms > _SWEEP_EVERY_MS:
            self.sweep()
