"""Event source mappings of moto's Lambda, served by us: moto would invoke a function once, while a message is sent."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from moto.awslambda.exceptions import InvalidParameterValueException
from moto.awslambda.models import EventSourceMapping, LambdaBackend
from moto.kinesis.models import Stream
from moto.sqs.models import Queue

from kinesight_local.event_sources.mappings import EventSourceMappings, UnsupportedMappingError
from kinesight_local.moto_support.patches import install

_NUMBERS = ("BatchSize", "MaximumBatchingWindowInSeconds", "MaximumRecordAgeInSeconds", "MaximumRetryAttempts")


def serve_mappings(service: EventSourceMappings) -> Callable[[], None]:
    """Has `service` serve mappings that the API or CloudFormation creates. Call the result to restore moto."""
    create = LambdaBackend.create_event_source_mapping
    update = LambdaBackend.update_event_source_mapping
    delete = LambdaBackend.delete_event_source_mapping

    def checked(spec: dict[str, Any]) -> dict[str, Any]:
        try:
            service.check(spec)
        except UnsupportedMappingError as error:
            raise InvalidParameterValueException(str(error)) from error
        return {name: _typed(name, value) for name, value in spec.items()}

    @wraps(create)
    def created(backend: LambdaBackend, spec: dict[str, Any]) -> EventSourceMapping:
        mapping = create(backend, checked(spec))
        service.start(mapping)
        return mapping

    @wraps(update)
    def updated(backend: LambdaBackend, uuid: str, spec: dict[str, Any]) -> EventSourceMapping | None:
        mapping = update(backend, uuid, checked(spec))
        if mapping is not None:  # moto keeps the first name, by which it lists mappings, and deletes those of a stack
            mapping.function_name = spec.get("FunctionName", mapping.function_name)
        return mapping

    @wraps(delete)
    def deleted(backend: LambdaBackend, uuid: str) -> EventSourceMapping | None:
        service.end(uuid)
        return delete(backend, uuid)

    # Each queue and stream has a list of its own, by which moto would deliver, too: this one stays empty.
    never = property(lambda _: {}, lambda *_: None)
    return install(
        (LambdaBackend, "create_event_source_mapping", created),
        (LambdaBackend, "update_event_source_mapping", updated),
        (LambdaBackend, "delete_event_source_mapping", deleted),
        (Queue, "lambda_event_source_mappings", never),
        (Stream, "lambda_event_source_mappings", never),
    )


def _typed(name: str, value: Any) -> Any:
    """A number or truth value where a template's parameter is text; CloudFormation converts it, too."""
    if not isinstance(value, str):
        return value
    if name in ("Enabled", "BisectBatchOnFunctionError"):
        return value.lower() == "true"
    return int(value) if name in _NUMBERS else value
