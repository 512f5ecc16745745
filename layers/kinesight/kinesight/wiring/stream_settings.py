"""What the parameters want of streams, as KVS's API has it."""

from __future__ import annotations

from typing import Any

from kinesight.domain.streams.configuration import Configuration, Wanted
from kinesight.domain.streams.selection import StreamSelection
from kinesight.settings import StreamConfigurationSettings


def stream_settings_of(chosen: StreamConfigurationSettings) -> Wanted:
    """Raises InvalidSettingError."""
    return Wanted(
        selection=StreamSelection.of(chosen.stream_names, chosen.tag_filter_documents()),
        image_generation=image_generation_settings(chosen) if chosen.image_generation_status == "ENABLED" else None,
        notification=notification_settings(chosen) if chosen.notification_status == "ENABLED" else None,
    )


def image_generation_settings(chosen: StreamConfigurationSettings) -> Configuration:
    """What is wanted, but for the Region, which is each stream's own."""
    configuration: dict[str, Any] = {
        "Status": "ENABLED",
        "ImageSelectorType": chosen.image_selector_type,
        "DestinationConfig": {"Uri": chosen.images_uri},
        "SamplingInterval": chosen.sampling_interval,
        "Format": chosen.format,
    }
    if chosen.format == "JPEG" and chosen.jpeg_quality is not None:
        configuration["FormatConfig"] = {"JPEGQuality": str(chosen.jpeg_quality)}
    if chosen.width_pixels is not None:
        configuration["WidthPixels"] = chosen.width_pixels
    if chosen.height_pixels is not None:
        configuration["HeightPixels"] = chosen.height_pixels
    return configuration


def notification_settings(chosen: StreamConfigurationSettings) -> Configuration:
    """What is wanted."""
    return {"Status": "ENABLED", "DestinationConfig": {"Uri": chosen.notification_topic_arn}}
