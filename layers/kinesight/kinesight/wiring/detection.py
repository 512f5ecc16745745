"""What every analysis works with: the configured detector, the results stream, the ledger."""

from __future__ import annotations

import time
from collections.abc import Callable

from kinesight.adapters import aws_clients as clients
from kinesight.adapters.documents_dynamodb import DynamoDbDocuments
from kinesight.adapters.image_store_s3 import S3ImageStore
from kinesight.adapters.ledger_powertools import PowertoolsLedger
from kinesight.adapters.luma_pillow import PillowLuma
from kinesight.adapters.result_sink_kinesis import KinesisResultSink
from kinesight.domain.analysis.frame_counts import FrameCounts, tallied
from kinesight.domain.analysis.kit_record import kit_fields
from kinesight.domain.analysis.pipeline import LEDGER, ExtraFields, DetectionPlan, DetectionPorts
from kinesight.domain.analysis.rekognition_record import face_record_fields
from kinesight.domain.gate.decision import GateSettings
from kinesight.domain.gate.frame_gate import FrameGate
from kinesight.settings import DetectionSettings, GatedSettings
from kinesight.wiring.current_rules import current_rules
from kinesight.wiring.detectors import detector

_BESIDE: dict[str, ExtraFields] = {"KIT": kit_fields, "REKOGNITION": face_record_fields}


def plan(wanted: DetectionSettings) -> DetectionPlan:
    """What the parameters ask of every frame."""
    return DetectionPlan(
        rules=current_rules(wanted.configuration_bucket, tuple(wanted.labels), wanted.minimum_confidence),
        include_raw_output=wanted.include_raw_output,
        beside=_BESIDE.get(wanted.result_format),
        concurrent_detections=wanted.concurrent_detections,
    )


def gate(wanted: GatedSettings) -> FrameGate:
    """The rules document's where it has one for the stream, else the parameters'."""
    default = GateSettings(
        mode=wanted.frame_gate,
        method=wanted.gate_method,
        threshold=wanted.gate_threshold,
        minimum_interval_milliseconds=wanted.gate_minimum_interval_milliseconds,
        maximum_interval_seconds=wanted.gate_maximum_interval_seconds,
    )
    rules = plan(wanted).rules
    return FrameGate(
        settings=lambda stream_name: rules().of_stream(stream_name).camera.gate or default,
        images=S3ImageStore(clients.s3()),
        lumas=PillowLuma(),
        states=DynamoDbDocuments(clients.dynamodb(), wanted.coordination_table, kind="gate"),
    )


def ports(
    wanted: DetectionSettings,
    remaining_ms: Callable[[], int],
    tell: Callable[[dict[str, FrameCounts]], None],
    frame_gate: FrameGate | None = None,
) -> DetectionPorts:
    """`remaining_ms`: how long this invocation may still run. `tell` hears what became of frames, by stream.

    Raises InvalidSettingError.
    """
    return DetectionPorts(
        detector=detector(wanted),
        results=KinesisResultSink(clients.kinesis(), wanted.results_stream_name, sleep=time.sleep),
        ledger=PowertoolsLedger(
            clients.dynamodb(),
            wanted.idempotency_table,
            name=LEDGER,
            kept_seconds=wanted.idempotency_hours * 3600,
            remaining_ms=remaining_ms,
        ),
        gate=frame_gate,
        tell=lambda analyses: tell(tallied(analyses, round(time.time() * 1000))),
    )
