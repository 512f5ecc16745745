"""AWS::Events::Rule with a schedule, which moto never fires. Rules with an event pattern are left out."""

import logging
from collections.abc import Mapping
from typing import Any, override

from kinesight_local.resources.base import Deployment, Resource, ResourceType
from kinesight_local.schedules import Schedule, interval_s

log = logging.getLogger(__name__)


class ScheduledRules(ResourceType):
    """Invokes the first target at the rule's rate."""

    handles = frozenset({"AWS::Events::Rule"})

    def __init__(self) -> None:
        self._schedules: list[Schedule] = []

    @override
    def references(self, resource: Resource) -> Mapping[str, Any]:
        targets = {f"Target{n}": one["Arn"] for n, one in enumerate(resource.properties["Targets"])}
        return {"Schedule": resource.properties.get("ScheduleExpression", ""), **targets}

    @override
    def create(self, resource: Resource, deployment: Deployment) -> None:
        if "ScheduleExpression" not in resource.properties:
            return
        expression = deployment.reference(resource.logical_id, "Schedule")
        every_s = interval_s(expression)
        if every_s is None:
            log.warning("%s: %s is not run locally", resource.logical_id, expression)
            return
        invoke = deployment.invoker(deployment.reference(resource.logical_id, "Target0"))
        self._schedules.append(Schedule(resource.logical_id, every_s, invoke))

    @override
    def before_delete(self) -> None:
        self.stop()

    @override
    def stop(self) -> None:
        for schedule in self._schedules:
            schedule.stop()
