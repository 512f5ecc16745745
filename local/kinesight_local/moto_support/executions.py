"""Names of executions that are started without one: moto calls them all "None"."""

import uuid
from collections.abc import Callable
from typing import Any

from moto.stepfunctions.parser.models import StepFunctionsParserBackend

from kinesight_local.moto_support.patches import install


def name_executions() -> Callable[[], None]:
    """Gives each a UUID as its name, as Step Functions does (API_StartExecution). Call the result to restore moto."""
    start = StepFunctionsParserBackend.start_execution

    def named(backend: StepFunctionsParserBackend, arn: str, name: str | None = None, *rest: Any, **more: Any) -> Any:
        return start(backend, arn, name or str(uuid.uuid4()), *rest, **more)

    return install((StepFunctionsParserBackend, "start_execution", named))
