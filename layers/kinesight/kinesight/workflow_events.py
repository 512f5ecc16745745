"""The events of the on-demand workflow's steps, checked at the edge. Functions that import only lambda_events start
without the documents that these hold."""

from collections.abc import Mapping
from typing import Any

from pydantic import Field

from kinesight.domain.on_demand.messages import RangePlan
from kinesight.domain.on_demand.render_timelapse import Progress
from kinesight.domain.on_demand.seals import check_window
from kinesight.domain.on_demand.windows import Window
from kinesight.lambda_events import Event, read_event


class _WorkflowStart(Event):
    execution: str = Field(pattern=r"^[^/\s]{1,80}$")
    input: Any


class _PlannedRange(Event):
    plan: RangePlan


class _Rendering(_PlannedRange):
    progress: Progress


class _PlannedWindow(_PlannedRange):
    window: Window


def workflow_start(event: Mapping[str, Any]) -> tuple[str, Any]:
    """(execution's name, its input). Raises InvalidEventError."""
    start = read_event(_WorkflowStart, event, "the start of the workflow")
    return start.execution, start.input


def planned_range(event: Mapping[str, Any]) -> RangePlan:
    """Raises InvalidEventError."""
    return read_event(_PlannedRange, event, "a plan").plan


def planned_window(event: Mapping[str, Any]) -> tuple[RangePlan, Window]:
    """Raises InvalidEventError, ForgedDocumentError."""
    planned = read_event(_PlannedWindow, event, "a window of a plan")
    check_window(planned.plan, planned.window)
    return planned.plan, planned.window


def rendering(event: Mapping[str, Any]) -> tuple[RangePlan, Progress]:
    """Raises InvalidEventError."""
    planned = read_event(_Rendering, event, "a time-lapse of a plan")
    return planned.plan, planned.progress
