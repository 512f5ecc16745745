"""Functions of users on the local cloud: their own zip files, made by the API or by CloudFormation."""

import json
from collections import Counter
from collections.abc import Iterator
from contextlib import chdir
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from kinesight_local.cloud import LocalCloud

from tests.e2e.test_event_driven_path import eventually
from tests.emulators import use_local_cloud
from tests.user_stacks import ROLE, allow_functions, zipped

HELLO = """
import os, kept
def handler(event, context):
    return {"hello": event["who"], "own": os.environ.get("OWN"), "kept": kept.VALUE, "name": context.function_name}
"""
CONSUMER = """
import base64, boto3, os

def handler(event, context):
    failed = []
    for record in event["Records"]:
        data = base64.b64decode(record["kinesis"]["data"]).decode()
        if data == "poison":
            raise ValueError(data)
        if data == "bad":
            failed.append({"itemIdentifier": record["kinesis"]["sequenceNumber"]})
            continue
        key = f"{data}/{context.aws_request_id}"
        boto3.client("s3").put_object(Bucket=os.environ["BUCKET"], Key=key)
    return {"batchItemFailures": failed}
"""
TEMPLATE = """
Transform: AWS::Serverless-2016-10-31
Parameters:
  Batch: {Type: Number}
Resources:
  Source: {Type: AWS::Kinesis::Stream, Properties: {Name: numbers, ShardCount: 2}}
  Failed: {Type: AWS::SQS::Queue}
  Consumer:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: s3://code/consumer.zip
      Handler: app.handler
      Runtime: python3.13
      Timeout: 20
      Environment: {Variables: {BUCKET: code}}
      Events:
        Numbers:
          Type: Kinesis
          Properties:
            Stream: !GetAtt Source.Arn
            StartingPosition: TRIM_HORIZON
            BatchSize: !Ref Batch
            MaximumRetryAttempts: 1
            BisectBatchOnFunctionError: true
            FunctionResponseTypes: [ReportBatchItemFailures]
            DestinationConfig: {OnFailure: {Type: SQS, Destination: !GetAtt Failed.Arn}}
Outputs:
  Failed: {Value: !Ref Failed}
"""


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCloud]:
    """Of relative folders, which it keeps although this process changes its own."""
    with chdir(tmp_path_factory.mktemp("cloud")):
        created = LocalCloud(Path(), Path("data"), {})
    with created as running:
        allow_functions(running)
        yield running


@pytest.fixture(autouse=True)
def clean_environment(cloud: LocalCloud, monkeypatch: pytest.MonkeyPatch) -> None:
    """Here the environment is the local cloud's."""
    use_local_cloud(cloud, monkeypatch)


def create(cloud: LocalCloud, name: str, code: bytes, **settings: Any) -> Any:
    given = {"Runtime": "python3.12", "Handler": "app.handler", "Role": ROLE, **settings}
    return cloud.client("lambda").create_function(FunctionName=name, Code={"ZipFile": code}, **given)


def invoke(cloud: LocalCloud, name: str, event: Any) -> tuple[Any, bool]:
    """The result, and whether the function failed."""
    response = cloud.client("lambda").invoke(FunctionName=name, Payload=json.dumps(event))
    return json.loads(response["Payload"].read()), "FunctionError" in response


def test_a_function_runs_with_its_current_code_layers_and_variables(cloud: LocalCloud) -> None:
    client = cloud.client("lambda")
    content = {"ZipFile": zipped(python__kept="VALUE = 1")}
    layer = client.publish_layer_version(LayerName="kept", Content=content)["LayerVersionArn"]
    create(cloud, "hello", zipped(app=HELLO), Environment={"Variables": {"OWN": "x"}}, Layers=[layer])

    assert invoke(cloud, "hello", {"who": "you"}) == ({"hello": "you", "own": "x", "kept": 1, "name": "hello"}, False)

    client.update_function_code(FunctionName="hello", ZipFile=zipped(app=HELLO.replace('"hello"', '"bye"')))
    client.update_function_configuration(FunctionName="hello", Environment={"Variables": {"OWN": "y"}})

    assert invoke(cloud, "hello", {"who": "you"}) == ({"bye": "you", "own": "y", "kept": 1, "name": "hello"}, False)


@pytest.mark.parametrize(
    ("code", "settings", "expected"),
    [
        (zipped(app=HELLO), {"Runtime": "nodejs22.x"}, "runs Python functions from zip files only, and this is nodejs"),
        (b"no zip", {}, "Its code is not a zip file"),
        (zipped(other=HELLO), {}, "No module named 'app'"),
        (zipped(app="def handler(event, context):\n    raise ValueError('mine')"), {}, "mine"),
    ],
)
def test_a_function_that_cannot_run_returns_the_reason(
    cloud: LocalCloud, code: bytes, settings: dict[str, str], expected: str
) -> None:
    create(cloud, "broken", code, **settings)

    result, failed = invoke(cloud, "broken", {})
    cloud.client("lambda").delete_function(FunctionName="broken")

    assert failed
    assert expected in result["errorMessage"]
    assert list((cloud.log_dir.parent / "functions").glob("tmp*")) == []


def test_a_consumer_of_a_template_gets_each_record_once_and_its_failures_go_to_its_queue(cloud: LocalCloud) -> None:
    s3, kinesis, cloudformation = (cloud.client(name) for name in ("s3", "kinesis", "cloudformation"))
    s3.create_bucket(Bucket="code")
    s3.put_object(Bucket="code", Key="consumer.zip", Body=zipped(app=CONSUMER))
    cloudformation.create_stack(
        StackName="mine",
        TemplateBody=TEMPLATE,
        Capabilities=["CAPABILITY_IAM"],
        Parameters=[{"ParameterKey": "Batch", "ParameterValue": "4"}],
    )
    (stack,) = cloudformation.describe_stacks(StackName="mine")["Stacks"]
    queue = stack["Outputs"][0]["OutputValue"]

    numbers = [str(n) for n in range(20)]
    data = [*numbers[:8], "bad", *numbers[8:12], "poison", *numbers[12:]]
    kinesis.put_records(StreamName="numbers", Records=[{"Data": one.encode(), "PartitionKey": "k"} for one in data])

    def consumed() -> list[str]:
        return [one["Key"] for one in s3.list_objects_v2(Bucket="code")["Contents"] if one["Key"] != "consumer.zip"]

    eventually(consumed, lambda keys: {key.split("/")[0] for key in keys} == set(numbers))
    given_up = eventually(lambda: received(cloud, queue), lambda found: len(found) == 2)
    assert [one["requestContext"]["condition"] for one in given_up] == ["RetryAttemptsExhausted"] * 2
    # What the function reports is retried from there on, what it raises is searched for the record that causes it.
    assert [one["KinesisBatchInfo"]["batchSize"] for one in given_up] == [4, 1]
    deliveries = Counter(key.split("/")[0] for key in consumed())
    assert {deliveries[n] for n in numbers[:8]} == {1}
    assert {deliveries[n] for n in numbers[8:11]} == {2}

    cloudformation.delete_stack(StackName="mine")
    assert cloud.client("lambda").list_event_source_mappings()["EventSourceMappings"] == []


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("Resources: {A: [", "neither JSON nor YAML"),
        ("Transform: AWS::Serverless-2016-10-31\nResources: {A: [", "YAML not well-formed: .*line 3"),
        (
            "Transform: AWS::Serverless-2016-10-31\nResources: {A: {Type: AWS::Serverless::Function}}",
            r"Resource with id \[A\] is invalid",
        ),
    ],
)
def test_an_invalid_template_is_refused_with_the_reason(cloud: LocalCloud, template: str, expected: str) -> None:
    with pytest.raises(ClientError, match=f"(?s)ValidationError.*{expected}"):
        cloud.client("cloudformation").create_stack(StackName="invalid", TemplateBody=template)


FOUND: list[Any] = []


def received(cloud: LocalCloud, queue: str) -> list[Any]:
    sqs = cloud.client("sqs")
    for message in sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages", []):
        FOUND.append(json.loads(message["Body"]))
        sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
    return FOUND


def test_a_mapping_of_the_api_can_be_changed_disabled_and_deleted(cloud: LocalCloud) -> None:
    sqs, client = cloud.client("sqs"), cloud.client("lambda")
    url = sqs.create_queue(QueueName="work")["QueueUrl"]
    done = sqs.create_queue(QueueName="done")["QueueUrl"]
    code = (
        "import boto3\n"
        "def handler(event, context):\n"
        f"    boto3.client('sqs').send_message(QueueUrl={done!r}, MessageBody=str(len(event['Records'])))"
    )
    create(cloud, "worker", zipped(app=code), Timeout=20)
    arn = "arn:aws:sqs:us-east-1:123456789012:work"
    create(cloud, "previous", zipped(app="def handler(event, context): ..."))
    mapping = client.create_event_source_mapping(EventSourceArn=arn, FunctionName="previous", Enabled=False)["UUID"]
    for n in range(3):
        sqs.send_message(QueueUrl=url, MessageBody=str(n))

    client.update_event_source_mapping(UUID=mapping, FunctionName="worker", BatchSize=1, Enabled=True)
    (listed,) = client.list_event_source_mappings(FunctionName="worker")["EventSourceMappings"]
    assert listed["UUID"] == mapping

    sizes: list[str] = []

    def read() -> list[str]:
        sizes.extend(one["Body"] for one in sqs.receive_message(QueueUrl=done).get("Messages", []))
        return sizes

    assert eventually(read, lambda found: len(found) == 3) == ["1", "1", "1"]
    client.delete_event_source_mapping(UUID=mapping)
    sqs.send_message(QueueUrl=url, MessageBody="left")
    attributes = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["ApproximateNumberOfMessages"])["Attributes"]
    assert attributes["ApproximateNumberOfMessages"] == "1"


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"FilterCriteria": {"Filters": [{"Pattern": "{}"}]}}, "does not support FilterCriteria"),
        ({"DestinationConfig": {"OnFailure": {"Destination": "arn:aws:s3:::kept"}}}, "queues and topics as on-failure"),
    ],
)
def test_properties_without_effect_here_are_refused(cloud: LocalCloud, settings: dict[str, Any], expected: str) -> None:
    create(cloud, "refused", zipped(app=HELLO))
    client = cloud.client("lambda")
    cloud.client("kinesis").create_stream(StreamName="refused", ShardCount=1)
    arn = "arn:aws:kinesis:us-east-1:123456789012:stream/refused"

    with pytest.raises(ClientError, match=expected):
        client.create_event_source_mapping(EventSourceArn=arn, FunctionName="refused", **settings)
    mapping = client.create_event_source_mapping(EventSourceArn=arn, FunctionName="refused")["UUID"]
    with pytest.raises(ClientError, match=expected):
        client.update_event_source_mapping(UUID=mapping, **settings)
    client.delete_event_source_mapping(UUID=mapping)
    client.delete_function(FunctionName="refused")
    cloud.client("kinesis").delete_stream(StreamName="refused")


def test_a_state_machine_of_a_template_runs_starts_another_and_is_updated(cloud: LocalCloud) -> None:
    create(cloud, "greets", zipped(app=HELLO, kept="VALUE = 2"))
    arn = "arn:aws:lambda:us-east-1:123456789012:function:greets"
    inner = a_machine({"Type": "Task", "Resource": "${Function}"}, Function=arn)
    start = {"StateMachineArn": "${Inner}", "Name": "inner", "Input": {"who.$": "$.who"}}
    outer = a_machine(
        {"Type": "Task", "Resource": "arn:aws:states:::states:startExecution.sync:2", "Parameters": start},
        Inner={"Ref": "Inner"},
    )
    template = {"Resources": {"Inner": inner, "Outer": outer}, "Outputs": {"Arn": {"Value": {"Ref": "Outer"}}}}
    cloudformation, states = cloud.client("cloudformation"), cloud.client("stepfunctions")
    cloudformation.create_stack(StackName="machine", TemplateBody=json.dumps(template))
    (stack,) = cloudformation.describe_stacks(StackName="machine")["Stacks"]

    started = states.start_execution(stateMachineArn=stack["Outputs"][0]["OutputValue"], input='{"who": "me"}')

    ended = eventually(lambda: states.describe_execution(executionArn=started["executionArn"]), has_ended)
    result = json.loads(ended["output"])
    assert (result["Name"], result["Status"], result["Output"]["hello"]) == ("inner", "SUCCEEDED", "me")
    template["Resources"]["Outer"] = a_machine({"Type": "Pass", "Result": "changed"})
    cloudformation.update_stack(StackName="machine", TemplateBody=json.dumps(template))
    changed = states.describe_state_machine(stateMachineArn=stack["Outputs"][0]["OutputValue"])
    assert "changed" in changed["definition"]
    template["Resources"]["Outer"]["Properties"]["StateMachineName"] = "renamed"
    cloudformation.update_stack(StackName="machine", TemplateBody=json.dumps(template))
    names = {one["name"] for one in states.list_state_machines()["stateMachines"]}
    assert "renamed" in names
    assert changed["name"] not in names
    cloudformation.delete_stack(StackName="machine")
    assert states.list_state_machines()["stateMachines"] == []


def a_machine(state: dict[str, Any], **substitutions: Any) -> dict[str, Any]:
    definition = {"StartAt": "A", "States": {"A": {**state, "End": True}}}
    properties = {"RoleArn": ROLE, "Definition": definition, "DefinitionSubstitutions": substitutions}
    return {"Type": "AWS::StepFunctions::StateMachine", "Properties": properties}


def has_ended(execution: Any) -> bool:
    return bool(execution["status"] != "RUNNING")
