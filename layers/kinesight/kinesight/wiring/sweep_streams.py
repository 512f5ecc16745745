"""What sweep_streams works with."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import cache

from kinesight.adapters.aws import clients
from kinesight.adapters.compute.step_functions_workflow import StepFunctionsWorkflow
from kinesight.adapters.dynamodb.documents import DynamoDbDocuments
from kinesight.adapters.kvs.stream_directory import KvsStreamDirectory
from kinesight.domain.on_demand.sweep_streams import SweepPorts, SweepSettings
from kinesight.domain.streams.selection import StreamSelection
from kinesight.settings import SweepStreamsSettings
from kinesight.wiring.system_clock import SystemClock

_MARGIN_S = 30.0
"""Kept of a sweep's time to finish what was begun."""


@cache
def settings() -> SweepStreamsSettings:
    return SweepStreamsSettings.from_environment()


def plan() -> SweepSettings:
    """What the parameters ask for. Raises InvalidSettingError."""
    wanted = settings()
    return SweepSettings(
        selection=StreamSelection.of(wanted.stream_names, wanted.tag_filter_documents()),
        interval_ms=wanted.analysis_sampling_interval,
        settle_ms=wanted.sweep_settle_seconds * 1000,
    )


def ports(remaining_ms: Callable[[], int]) -> SweepPorts:
    """`remaining_ms`: how long this invocation may still run."""
    wanted, clock = settings(), SystemClock()
    return SweepPorts(
        registry=KvsStreamDirectory(clients.kinesis_video()),
        checkpoints=DynamoDbDocuments(clients.dynamodb(), wanted.coordination_table, kind="sweeps"),
        workflow=StepFunctionsWorkflow(clients.step_functions(), wanted.state_machine_arn),
        clock=clock,
        now_ms=round(time.time() * 1000),
        deadline_s=clock.now_s() + remaining_ms() / 1000 - _MARGIN_S,
    )
