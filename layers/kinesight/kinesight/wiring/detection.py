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
from kinesight.domain.analysis.kit_record import kit_fields
from kinesight.domain.analysis.pipeline import LEDGER, DetectionPorts, ExtraFields, PipelineSettings
from kinesight.domain.analysis.rekognition_record import face_record_fields
from kinesight.domain.gate.decision import GateSettings
from kinesight.domain.gate.frame_gate import FrameGate
from kinesight.settings import DetectionSettings, GatedSettings
from kinesight.wiring.current_rules import current_rules
from kinesight.wiring.detectors import detector

_EXTRA_FIELDS: dict[str, ExtraFields] = {"KIT": kit_fields, "REKOGNITION": face_record_fields}


def pipeline_settings(settings: DetectionSettings) -> PipelineSettings:
    """Settings of every frame."""
    return PipelineSettings(
        rules=current_rules(settings.configuration_bucket, tuple(settings.labels), settings.minimum_confidence),
        include_raw_output=settings.include_raw_output,
        extra_fields=_EXTRA_FIELDS.get(settings.result_format),
        concurrent_detections=settings.concurrent_detections,
    )


def gate(settings: GatedSettings) -> FrameGate:
    """Gate settings are those of the rules document for the stream, else the parameters'."""
    default = GateSettings(
        mode=settings.frame_gate,
        method=settings.gate_method,
        threshold=settings.gate_threshold,
        minimum_interval_milliseconds=settings.gate_minimum_interval_milliseconds,
        maximum_interval_seconds=settings.gate_maximum_interval_seconds,
    )
    rules = pipeline_settings(settings).rules
    return FrameGate(
        settings=lambda stream_name: rules().of_stream(stream_name).camera.gate or default,
        images=S3ImageStore(clients.s3()),
        lumas=PillowLuma(),
        states=DynamoDbDocuments(clients.dynamodb(), settings.coordination_table, kind="gate"),
    )


def ports(
    settings: DetectionSettings, remaining_ms: Callable[[], int], frame_gate: FrameGate | None = None
) -> DetectionPorts:
    """`remaining_ms`: how long this invocation may still run. Raises InvalidSettingError."""
    return DetectionPorts(
        detector=detector(settings),
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
