"""Settings of each function, read from its environment variables."""

from decimal import Decimal
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field

from kinesight.domain.detectors.catalogue import DETECTORS, DetectorType
from kinesight.domain.gate.decision import GateMethod, GateMode
from kinesight.domain.parameters import NONE_IF_BLANK, CommaList, OptionalNumber, OptionalText, ParameterModel
from kinesight.domain.sessions.channels import CHANNELS
from kinesight.environment import CatalogueSettings, Settings


def _none_if_none(value: Any) -> Any:
    return None if value == "NONE" else value


OptionalUsd = Annotated[Decimal | None, NONE_IF_BLANK]


class ObservabilitySettings(Settings):
    """Under which name metrics are put, and whether there are some of each stream."""

    stack_name: str = "kinesight"
    powertools_service_name: str = "service_undefined"
    metrics_per_stream: Literal["ENABLED", "DISABLED"] = "DISABLED"


class _DetectorSettings(CatalogueSettings):
    detector: DetectorType = "REKOGNITION_LABELS"

    @classmethod
    def models(cls) -> list[type[ParameterModel]]:
        return [one.settings for one in DETECTORS.values()]


class DetectionSettings(_DetectorSettings):
    """`minimum_confidence`: 0 to 100. Dollars of the budget: a UTC day, None for no limit; of a call, None for the list
    price."""

    results_stream_name: str
    coordination_table: str
    configuration_bucket: str
    idempotency_table: str
    idempotency_hours: int = Field(default=24, ge=1)
    then_detector: Annotated[DetectorType | None, BeforeValidator(_none_if_none)] = None
    then_labels: CommaList = Field(default=[])
    then_minimum_confidence: float = Field(default=80, ge=0, le=100)
    then_on: Literal["FRAME", "CROP"] = "FRAME"
    crops_bucket: str
    labels: CommaList = Field(default=[])
    minimum_confidence: float = Field(default=80, ge=0, le=100)
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
    gate_threshold: Annotated[float | None, NONE_IF_BLANK] = Field(default=None, gt=0, le=100)
    gate_minimum_interval_milliseconds: int = Field(default=0, ge=0)
    gate_maximum_interval_seconds: int = Field(default=60, ge=1, le=86_400)


class AnalyzeImagesSettings(GatedSettings):
    """Images from the queue; `account_id` is that of the streams."""

    account_id: str
    images_queue_url: str
    dead_letter_queue_url: str


class KeepEvidenceSettings(Settings):
    """Where evidence is kept, and alerts per image."""

    evidence_bucket: str
    idempotency_table: str
    idempotency_hours: int = Field(default=24, ge=1)
    dead_letter_queue_url: str
    alert_topic_arn: str
    alert_link_seconds: int = Field(default=3600, ge=60, le=43200)
    alert_per: Literal["SESSION", "IMAGE"] = "SESSION"


class TrackSessionsSettings(CatalogueSettings):
    """Settings of sessions and of their channels. Without a `session_clip_queue_url` no videos are archived."""

    @classmethod
    def models(cls) -> list[type[ParameterModel]]:
        return [one.settings for one in CHANNELS.values()]

    coordination_table: str
    sessions_table: str
    configuration_bucket: str
    evidence_bucket: str
    evidence_retention_days: int = Field(default=90, ge=1)
    idempotency_table: str
    idempotency_hours: int = Field(default=24, ge=1)
    dead_letter_queue_url: str
    labels: CommaList = Field(default=[])
    minimum_confidence: float = Field(default=80, ge=0, le=100)
    alert_topic_arn: str
    alert_link_seconds: int = Field(default=3600, ge=60, le=43200)
    image_selector_type: Literal["PRODUCER_TIMESTAMP", "SERVER_TIMESTAMP"] = "PRODUCER_TIMESTAMP"
    session_clip_queue_url: OptionalText = None
    session_clip_settle_seconds: int = Field(default=30, ge=0, le=600)


class SelectionSettings(Settings):
    """Which streams."""

    stream_names: CommaList = Field(default=[])
    tag_filters: str = ""


class StreamConfigurationSettings(SelectionSettings):
    """The fields of UpdateImageGenerationConfiguration and UpdateNotificationConfiguration, for the selected streams.

    `images_missing_minutes`: how long a stream may be without images before it is reported.
    """

    coordination_table: str
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
    images_missing_minutes: int = Field(default=60, ge=15)


class ServeViewerSettings(StreamConfigurationSettings):
    """Where events and their evidence are, how long links open, the stream settings, and where analyses run.

    `aws_region` is set by Lambda itself.
    """

    sessions_table: str
    evidence_bucket: str
    images_bucket: str
    evidence_retention_days: int = Field(default=90, ge=1)
    viewer_link_seconds: int = Field(default=900, ge=60, le=3600)
    labels: CommaList = Field(default=[])
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
    sessions_table: str
    queue_url: str
    dead_letter_queue_url: str


class _WorkflowSettings(Settings):
    """Where the on-demand workflow keeps what is too large for its state."""

    work_bucket: str


class PlanWindowsSettings(_WorkflowSettings, _DetectorSettings):
    """An execution may choose its detector, but only one for which the stack has what it needs."""

    @classmethod
    def _catalogue_fields(cls) -> frozenset[str]:
        chosen = [one.settings for one in DETECTORS.values() if not one.is_own_model]
        return frozenset(name for model in chosen for name in model.required_fields())

    def missing_parameters(self) -> dict[str, str]:
        """By detector, the parameter that it lacks. A model of one's own can be chosen only if it is the stack's."""
        return {
            kind: one.parameters[-1]
            for kind, one in DETECTORS.items()
            if (kind != self.detector if one.is_own_model else one.settings.empty_fields(self.values))
        }


class ExtractImagesSettings(_WorkflowSettings):
    """Nothing besides."""


class DetectObjectsSettings(DetectionSettings):
    """Detection as for every source."""

    work_bucket: str

    def with_detector(self, chosen: str | None) -> Self:
        """Settings of an execution that chooses its detector: without a second one, and with the stack's price only if
        it is the stack's detector."""
        if chosen is None:
            return self
        price = self.detector_usd_per_thousand_calls if chosen == self.detector else None
        change = {"detector": chosen, "detector_usd_per_thousand_calls": price, "then_detector": None}
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


class SweepStreamsSettings(SelectionSettings):
    """What is swept; `analysis_sampling_interval` in milliseconds."""

    coordination_table: str
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


class ConductLiveSettings(SelectionSettings):
    """How many consumers there are; the function that each of them is."""

    coordination_table: str
    consumer_function_name: str
    live_streams_per_consumer: int = Field(default=10, ge=1, le=50)


class ConfigureStreamsSettings(StreamConfigurationSettings):
    """What is put on streams, and where the rules document is that a deployment checks."""

    configuration_bucket: str
