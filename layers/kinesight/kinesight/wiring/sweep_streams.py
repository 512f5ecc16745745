"""Ports of sweep_streams."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import cache

from kinesight.adapters.aws import clients
from kinesight.adapters.compute.step_functions_workflow import StepFunctionsWorkflow
from kinesight.adapters.dynamodb.documents import DynamoDbDocuments
from kinesight.adapters.kvs.stream_directory import KvsStreamDirectory
from kinesight.domain.on_demand.sweep_streams import SweepPorts, SweepSampling, SweepSettings
from kinesight.domain.streams.selection import StreamSelection
from kinesight.settings import ConfiguredSettings, SelectionSettings
from kinesight.wiring.current_configuration import current_configuration
from kinesight.wiring.system_clock import SystemClock

clients.create_on_lambda(clients.dynamodb, clients.kinesis_video, clients.step_functions)


class SweepStreamsSettings(ConfiguredSettings, SelectionSettings):
    """What is swept."""

    coordination_table: str
    state_machine_arn: str


_MARGIN_S = 30.0
"""Kept of a sweep's time to finish what was begun."""


@cache
def _environment() -> SweepStreamsSettings:
    return SweepStreamsSettings.from_environment()


def settings() -> SweepSettings:
    """Raises InvalidSettingError, InvalidConfigurationError, StorageBusyError."""
    environment = _environment()
    configuration = current_configuration(environment)()

    def sampling(stream_name: str) -> SweepSampling | None:
        camera = configuration.of_stream(stream_name).camera
        if camera.detector is None:
            return None
        return SweepSampling(camera.analysis.sampling_interval, camera.analysis.settle_seconds * 1000)

    return SweepSettings(StreamSelection.read(environment.stream_names, environment.tag_filters), sampling)


def ports(remaining_ms: Callable[[], int]) -> SweepPorts:
    """`remaining_ms`: how long this invocation may still run."""
    environment, clock = _environment(), SystemClock()
    return SweepPorts(
        registry=KvsStreamDirectory(clients.kinesis_video()),
        checkpoints=DynamoDbDocuments(clients.dynamodb(), environment.coordination_table, kind="sweeps"),
        workflow=StepFunctionsWorkflow(clients.step_functions(), environment.state_machine_arn),
        clock=clock,
        now_ms=round(time.time() * 1000),
        deadline_s=clock.now_s() + remaining_ms() / 1000 - _MARGIN_S,
    )
