"""Event source mappings of moto's Lambda, served by us: moto would invoke a function once, while a message is sent."""

from collections.abc import Callable
from functools import wraps
from typing import Any, Protocol

from moto.awslambda.exceptions import InvalidParameterValueException
from moto.awslambda.models import EventSourceMapping, LambdaBackend
from moto.kinesis.models import Stream
from moto.sqs.models import Queue

from kinesight_local.event_sources.mappings import UnsupportedMappingError
from kinesight_local.moto_support.patches import install

_NUMBERS = ("BatchSize", "MaximumBatchingWindowInSeconds", "MaximumRecordAgeInSeconds", "MaximumRetryAttempts")


class Service(Protocol):
    """What serves the mappings."""

    def check(self, properties: dict[str, Any]) -> None:
        """Raises UnsupportedMappingError."""

    def start(self, mapping: EventSourceMapping) -> None:
        """Called for every mapping that was created."""

    def end(self, uuid: str) -> None:
        """Called for every mapping that was deleted."""


def serve_mappings(service: Service) -> Callable[[], None]:
    """Has `service` serve mappings that the API or CloudFormation creates. Call the result to restore moto."""
    create = LambdaBackend.create_event_source_mapping
    delete = LambdaBackend.delete_event_source_mapping

    @wraps(create)
    def created(backend: LambdaBackend, spec: dict[str, Any]) -> EventSourceMapping:
        try:
            service.check(spec)
        except UnsupportedMappingError as error:
            raise InvalidParameterValueException(str(error)) from error
        mapping = create(backend, _typed(spec))
        service.start(mapping)
        return mapping

    @wraps(delete)
    def deleted(backend: LambdaBackend, uuid: str) -> EventSourceMapping | None:
        service.end(uuid)
        return delete(backend, uuid)

    # Each queue and stream has a list of its own, by which moto would deliver, too: this one stays empty.
    never = property(lambda _: {}, lambda *_: None)
    return install(
        (LambdaBackend, "create_event_source_mapping", created),
        (LambdaBackend, "delete_event_source_mapping", deleted),
        (Queue, "lambda_event_source_mappings", never),
        (Stream, "lambda_event_source_mappings", never),
    )


def _typed(spec: dict[str, Any]) -> dict[str, Any]:
    """With numbers and truth values where a template's parameters are text; CloudFormation converts them, too."""
    return {name: _typed_value(name, value) for name, value in spec.items()}


def _typed_value(name: str, value: Any) -> Any:
    if not isinstance(value, str):
        return value
    if name in ("Enabled", "BisectBatchOnFunctionError"):
        return value.lower() == "true"
    return int(value) if name in _NUMBERS else value
