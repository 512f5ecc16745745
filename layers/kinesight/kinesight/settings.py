"""The only reader of the environment: one typed model per function, checked before any work.

A field's environment variable is its name in capitals. `template.yaml` sets exactly these, and a test holds that.
"""

import json
import os
from enum import StrEnum
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from kinesight.domain.errors import InvalidSettingError
from kinesight.domain.webhook_messages import WebhookFormat


def _split(value: Any) -> Any:
    return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value


def _none_if_blank(value: Any) -> Any:
    return None if value == "" else value


CommaList = Annotated[list[str], BeforeValidator(_split)]
OptionalText = Annotated[str | None, BeforeValidator(_none_if_blank)]
OptionalNumber = Annotated[int | None, BeforeValidator(_none_if_blank)]


class Settings(BaseModel):
    """Base: reads the fields from the environment and says which variable is wrong."""

    model_config = ConfigDict(frozen=True)

    @classmethod
    def from_environment(cls) -> Self:
        """Raises InvalidSettingError naming every variable that is missing or wrong."""
        names = {name: name.upper() for name in cls.model_fields}
        present = {name: os.environ[variable] for name, variable in names.items() if variable in os.environ}
        try:
            return cls.model_validate(present)
        except ValidationError as error:
            problems = "; ".join(f"{names[str(e['loc'][0])]}: {e['msg']}" for e in error.errors())
            raise InvalidSettingError(f"environment: {problems}") from error


class DetectorType(StrEnum):
    """The values of the template's Detector parameter."""

    REKOGNITION_LABELS = "REKOGNITION_LABELS"
    REKOGNITION_FACES = "REKOGNITION_FACES"
    SAGEMAKER = "SAGEMAKER"


SageMakerContentType = Literal["image/jpeg", "image/png", "image/bmp", "image/gif", "application/x-image"]


class DetectionSettings(Settings):
    """`minimum_confidence` is 0 to 100, for the detector and the rules alike."""

    results_stream_name: str
    configuration_bucket: str
    idempotency_table: str
    idempotency_hours: int = Field(default=24, ge=1)
    detector: DetectorType = DetectorType.REKOGNITION_LABELS
    max_labels: int = Field(default=50, ge=1, le=1000)
    labels: CommaList = []
    minimum_confidence: float = Field(default=80, ge=0, le=100)
    sagemaker_endpoint_name: OptionalText = None
    sagemaker_content_type: SageMakerContentType = "image/jpeg"
    sagemaker_accept: Literal["application/json", "application/json;annotation=1"] = "application/json"
    sagemaker_labels: CommaList = []
    sagemaker_timeout_milliseconds: int = Field(default=70_000, ge=1000, le=70_000)
    concurrent_detections: int = Field(default=10, ge=1, le=50)
    include_raw_output: bool = False
    result_format: Literal["KINESIGHT", "KIT", "REKOGNITION"] = "KINESIGHT"


class AnalyzeImagesSettings(DetectionSettings):
    """Pictures from the queue; `account_id` is that of the streams."""

    account_id: str
    dead_letter_queue_url: str


class KeepEvidenceSettings(Settings):
    """Where evidence goes and whom to tell."""

    evidence_bucket: str
    idempotency_table: str
    idempotency_hours: int = Field(default=24, ge=1)
    dead_letter_queue_url: str
    alert_topic_arn: str
    alert_link_seconds: int = Field(default=3600, ge=60, le=43200)
    alert_per: Literal["SESSION", "PICTURE"] = "SESSION"


class TrackSessionsSettings(Settings):
    """What makes sessions, and whom to tell of them. Channels that are empty are not told."""

    coordination_table: str
    events_table: str
    configuration_bucket: str
    evidence_bucket: str
    evidence_retention_days: int = Field(default=90, ge=1)
    idempotency_table: str
    idempotency_hours: int = Field(default=24, ge=1)
    dead_letter_queue_url: str
    labels: CommaList = []
    minimum_confidence: float = Field(default=80, ge=0, le=100)
    event_bus_name: OptionalText = None
    iot_topic: OptionalText = None
    webhook_secret_arn: OptionalText = None
    webhook_format: WebhookFormat = WebhookFormat.JSON
    alert_topic_arn: str
    alert_link_seconds: int = Field(default=3600, ge=60, le=43200)
    alert_per: Literal["SESSION", "PICTURE"] = "SESSION"
    alert_format: Literal["KINESIGHT", "REKOGNITION"] = "KINESIGHT"


class _WorkflowSettings(Settings):
    """Where the on-demand workflow keeps what is too large for its state."""

    work_bucket: str


class PlanWindowsSettings(_WorkflowSettings):
    """An execution may choose its detector, but SageMaker only where there is an endpoint."""

    sagemaker_endpoint_name: OptionalText = None


class ExtractImagesSettings(_WorkflowSettings):
    """Nothing besides."""


class DetectObjectsSettings(DetectionSettings):
    """Detection as for every source."""

    work_bucket: str


class RenderTimelapseSettings(_WorkflowSettings):
    """Videos are kept beside the evidence."""

    evidence_bucket: str


class SummarizeRangeSettings(_WorkflowSettings):
    """The evidence is kept by keep_evidence; a summary links to it."""

    evidence_bucket: str


class StartAnalysisSettings(Settings):
    """How notified fragments become ranges; `analysis_sampling_interval` in milliseconds."""

    coordination_table: str
    state_machine_arn: str
    queue_url: str
    dead_letter_queue_url: str
    image_selector_type: Literal["PRODUCER_TIMESTAMP", "SERVER_TIMESTAMP"] = "PRODUCER_TIMESTAMP"
    analysis_sampling_interval: int = Field(default=1000, ge=200)
    notification_pre_roll_seconds: int = Field(default=10, ge=0, le=300)
    notification_post_roll_seconds: int = Field(default=10, ge=0, le=300)
    notification_quiet_seconds: int = Field(default=30, ge=1, le=600)


class _SelectionSettings(Settings):
    """Which streams."""

    coordination_table: str
    stream_names: CommaList = []
    tag_filters: str = ""

    def tag_filter_documents(self) -> list[Any]:
        """The TagFilters parameter as JSON. Raises InvalidSettingError."""
        if not self.tag_filters.strip():
            return []
        try:
            parsed = json.loads(self.tag_filters)
        except json.JSONDecodeError as error:
            raise InvalidSettingError(f"TagFilters is not JSON: {error}") from error
        return parsed if isinstance(parsed, list) else [parsed]


class SweepStreamsSettings(_SelectionSettings):
    """What is swept; `analysis_sampling_interval` in milliseconds."""

    state_machine_arn: str
    analysis_sampling_interval: int = Field(default=1000, ge=200)
    sweep_settle_seconds: int = Field(default=120, ge=0, le=3600)


class ConsumeLiveSettings(DetectionSettings):
    """How streams are read live. `live_inference_interval`: one keyframe of so many, 0 for one in each interval."""

    coordination_table: str
    work_bucket: str
    dead_letter_queue_url: str
    live_sampling_interval: int = Field(default=1000, ge=200)
    live_inference_interval: int = Field(default=0, ge=0)
    live_workers: int = Field(default=20, ge=1, le=50)
    live_queue_size: int = Field(default=10, ge=1, le=100)
    live_shed_seconds: int = Field(default=0, ge=0)
    lease_seconds: float = Field(default=30, gt=0)


class ConductLiveSettings(_SelectionSettings):
    """How many consumers there are; the function that each of them is."""

    consumer_function_name: str
    live_streams_per_consumer: int = Field(default=10, ge=1, le=50)


class ConfigureStreamsSettings(_SelectionSettings):
    """The fields of UpdateImageGenerationConfiguration and UpdateNotificationConfiguration."""

    configuration_bucket: str
    image_generation_status: Literal["ENABLED", "DISABLED"] = "ENABLED"
    image_selector_type: Literal["PRODUCER_TIMESTAMP", "SERVER_TIMESTAMP"] = "PRODUCER_TIMESTAMP"
    sampling_interval: int = Field(default=3000, ge=200)
    format: Literal["JPEG", "PNG"] = "JPEG"
    jpeg_quality: OptionalNumber = Field(default=None, ge=1, le=100)
    width_pixels: OptionalNumber = Field(default=None, ge=1, le=3840)
    height_pixels: OptionalNumber = Field(default=None, ge=1, le=2160)
    images_uri: str
    notification_status: Literal["ENABLED", "DISABLED"] = "DISABLED"
    notification_topic_arn: str
