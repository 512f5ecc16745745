"""The only reader of the environment: one typed model per function, checked before any work.

A field's environment variable is its name in capitals. `template.yaml` sets exactly these, and a test holds that.
"""

import json
import os
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from kinesight.domain.detectors.protective_equipment import Equipment
from kinesight.domain.errors import InvalidSettingError
from kinesight.domain.gate.decision import GateMethod, GateMode
from kinesight.domain.sessions.webhook_messages import WebhookFormat


def _split(value: Any) -> Any:
    return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value


def _none_if_blank(value: Any) -> Any:
    return None if value == "" else value


def _none_if_none(value: Any) -> Any:
    return None if value == "NONE" else value


CommaList = Annotated[list[str], BeforeValidator(_split)]
OptionalText = Annotated[str | None, BeforeValidator(_none_if_blank)]
EquipmentList = Annotated[list[Equipment], BeforeValidator(_split)]
OptionalNumber = Annotated[int | None, BeforeValidator(_none_if_blank)]
OptionalUsd = Annotated[Decimal | None, BeforeValidator(_none_if_blank)]


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


class ObservabilitySettings(Settings):
    """Under which name metrics are put, and whether there are some of each stream."""

    stack_name: str = "kinesight"
    powertools_service_name: str = "service_undefined"
    metrics_per_stream: Literal["ENABLED", "DISABLED"] = "DISABLED"


class DetectorType(StrEnum):
    """The values of the template's Detector parameter."""

    REKOGNITION_LABELS = "REKOGNITION_LABELS"
    REKOGNITION_FACES = "REKOGNITION_FACES"
    REKOGNITION_FACE_SEARCH = "REKOGNITION_FACE_SEARCH"
    REKOGNITION_MODERATION = "REKOGNITION_MODERATION"
    REKOGNITION_TEXT = "REKOGNITION_TEXT"
    REKOGNITION_PROTECTIVE_EQUIPMENT = "REKOGNITION_PROTECTIVE_EQUIPMENT"
    REKOGNITION_CUSTOM_LABELS = "REKOGNITION_CUSTOM_LABELS"
    SAGEMAKER = "SAGEMAKER"
    SAGEMAKER_ASYNC = "SAGEMAKER_ASYNC"
    HTTP = "HTTP"
    BEDROCK = "BEDROCK"


SageMakerContentType = Literal["image/jpeg", "image/png", "image/bmp", "image/gif", "application/x-image"]


_PROMPT = (
    "This is a picture of a surveillance camera. Report every person, animal, vehicle and other notable object that it "
    "shows, each with the box around it. Report nothing that you can't see."
)


class DetectionSettings(Settings):
    """`minimum_confidence` is 0 to 100, for the detector and the rules alike. `model_…`: of any model of one's own.

    `face_match_threshold`: 0 to 100, too. `plate_tolerance`: characters. Dollars of the budget: a UTC day, None for no
    limit; of a call, None for the list price.
    """

    results_stream_name: str
    coordination_table: str
    configuration_bucket: str
    idempotency_table: str
    idempotency_hours: int = Field(default=24, ge=1)
    detector: DetectorType = DetectorType.REKOGNITION_LABELS
    then_detector: Annotated[DetectorType | None, BeforeValidator(_none_if_none)] = None
    then_labels: CommaList = []
    then_minimum_confidence: float = Field(default=80, ge=0, le=100)
    then_on: Literal["FRAME", "CROP"] = "FRAME"
    crops_bucket: str
    max_labels: int = Field(default=50, ge=1, le=1000)
    labels: CommaList = []
    minimum_confidence: float = Field(default=80, ge=0, le=100)
    face_collection_id: OptionalText = None
    face_match_threshold: float = Field(default=80, ge=0, le=100)
    custom_labels_model_arn: OptionalText = None
    required_equipment: EquipmentList = Field(default=[Equipment.HEAD_COVER], min_length=1)
    known_plates: CommaList = []
    plate_pattern: OptionalText = None
    plate_tolerance: int = Field(default=1, ge=0, le=3)
    sagemaker_endpoint_name: OptionalText = None
    sagemaker_content_type: SageMakerContentType = "image/jpeg"
    sagemaker_accept: Literal["application/json", "application/json;annotation=1"] = "application/json"
    sagemaker_timeout_milliseconds: int = Field(default=70_000, ge=1000, le=70_000)
    http_model_url: OptionalText = None
    http_picture_type: Literal["image/jpeg", "image/png"] = "image/jpeg"
    http_json_body: OptionalText = None
    http_auth_header: str = Field(default="Authorization", pattern=r"^[A-Za-z0-9-]{1,64}$")
    http_auth_secret_arn: OptionalText = None
    http_timeout_milliseconds: int = Field(default=10_000, ge=100, le=70_000)
    bedrock_model_id: OptionalText = None
    bedrock_prompt: str = Field(default=_PROMPT, min_length=1)
    bedrock_max_tokens: int = Field(default=1000, ge=1)
    model_mapping: str = "BUILT_IN_OBJECT_DETECTION"
    model_labels: str = ""
    model_labels_uri: OptionalText = None
    model_width_pixels: OptionalNumber = Field(default=None, ge=1, le=4096)
    model_height_pixels: OptionalNumber = Field(default=None, ge=1, le=4096)
    model_resize: Literal["LETTERBOX", "STRETCH"] = "LETTERBOX"
    concurrent_detections: int = Field(default=10, ge=1, le=50)
    include_raw_output: bool = False
    result_format: Literal["KINESIGHT", "KIT", "REKOGNITION"] = "KINESIGHT"
    daily_budget_usd: OptionalUsd = Field(default=None, ge=0)
    daily_budget_usd_per_stream: OptionalUsd = Field(default=None, ge=0)
    budget_soft_percent: int = Field(default=80, ge=0, le=100)
    detector_usd_per_thousand_calls: OptionalUsd = Field(default=None, ge=0)
    then_detector_usd_per_thousand_calls: OptionalUsd = Field(default=None, ge=0)


class GatedSettings(DetectionSettings):
    """Detection behind the frame gate; a threshold in percent, None for the method's own."""

    frame_gate: GateMode = GateMode.OFF
    gate_method: GateMethod = GateMethod.LUMA
    gate_threshold: Annotated[float | None, BeforeValidator(_none_if_blank)] = Field(default=None, gt=0, le=100)
    gate_minimum_interval_milliseconds: int = Field(default=0, ge=0)
    gate_maximum_interval_seconds: int = Field(default=60, ge=1, le=86_400)


class AnalyzeImagesSettings(GatedSettings):
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
    """What makes sessions, and whom to tell of them. Channels that are empty are not told; without a
    `session_clip_queue_url` no videos are archived."""

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
    image_selector_type: Literal["PRODUCER_TIMESTAMP", "SERVER_TIMESTAMP"] = "PRODUCER_TIMESTAMP"
    session_clip_queue_url: OptionalText = None
    session_clip_settle_seconds: int = Field(default=30, ge=0, le=600)


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


class StreamConfigurationSettings(_SelectionSettings):
    """The fields of UpdateImageGenerationConfiguration and UpdateNotificationConfiguration, for the selected streams.

    `pictures_missing_minutes`: how long a stream may be without pictures until somebody is told.
    """

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
    pictures_missing_minutes: int = Field(default=60, ge=15)


class ServeViewerSettings(StreamConfigurationSettings):
    """Where events and their evidence are, how long links open, what is wanted of streams, and where analyses run.

    `aws_region` is set by Lambda itself.
    """

    events_table: str
    evidence_bucket: str
    images_bucket: str
    evidence_retention_days: int = Field(default=90, ge=1)
    viewer_link_seconds: int = Field(default=900, ge=60, le=3600)
    labels: CommaList = []
    minimum_confidence: float = Field(default=80, ge=0, le=100)
    live_status: Literal["ENABLED", "DISABLED"] = "DISABLED"
    state_machine_arn: str
    aws_region: str = ""


class PublishViewerSettings(Settings):
    """Where the viewer's page is served from."""

    page_bucket: str


class ArchiveSessionSettings(Settings):
    """Where sessions' videos go, and where what is left of one is sent."""

    evidence_bucket: str
    images_bucket: str
    evidence_retention_days: int = Field(default=90, ge=1)
    events_table: str
    queue_url: str
    dead_letter_queue_url: str


class _WorkflowSettings(Settings):
    """Where the on-demand workflow keeps what is too large for its state."""

    work_bucket: str


_OWN_MODELS = {
    DetectorType.SAGEMAKER: "SageMakerEndpointName",
    DetectorType.SAGEMAKER_ASYNC: "SageMakerAsyncOutputBucket",
    DetectorType.HTTP: "HttpModelUrl",
    DetectorType.BEDROCK: "BedrockModelId",
}


class PlanWindowsSettings(_WorkflowSettings):
    """An execution may choose its detector, but only one for which the stack has what it needs."""

    detector: DetectorType = DetectorType.REKOGNITION_LABELS
    face_collection_id: OptionalText = None
    custom_labels_model_arn: OptionalText = None

    def missing_parameters(self) -> dict[str, str]:
        """By detector, what is missing for it. Models of one's own are there only as the stack's detector."""
        needed = {
            DetectorType.REKOGNITION_FACE_SEARCH: ("FaceCollectionId", self.face_collection_id),
            DetectorType.REKOGNITION_CUSTOM_LABELS: ("CustomLabelsModelArn", self.custom_labels_model_arn),
        }
        missing = {detector.value: parameter for detector, (parameter, value) in needed.items() if value is None}
        own = {detector.value: parameter for detector, parameter in _OWN_MODELS.items() if detector != self.detector}
        return missing | own


class ExtractImagesSettings(_WorkflowSettings):
    """Nothing besides."""


class DetectObjectsSettings(DetectionSettings):
    """Detection as for every source."""

    work_bucket: str

    def with_detector(self, chosen: str | None) -> Self:
        """With an execution's own choice, which no second one follows, and which has the stack's price of a call only
        if it is the stack's detector."""
        if chosen is None:
            return self
        price = self.detector_usd_per_thousand_calls if chosen == self.detector else None
        change = {"detector": DetectorType(chosen), "detector_usd_per_thousand_calls": price, "then_detector": None}
        return self.model_copy(update=change)


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


class SweepStreamsSettings(_SelectionSettings):
    """What is swept; `analysis_sampling_interval` in milliseconds."""

    state_machine_arn: str
    analysis_sampling_interval: int = Field(default=1000, ge=200)
    sweep_settle_seconds: int = Field(default=120, ge=0, le=3600)


class ConsumeLiveSettings(GatedSettings):
    """How streams are read live. `live_inference_interval`: one keyframe of so many, 0 for one in each interval."""

    work_bucket: str
    dead_letter_queue_url: str
    live_sampling_interval: int = Field(default=1000, ge=200)
    live_inference_interval: int = Field(default=0, ge=0)
    live_workers: int = Field(default=20, ge=1, le=50)
    live_queue_size: int = Field(default=10, ge=1, le=100)
    live_drop_after_seconds: int = Field(default=0, ge=0)
    lease_seconds: float = Field(default=30, gt=0)


class ConductLiveSettings(_SelectionSettings):
    """How many consumers there are; the function that each of them is."""

    consumer_function_name: str
    live_streams_per_consumer: int = Field(default=10, ge=1, le=50)


class ConfigureStreamsSettings(StreamConfigurationSettings):
    """What is put on streams, and where the rules document is that a deployment checks."""

    configuration_bucket: str
