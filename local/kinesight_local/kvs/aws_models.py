"""Path → operation, read from botocore's service models."""

from dataclasses import dataclass
from functools import cache

import botocore.session
from botocore.model import OperationModel

_SERVICES = ("kinesisvideo", "kinesis-video-media", "kinesis-video-archived-media")


@dataclass(frozen=True, slots=True)
class Route:
    """An operation and its model."""

    operation: str
    model: OperationModel


@cache
def routes() -> dict[str, Route]:
    """All operations of the three KVS services by path; all are POST requests."""
    session = botocore.session.get_session()
    found: dict[str, Route] = {}
    for service in _SERVICES:
        model = session.get_service_model(service)
        for name in model.operation_names:
            operation = model.operation_model(name)
            found[operation.http["requestUri"]] = Route(name, operation)
    return found
