"""Ports of start_analysis."""

from __future__ import annotations

import time
from functools import cache
from typing import Literal

from kinesight.adapters.aws import clients
from kinesight.adapters.compute.step_functions_workflow import StepFunctionsWorkflow
from kinesight.adapters.dynamodb.documents import DynamoDbDocuments
from kinesight.adapters.kvs.image_archive import KvsArchive
from kinesight.adapters.messages.sqs_dead_letters import SqsDeadLetters
from kinesight.adapters.messages.sqs_delayed_messages import SqsDelayedMessages
from kinesight.domain.on_demand.notification_bursts import BurstRules
from kinesight.domain.on_demand.start_analysis import StartPorts, StartSettings
from kinesight.settings import ConfiguredSettings
from kinesight.wiring.current_configuration import current_configuration

clients.create_on_lambda(clients.dynamodb, clients.kinesis_video, clients.sqs, clients.step_functions)


class StartAnalysisSettings(ConfiguredSettings):
    """How notified fragments become ranges."""

    coordination_table: str
    state_machine_arn: str
    queue_url: str
    dead_letter_queue_url: str
    image_selector_type: Literal["PRODUCER_TIMESTAMP", "SERVER_TIMESTAMP"] = "PRODUCER_TIMESTAMP"


_NAME = "start_analysis"


@cache
def _environment() -> StartAnalysisSettings:
    return StartAnalysisSettings.from_environment()


def settings() -> StartSettings:
    """Raises InvalidSettingError."""
    environment = _environment()
    configuration = current_configuration(environment)

    def rules(stream_name: str) -> BurstRules | None:
        camera = configuration().of_stream(stream_name).camera
        if camera.detector is None:
            return None
        analysis = camera.analysis
        return BurstRules(
            pre_roll_ms=analysis.pre_roll_seconds * 1000,
            post_roll_ms=analysis.post_roll_seconds * 1000,
            quiet_ms=analysis.quiet_seconds * 1000,
            interval_ms=analysis.sampling_interval,
        )

    return StartSettings(rules, environment.image_selector_type)


def ports() -> StartPorts:
    """Raises InvalidSettingError."""
    environment = _environment()
    return StartPorts(
        bursts=DynamoDbDocuments(clients.dynamodb(), environment.coordination_table, kind="bursts"),
        fragments=KvsArchive(clients.archived_media(), sleep=time.sleep),
        workflow=StepFunctionsWorkflow(clients.step_functions(), environment.state_machine_arn),
        reminders=SqsDelayedMessages(clients.sqs(), environment.queue_url),
        dead_letters=SqsDeadLetters(clients.sqs(), environment.dead_letter_queue_url, source=_NAME),
        now_ms=lambda: round(time.time() * 1000),
    )
