"""Ports and settings of the analysis pipeline: the configured detector, the results stream, the ledger."""

from __future__ import annotations

import time
from collections.abc import Callable

from kinesight.adapters.aws import clients
from kinesight.adapters.dynamodb.documents import DynamoDbDocuments
from kinesight.adapters.dynamodb.ledger import PowertoolsLedger
from kinesight.adapters.media.pillow_luma import PillowLuma
from kinesight.adapters.messages.kinesis_results import KinesisResultSink
from kinesight.adapters.s3.image_store import S3ImageStore
from kinesight.detection_settings import DetectionSettings
from kinesight.domain.analysis.kit_record import kit_fields
from kinesight.domain.analysis.pipeline import LEDGER, DetectionPorts, ExtraFields, PipelineSettings
from kinesight.domain.analysis.rekognition_record import face_record_fields
from kinesight.domain.configuration.current import CurrentConfiguration
from kinesight.domain.gate.frame_gate import FrameGate
from kinesight.wiring.current_configuration import current_configuration
from kinesight.wiring.detectors import CameraDetectors

clients.create_on_lambda(clients.dynamodb, clients.kinesis, clients.s3)

_EXTRA_FIELDS: dict[str, ExtraFields] = {"KIT": kit_fields, "REKOGNITION": face_record_fields}


def pipeline_settings(settings: DetectionSettings) -> PipelineSettings:
    """Settings of every frame. Raises InvalidConfigurationError, StorageBusyError."""
    current = configuration(settings)
    results, limits = current().document.results, current().limits
    return PipelineSettings(
        configuration=current,
        include_raw_output=results.include_raw_output,
        extra_fields=_EXTRA_FIELDS.get(results.format),
        concurrent_detections=limits.concurrent_detections,
    )


def configuration(settings: DetectionSettings) -> CurrentConfiguration:
    """The configuration of every stream."""
    return current_configuration(settings, settings.permitted)


def has_stream_metrics(settings: DetectionSettings, stream_name: str) -> bool:
    """Whether a stream has metrics of its own, by the configuration that its frames were analyzed with. Nothing is read
    here: a failure would fail a batch whose frames have their outcomes already."""
    in_use = configuration(settings).in_use
    return in_use is not None and in_use.of_stream(stream_name).camera.metrics_per_stream


def gate(settings: DetectionSettings) -> FrameGate:
    """The gate, with the settings of each stream."""
    current = configuration(settings)
    return FrameGate(
        settings=lambda stream_name: current().of_stream(stream_name).camera.gate,
        images=S3ImageStore(clients.s3()),
        lumas=PillowLuma(),
        states=DynamoDbDocuments(clients.dynamodb(), settings.coordination_table, kind="gate"),
    )


def ports(
    settings: DetectionSettings,
    remaining_ms: Callable[[], int],
    frame_gate: FrameGate | None = None,
    chosen_detector: str | None = None,
) -> DetectionPorts:
    """`remaining_ms`: how long this invocation may still run. `chosen_detector`: of an execution, for all its frames.
    Raises InvalidSettingError."""
    return DetectionPorts(
        detectors=CameraDetectors(settings, configuration(settings), chosen_detector),
        results=KinesisResultSink(clients.kinesis(), settings.results_stream_name, sleep=time.sleep),
        ledger=PowertoolsLedger(
            clients.dynamodb(),
            settings.idempotency_table,
            name=LEDGER,
            kept_seconds=settings.idempotency_hours * 3600,
            remaining_ms=remaining_ms,
        ),
        now_ms=lambda: round(time.time() * 1000),
        gate=frame_gate,
    )
