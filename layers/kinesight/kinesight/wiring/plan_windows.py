"""Ports of plan_windows."""

from __future__ import annotations

import secrets
import time
from datetime import UTC, datetime

from kinesight.adapters.aws import clients
from kinesight.adapters.kvs.image_archive import KvsArchive
from kinesight.adapters.kvs.stream_directory import KvsStreamDirectory
from kinesight.adapters.s3.bucket import S3Bucket
from kinesight.detection_settings import BudgetSettings
from kinesight.domain.detectors.catalogue import DETECTORS
from kinesight.domain.on_demand.plan_windows import PlanningPorts
from kinesight.settings import WorkflowSettings
from kinesight.wiring.budget import is_reached, spend_counters
from kinesight.wiring.current_configuration import current_configuration

clients.create_on_lambda(clients.dynamodb, clients.kinesis_video, clients.s3)


class PlanWindowsSettings(WorkflowSettings, BudgetSettings):
    """An execution may choose its detector, but only one for which the stack has what it needs."""

    def missing_parameters(self) -> dict[str, str]:
        """By detector, the parameters that it lacks."""
        empty = {kind: one.settings.empty_fields(self.values) for kind, one in DETECTORS.items()}
        return {
            kind: ", ".join(DETECTORS[kind].settings.parameter(name) for name in names)
            for kind, names in empty.items()
            if names
        }


def ports() -> PlanningPorts:
    """Raises InvalidSettingError."""
    environment = PlanWindowsSettings.from_environment()
    configuration = current_configuration(environment)
    counters = spend_counters(environment)
    archive = KvsArchive(clients.archived_media(), sleep=time.sleep)
    work = S3Bucket(clients.s3(), environment.work_bucket)
    return PlanningPorts(
        KvsStreamDirectory(clients.kinesis_video()),
        archive,
        work,
        lambda: datetime.now(UTC),
        lambda: secrets.token_hex(32),
        missing_parameters=environment.missing_parameters(),
        is_analyzed=lambda stream_name: configuration().is_analyzed(stream_name),
        is_over_budget=lambda stream_name, chosen: is_reached(
            environment, counters, configuration(), stream_name, chosen
        ),
    )
