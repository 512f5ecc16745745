"""AnalysisWorkflow: the fake and Step Functions."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime

import boto3
import pytest
from botocore.stub import Stubber
from kinesight.adapters.compute.step_functions_workflow import StepFunctionsWorkflow
from kinesight.domain.errors import ThrottledError, WorkflowRefusedError
from kinesight.domain.on_demand.executions import RunDetails
from kinesight.domain.on_demand.ports import AnalysisWorkflow, RunStatus
from moto import mock_aws

from tests.fakes import FakeWorkflow

ROLE = "arn:aws:iam::123456789012:role/any"


PASSES = json.dumps({"StartAt": "Done", "States": {"Done": {"Type": "Pass", "End": True}}})


MACHINE = "arn:aws:states:us-east-1:123456789012:stateMachine:ranges"


@pytest.fixture(params=["fake", "step functions"])
def workflow(request: pytest.FixtureRequest) -> Iterator[AnalysisWorkflow]:
    if request.param == "fake":
        yield FakeWorkflow()
        return
    with mock_aws():
        client = boto3.client("stepfunctions")
        machine = client.create_state_machine(name="ranges", definition=PASSES, roleArn=ROLE)["stateMachineArn"]
        yield StepFunctionsWorkflow(client, machine)


def test_an_execution_starts_once(workflow: AnalysisWorkflow) -> None:
    assert workflow.status("range") is None
    assert workflow.start("range", {"a": 1})
    assert workflow.status("range") is RunStatus.RUNNING
    assert not workflow.start("range", {"a": 2})


@pytest.mark.parametrize(
    ("status", "seen"),
    [
        ("RUNNING", RunStatus.RUNNING),
        ("PENDING_REDRIVE", RunStatus.RUNNING),
        ("SUCCEEDED", RunStatus.SUCCEEDED),
        ("FAILED", RunStatus.FAILED),
        ("TIMED_OUT", RunStatus.FAILED),
        ("ABORTED", RunStatus.FAILED),
    ],
)
def test_status_of_an_execution(status: str, seen: RunStatus) -> None:
    client = boto3.client("stepfunctions")
    execution = MACHINE.replace("stateMachine", "execution") + ":range"
    response = {"executionArn": execution, "stateMachineArn": MACHINE, "status": status, "startDate": 1}
    with Stubber(client) as stubber:
        stubber.add_response("describe_execution", response, {"executionArn": execution})

        assert StepFunctionsWorkflow(client, MACHINE).status("range") is seen


def test_describe_returns_the_details_of_an_execution() -> None:
    client = boto3.client("stepfunctions")
    begun, ended = datetime(2026, 1, 1, 12, tzinfo=UTC), datetime(2026, 1, 1, 13, tzinfo=UTC)
    execution = MACHINE.replace("stateMachine", "execution") + ":range"
    same = {"executionArn": execution, "stateMachineArn": MACHINE, "startDate": begun, "input": '{"a": 1}'}
    with Stubber(client) as stubber:
        for changes in (
            {"status": "RUNNING"},
            {"status": "SUCCEEDED", "stopDate": ended, "output": '{"found": 2}'},
            {"status": "FAILED", "stopDate": ended, "error": "NoMediaError", "cause": "no media" + 2000 * "."},
            {"status": "TIMED_OUT", "stopDate": ended},
        ):
            stubber.add_response("describe_execution", same | changes)
        stubber.add_client_error("describe_execution", "ExecutionDoesNotExist")
        workflow = StepFunctionsWorkflow(client, MACHINE)

        assert workflow.describe("range") == RunDetails("RUNNING", {"a": 1}, begun)
        assert workflow.describe("range") == RunDetails("SUCCEEDED", {"a": 1}, begun, ended, {"found": 2})
        failed = workflow.describe("range")
        assert failed is not None
        assert failed.error.startswith("NoMediaError: no media")
        assert len(failed.error) == 1000
        assert workflow.describe("range") == RunDetails("TIMED_OUT", {"a": 1}, begun, ended)
        assert workflow.describe("range") is None


def test_describe_returns_an_execution_of_moto() -> None:
    with mock_aws():
        client = boto3.client("stepfunctions")
        machine = client.create_state_machine(name="ranges", definition=PASSES, roleArn=ROLE)["stateMachineArn"]
        workflow = StepFunctionsWorkflow(client, machine)
        workflow.start("range", {"a": 1})

        details = workflow.describe("range")

    assert details is not None
    assert (details.status, details.document) == ("RUNNING", {"a": 1})


@pytest.mark.parametrize(
    ("code", "status", "raised"),
    [("ThrottlingException", 400, ThrottledError), ("AccessDeniedException", 400, WorkflowRefusedError)],
)
def test_errors_of_step_functions(code: str, status: int, raised: type[Exception]) -> None:
    client = boto3.client("stepfunctions")
    with Stubber(client) as stubber:
        for operation in ("start_execution", "describe_execution"):
            stubber.add_client_error(operation, code, http_status_code=status)

        with pytest.raises(raised):
            StepFunctionsWorkflow(client, MACHINE).start("range", {})
        with pytest.raises(raised):
            StepFunctionsWorkflow(client, MACHINE).status("range")
