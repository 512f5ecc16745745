"""The current configuration: the document over the parameters, for every function."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

from kinesight.adapters.aws import clients
from kinesight.adapters.s3.bucket import S3Bucket
from kinesight.domain.configuration.camera import CameraSettings
from kinesight.domain.configuration.configuration import Configuration, TagsByStream
from kinesight.domain.configuration.current import CurrentConfiguration
from kinesight.domain.errors import InvalidConfigurationError
from kinesight.observability import logger

if TYPE_CHECKING:
    from kinesight.domain.configuration.document import ConfigurationDocument
    from kinesight.settings import ConfiguredSettings


def current_configuration(
    settings: ConfiguredSettings, permitted: Mapping[str, Any] | None = None
) -> CurrentConfiguration:
    """One reader per environment, which remembers what it read. `permitted`: values of the detectors' settings that
    only a parameter may name, where the function has them."""
    return _reader(
        settings.configuration_bucket,
        _parameters_text(settings),
        None if permitted is None else json.dumps(permitted, default=str),
    )


def is_bucket(name: str) -> bool:
    """Whether there is a bucket. `sam local invoke` passes the logical id of what is not deployed, and names of buckets
    have no capital letters (S3 user guide, "General purpose bucket naming rules")."""
    return name != "" and name == name.lower()


def camera_parameters(settings: ConfiguredSettings) -> CameraSettings:
    """What the parameters say of every camera."""
    return CameraSettings.model_validate_json(_parameters_text(settings))


def _parameters_text(settings: ConfiguredSettings) -> str:
    return json.dumps(settings.camera_parameters(), default=str)


@cache
def _reader(bucket: str, parameters: str, permitted: str | None) -> CurrentConfiguration:
    base = CameraSettings.model_validate_json(parameters)
    values = None if permitted is None else json.loads(permitted)

    def make(document: ConfigurationDocument | None, tags: TagsByStream) -> Configuration:
        if document is not None and values is not None:
            problems = [said for _, said in document.not_permitted(values)]
            if problems:
                raise InvalidConfigurationError(*problems)
        return Configuration(base, document, tags)

    store = S3Bucket(clients.s3(), bucket) if is_bucket(bucket) else None
    return CurrentConfiguration(store, make, monotonic_s=time.monotonic, warn=logger.warning)
