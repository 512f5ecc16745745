"""What services check when a resource is created exists before it, because policies take effect within seconds only.

CloudFormation ends the creation of a role after its inline policies; a policy apart may follow the resource that needs
it. Functions of custom resources retry what is refused (kinesight.adapters.aws.propagation).
"""

from typing import Any

import pytest

from tests.template.choices import CHOICES
from tests.template.platform_needs import VENDED_LOGS, source_needs
from tests.template.role_grants import Deployed, Grant, deployed


def inline(stack: Deployed, role: str) -> set[Grant]:
    apart = ("AWS::IAM::Policy", "AWS::IAM::RolePolicy")
    resources = {name: one for name, one in stack.resources.items() if one["Type"] not in apart}
    return Deployed(type(stack.expanded)(**_of(stack, resources))).grants(role)


def _of(stack: Deployed, resources: dict[str, Any]) -> dict[str, Any]:
    one = stack.expanded
    return {
        "document": {**one.document, "Resources": resources},
        "parameters": one.parameters,
        "sources": one.sources,
        "conditions": one.conditions,
    }


@pytest.mark.parametrize("choice", ["all at once", "a bucket and a topic that existed"])
def test_what_lambda_checks_of_an_event_source_is_in_the_role_itself(choice: str) -> None:
    """API_CreateEventSourceMapping refuses a function whose role cannot read the source or send to the destination."""
    stack = deployed(**CHOICES[choice])
    functions = stack.of_type("AWS::Lambda::Function")
    sources = stack.of_type("AWS::Lambda::EventSourceMapping").values()

    assert len(sources) >= 5
    for source in sources:
        granted = inline(stack, functions[source["FunctionName"]]["Role"])
        assert set(source_needs(stack, source)) <= granted, source["FunctionName"]


def test_what_step_functions_checks_of_a_log_is_in_the_role_itself() -> None:
    stack = deployed(**CHOICES["all at once"])

    assert {(action, "*") for action in VENDED_LOGS} <= inline(stack, "AnalyzeRangeRole")


def test_a_custom_resource_waits_for_the_policies_of_its_function() -> None:
    stack = deployed(**CHOICES["a bucket and a topic that existed"])
    functions = stack.of_type("AWS::Lambda::Function")
    policies = stack.of_type("AWS::IAM::RolePolicy")
    notification = stack.resources["ImagesBucketNotification"]
    role = functions[stack.plain(notification["Properties"]["ServiceToken"])]["Role"]

    apart = {name for name, one in policies.items() if one["RoleName"] == role}
    assert apart == {"BucketNotificationPolicy"}
    assert apart <= set(notification["DependsOn"])


def test_a_custom_resource_has_time_to_wait() -> None:
    """A minute until policies take effect, beside its own work; CloudFormation waits longer than the function runs."""
    stack = deployed(**CHOICES["all at once"])
    functions = stack.of_type("AWS::Lambda::Function")
    custom = [stack.plain(one["Properties"]) for one in stack.resources.values() if one["Type"].startswith("Custom::")]

    assert len(custom) == 2
    for one in custom:
        assert functions[one["ServiceToken"]]["Timeout"] >= 120
        assert int(one["ServiceTimeout"]) >= functions[one["ServiceToken"]]["Timeout"] + 30
