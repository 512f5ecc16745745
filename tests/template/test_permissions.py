"""Least privilege: every role is granted what its code and its services use, and nothing else."""

import ast
import importlib
import inspect
import json
import re
from dataclasses import replace
from fnmatch import fnmatch
from functools import cache
from typing import Any

import pytest
from kinesight.adapters.dynamodb.documents import DynamoDbDocuments

from tests.template import code_needs, permissions_table, reachable
from tests.template.choices import CHOICES, FUNCTIONS, MODEL_ARN, SECRET_ARN, functions_of, resource_of
from tests.template.partition_keys import SHARED_TABLE
from tests.template.platform_needs import NETWORK, function_needs, key_needs, workflow_needs
from tests.template.role_grants import Deployed, Grant, deployed
from tests.template.test_template import LONGEST_NAMES

_MADE_FOR = {"S3BucketNotifications": "ImagesBucketNotification"}
"""Adapters that are used by one conditional resource alone."""


def needs_of(stack: Deployed, function: str) -> dict[Grant, str]:
    """What is used, with who uses it."""
    used = code_needs_of(function, environment_of(stack, function))
    needs = {one: by for one, by in used.items() if _MADE_FOR.get(by, resource_of(function, "Role")) in stack.resources}
    needs |= function_needs(stack, resource_of(function, "Function"))
    return needs | key_needs(stack, set(needs))


def environment_of(stack: Deployed, function: str) -> tuple[tuple[str, str], ...]:
    return tuple(stack.environment(resource_of(function, "Function")).items())


@cache
def code_needs_of(function: str, environment: tuple[tuple[str, str], ...]) -> dict[Grant, str]:
    """Most choices leave most functions' environments as they are."""
    return code_needs.code_needs(function, dict(environment))


def difference(needs: dict[Grant, str], granted: set[Grant]) -> list[str]:
    """In words; empty where a role is granted just what is used."""
    missing = [f"used by {needs[one]}, not granted: {one}" for one in sorted(needs.keys() - granted)]
    return missing + [f"granted, not used: {one}" for one in sorted(granted - needs.keys())]


@pytest.mark.parametrize("choice", CHOICES)
def test_roles_are_granted_what_their_functions_use_and_nothing_else(choice: str) -> None:
    stack = deployed(**CHOICES[choice])
    found = {
        one: difference(needs_of(stack, one), stack.grants(resource_of(one, "Role"))) for one in functions_of(choice)
    }

    assert {one: words for one, words in found.items() if words} == {}


@pytest.mark.parametrize("choice", ["plain", "all at once"])
def test_the_workflow_is_granted_what_its_definition_uses_and_nothing_else(choice: str) -> None:
    stack = deployed(**CHOICES[choice])
    needs = workflow_needs(stack, "AnalyzeRange")

    assert difference(needs | key_needs(stack, set(needs)), stack.grants("AnalyzeRangeRole")) == []


@pytest.mark.parametrize("function", FUNCTIONS)
def test_every_action_is_missed_when_it_is_taken_away(function: str) -> None:
    """Action by action and statement by statement, so nothing is granted twice either."""
    stack, role = deployed(**CHOICES["all at once"]), resource_of(function, "Role")
    needs = needs_of(stack, function)
    allowed = [one for one in stack.statements(role) if one.effect == "Allow"]

    for number, statement in enumerate(allowed):
        for action in statement.actions:
            fewer = replace(statement, actions=tuple(one for one in statement.actions if one != action))
            granted = set[Grant]().union(*(one.grants for one in [*allowed[:number], fewer, *allowed[number + 1 :]]))
            assert difference(needs, granted), f"{statement.sid} does not need {action}"


@pytest.mark.parametrize("function", FUNCTIONS)
def test_every_added_action_is_reported(function: str) -> None:
    stack, role = deployed(**CHOICES["all at once"]), resource_of(function, "Role")
    needs = needs_of(stack, function)

    for statement in stack.statements(role):
        service = statement.actions[0].partition(":")[0]
        for added in (f"{service}:Nonsense", "s3:DeleteObjectVersion"):
            more = replace(statement, effect="Allow", actions=(*statement.actions, added))
            differences = difference(needs, stack.grants(role) | more.grants)
            assert any(added in one and one.startswith("granted, not used") for one in differences)


@pytest.mark.parametrize(
    ("function", "module", "call", "instead", "action"),
    [
        ("keep_evidence", "s3.bucket", "head_object", "delete_object", "s3:DeleteObject"),
        ("track_sessions", "dynamodb.documents", "put_item", "batch_write_item", "dynamodb:BatchWriteItem"),
        ("archive_session", "messages.sqs_delayed_messages", "send_message", "purge_queue", "sqs:PurgeQueue"),
        (
            "configure_streams",
            "kvs.stream_directory",
            "list_tags_for_stream",
            "delete_stream",
            "kinesisvideo:DeleteStream",
        ),
        ("start_analysis", "dynamodb.documents", "get_item", "transact_get_items", "dynamodb:TransactGetItems"),
    ],
)
def test_code_that_calls_another_action_is_reported(
    function: str, module: str, call: str, instead: str, action: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The adapter's source is read as if the call had been changed."""
    changed = inspect.getsource(importlib.import_module(f"kinesight.adapters.{module}")).replace(call, instead)
    reads_as(f"kinesight.adapters.{module}", ast.parse(changed), monkeypatch)
    stack = deployed(**CHOICES["plain"])

    needs = code_needs.code_needs(function, stack.environment(resource_of(function, "Function")))
    words = difference(needs, stack.grants(resource_of(function, "Role")))

    assert any(action in one and one.startswith("used by") for one in words)


def test_code_that_uses_another_partition_key_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kinesight.wiring.start_analysis.DynamoDbDocuments", _Leases)
    stack = deployed(**CHOICES["plain"])

    needs = code_needs.code_needs("start_analysis", stack.environment("StartAnalysisFunction"))
    words = difference(needs, stack.grants("StartAnalysisRole"))

    for action in ("dynamodb:GetItem", "dynamodb:PutItem"):
        assert f"used by _Leases, not granted: {(action, 'CoordinationTable[leases#*]')}" in words
        assert f"granted, not used: {(action, 'CoordinationTable[bursts]')}" in words


class _Leases(DynamoDbDocuments):
    """Leases, whatever the kind."""

    def __init__(self, client: Any, table: str, *, kind: str) -> None:
        super().__init__(client, table, kind="leases" if kind == "bursts" else kind)


@pytest.mark.parametrize("choice", CHOICES)
def test_no_role_may_use_every_partition_of_the_table_that_functions_share(choice: str) -> None:
    stack = deployed(**CHOICES[choice])
    granted = {grant for role in stack.of_type("AWS::IAM::Role") for grant in stack.grants(role)}

    shared = [place for _, place in granted if place.startswith(SHARED_TABLE)]
    assert len(shared) > 10
    assert not [place for place in shared if place == SHARED_TABLE or "/" in place or place.endswith("[*]")]


def reads_as(module: str, tree: ast.Module, monkeypatch: pytest.MonkeyPatch) -> None:
    true = reachable.source_of

    def source_of(name: str) -> ast.Module:
        return tree if name == module else true(name)

    methods_of = cache(reachable.methods_of.__wrapped__)
    monkeypatch.setattr(reachable, "source_of", source_of)
    monkeypatch.setattr(reachable, "methods_of", methods_of)
    monkeypatch.setattr(code_needs, "source_of", source_of)
    monkeypatch.setattr(code_needs, "methods_of", methods_of)


def test_every_adapter_that_the_wiring_knows_is_built_under_some_choice() -> None:
    """Else its calls would be in no comparison."""
    known = {
        value
        for function in FUNCTIONS
        for module in code_needs.wiring_modules(function)
        for value in vars(module).values()
        if isinstance(value, type) and value.__module__.startswith("kinesight.adapters.")
    }
    stacks = {choice: deployed(**parameters) for choice, parameters in CHOICES.items()}
    handlers = {(one, environment_of(stack, one)) for choice, stack in stacks.items() for one in functions_of(choice)}
    built = {
        type(one.adapter)
        for function, environment in handlers
        for one in code_needs.built_by(function, dict(environment))
    }

    holding = {one for one in known if "__init__" in reachable.methods_of(one)}  # others hold no client
    assert len(holding) > 30
    assert holding - built == set()


LONGEST_MODELS = {
    "SageMakerEndpointName": "e" * 63,
    "SageMakerAsyncOutputBucket": "b" * 63,
    "FaceCollectionId": "f" * 128,
    "BedrockModelId": "m" * 128,
    "CustomLabelsModelArn": ",".join([MODEL_ARN] * 3),
    "HttpAuthSecretArn": f"{SECRET_ARN},{SECRET_ARN}",
}
_ARN = 50
"""Characters of an ARN before the name of its resource."""


@pytest.mark.parametrize("role", ["AnalyzeImagesRole", "ConsumeLiveRole", "DetectObjectsRole"])
def test_policies_with_the_longest_names_are_below_the_limit_of_iam(role: str) -> None:
    """10,240 characters without blanks for all inline policies of a role ("IAM and AWS STS quotas"). A parameter with
    fewer than three names has them repeated."""
    stack = deployed(**CHOICES["all at once"] | LONGEST_MODELS)
    policies = [one["PolicyDocument"] for one in stack.of_type("AWS::IAM::Role")[role]["Policies"]]
    text = json.dumps(policies, separators=(",", ":"))
    longest = {name: LONGEST_NAMES.get(one["Type"], 200) for name, one in stack.resources.items()}
    named = [longest[name] for name in longest for _ in re.findall(rf'"{name}\b', text)]
    in_arns = [longest[name] for name in longest for _ in re.findall(rf":{name}\b", text)]

    assert len(named) > 5
    assert len(in_arns) > 2
    assert len(text) + _ARN * len(named) + sum([*named, *in_arns]) < 10_240


# Actions on every resource, or on resources of every name, each with the reason for it.
WILDCARDS = {
    "ec2:*": "Lambda makes network interfaces itself, and a Deny keeps functions from it",
    "iot:DescribeEndpoint": "knows no resources: it returns the account's one endpoint",
    "kinesis:ListStreams": "knows no resources; called when an event source is created",
    "kinesisvideo:ListStreams": "knows no resources; streams are found by name or by tag",
    "logs:*LogDelivery": "knows no resources; Step Functions sets up its log with it",
    "logs:Describe*": "knows no resources; Step Functions sets up its log with it",
    "logs:ListLogDeliveries": "knows no resources; Step Functions sets up its log with it",
    "logs:PutResourcePolicy": "knows no resources; Step Functions sets up its log with it",
    "rekognition:Detect*": "operations on images know no resources",
    "xray:*": "knows no resources",
}


def test_every_action_on_all_resources_has_its_reason() -> None:
    used = set()
    for parameters in CHOICES.values():
        stack = deployed(**parameters)
        for role in stack.of_type("AWS::IAM::Role"):
            for action, resource in stack.grants(role):
                if resource == "*":
                    used |= {pattern for pattern in WILDCARDS if fnmatch(action, pattern)} or {action}

    assert used == set(WILDCARDS)


def test_no_role_may_pass_roles_or_change_permissions() -> None:
    for choice in ("plain", "all at once"):
        stack = deployed(**CHOICES[choice])
        services = {
            action.partition(":")[0] for role in stack.of_type("AWS::IAM::Role") for action, _ in stack.grants(role)
        }
        assert not services & {"iam", "sts", "organizations"}


def test_code_in_a_network_can_make_no_network_interfaces() -> None:
    stack = deployed(**CHOICES["in a network"])
    for function, properties in stack.of_type("AWS::Lambda::Function").items():
        denied = [one for one in stack.statements(properties["Role"]) if one.effect == "Deny"]
        if "VpcConfig" in properties:
            assert [(one.actions, one.resources) for one in denied] == [(NETWORK, ("*",))], function
            assert "lambda:SourceFunctionArn" in denied[0].condition


def test_every_role_is_assumed_by_one_service_and_is_of_one_function() -> None:
    stack = deployed(**CHOICES["plain"])
    roles = [one["Role"] for one in stack.of_type("AWS::Lambda::Function").values()]

    assert len(roles) == len(set(roles))
    for name, role in stack.of_type("AWS::IAM::Role").items():
        (trust,) = role["AssumeRolePolicyDocument"]["Statement"]
        assert list(trust["Principal"]) == ["Service"], name
        assert trust["Principal"]["Service"] in {
            "lambda.amazonaws.com",
            "states.amazonaws.com",
            "codedeploy.amazonaws.com",
        }


def test_every_role_has_the_permissions_boundary_where_there_is_one() -> None:
    boundary = "arn:aws:iam::111122223333:policy/boundary"
    for name, role in (
        deployed(PermissionsBoundaryArn=boundary, SafeUpdates="Canary10Percent5Minutes")
        .of_type("AWS::IAM::Role")
        .items()
    ):
        assert role["PermissionsBoundary"] == boundary, name
    for name, role in deployed().of_type("AWS::IAM::Role").items():
        assert "PermissionsBoundary" not in role, name


def test_only_people_may_change_the_rules() -> None:
    """A function that analyzes images, which may be malicious, must not be able to change the rules."""
    for parameters in CHOICES.values():
        stack = deployed(**parameters)
        for role in stack.of_type("AWS::IAM::Role").keys() - {"ServeViewerRole"}:
            writing = [place for action, place in stack.grants(role) if action == "s3:PutObject"]
            assert not [one for one in writing if fnmatch("EvidenceBucket/configuration/kinesight.json", one)], role


def test_nothing_is_deleted_but_the_page_and_copies_that_are_held_no_more() -> None:
    deleting = set()
    for parameters in CHOICES.values():
        stack = deployed(**parameters)
        for role in stack.of_type("AWS::IAM::Role"):
            grants = [one for one in stack.grants(role) if one[0].startswith(("s3:Delete", "kinesisvideo:Delete"))]
            deleting |= {(role, *one) for one in grants}

    assert deleting == {
        ("PublishViewerRole", "s3:DeleteObject", "PageBucket/*"),
        ("ServeViewerRole", "s3:DeleteObject", "EvidenceBucket/held/*"),
    }


def test_the_document_has_the_permissions_as_they_are() -> None:
    """`python -m tests.template.permissions_table` writes them anew."""
    assert permissions_table.written() in permissions_table.DOCUMENT.read_text()
