"""The stack as safe updates and snapshots set it: every caller names an alias, and everything runs as before; and an
existing function of the user's receives the results.
"""

import json
from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest
from kinesight_local.cloud import LocalCloud

from tests.e2e.test_event_driven_path import Stack, eventually
from tests.functional.test_vision import photograph
from tests.user_stacks import ROLE, allow_functions, zipped

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCloud]:
    parameters = {
        "StreamNames": "camera-*",
        "Labels": "Face",
        "LiveStatus": "ENABLED",
        "SafeUpdates": "Canary10Percent5Minutes",
        "SnapStart": "PublishedVersions",
        "Release": "1795271261",
        "ConsumerFunctionArn": "arn:aws:lambda:us-east-1:123456789012:function:mine",
    }
    with LocalCloud(ROOT, tmp_path_factory.mktemp("cloud"), parameters) as cloud:
        allow_functions(cloud)
        code = {"ZipFile": zipped(app="def handler(event, context):\n    print(len(event['Records']), 'of mine')")}
        cloud.client("lambda").create_function(
            FunctionName="mine", Runtime="python3.13", Role=ROLE, Handler="app.handler", Timeout=20, Code=code
        )
        cloud.deploy()
        yield cloud


def test_an_image_is_analyzed_and_its_evidence_kept(cloud: LocalCloud) -> None:
    stack = Stack(cloud)
    key = "images/123456789012_camera-1_1767268800000_0f8fad5b-d9cb-469f-a165-70867728950e.jpg"
    boto3.client("s3").put_object(
        Bucket=stack.outputs["ImagesBucketName"], Key=key, Body=photograph("astronaut.png"), ContentType="image/jpeg"
    )
    (result,) = eventually(stack.results, lambda found: len(found) == 1)
    kept = eventually(lambda: stack.objects("EvidenceBucketName"), lambda found: len(found) >= 2)

    log = cloud.log_dir / "mine.log"
    mine = eventually(lambda: log.read_text() if log.exists() else "", lambda text: "of mine" in text)

    assert result.matched
    assert "1 of mine" in mine
    assert {name.partition("/")[0] for name in kept} >= {"results", "annotated"}


def test_the_conductor_and_the_workflow_name_functions_that_are_there(cloud: LocalCloud) -> None:
    assert cloud.stack is not None
    functions = cloud.client("lambda")
    names = {one["FunctionName"] for one in functions.list_functions()["Functions"]}
    conductor = functions.get_function_configuration(FunctionName=cloud.stack.function_name("ConductLiveFunction"))
    (machine,) = cloud.client("stepfunctions").list_state_machines()["stateMachines"]
    definition = cloud.client("stepfunctions").describe_state_machine(stateMachineArn=machine["stateMachineArn"])
    called = {word for word in definition["definition"].split('"') if ":function:" in word}

    assert conductor["Environment"]["Variables"]["CONSUMER_FUNCTION_NAME"].rpartition(":")[2] in names
    assert len(called) == 5
    assert {arn.rpartition(":")[2] for arn in called} <= names
    assert json.loads(definition["definition"])["StartAt"]
