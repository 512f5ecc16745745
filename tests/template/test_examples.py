"""The deployable examples: permissions, README, and the table of examples/athena against the schema of records."""

import ast
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import botocore.session
import pytest
from botocore import xform_name
from kinesight_local.template import Document, read_template
from sqlglot import exp

from tests.athena import QUERIES, columns
from tests.template.choices import KEY_ARN, ROOT
from tests.template.platform_needs import function_needs, key_needs
from tests.template.role_grants import Grant, deployed
from tests.template.test_permissions import difference

EXAMPLES = sorted(path.parent for path in ROOT.glob("examples/*/template.yaml"))
CONSUMER = ROOT / "examples/consumer"
CODE = {"ConsumerCodeBucket": "my-code", "ConsumerCodeKey": "consumer.zip"}
SERVICES = {"s3": "s3", "kinesisvideo": "kinesisvideo", "kinesis-video-archived-media": "kinesisvideo"}
"""The prefix of actions by the service of a client."""
PLACES = {"s3": "my-results/*", "kinesisvideo": "kinesisvideo:stream/*"}
NOT_COLUMNS = {"rawoutput", "detections.attributes"}
"""They differ by detector."""


def called(source: Path) -> set[str]:
    """The actions of the operations that a module calls."""
    tree = ast.parse(source.read_text())
    names = {
        one.func.attr for one in ast.walk(tree) if isinstance(one, ast.Call) and isinstance(one.func, ast.Attribute)
    }
    session = botocore.session.get_session()
    return {
        f"{prefix}:{operation}"
        for service, prefix in SERVICES.items()
        for operation in session.get_service_model(service).operation_names
        if xform_name(operation) in names
    }


@pytest.mark.parametrize("key", ["", KEY_ARN])
@pytest.mark.parametrize("bucket", ["", "my-results"])
def test_the_role_of_a_consumer_is_granted_what_the_example_uses_and_nothing_else(key: str, bucket: str) -> None:
    stack = deployed(**CODE, ConsumerBucket=bucket, KmsKeyArn=key)
    actions = {one for one in called(CONSUMER / "src/app.py") if bucket or not one.startswith("s3:")}
    needs: dict[Grant, str] = {(one, PLACES[one.partition(":")[0]]): "the example" for one in actions}
    needs |= function_needs(stack, "ConsumerFunction")
    needs |= key_needs(stack, set(needs))

    assert len(actions) >= 2
    assert difference(needs, stack.grants("ConsumerRole")) == []


def test_the_examples_own_role_has_the_same_actions() -> None:
    statements = policy_of(CONSUMER, "Consumer")
    granted = {one for statement in statements for one in actions_of(statement)}
    stack = deployed(
        ConsumerCodeBucket="my-code", ConsumerCodeKey="consumer.zip", ConsumerBucket="my-results", KmsKeyArn=KEY_ARN
    )
    of_stack = {action for action, _ in stack.grants("ConsumerRole")}

    # SAM adds the logs; the queue and the bucket of the example are not under the key.
    assert granted == {one for one in of_stack if not one.startswith("logs:")} - {"kms:GenerateDataKey"}


def test_a_workflow_that_waits_for_another_has_what_the_integration_needs() -> None:
    """ "Start Step Functions workflow executions", the policy for .sync."""
    statements = policy_of(ROOT / "examples/step-functions", "CheckMoment")
    by_action = {one: statement["Resource"] for statement in statements for one in actions_of(statement)}

    assert set(by_action) == {
        "states:StartExecution",
        "states:DescribeExecution",
        "states:StopExecution",
        "events:PutTargets",
        "events:PutRule",
        "events:DescribeRule",
        "sns:Publish",
    }
    rule = "rule/StepFunctionsGetEventsForStepFunctionsExecutionRule"
    assert by_action["events:PutRule"]["Fn::Sub"].endswith(rule)
    assert by_action["states:StopExecution"]["Fn::Sub"][0].endswith(":execution:${Name}:*")


def policy_of(example: Path, logical_id: str) -> Iterator[Document]:
    template = read_template(example / "template.yaml")
    (policy,) = template["Resources"][logical_id]["Properties"]["Policies"]
    for statement in policy["Statement"]:
        yield statement["Fn::If"][1] if "Fn::If" in statement else statement


def actions_of(statement: Document) -> list[str]:
    actions = statement["Action"]
    return [actions] if isinstance(actions, str) else actions


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.name)
def test_an_example_has_a_short_readme_that_the_index_names(example: Path) -> None:
    readme = (example / "README.md").read_text()
    linked = re.findall(r"\]\(([^)#]+)", readme)

    assert len(readme.splitlines()) <= 40
    assert [one for one in linked if not (example / one).exists()] == []
    assert f"examples/{example.name}" in (ROOT / "docs/README.md").read_text()


def test_the_columns_of_the_table_are_the_fields_of_a_record() -> None:
    schema = json.loads((ROOT / "docs/result-record.schema.json").read_text())
    fields = set(fields_of(schema, schema))

    found = set(column_fields())
    assert fields - NOT_COLUMNS == found
    assert set(QUERIES) == {"DetectionsPerHour", "MatchesOfToday", "ConfidencePerLabel"}


def fields_of(node: Any, schema: Any, path: str = "") -> Iterator[str]:
    """Paths of the leaves and of the objects without fields of their own, in lower case."""
    for name, one in node["properties"].items():
        inner = resolved(one, schema)
        here = f"{path}{name.lower()}"
        if "properties" in inner:
            yield from fields_of(inner, schema, f"{here}.")
        else:
            yield here


def resolved(node: Any, schema: Any) -> Any:
    """An object's schema behind references, alternatives and lists."""
    if "$ref" in node:
        return resolved(schema["$defs"][node["$ref"].rpartition("/")[2]], schema)
    if "anyOf" in node:
        return resolved(next(one for one in node["anyOf"] if one.get("type") != "null"), schema)
    return resolved(node["items"], schema) if node.get("type") == "array" else node


def column_fields() -> Iterator[str]:
    for name, kind in columns().items():
        yield from type_fields(name, kind)


def type_fields(path: str, kind: exp.DataType) -> Iterator[str]:
    """As `fields_of`, of a column's type."""
    if kind.this == exp.DataType.Type.ARRAY:
        yield from type_fields(path, kind.expressions[0])
    elif kind.this == exp.DataType.Type.STRUCT:
        for one in kind.expressions:
            yield from type_fields(f"{path}.{one.name}", one.args["kind"])
    else:
        yield path
