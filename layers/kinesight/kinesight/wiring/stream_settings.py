"""Stream settings from the parameters, in the format of KVS's API."""

from __future__ import annotations

from typing import Any

from kinesight.domain.streams.selection import StreamSelection
from kinesight.domain.streams.stream_settings import FeatureSettings, StreamSettings
from kinesight.settings import StreamConfigurationSettings


def stream_settings_of(chosen: StreamConfigurationSettings) -> StreamSettings:
    """Raises InvalidSettingError."""
    return StreamSettings(
        selection=StreamSelection.read(chosen.stream_names, chosen.tag_filters),
        image_generation=image_generation_settings(chosen) if chosen.image_generation_status == "ENABLED" else None,
        notification=notification_settings(chosen) if chosen.notification_status == "ENABLED" else None,
    )


def image_generation_settings(chosen: StreamConfigurationSettings) -> FeatureSettings:
    """Returns image generation settings without the destination Region, which is that of each stream."""
    settings: dict[str, Any] = {
        "Status": "ENABLED",
        "ImageSelectorType": chosen.image_selector_type,
        "DestinationConfig": {"Uri": chosen.images_uri},
        "SamplingInterval": chosen.sampling_interval,
        "Format": chosen.format,
    }
    if chosen.format == "JPEG" and chosen.jpeg_quality is not None:
        settings["FormatConfig"] = {"JPEGQuality": str(chosen.jpeg_quality)}
    if chosen.width_pixels is not None:
        settings["WidthPixels"] = chosen.width_pixels
    if chosen.height_pixels is not None:
        settings["HeightPixels"] = chosen.height_pixels
    return settings


def notification_settings(chosen: StreamConfigurationSettings) -> FeatureSettings:
    """Returns notification settings."""
    return {"Status": "ENABLED", "DestinationConfig": {"Uri": chosen.notification_topic_arn}}
