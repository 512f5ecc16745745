"""Every pattern of a parameter and of the configuration document against the rule of the service that gets the value.

A value that a pattern accepts and the service refuses fails late, in the middle of a deployment.
"""

import json
import re
from collections.abc import Iterator
from typing import Any

import botocore.session
import pytest
from kinesight_local.template import read_template

from tests.template.choices import KEY_ARN, MODEL_ARN, ROOT, SECRET_ARN
from tests.template.role_grants import TEMPLATE

_UUID = KEY_ARN.rpartition("/")[2]
_KEY = KEY_ARN.removesuffix(_UUID)
_TOPIC = "arn:aws:sns:us-east-1:111122223333:"
_FUNCTION = "arn:aws:lambda:us-east-1:111122223333:function:"
_ADDRESS = "https://id.example"
_BUCKETS = (
    ("abc", "my-bucket.example-1", "b" * 63),
    ("ab", "b" * 64, "Bucket", "my_bucket", "-bucket", "bucket-", "a..b", "192.168.5.4", "s3://bucket"),
)
_MAIL = (
    ("me@example.com", "a+b.c@mail.example.co.uk"),
    (
        "me",
        "me@home",
        "@example.com",
        "me@example..com",
        "me@example.com,you@example.com",
        "me @example.com",
        "me@.com",
    ),
)

# Values that a parameter takes and that it refuses, by its name. The rule is in the comment, where it is a service's.
PARAMETERS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "StreamNames": (  # KVS: StreamName, with * and ?
        ("front-door", "a.b_c-1", "parking-*,cam?", ",".join("abcdefghij"), "x" * 256),
        ("a b", "a,,b", "a,", "tür", "x" * 257, ",".join("abcdefghijk")),
    ),
    "TagFilters": (
        ("Location=Front|Parking,Floor=1", "Location=*", '{"key":"Location","values":["Front"]}', "[]"),
        ("Location", "=Front", "Location=", "a=b,", 'a="b"'),
    ),
    "JPEGQuality": (("1", "80", "100"), ("0", "101", "08", "1.5", "-1")),  # API_ImageGenerationConfiguration
    "WidthPixels": (("1", "999", "3840"), ("0", "3841", "01", "1e3")),  # the same
    "HeightPixels": (("1", "720", "2160"), ("0", "2161", "0720")),  # the same
    # S3: "General purpose bucket naming rules"; names with points have no certificate
    "ImagesBucketName": (("abc", "my-images-1", "b" * 63), (*_BUCKETS[1], "my.images")),
    "NotificationTopicArn": (  # SNS: API_CreateTopic; KVS publishes to standard topics
        (f"{_TOPIC}notifications", f"{_TOPIC}{'t' * 256}", "arn:aws-us-gov:sns:us-gov-west-1:111122223333:a_b-c"),
        (_TOPIC, f"{_TOPIC}a.fifo", f"{_TOPIC}{'t' * 257}", "notifications", "arn:aws:sqs:us-east-1:111122223333:q"),
    ),
    "SweepSchedule": (  # EventBridge user guide, "Cron and rate expressions"
        (
            "rate(1 minute)",
            "rate(5 minutes)",
            "rate(1 hour)",
            "rate(90 hours)",
            "rate(1 day)",
            "cron(0 10 * * ? *)",
            "cron(0 18 ? * MON-FRI *)",
            "cron(0/10 * ? * MON-FRI *)",
            "cron(0/5 8-17 ? * 2-6 *)",
            "cron(0,30 0-6,18-23 * JAN,MAR-MAY ? 2026-2030)",
            "cron(0 9 ? * 2#1 *)",
            "cron(0 9 ? * 6L *)",
            "cron(0 9 L * ? *)",
            "cron(0 9 3W * ? 2026)",
            "cron(*/5 * * * ? *)",
        ),
        (
            "rate(1 minutes)",
            "rate(5 minute)",
            "rate(0 minutes)",
            "rate(1 days)",
            "rate(05 minutes)",
            "rate(5 seconds)",
            "rate(1.5 hours)",
            "rate(5minutes)",
            "rate(5 minutes )",
            "cron(0 * * * *)",
            "cron(0 * * * * *)",
            "cron(0 * ? * ? *)",
            "cron(0 0 1 * MON *)",
            "cron(? 0 * * ? *)",
            "cron(60 * * * ? *)",
            "cron(0 24 * * ? *)",
            "cron(0 0 32 * ? *)",
            "cron(0 0 0 * ? *)",
            "cron(0 0 * 13 ? *)",
            "cron(0 0 ? * 8 *)",
            "cron(0 0 ? * MOO *)",
            "cron(0 0 * * ? 1969)",
            "cron(0 0 * * ? *",
            "cron(0, 0 * * ? *)",
            "cron(0-1-2 0 * * ? *)",
            "cron(0 0 1- * ? *)",
            "cron(0/0 * * * ? *)",
            "cron()",
            "cron(a b c d e f)",
            "at(2026-01-01T00:00:00)",
            "every hour",
        ),
    ),
    "FaceCollectionId": (  # Rekognition: CollectionId
        ("staff", "a.b_c-1,guests,x", "c" * 128),
        ("my staff", "a,b,c,d", "a,", "f" * 256, "tür"),
    ),
    "CustomLabelsModelArn": (  # Rekognition: ProjectVersionArn
        (MODEL_ARN, f"{MODEL_ARN},{MODEL_ARN}1"),
        ("parts", MODEL_ARN.rpartition("/")[0], f"{MODEL_ARN} ", ",".join([MODEL_ARN] * 4)),
    ),
    "SageMakerEndpointName": (  # SageMaker: EndpointName
        ("model", "a-b--c", "m" * 63, "a,b,c"),
        ("-a", "a-", "a_b", "m" * 64, f"a{'-' * 62}b", f"a,b{'-' * 62}c", "a,b,c,d", "a, b"),
    ),
    "SageMakerAsyncOutputBucket": _BUCKETS,
    "HttpModelUrl": (
        ("https://model.example/detect?x=1", "http://10.0.0.1:8080", "https://a.example,https://b.example/x"),
        ("model.example", "ftp://model.example", "https://user:word@model", "https://a b", "https://a#b", "https://"),
    ),
    "HttpAuthSecretArn": (  # Secrets Manager: API_CreateSecret, Name
        (SECRET_ARN, f"{SECRET_ARN},{SECRET_ARN}2", SECRET_ARN.replace("kinesight", "a/b_c+d=e.f@g-h")),
        ("Bearer word", SECRET_ARN.replace("aws", "foo"), SECRET_ARN + "!", ",".join([SECRET_ARN] * 4)),
    ),
    "BedrockModelId": (  # Bedrock: API_runtime_Converse, modelId
        ("amazon.nova-lite-v1:0", "us.amazon.nova-lite-v1:0,eu.b-c:1", "m" * 128),
        ("arn:aws:bedrock:us-east-1::foundation-model/a.b", "a b", "a,b,c,d", "x", "m" * 129),
    ),
    "VpcSubnetIds": (  # EC2, "Longer IDs": 8 or 17 digits; Lambda: API_VpcConfig, at most 16
        ("subnet-0a1b2c3d", "subnet-0a1b2c3d4e5f60718,subnet-0a1b2c3d"),
        ("subnet-1", "subnet-xyz12345", "sg-0a1b2c3d", "subnet-0a1b2c3d, subnet-0a1b2c3d", "subnet-" + "0" * 18),
    ),
    "VpcSecurityGroupIds": (  # the same, at most five
        ("sg-0a1b2c3d", ",".join(["sg-0a1b2c3d4e5f60718"] * 5)),
        ("sg-1", "default", ",".join(["sg-0a1b2c3d"] * 6)),
    ),
    "DailyBudgetUsd": (("0", "25", "0.5", "1234567.123456"), ("-1", "$25", ".5", "1.", "1e3", "12345678")),
    "AlertEmail": _MAIL,  # SNS, protocol email
    "WebhookSecretArn": (  # the six characters that Secrets Manager adds, which make it complete
        (SECRET_ARN,),
        (SECRET_ARN.removesuffix("-AbCdEf"), "https://hooks.example/1", SECRET_ARN.replace("aws", "foo")),
    ),
    "ConsumerFunctionArn": (  # Lambda: API_CreateEventSourceMapping, FunctionName
        (f"{_FUNCTION}mine", f"{_FUNCTION}{'f' * 64}", f"{_FUNCTION}mine:live", f"{_FUNCTION}mine:7"),
        ("mine", f"{_FUNCTION}{'f' * 65}", f"{_FUNCTION}mine:", f"{_FUNCTION}mine:{'v' * 129}", f"{_FUNCTION}a.b"),
    ),
    "ConsumerCodeBucket": _BUCKETS,
    "ConsumerHandler": (("app.handler", "a/b.c"), ("", "app handler")),  # Lambda: API_CreateFunction, Handler
    "ConsumerRuntime": (  # Lambda: API_CreateFunction, Runtime
        ("python3.13", "nodejs24.x", "java21", "java8.al2", "dotnet8", "ruby3.4", "provided.al2023"),
        ("", "python", "python313", "nodejs20", "nodejs", "rust", "go1.x", "python2.7", "provided"),
    ),
    "ConsumerBucket": _BUCKETS,
    "ViewerUserEmail": _MAIL,  # Cognito: email as user name
    "ViewerIdentityProvider": (
        (f"{_ADDRESS} page {_ADDRESS}/authorize {_ADDRESS}/token", f"{_ADDRESS}:8443/a b {_ADDRESS} {_ADDRESS}"),
        (
            _ADDRESS,
            f"{_ADDRESS} page {_ADDRESS}",
            f"http://id.example page {_ADDRESS} {_ADDRESS}",
            f"{_ADDRESS}?x a b c",
        ),
    ),
    "OperationsEmail": _MAIL,  # SNS, protocol email
    "KmsKeyArn": (  # KMS, "Key identifiers": key ARN, also of a multi-Region key
        (KEY_ARN, f"{_KEY}mrk-{'0' * 32}", KEY_ARN.replace("aws", "aws-cn")),
        (_UUID, f"{_KEY}0000", "alias/mine", KEY_ARN.replace("key/", "alias/"), KEY_ARN.replace("aws", "foo")),
    ),
    "PermissionsBoundaryArn": (  # IAM: API_CreatePolicy, Path and PolicyName
        ("arn:aws:iam::111122223333:policy/team/limits", "arn:aws:iam::aws:policy/PowerUserAccess"),
        ("limits", "arn:aws:iam::111122223333:role/limits", "arn:aws:iam::1:policy/limits"),
    ),
    "Release": (("a1B2c3", ""), ("a-b", "12345678901")),
}

# Values of the configuration document that a pattern takes and refuses, by the field's path in the schema.
DOCUMENT: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "streams": (("front-door", "parking-*", "cam?", "x" * 256), ("", "a b", "a,b", "x" * 257, "tür")),  # KVS
    "iotTopic": (  # AWS IoT Core: no wildcards, no empty level, at most seven slashes
        ("cameras", "a/b/c/d/e", "site_1.a:b-c"),
        ("", "/a", "a/", "a//b", "a/b/c/d/e/f", "a/#", "+", "$aws/things", "a b"),
    ),
    "httpAuthHeader": (("Authorization", "X-Api-Key"), ("", "a b", "a:b", "ä", "h" * 65)),  # RFC 9110, field-name
    "start": (("00:00", "23:59"), ("24:00", "7:00", "07:60", "0700", "07:00:00")),
    "end": (("00:00", "23:59"), ("24:00", "7:00", "07:60", "0700", "07:00:00")),
    # Decimals as text, beside numbers; further rules are the fields' own.
    "dailyBudgetUsd": (("25", "0.5", "10."), ("", "-", ".", "$25", "1e3", "1,5")),
    "usdPerThousandCalls": (("25", "0.5", "10."), ("", "-", ".", "$25", "1e3", "1,5")),
}

# The service's own pattern of one value, where AWS's models have one, with the longest length.
SERVICE = {
    "StreamNames": ("kinesisvideo", "StreamName"),
    "FaceCollectionId": ("rekognition", "CollectionId"),
    "CustomLabelsModelArn": ("rekognition", "ProjectVersionArn"),
    "SageMakerEndpointName": ("sagemaker-runtime", "EndpointName"),
    "BedrockModelId": ("bedrock-runtime", "ConversationalModelId"),
    "VpcSubnetIds": ("lambda", "SubnetId"),
    "VpcSecurityGroupIds": ("lambda", "SecurityGroupId"),
    "ConsumerCodeBucket": ("lambda", "S3Bucket"),
    "ConsumerFunctionArn": ("lambda", "NamespacedFunctionName"),
    "ConsumerHandler": ("lambda", "Handler"),
    "KmsKeyArn": ("lambda", "KMSKeyArn"),
}
_UNNAMED = {"items", "anyOf", "allOf"}


def parameters() -> dict[str, dict[str, Any]]:
    declared: dict[str, dict[str, Any]] = read_template(TEMPLATE)["Parameters"]
    return {name: one for name, one in declared.items() if "AllowedPattern" in one}


def document_patterns(node: Any = None, field: str = "") -> Iterator[tuple[str, str]]:
    """Fields with their patterns. What is in a list or is one of several types has its field's name."""
    if node is None:
        node = json.loads((ROOT / "docs/configuration.schema.json").read_text())
    children = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for name, child in children:
        if name == "pattern" and isinstance(child, str):
            yield field, child
        elif isinstance(child, dict | list):
            yield from document_patterns(child, field if name in _UNNAMED or isinstance(name, int) else name)


def test_every_pattern_is_in_the_tables() -> None:
    assert set(PARAMETERS) == set(parameters())
    assert set(DOCUMENT) == {field for field, _ in document_patterns()}


@pytest.mark.parametrize("name", PARAMETERS)
def test_a_parameter_takes_what_its_service_takes(name: str) -> None:
    pattern = re.compile(parameters()[name]["AllowedPattern"])
    taken, refused = PARAMETERS[name]

    assert [one for one in taken if not pattern.fullmatch(one)] == []
    assert [one for one in refused if pattern.fullmatch(one)] == []


@pytest.mark.parametrize("name", PARAMETERS)
def test_a_parameter_that_is_refused_says_what_it_takes(name: str) -> None:
    """CloudFormation shows the pattern instead, which is long."""
    assert parameters()[name].get("ConstraintDescription") or len(parameters()[name]["AllowedPattern"]) < 60


@pytest.mark.parametrize("field", DOCUMENT)
def test_a_field_of_the_document_takes_what_its_service_takes(field: str) -> None:
    taken, refused = DOCUMENT[field]
    for pattern in {one for name, one in document_patterns() if name == field}:
        assert [one for one in taken if not re.search(pattern, one)] == []
        assert [one for one in refused if re.search(pattern, one)] == []


@pytest.mark.parametrize("name", SERVICE)
def test_what_a_parameter_takes_matches_the_services_own_pattern(name: str) -> None:
    """The globs of stream names aside, and part by part where a parameter has several."""
    service, shape = SERVICE[name]
    rule = botocore.session.get_session().get_service_model(service).shape_for(shape).metadata
    values = [part for one in PARAMETERS[name][0] for part in one.split(",") if part and not set(part) & {"*", "?"}]

    assert values
    assert [one for one in values if not re.fullmatch(rule["pattern"], one) or len(one) > rule["max"]] == []


def test_the_runtimes_are_those_of_lambda() -> None:
    """All that it has not retired; a later one of the same language, too."""
    known: list[str] = botocore.session.get_session().get_service_model("lambda").shape_for("Runtime").enum  # type: ignore[attr-defined]
    pattern = re.compile(parameters()["ConsumerRuntime"]["AllowedPattern"])
    retired = r"nodejs(|4\.3|6\.10|8\.10|4\.3-edge)|python2\.7|python3\.[6-9]|dotnetcore.*|go1\.x|provided"

    assert [one for one in known if not pattern.fullmatch(one) and not re.fullmatch(retired, one)] == []
    assert [one for one in PARAMETERS["ConsumerRuntime"][0] if one not in known] == []
