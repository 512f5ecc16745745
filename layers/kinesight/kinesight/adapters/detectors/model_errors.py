"""Classifies the errors of SageMaker and Bedrock. Shared by their adapters."""

from botocore.exceptions import ClientError

from kinesight.adapters.aws.errors import error_code, is_timeout, translate
from kinesight.domain.errors import DetectorBusyError, DetectorRejectedError, KinesightError, maybe_billed

_BUSY = frozenset({"ModelNotReadyException", "ServiceUnavailable", "InternalDependencyException", "InternalFailure"})
_MODEL_STATUS = {"ModelError": "OriginalStatusCode", "ModelErrorException": "originalStatusCode"}
"""Error codes for a failure of the model itself, and the response field with the model's status."""


def translate_model_error(error: Exception, what: str) -> KinesightError:
    """Returns the domain error. `what` names the failed operation in the message."""
    permanent: type[KinesightError] = DetectorRejectedError
    has_run = is_timeout(error)
    if isinstance(error, ClientError):
        code = error_code(error)
        has_run = code in _MODEL_STATUS
        status = error.response.get(_MODEL_STATUS.get(code, ""), 500)
        failed = has_run and not (isinstance(status, int) and is_refusal(status))
        permanent = DetectorBusyError if failed or code in _BUSY else DetectorRejectedError
    translated = translate(error, what, transient=DetectorBusyError, permanent=permanent)
    return maybe_billed(translated) if has_run else translated


def is_refusal(status: int) -> bool:
    """Whether the model rejected this image: its own status is 4xx. Any other status is transient."""
    return 400 <= status < 500 and status not in (408, 429)
