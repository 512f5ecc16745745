"""Work of a first deployment is tried again while policies take effect."""

from collections.abc import Callable

import pytest
from botocore.exceptions import ClientError
from kinesight.adapters.aws.errors import translate
from kinesight.adapters.aws.propagation import DELAYS_S, is_denied, once_permitted
from kinesight.domain.errors import InvalidSettingError, StorageBusyError


def refused(code: str, message: str = "") -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": message}}, "PutBucketNotificationConfiguration")


def translated(error: ClientError) -> InvalidSettingError:
    """As an adapter raises it."""
    try:
        raise translate(error, "bucket", transient=StorageBusyError, permanent=InvalidSettingError) from error
    except InvalidSettingError as found:
        return found


class Work:
    """Raises the errors, one at each call, then returns."""

    def __init__(self, *errors: Exception) -> None:
        self.errors = list(errors)
        self.slept: list[float] = []

    def __call__(self) -> str:
        if self.errors:
            raise self.errors.pop(0)
        return "done"

    def run(self) -> str:
        call: Callable[[], str] = self
        return once_permitted(call, self.slept.append)


UNREACHABLE = refused("InvalidArgument", "Unable to validate the following destination configurations")


@pytest.mark.parametrize(
    "error", [refused("AccessDenied"), refused("AccessDeniedException"), refused("403"), UNREACHABLE]
)
def test_a_refusal_is_retried_until_the_policy_takes_effect(error: ClientError) -> None:
    work = Work(error, translated(error), error)

    assert work.run() == "done"
    assert work.slept == list(DELAYS_S[:3])


def test_a_refusal_that_lasts_is_raised_after_a_minute() -> None:
    denied = translated(refused("AccessDenied"))
    work = Work(*[denied] * 10)

    with pytest.raises(InvalidSettingError):
        work.run()
    assert sum(work.slept) == sum(DELAYS_S) == 60


@pytest.mark.parametrize("error", [translated(refused("InvalidArgument", "overlaps")), ValueError("a defect")])
def test_other_errors_are_raised_at_once(error: Exception) -> None:
    work = Work(error)

    with pytest.raises(type(error)):
        work.run()
    assert work.slept == []
    assert not is_denied(error)
