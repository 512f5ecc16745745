"""Every word that the services we call have for a throttle is one that a later attempt may get past."""

import pytest
from botocore.exceptions import ClientError
from botocore.session import get_session
from kinesight.adapters.aws.errors import is_retryable

SERVICES = ("dynamodb", "events", "kinesis", "rekognition", "sns", "sqs", "stepfunctions", "kinesisvideo")


def words() -> list[tuple[str, int]]:
    """(code, status) as botocore's models have them; 400 where they name no status."""
    found = []
    for service in SERVICES:
        model = get_session().get_service_model(service)
        for shape in (model.shape_for(name) for name in model.shape_names if "hrottl" in name):
            if shape.metadata.get("exception"):
                error = shape.metadata.get("error", {})
                found.append((str(error.get("code", shape.name)), int(error.get("httpStatusCode", 400))))
    return found


@pytest.mark.parametrize(("code", "status"), words())
def test_a_throttle_passes(code: str, status: int) -> None:
    response = {"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": status}}

    assert is_retryable(ClientError(response, "Anything"))  # type: ignore[arg-type]  # the rest does not matter


def test_a_refusal_does_not() -> None:
    response = {"Error": {"Code": "AccessDenied"}, "ResponseMetadata": {"HTTPStatusCode": 403}}

    assert not is_retryable(ClientError(response, "Anything"))  # type: ignore[arg-type]  # the rest does not matter
