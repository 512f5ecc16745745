"""Ports of serve_viewer."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal

from pydantic import Field

from kinesight.adapters.aws import clients
from kinesight.adapters.compute.step_functions_workflow import StepFunctionsWorkflow
from kinesight.adapters.dynamodb.documents import DynamoDbDocuments
from kinesight.adapters.dynamodb.managed_streams import DynamoDbManagedStreams
from kinesight.adapters.dynamodb.viewer_sessions import DynamoDbSessionMarks, DynamoDbSessionPages
from kinesight.adapters.kvs.image_archive import KvsArchive
from kinesight.adapters.kvs.playback import KvsPlayback
from kinesight.adapters.kvs.stream_directory import KvsStreamDirectory
from kinesight.adapters.s3.bucket import S3Bucket
from kinesight.adapters.s3.evidence_reader import S3EvidenceReader
from kinesight.adapters.s3.rules_file import S3RulesFile
from kinesight.domain.configuration.current import DOCUMENT_KEY
from kinesight.domain.configuration.outputs import ViewerSettings
from kinesight.domain.configuration.stream_tags import StreamTagsFile
from kinesight.domain.errors import InvalidConfigurationError, StorageBusyError
from kinesight.domain.parameters import CommaList
from kinesight.domain.rate_limit import Pace
from kinesight.domain.streams.discovery import SelectionGuard
from kinesight.domain.streams.selection import StreamSelection
from kinesight.domain.viewer.analyses import AnalysisPorts
from kinesight.domain.viewer.bundle import BundlePorts
from kinesight.domain.viewer.cameras import CALLS_PER_SECOND, CameraPorts, CameraViewSettings
from kinesight.domain.viewer.evidence import EvidenceBuckets
from kinesight.domain.viewer.images import CameraImagePorts
from kinesight.domain.viewer.playback import ClipMaker, PlaybackPorts
from kinesight.domain.viewer.rules import RulesPorts
from kinesight.domain.viewer.serve_viewer import ViewerPorts
from kinesight.settings import StreamConfigurationSettings
from kinesight.wiring.current_configuration import camera_parameters, current_configuration
from kinesight.wiring.stream_settings import stream_settings_of
from kinesight.wiring.system_clock import SystemClock

clients.create_on_lambda(clients.dynamodb, clients.kinesis_video, clients.s3, clients.step_functions)


class ServeViewerSettings(StreamConfigurationSettings):
    """Where events and their evidence are, the stream settings, and where analyses run.

    `aws_region` is set by Lambda itself.
    """

    sessions_table: str
    evidence_bucket: str
    images_bucket: str
    evidence_retention_days: int = Field(default=90, ge=1)
    labels: CommaList = Field(default=[])
    live_status: Literal["ENABLED", "DISABLED"] = "DISABLED"
    state_machine_arn: str
    aws_region: str = ""

    def camera_parameters(self) -> dict[str, Any]:
        return super().camera_parameters() | {"labels": self.labels}


@cache
def _environment() -> ServeViewerSettings:
    return ServeViewerSettings.from_environment()


def _link_seconds() -> int:
    """As the document says now; while it is invalid or cannot be read, the schema's default."""
    try:
        return current_configuration(_environment())().document.viewer.link_seconds
    except (InvalidConfigurationError, StorageBusyError):
        return ViewerSettings().link_seconds


def ports() -> ViewerPorts:
    """Raises InvalidSettingError."""
    return _ports(_link_seconds())


@cache
def _ports(link_seconds: int) -> ViewerPorts:
    environment = _environment()
    kept_seconds = environment.evidence_retention_days * 86_400
    return ViewerPorts(
        pages=DynamoDbSessionPages(clients.dynamodb(), environment.sessions_table),
        marks=DynamoDbSessionMarks(
            clients.dynamodb(), environment.sessions_table, kept_seconds=kept_seconds, epoch_s=time.time
        ),
        evidence_buckets=_evidence_buckets(link_seconds),
        now=_now,
        link_seconds=link_seconds,
    )


def evidence_buckets() -> EvidenceBuckets:
    """Raises InvalidSettingError."""
    return _evidence_buckets(_link_seconds())


@cache
def _evidence_buckets(link_seconds: int) -> EvidenceBuckets:
    environment = _environment()
    return EvidenceBuckets(
        evidence=S3EvidenceReader(clients.s3(), environment.evidence_bucket, link_seconds=link_seconds),
        images=S3EvidenceReader(clients.s3(), environment.images_bucket, link_seconds=link_seconds),
        images_bucket=environment.images_bucket,
        kept_days=environment.evidence_retention_days,
    )


def playback() -> PlaybackPorts:
    """Raises InvalidSettingError."""
    return _playback(_link_seconds())


@cache
def _playback(link_seconds: int) -> PlaybackPorts:
    environment = _environment()
    return PlaybackPorts(
        marks=_ports(link_seconds).marks,
        evidence_buckets=_evidence_buckets(link_seconds),
        streams=_directory(),
        playback_sessions=KvsPlayback(clients.archived_media(), link_seconds=link_seconds),
        clips=_clips,
        files=S3Bucket(clients.s3(), environment.evidence_bucket),
        scratch=_scratch,
        now=_now,
    )


def bundle() -> BundlePorts:
    """Raises InvalidSettingError."""
    same = playback()
    return BundlePorts(same.marks, same.evidence_buckets, same.clips, same.files, same.scratch, same.now)


@cache
def _clips() -> ClipMaker:
    from kinesight.adapters.media.av_clips import (
        AvClips,  # PyAV takes 40 MB and time to import, and KVS plays most videos
    )

    return AvClips()


@contextmanager
def _scratch() -> Iterator[Path]:
    with TemporaryDirectory(prefix="viewer-") as folder:
        yield Path(folder)


def _now() -> datetime:
    return datetime.now(UTC)


@cache
def rules() -> RulesPorts:
    """Raises InvalidSettingError."""
    environment = _environment()
    file = S3RulesFile(clients.s3(), environment.evidence_bucket, DOCUMENT_KEY)
    tags = StreamTagsFile(S3Bucket(clients.s3(), environment.evidence_bucket))
    return RulesPorts(file, tags, camera_parameters(environment))


@cache
def camera_settings() -> CameraViewSettings:
    """Raises InvalidSettingError."""
    environment = _environment()
    configuration = current_configuration(environment)
    return CameraViewSettings(
        expected=stream_settings_of(environment, configuration),
        times_by_producer=environment.image_selector_type == "PRODUCER_TIMESTAMP",
        is_live=environment.live_status == "ENABLED",
        images_missing_s=lambda name: 60 * configuration().of_stream(name).camera.images_missing_minutes,
        region=environment.aws_region,
        partition=environment.state_machine_arn.partition("arn:")[2].partition(":")[0],
    )


@cache
def cameras() -> CameraPorts:
    """Raises InvalidSettingError."""
    table = _environment().coordination_table
    return CameraPorts(
        registry=_directory(),
        managed=DynamoDbManagedStreams(clients.dynamodb(), table, epoch_s=time.time),
        leases=DynamoDbDocuments(clients.dynamodb(), table, kind="leases"),
        last_images=DynamoDbDocuments(clients.dynamodb(), table, kind="images"),
        fragments=_archive(),
        sessions=ports().pages,
        clock=SystemClock(),
        now_ms=_now_ms,
    )


@cache
def camera_images() -> CameraImagePorts:
    """Raises InvalidSettingError."""
    return CameraImagePorts(
        selected=selected(),
        fragments=_archive(),
        archive=_archive(),
        sessions=ports().pages,
        evidence_buckets=evidence_buckets(),
        now=_now,
    )


@cache
def analyses() -> AnalysisPorts:
    """Raises InvalidSettingError."""
    environment = _environment()
    return AnalysisPorts(
        runs=StepFunctionsWorkflow(clients.step_functions(), environment.state_machine_arn),
        entries=DynamoDbDocuments(clients.dynamodb(), environment.coordination_table, kind="analyses"),
        selected=selected(),
        work=evidence_buckets().images,
        evidence=evidence_buckets().evidence,
        evidence_bucket=environment.evidence_bucket,
        now=_now,
    )


@cache
def selected() -> SelectionGuard:
    """Raises InvalidSettingError."""
    environment = _environment()
    directory, pace = _directory(), Pace(SystemClock(), CALLS_PER_SECOND)
    selection = StreamSelection.read(environment.stream_names, environment.tag_filters)

    def tags(stream_arn: str) -> Mapping[str, str]:
        return pace.call("ListTagsForStream", lambda: directory.tags(stream_arn))

    return SelectionGuard(selection, _directory(), tags)


def _directory() -> KvsStreamDirectory:
    return KvsStreamDirectory(clients.kinesis_video())


@cache
def _archive() -> KvsArchive:
    return KvsArchive(clients.archived_media(), sleep=time.sleep)


def _now_ms() -> int:
    return round(time.time() * 1000)
