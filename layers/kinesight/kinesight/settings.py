"""Settings that several functions share, read from their environment variables. Those of one function alone are in its
wiring module."""

from typing import Any, Literal

from pydantic import Field

from kinesight.domain.parameters import CommaList, OptionalNumber
from kinesight.environment import Settings


class ObservabilitySettings(Settings):
    """Under which names metrics are put, and the least severe log lines that are written."""

    stack_name: str = "kinesight"
    powertools_service_name: str = "service_undefined"
    powertools_log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"


class ConfiguredSettings(Settings):
    """Where the configuration document is (nowhere: parameters alone apply), and what parameters say of every camera,
    under the document's names."""

    configuration_bucket: str = ""

    def camera_parameters(self) -> dict[str, Any]:
        """A part of the document's `defaults`."""
        return {}


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


class WorkflowSettings(Settings):
    """Where the on-demand workflow keeps what is too large for its state."""

    work_bucket: str
