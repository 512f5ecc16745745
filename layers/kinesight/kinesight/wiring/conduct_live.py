"""Ports of conduct_live."""

from __future__ import annotations

import time
from functools import cache

from kinesight.adapters.aws import clients
from kinesight.adapters.compute.lambda_consumers import LambdaConsumers
from kinesight.adapters.dynamodb.documents import DynamoDbDocuments
from kinesight.adapters.kvs.stream_directory import KvsStreamDirectory
from kinesight.domain.live.conduct_live import ConductorPorts, ConductorSettings
from kinesight.domain.streams.selection import StreamSelection
from kinesight.settings import ConfiguredSettings, SelectionSettings
from kinesight.wiring.current_configuration import current_configuration
from kinesight.wiring.system_clock import SystemClock

clients.create_on_lambda(clients.dynamodb, clients.kinesis_video, clients.lambda_)


class ConductLiveSettings(ConfiguredSettings, SelectionSettings):
    """The function that each consumer is."""

    coordination_table: str
    consumer_function_name: str


_CONSUMER_MS = 840_000
"""A little less than a consumer's 900 s, of which it keeps 45 s to end in."""


@cache
def _environment() -> ConductLiveSettings:
    return ConductLiveSettings.from_environment()


def settings() -> ConductorSettings:
    """Raises InvalidSettingError, InvalidConfigurationError, StorageBusyError."""
    environment = _environment()
    selection = StreamSelection.read(environment.stream_names, environment.tag_filters)
    configuration = current_configuration(environment)()
    share = configuration.limits.live_streams_per_consumer
    return ConductorSettings(selection, share, _CONSUMER_MS, configuration.is_analyzed)


def ports() -> ConductorPorts:
    """Raises InvalidSettingError."""
    environment, dynamodb = _environment(), clients.dynamodb()
    return ConductorPorts(
        registry=KvsStreamDirectory(clients.kinesis_video()),
        leases=DynamoDbDocuments(dynamodb, environment.coordination_table, kind="leases", consistent=False),
        previous_leases=DynamoDbDocuments(dynamodb, environment.coordination_table, kind="leases", partitions=1),
        assignments=DynamoDbDocuments(dynamodb, environment.coordination_table, kind="assignments"),
        slots=DynamoDbDocuments(dynamodb, environment.coordination_table, kind="consumers"),
        starter=LambdaConsumers(clients.lambda_(), environment.consumer_function_name),
        clock=SystemClock(),
        now_ms=round(time.time() * 1000),
    )
