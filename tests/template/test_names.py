"""Names that the template makes of the stack's name: within the limit of each service for the longest stack name."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from kinesight_local.template import read_template

from tests.template.choices import CHOICES
from tests.template.role_grants import TEMPLATE, deployed

LONGEST_STACK = "s" * 128
"""CloudFormation, API_CreateStack."""
LONGEST_REGION = "ap-southeast-99"

# The most characters of a property that has the stack's name, by the page of the service.
LIMITS = {
    ("AWS::ApiGatewayV2::Api", "Name"): 128,  # API_CreateApi
    ("AWS::CloudFront::Distribution", "Comment"): 128,  # API_DistributionConfig
    ("AWS::CloudWatch::Dashboard", "DashboardName"): 255,  # API_PutDashboard
    ("AWS::Cognito::UserPool", "UserPoolName"): 128,  # API_CreateUserPool
    ("AWS::Logs::LogGroup", "LogGroupName"): 512,  # API_CreateLogGroup
}
# Others have the id of the stack instead, which is 36 characters long.
IDENTIFIED = {
    ("AWS::CloudFront::OriginAccessControl", "Name"): 64,  # API_OriginAccessControlConfig
    ("AWS::CloudFront::ResponseHeadersPolicy", "Name"): 128,  # API_ResponseHeadersPolicyConfig
    ("AWS::Cognito::UserPoolDomain", "Domain"): 63,  # API_CreateUserPoolDomain
    ("AWS::S3::Bucket", "BucketName"): 63,  # "General purpose bucket naming rules"
}
_NO_NAMES = {"Dimensions", "PolicyDocument", "Policies", "DashboardBody", "Environment"}
"""Where the stack's name is a part of something else: a dimension's value has up to 1,024 characters."""


def template() -> dict[str, Any]:
    document: dict[str, Any] = read_template(TEMPLATE)
    return document


def texts(node: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], str]]:
    """Every text with the keys on its path. A Ref is a text as Fn::Sub has it."""
    if isinstance(node, dict):
        for key, one in node.items():
            yield from texts(f"${{{one}}}" if key == "Ref" else one, path if key == "Ref" else (*path, key))
    elif isinstance(node, list):
        for one in node:
            yield from texts(one, path)
    else:
        yield path, str(node)


def named(marker: str) -> Iterator[tuple[str, str, str]]:
    """(type, property, text) of what has the name or the id of the stack in it."""
    for resource in template()["Resources"].values():
        for path, text in texts(resource.get("Properties", {})):
            if marker in text and not set(path) & _NO_NAMES:
                yield resource["Type"], next(key for key in reversed(path) if not key.startswith("Fn::")), text


@pytest.mark.parametrize(
    ("marker", "limits", "values"),
    [
        ("AWS::StackName", LIMITS, {"AWS::StackName": LONGEST_STACK, "AWS::Region": LONGEST_REGION}),
        ("${Id}", IDENTIFIED, {"Id": "0" * 36}),
    ],
)
def test_every_name_fits_for_the_longest_stack_name(
    marker: str, limits: dict[tuple[str, str], int], values: dict[str, str]
) -> None:
    found = list(named(marker))

    assert {(kind, key) for kind, key, _ in found} == set(limits)
    for kind, key, text in found:
        name = re.sub(r"\$\{([^}]+)\}", lambda match: values[match[1]], text)
        assert len(name) <= limits[kind, key], f"{kind} {key}: {name}"


def test_the_name_of_the_export_fits() -> None:
    """CloudFormation quotas: 255 characters."""
    exports = [one["Export"]["Name"]["Fn::Sub"] for one in template()["Outputs"].values() if "Export" in one]

    assert exports
    assert [one for one in exports if len(one.replace("${AWS::StackName}", LONGEST_STACK)) > 255] == []


def test_groups_that_services_write_to_are_vended() -> None:
    """Step Functions and API Gateway extend a resource policy of 5,120 characters for every other group."""
    stack = deployed(**CHOICES["all at once"])
    machines = stack.of_type("AWS::StepFunctions::StateMachine").values()
    stages = stack.of_type("AWS::ApiGatewayV2::Stage").values()
    groups = [
        one["LoggingConfiguration"]["Destinations"][0]["CloudWatchLogsLogGroup"]["LogGroupArn"] for one in machines
    ]
    groups += [one["AccessLogSettings"]["DestinationArn"] for one in stages]

    assert len(groups) == 2
    for group in groups:
        assert stack.of_type("AWS::Logs::LogGroup")[group]["LogGroupName"].startswith("/aws/vendedlogs/")


def test_no_arn_names_a_partition() -> None:
    """Else it is wrong in China and in GovCloud."""
    places = [*TEMPLATE.parent.glob("statemachines/*.yaml"), *TEMPLATE.parent.glob("examples/**/*.yaml"), TEMPLATE]
    places += [*TEMPLATE.parent.glob("layers/kinesight/kinesight/**/*.py"), *TEMPLATE.parent.glob("functions/*/*.py")]
    example = "arn:aws:rekognition:<region>:<account>:project/<name>/version/<version>/<number>"
    found = {path.name for path in places if "arn:aws:" in path.read_text().replace(example, "")}

    assert len(places) > 100
    assert found == set()
