"""Makes a time-lapse on this machine: needs a stream and credentials, no stack."""

import secrets
import shutil
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from kinesight.adapters.aws.kvs_data_clients import DataClients
from kinesight.adapters.kvs.fragment_archive import KvsFragmentArchive
from kinesight.adapters.kvs.image_archive import KvsArchive
from kinesight.adapters.kvs.stream_directory import KvsStreamDirectory
from kinesight.adapters.media.av_image_extractor import AvImageExtractor
from kinesight.adapters.media.av_timelapse_encoder import AvTimelapseEncoder
from kinesight.domain.on_demand.extract_images import ExtractionPorts, extract_window
from kinesight.domain.on_demand.messages import WINDOWS, AnalysisRequest, RangePlan, WindowManifest
from kinesight.domain.on_demand.plan_windows import PlanningPorts, plan_range
from kinesight.domain.on_demand.render_timelapse import Progress, RenderingPorts, render

from kinesight_cli.shared import aws_session

_EXECUTION = "direct"
_WINDOWS_AT_ONCE = 4
"""GetImages allows 20 calls of 25 images per second and stream ("Service quotas")."""
_NO_TIMEOUT_MS = 86_400_000


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder of this machine instead of a bucket."""

    path: Path

    @property
    def bucket(self) -> str:
        return str(self.path)

    def write(self, key: str, body: bytes, content_type: str) -> None:  # noqa: ARG002 - a file has none
        self._file(key).write_bytes(body)

    def read(self, key: str) -> bytes | None:
        path = self.path / key
        return path.read_bytes() if path.is_file() else None

    def upload(self, path: Path, key: str, content_type: str) -> None:  # noqa: ARG002 - a file has none
        shutil.copyfile(path, self._file(key))

    def download(self, key: str, path: Path) -> None:
        shutil.copyfile(self.path / key, path)

    def _file(self, key: str) -> Path:
        path = self.path / key
        path.parent.mkdir(parents=True, exist_ok=True)
        return path


def make_timelapse(
    workflow_input: Mapping[str, object], video: Path, poster: Path, progress: Callable[[int, int], None]
) -> dict[str, Any]:
    """Writes video and poster; returns the counts of the workflow's summary. Calls `progress(windows done, all)`.

    Raises KinesightError, as the workflow's steps do.
    """
    with TemporaryDirectory() as scratch:
        work = Folder(Path(scratch) / "work")
        clients = DataClients(aws_session.client("kinesisvideo"), _connect, monotonic_s=time.monotonic)
        archive = KvsArchive(clients, sleep=time.sleep)
        directory = KvsStreamDirectory(aws_session.client("kinesisvideo"))
        ports = PlanningPorts(directory, archive, work, lambda: datetime.now(UTC), lambda: secrets.token_hex(32))
        plan = plan_range(AnalysisRequest.parse(workflow_input), _EXECUTION, ports)
        fragments = KvsFragmentArchive(clients, sleep=time.sleep)
        manifests = _extract(plan, ExtractionPorts(archive, fragments, AvImageExtractor(), work), progress)
        _render(plan, work, Path(scratch))
        if plan.timelapse is not None:
            work.download(plan.timelapse.video_key, video)
            work.download(plan.timelapse.poster_key, poster)
    return _counts(plan, manifests)


def _connect(endpoint: str) -> Any:
    return aws_session.client("kinesis-video-archived-media", endpoint_url=endpoint)


def _extract(plan: RangePlan, ports: ExtractionPorts, progress: Callable[[int, int], None]) -> list[WindowManifest]:
    windows = WINDOWS.validate_json(ports.work.read(plan.windows_key) or b"[]")
    manifests = []
    with ThreadPoolExecutor(_WINDOWS_AT_ONCE) as pool:
        for manifest in pool.map(lambda window: extract_window(plan, window, ports), windows):
            manifests.append(manifest)
            progress(len(manifests), len(windows))
    return manifests


def _render(plan: RangePlan, work: Folder, folder: Path) -> None:
    ports = RenderingPorts(work, AvTimelapseEncoder(), work, work, folder, lambda: _NO_TIMEOUT_MS)
    rendered = Progress()
    while not rendered.done:
        rendered = render(plan, rendered, ports)


def _counts(plan: RangePlan, manifests: list[WindowManifest]) -> dict[str, Any]:
    missing = sum(len(one.missing) for one in manifests)
    return {
        "requested": plan.slots,
        "extracted": plan.slots - missing,
        "decoded": sum(one.decoded for one in manifests),
        "missing": missing,
    }
