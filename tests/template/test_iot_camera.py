"""examples/iot-camera.yaml: a camera's certificate reaches its own stream, with the rights of the producer policy."""

import json
from typing import Any

from kinesight_local.template import read_template

from tests.template.choices import KEY_ARN
from tests.template.role_grants import TEMPLATE, deployed

EXAMPLE = read_template(TEMPLATE.parent / "examples/iot-camera.yaml")["Resources"]
CREATING = {"kinesisvideo:CreateStream", "kinesisvideo:TagStream", "kinesisvideo:UpdateDataRetention"}


def producer_statements(**parameters: str) -> list[Any]:
    stack = deployed(**parameters)
    policy = stack.resources["ProducerPolicy"]["Properties"]["PolicyDocument"]
    found: list[Any] = stack.plain(policy["Statement"])
    return found


def statements(listed: list[Any]) -> list[Any]:
    """Statements of a policy, those under a condition included."""
    return [one["Fn::If"][1] if "Fn::If" in one else one for one in listed]


def actions(listed: list[Any]) -> set[str]:
    named = [one["Action"] for one in statements(listed)]
    return {action for one in named for action in ([one] if isinstance(one, str) else one)}


def role_statements() -> list[Any]:
    (policy,) = EXAMPLE["Role"]["Properties"]["Policies"]
    found: list[Any] = policy["PolicyDocument"]["Statement"]
    return found


def test_the_role_has_the_actions_of_the_producer_policy() -> None:
    producer = actions(producer_statements(KmsKeyArn=KEY_ARN))

    assert len(producer) >= 8
    assert actions(role_statements()) == producer


def test_producers_create_streams_only_if_a_parameter_permits_it() -> None:
    may_create = producer_statements(StreamNames="door,yard-*", ProducerMayCreateStreams="ENABLED")

    assert not CREATING & actions(producer_statements())
    (creating,) = [one for one in may_create if one.get("Sid") == "CreateStreams"]
    assert actions([creating]) == CREATING
    assert next(one for one in may_create if one.get("Sid") == "Stream")["Resource"] == creating["Resource"]
    assert len(creating["Resource"]) == 10


def test_a_camera_reaches_only_the_stream_of_its_thing() -> None:
    (streams,) = [one for one in statements(role_statements()) if "kinesisvideo:PutMedia" in one["Action"]]

    assert json.dumps(streams["Resource"]).endswith(':stream/${!credentials-iot:ThingName}/*"}')


def test_the_certificate_may_assume_its_role_alias_and_nothing_else() -> None:
    (statement,) = EXAMPLE["MayAssumeRole"]["Properties"]["PolicyDocument"]["Statement"]
    trusted = EXAMPLE["Role"]["Properties"]["AssumeRolePolicyDocument"]["Statement"]

    assert statement["Action"] == "iot:AssumeRoleWithCertificate"
    assert "rolealias/${Alias}" in json.dumps(statement["Resource"])
    assert [one["Principal"] for one in trusted] == [{"Service": "credentials.iot.amazonaws.com"}]
