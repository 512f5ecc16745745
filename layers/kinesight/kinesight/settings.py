"""Settings of each function, read from its environment variables."""

from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from kinesight.domain.detectors.catalogue import DETECTORS, DetectorType
from kinesight.domain.parameters import NONE_IF_BLANK, CommaList, OptionalNumber, ParameterModel, permitted_names
from kinesight.domain.sessions.channels import CHANNELS
from kinesight.environment import CatalogueSettings, Settings


def _none_if_none(value: Any) -> Any:
    return None if value == "NONE" else value


OptionalUsd = Annotated[Decimal | None, NONE_IF_BLANK]


class ObservabilitySettings(Settings):
    """Under which names metrics are put, and the least severe log lines that are written."""

    stack_name: str = "kinesight"
    powertools_service_name: str = "service_undefined"
    powertools_log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"


class PermittedSettings(CatalogueSettings):
    """Values of detectors' settings that only a parameter may name, because calls need a permission for them.
    `permitted` has all names of each, separated by commas; `values` the first, which is that of a detector without
    one."""

    permitted: dict[str, Any] = Field(default={})

    @classmethod
    def field_names(cls) -> frozenset[str]:
        return super().field_names() - {"permitted"}

    @classmethod
    def models(cls) -> list[type[ParameterModel]]:
        return [one.settings for one in DETECTORS.values()]

    @classmethod
    def _catalogue_fields(cls) -> frozenset[str]:
        return frozenset(name for model in cls.models() for name in model.permitted_fields())

    @model_validator(mode="before")
    @classmethod
    def _collect_permitted(cls, values: dict[str, Any]) -> dict[str, Any]:
        given = {name: values[name] for name in cls._catalogue_fields() & values.keys()}
        firsts = {name: next(iter(permitted_names(value)), "") for name, value in given.items()}
        return values | {"permitted": given | values.get("permitted", {}), "values": firsts | values.get("values", {})}


class ConfiguredSettings(Settings):
    """Where the configuration document is (nowhere: parameters alone apply), and what parameters say of every camera,
    under the document's names."""

    configuration_bucket: str = ""

    def camera_parameters(self) -> dict[str, Any]:
        """A part of the document's `defaults`."""
        return {}


class BudgetSettings(ConfiguredSettings, PermittedSettings):
    """The budget is US dollars of a UTC day, None for no limit."""

    coordination_table: str
    detector: DetectorType = "REKOGNITION_LABELS"
    daily_budget_usd: OptionalUsd = Field(default=None, ge=0)

    def camera_parameters(self) -> dict[str, Any]:
        return super().camera_parameters() | {"detector": self.detector}


class DetectionSettings(BudgetSettings):
    """What every function that detects needs."""

    results_stream_name: str
    idempotency_table: str
    idempotency_hours: int = Field(default=24, ge=1)
    crops_bucket: str
    labels: CommaList = Field(default=[])

    def camera_parameters(self) -> dict[str, Any]:
        return super().camera_parameters() | {"labels": self.labels}


class AnalyzeImagesSettings(DetectionSettings):
    """Images from the queue. `account_id` is that of the streams. Others may write to a `shared_images_bucket`."""

    account_id: str
    shared_images_bucket: str = ""
    images_queue_url: str
    dead_letter_queue_url: str


class KeepEvidenceSettings(ConfiguredSettings):
    """Where evidence is kept, and alerts per image go."""

    evidence_bucket: str
    idempotency_table: str
    idempotency_hours: int = Field(default=24, ge=1)
    dead_letter_queue_url: str
    alert_topic_arn: str


class TrackSessionsSettings(ConfiguredSettings, CatalogueSettings):
    """Settings of sessions and of their channels."""

    @classmethod
    def models(cls) -> list[type[ParameterModel]]:
        return [one.settings for one in CHANNELS.values()]

    coordination_table: str
    sessions_table: str
    evidence_bucket: str
    evidence_retention_days: int = Field(default=90, ge=1)
    idempotency_table: str
    idempotency_hours: int = Field(default=24, ge=1)
    dead_letter_queue_url: str
    labels: CommaList = Field(default=[])
    alert_topic_arn: str
    image_selector_type: Literal["PRODUCER_TIMESTAMP", "SERVER_TIMESTAMP"] = "PRODUCER_TIMESTAMP"
    session_clip_queue_url: str

    def camera_parameters(self) -> dict[str, Any]:
        return super().camera_parameters() | {"labels": self.labels}


class SelectionSettings(Settings):
    """Which streams."""

    stream_names: CommaList = Field(default=[])
    tag_filters: str = ""


class StreamConfigurationSettings(ConfiguredSettings, SelectionSettings):
    """Fields of UpdateImageGenerationConfiguration and UpdateNotificationConfiguration, for the selected streams."""

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

    def camera_parameters(self) -> dict[str, Any]:
        images = {
            "status": self.image_generation_status,
            "imageSelectorType": self.image_selector_type,
            "samplingInterval": self.sampling_interval,
            "format": self.format,
            "jpegQuality": self.jpeg_quality,
            "widthPixels": self.width_pixels,
            "heightPixels": self.height_pixels,
        }
        notifications = {"status": self.notification_status}
        return super().camera_parameters() | {"imageGeneration": images, "notifications": notifications}


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


class PlanWindowsSettings(_WorkflowSettings, BudgetSettings):
    """An execution may choose its detector, but only one for which the stack has what it needs."""

    def missing_parameters(self) -> dict[str, str]:
        """By detector, the parameters that it lacks."""
        empty = {kind: one.settings.empty_fields(self.values) for kind, one in DETECTORS.items()}
        return {
            kind: ", ".join(DETECTORS[kind].settings.parameter(name) for name in names)
            for kind, names in empty.items()
            if names
        }


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


class StartAnalysisSettings(ConfiguredSettings):
    """How notified fragments become ranges."""

    coordination_table: str
    state_machine_arn: str
    queue_url: str
    dead_letter_queue_url: str
    image_selector_type: Literal["PRODUCER_TIMESTAMP", "SERVER_TIMESTAMP"] = "PRODUCER_TIMESTAMP"


class SweepStreamsSettings(ConfiguredSettings, SelectionSettings):
    """What is swept."""

    coordination_table: str
    state_machine_arn: str


class ConsumeLiveSettings(DetectionSettings):
    """How streams are read live."""

    work_bucket: str
    dead_letter_queue_url: str
    lease_seconds: float = Field(default=30, gt=0)


class ConductLiveSettings(ConfiguredSettings, SelectionSettings):
    """The function that each consumer is."""

    coordination_table: str
    consumer_function_name: str


class ConfigureStreamsSettings(StreamConfigurationSettings, PermittedSettings):
    """With what detectors may use: a deployment checks the configuration document."""
