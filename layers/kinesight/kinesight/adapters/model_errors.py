"""The errors of services that run somebody's model, told apart by what the caller can do. Shared by their adapters."""

from botocore.exceptions import ClientError

from kinesight.adapters.aws_errors import error_code, translate, is_timeout
from kinesight.domain.errors import DetectorBusyError, DetectorRejectedError, KinesightError, maybe_billed

_BUSY = frozenset({"ModelNotReadyException", "ServiceUnavailable", "InternalDependencyException", "InternalFailure"})
_MODEL_STATUS = {"ModelError": "OriginalStatusCode", "ModelErrorException": "originalStatusCode"}
"""SageMaker's and Bedrock's word for a failure of the model itself, and where its own status is."""


def translate_model_error(error: Exception, what: str) -> KinesightError:
    """The domain error; `what` says what was being done."""
    lasting: type[KinesightError] = DetectorRejectedError
    has_run = is_timeout(error)
    if isinstance(error, ClientError):
        code = error_code(error)
        has_run = code in _MODEL_STATUS
        status = error.response.get(_MODEL_STATUS.get(code, ""), 500)
        failed = has_run and not (isinstance(status, int) and is_refusal(status))
        lasting = DetectorBusyError if failed or code in _BUSY else DetectorRejectedError
    told = translate(error, what, passing=DetectorBusyError, lasting=lasting)
    return maybe_billed(told) if has_run else told


def is_refusal(status: int) -> bool:
    """The model's own status decides: its 4xx is about this picture, anything else may pass."""
    return 400 <= status < 500 and status not in (408, 429)
