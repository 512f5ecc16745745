"""Documents, executions and reminders: one suite for the fakes and for AWS's services."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber
from kinesight.adapters.compute.step_functions_workflow import StepFunctionsWorkflow
from kinesight.adapters.dynamodb.documents import DynamoDbDocuments
from kinesight.adapters.messages.sqs_delayed_messages import SqsDelayedMessages
from kinesight.domain.errors import DeliveryError, StorageBusyError, ThrottledError, WorkflowRefusedError
from kinesight.domain.on_demand.executions import RunDetails
from kinesight.domain.on_demand.ports import AnalysisWorkflow, RunStatus
from kinesight.domain.ports import Versioned, VersionedDocuments
from moto import mock_aws

from tests.contract.test_managed_streams import a_table
from tests.fakes import FakeDocuments, FakeWorkflow

ROLE = "arn:aws:iam::123456789012:role/any"
PASSES = json.dumps({"StartAt": "Done", "States": {"Done": {"Type": "Pass", "End": True}}})
MACHINE = "arn:aws:states:us-east-1:123456789012:stateMachine:ranges"


@pytest.fixture(params=["fake", "dynamodb"])
def documents(request: pytest.FixtureRequest) -> Iterator[VersionedDocuments]:
    if request.param == "fake":
        yield FakeDocuments()
        return
    with mock_aws():
        client = a_table()
        DynamoDbDocuments(client, "coordination", kind="others").save("a", "not mine", 0)
        yield DynamoDbDocuments(client, "coordination", kind="bursts")


def test_a_document_is_kept_under_the_next_version(documents: VersionedDocuments) -> None:
    assert documents.load("a") == Versioned(0, None)
    assert documents.all() == {}

    assert documents.save("a", "one", 0)
    assert documents.save("a", "two", 1)

    assert documents.load("a") == Versioned(2, "two")
    assert documents.all() == {"a": Versioned(2, "two")}


def test_a_document_may_be_larger_than_an_item(documents: VersionedDocuments) -> None:
    large = json.dumps([{"at_ms": number, "label": "Größe"} for number in range(20_000)])

    assert documents.save("a", large, 0)
    assert (documents.load("a"), documents.all()) == (Versioned(1, large), {"a": Versioned(1, large)})
    assert documents.save("a", "small", 1)

    assert documents.load("a") == Versioned(2, "small")


@pytest.mark.parametrize("seen", [0, 2])
def test_who_saw_another_version_saves_nothing(documents: VersionedDocuments, seen: int) -> None:
    documents.save("a", "one", 0)

    assert not documents.save("a", "mine", seen)
    assert documents.load("a") == Versioned(1, "one")


def test_a_document_that_went_is_not_written_by_its_version(documents: VersionedDocuments) -> None:
    assert not documents.save("a", "mine", 3)


def test_a_table_that_is_not_there_is_busy() -> None:
    with mock_aws():
        documents = DynamoDbDocuments(boto3.client("dynamodb"), "nowhere", kind="bursts")
        for call in (lambda: documents.load("a"), documents.all, lambda: documents.save("a", "b", 0)):
            with pytest.raises(StorageBusyError):
                call()


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
def test_how_an_execution_stands(status: str, seen: RunStatus) -> None:
    client = boto3.client("stepfunctions")
    execution = MACHINE.replace("stateMachine", "execution") + ":range"
    answer = {"executionArn": execution, "stateMachineArn": MACHINE, "status": status, "startDate": 1}
    with Stubber(client) as stubber:
        stubber.add_response("describe_execution", answer, {"executionArn": execution})

        assert StepFunctionsWorkflow(client, MACHINE).status("range") is seen


def test_what_is_told_of_an_execution() -> None:
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


def test_an_execution_that_moto_runs_is_told_of() -> None:
    with mock_aws():
        client = boto3.client("stepfunctions")
        machine = client.create_state_machine(name="ranges", definition=PASSES, roleArn=ROLE)["stateMachineArn"]
        workflow = StepFunctionsWorkflow(client, machine)
        workflow.start("range", {"a": 1})

        told = workflow.describe("range")

    assert told is not None
    assert (told.status, told.document) == ("RUNNING", {"a": 1})


@pytest.mark.parametrize(
    ("code", "status", "raised"),
    [("ThrottlingException", 400, ThrottledError), ("AccessDeniedException", 400, WorkflowRefusedError)],
)
def test_what_step_functions_refuses(code: str, status: int, raised: type[Exception]) -> None:
    client = boto3.client("stepfunctions")
    with Stubber(client) as stubber:
        for operation in ("start_execution", "describe_execution"):
            stubber.add_client_error(operation, code, http_status_code=status)

        with pytest.raises(raised):
            StepFunctionsWorkflow(client, MACHINE).start("range", {})
        with pytest.raises(raised):
            StepFunctionsWorkflow(client, MACHINE).status("range")


def test_a_reminder_comes_after_its_delay() -> None:
    with mock_aws():
        client: Any = boto3.client("sqs")
        queue = client.create_queue(QueueName="mine")["QueueUrl"]
        SqsDelayedMessages(client, queue).send_later("look", 900)

        delayed = client.get_queue_attributes(QueueUrl=queue, AttributeNames=["ApproximateNumberOfMessagesDelayed"])[
            "Attributes"
        ]
        assert delayed == {"ApproximateNumberOfMessagesDelayed": "1"}

        client.delete_queue(QueueUrl=queue)
        with pytest.raises(DeliveryError):
            SqsDelayedMessages(client, queue).send_later("look", 1)
