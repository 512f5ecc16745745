"""examples/iot-camera.yaml: a camera's certificate reaches its own stream, with the rights of the producer policy."""

import json
from typing import Any

from kinesight_local.template import read_template

from tests.template.role_grants import TEMPLATE

EXAMPLE = read_template(TEMPLATE.parent / "examples/iot-camera.yaml")["Resources"]
PRODUCER = read_template(TEMPLATE)["Resources"]["ProducerPolicy"]["Properties"]["PolicyDocument"]["Statement"]


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
    assert len(actions(PRODUCER)) >= 8
    assert actions(role_statements()) == actions(PRODUCER)


def test_a_camera_reaches_only_the_stream_of_its_thing() -> None:
    (streams,) = [one for one in statements(role_statements()) if "kinesisvideo:PutMedia" in one["Action"]]

    assert json.dumps(streams["Resource"]).endswith(':stream/${!credentials-iot:ThingName}/*"}')


def test_the_certificate_may_assume_its_role_alias_and_nothing_else() -> None:
    (statement,) = EXAMPLE["MayAssumeRole"]["Properties"]["PolicyDocument"]["Statement"]
    trusted = EXAMPLE["Role"]["Properties"]["AssumeRolePolicyDocument"]["Statement"]

    assert statement["Action"] == "iot:AssumeRoleWithCertificate"
    assert "rolealias/${Alias}" in json.dumps(statement["Resource"])
    assert [one["Principal"] for one in trusted] == [{"Service": "credentials.iot.amazonaws.com"}]
