"""Shapes of cameras and their health."""

from typing import Any, Literal

from kinesight.viewer_api.shapes.base import Moment, Shape
from kinesight.viewer_api.shapes.sessions import SessionTimes


class FeatureConfigurations(Shape):
    """Configurations in the form of the KVS API; null if a stream has none, absent if none is expected or it could not
    be read."""

    image_generation: dict[str, Any] | None = None
    notification: dict[str, Any] | None = None


class StreamConfiguration(Shape):
    """`drift`: the fields in which the configuration found differs from the expected one."""

    expected: FeatureConfigurations
    found: FeatureConfigurations
    drift: list[str]


class HealthCheck(Shape):
    """A check of `kinesight doctor`: the fact found, its explanation, and the next step."""

    check: str
    status: Literal["ok", "failed", "warning"]
    fact: str
    explanation: str
    next_step: str
    cause: str


class Camera(Shape):
    """A selected stream. `status` is KVS's, or MISSING. `lastFragmentAt`: within the last hour, by KVS's clock."""

    stream: str
    arn: str | None
    status: str
    retention_hours: int
    last_fragment_at: Moment | None
    last_session: SessionTimes | None
    configuration: StreamConfiguration
    health: list[HealthCheck]


class CamerasPage(Shape):
    """Cameras by name; `cursor` requests the next page, and is null at the end."""

    cameras: list[Camera]
    cursor: str | None
