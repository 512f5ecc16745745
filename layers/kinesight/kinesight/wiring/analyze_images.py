"""What analyze_images works with."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import cache

from kinesight.adapters import aws_clients as clients
from kinesight.adapters import pictures_pillow
from kinesight.adapters.dead_letters_sqs import SqsDeadLetters
from kinesight.adapters.detector_rekognition import RekognitionFaces, RekognitionLabels
from kinesight.adapters.detector_sagemaker import SageMakerObjectDetection
from kinesight.adapters.image_store_s3 import S3ImageStore
from kinesight.adapters.ledger_powertools import PowertoolsLedger
from kinesight.adapters.result_sink_kinesis import KinesisResultSink
from kinesight.adapters.stream_directory_kvs import KvsStreamDirectory
from kinesight.domain.analyze_images import AnalysisPlan, AnalysisPorts
from kinesight.domain.errors import InvalidSettingError
from kinesight.domain.ports import Detector, StreamDirectory
from kinesight.domain.rules import Rules
from kinesight.settings import AnalyzeImagesSettings, DetectorType

_NAME = "analyze_images"


@cache
def settings() -> AnalyzeImagesSettings:
    return AnalyzeImagesSettings.from_environment()


def plan() -> AnalysisPlan:
    """What the parameters ask of every picture."""
    wanted = settings()
    return AnalysisPlan(
        account_id=wanted.account_id,
        rules=Rules.of(wanted.labels, wanted.minimum_confidence),
        include_raw_output=wanted.include_raw_output,
        concurrent_detections=wanted.concurrent_detections,
    )


def ports(remaining_ms: Callable[[], int]) -> AnalysisPorts:
    """`remaining_ms`: how long this invocation may still run. Raises InvalidSettingError."""
    wanted = settings()
    return AnalysisPorts(
        images=S3ImageStore(clients.s3()),
        streams=_streams(),
        detector=_detector(),
        results=KinesisResultSink(clients.kinesis(), wanted.results_stream_name, sleep=time.sleep),
        ledger=PowertoolsLedger(
            clients.dynamodb(),
            wanted.idempotency_table,
            function_name=_NAME,
            kept_seconds=wanted.idempotency_hours * 3600,
            remaining_ms=remaining_ms,
        ),
        dead_letters=SqsDeadLetters(clients.sqs(), wanted.dead_letter_queue_url, source=_NAME),
    )


@cache
def _streams() -> StreamDirectory:
    return KvsStreamDirectory(clients.kinesis_video(), monotonic_s=time.monotonic)


@cache
def _detector() -> Detector:
    wanted = settings()
    match wanted.detector:
        case DetectorType.REKOGNITION_LABELS:
            return RekognitionLabels(
                clients.rekognition(), minimum_confidence=wanted.minimum_confidence, max_labels=wanted.max_labels
            )
        case DetectorType.REKOGNITION_FACES:
            return RekognitionFaces(clients.rekognition(), minimum_confidence=wanted.minimum_confidence)
        case DetectorType.SAGEMAKER:
            return _sagemaker(wanted)


def _sagemaker(wanted: AnalyzeImagesSettings) -> Detector:
    if wanted.sagemaker_endpoint_name is None:
        raise InvalidSettingError("Detector is SAGEMAKER, and SageMakerEndpointName is empty")
    return SageMakerObjectDetection(
        clients.sagemaker_runtime(),
        S3ImageStore(clients.s3()),
        pictures_pillow.convert,
        endpoint_name=wanted.sagemaker_endpoint_name,
        content_type=wanted.sagemaker_content_type,
        accept=wanted.sagemaker_accept,
        class_labels=wanted.sagemaker_labels,
        minimum_confidence=wanted.minimum_confidence,
    )
