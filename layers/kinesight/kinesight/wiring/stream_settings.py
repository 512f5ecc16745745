"""Stream settings of the configuration, in the format of KVS's API."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from kinesight.domain.configuration.camera import CameraSettings, ImageGeneration
from kinesight.domain.configuration.configuration import Configuration
from kinesight.domain.streams.selection import StreamSelection
from kinesight.domain.streams.stream_settings import FeatureSettings, StreamFeatures, StreamSettings
from kinesight.settings import StreamConfigurationSettings


def stream_settings_of(
    environment: StreamConfigurationSettings, configuration: Callable[[], Configuration], *, needs_tags: bool = False
) -> StreamSettings:
    """Raises InvalidSettingError. `configuration` is called for each stream; `needs_tags` as StreamSettings has it."""

    def features(stream_name: str, tags: Mapping[str, str]) -> StreamFeatures:
        return features_of(configuration().of_tagged(stream_name, tags), environment)

    return StreamSettings(
        selection=StreamSelection.read(environment.stream_names, environment.tag_filters),
        features=features,
        needs_tags=needs_tags,
    )


def features_of(camera: CameraSettings, environment: StreamConfigurationSettings) -> StreamFeatures:
    """The settings of a camera, with the destinations of the stack."""
    images, notifications = camera.image_generation, camera.notifications
    return StreamFeatures(
        image_generation=image_generation_settings(images, environment.images_uri)
        if images.status == "ENABLED"
        else None,
        notification=notification_settings(environment.notification_topic_arn)
        if notifications.status == "ENABLED"
        else None,
        takes_over=camera.take_over_stream_settings,
    )


def image_generation_settings(chosen: ImageGeneration, images_uri: str) -> FeatureSettings:
    """Returns image generation settings without the destination Region, which is that of each stream."""
    settings: dict[str, Any] = {
        "Status": "ENABLED",
        "ImageSelectorType": chosen.image_selector_type,
        "DestinationConfig": {"Uri": images_uri},
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


def notification_settings(topic_arn: str) -> FeatureSettings:
    """Returns notification settings."""
    return {"Status": "ENABLED", "DestinationConfig": {"Uri": topic_arn}}
