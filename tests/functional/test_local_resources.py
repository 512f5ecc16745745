"""The template that moto gets, and the resource types that the local cloud creates itself."""

import json
from collections import Counter
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from kinesight_local.lambdas import InvocationResult
from kinesight_local.resources.catalogue import TYPES, ResourceTypes
from kinesight_local.resources.custom_resources import CustomResources, DeploymentFailedError
from kinesight_local.resources.moto_template import MotoTemplate
from kinesight_local.resources.response_receiver import ResponseReceiver

EVENT = {"RequestId": "1", "LogicalResourceId": "Attach", "ResponseURL": "http://container/forwarded"}


def moto_template(resources: dict[str, Any], outputs: dict[str, Any] | None = None) -> MotoTemplate:
    document = {"Resources": resources, "Outputs": {name: {"Value": one} for name, one in (outputs or {}).items()}}
    return MotoTemplate(document, ResourceTypes(), lambda logical_id: f"stack-{logical_id}")


def test_every_type_is_handled_by_one_class() -> None:
    handled = Counter(name for one in TYPES for name in one.handles)

    assert handled
    assert [name for name, count in handled.items() if count > 1] == []


def test_types_without_a_handler_are_left_to_moto() -> None:
    table = {"Type": "AWS::DynamoDB::Table", "Properties": {"TableName": "t"}}

    assert moto_template({"Table": table}).document()["Resources"] == {"Table": table}


def test_references_to_an_uncreated_resource_become_its_logical_id() -> None:
    alarm = {"Type": "AWS::CloudWatch::Alarm", "Properties": {}}
    table = {"Type": "AWS::DynamoDB::Table", "Properties": {"A": {"Ref": "Alarm"}, "B": {"Fn::Sub": "x-${Alarm.Arn}"}}}
    template = moto_template({"Alarm": alarm, "Table": table}, {"AlarmName": {"Ref": "Alarm"}, "Other": "x"})
    document = template.document()

    assert document["Resources"]["Table"]["Properties"] == {"A": "Alarm", "B": {"Fn::Sub": "x-Alarm"}}
    assert template.outputs({"AlarmName": "Alarm", "Other": "x", "LocalTableX": "y"}) == {"Other": "x"}


@pytest.mark.parametrize(
    ("dependencies", "expected"),
    [("Alarm", None), ("Table", ["Table"]), (["Alarm", "Table"], ["Table"]), (["Alarm"], None)],
)
def test_dependencies_on_resources_that_are_not_created_are_removed(dependencies: Any, expected: Any) -> None:
    resources = {
        "Alarm": {"Type": "AWS::CloudWatch::Alarm", "Properties": {}},
        "Table": {"Type": "AWS::DynamoDB::Table", "Properties": {}},
        "Topic": {"Type": "AWS::SNS::Topic", "Properties": {}, "DependsOn": dependencies},
    }

    assert moto_template(resources).document()["Resources"]["Topic"].get("DependsOn") == expected


def test_moto_resolves_references_as_outputs() -> None:
    properties = {"TopicArn": {"Ref": "Topic"}, "Protocol": "sqs", "Endpoint": {"Fn::GetAtt": ["Queue", "Arn"]}}
    template = moto_template({"Subscribed": {"Type": "AWS::SNS::Subscription", "Properties": properties}})
    document = template.document()

    assert document["Resources"] == {}
    assert document["Outputs"]["LocalSubscribedTopicArn"] == {"Value": {"Ref": "Topic"}}
    assert template.references({"LocalSubscribedTopicArn": "arn", "Other": "x"}).get("Subscribed", "TopicArn") == "arn"


class Function:
    """The function of a custom resource: responds with `status`, or fails without a response."""

    def __init__(self, status: str) -> None:
        self.status = status
        self.requests: list[str] = []

    def __call__(self, name: str, event: Any) -> InvocationResult:
        self.requests.append(event.get("RequestType", "Create"))
        if self.status == "RAISES":
            return InvocationResult(b"it raised", failed=True)
        httpx.put(event["ResponseURL"], content=json.dumps({"Status": self.status, "Reason": "it failed"}))
        return InvocationResult(b"null", failed=False)


@pytest.fixture
def function() -> Function:
    return Function("SUCCESS")


@pytest.fixture
def moto() -> Iterator[ResponseReceiver]:
    """Stands in for the address at which moto waits for responses."""
    with ResponseReceiver() as receiver:
        yield receiver


@pytest.fixture
def custom_resources(function: Function) -> Iterator[CustomResources[str]]:
    created = CustomResources(function)
    created.start()
    yield created
    created.stop()


def test_a_custom_resource_is_created_and_deleted(
    custom_resources: CustomResources[str], function: Function, moto: ResponseReceiver
) -> None:
    custom_resources.create("attach", EVENT, moto.url)
    custom_resources.wait_until_created(1)
    custom_resources.delete()

    assert moto.wait("forwarded", timeout_s=5)["Status"] == "SUCCESS"
    assert function.requests == ["Create", "Delete"]


@pytest.mark.parametrize(("status", "reason"), [("FAILED", "Attach: it failed"), ("RAISES", "Attach: it raised")])
def test_a_failed_custom_resource_fails_the_stack(
    custom_resources: CustomResources[str], function: Function, moto: ResponseReceiver, status: str, reason: str
) -> None:
    function.status = status
    custom_resources.create("attach", EVENT, moto.url)

    with pytest.raises(DeploymentFailedError, match=reason):
        custom_resources.wait_until_created(1)
    with pytest.raises(DeploymentFailedError, match=reason):
        custom_resources.delete()
