"""What is stored is private, encrypted, separate from other accounts, and deleted after its retention."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from kinesight_local.template import read_template

from tests.template.choices import CHOICES, KEY_ARN
from tests.template.role_grants import TEMPLATE, Deployed, deployed

ROOT = TEMPLATE.parent
ALL = {
    "KmsKeyArn": KEY_ARN,
    "LiveStatus": "ENABLED",
    "SweepSchedule": "rate(1 hour)",
    "ViewerUserEmail": "viewer@example.com",
    "AlertEmail": "a@b.example",
    "OperationsEmail": "a@b.example",
}
# Where the key is, by the type of what stores. A dotted path below Properties.
UNDER_A_KEY = {
    "AWS::DynamoDB::Table": "SSESpecification.KMSMasterKeyId",
    "AWS::Kinesis::Stream": "StreamEncryption.KeyId",
    "AWS::Lambda::Function": "KmsKeyArn",
    "AWS::Logs::LogGroup": "KmsKeyId",
    "AWS::SNS::Topic": "KmsMasterKeyId",
    "AWS::SQS::Queue": "KmsMasterKeyId",
}
WITHOUT_A_KEY = {
    "NotificationTopic": "AWS does not document that KVS can publish to an encrypted topic; a message holds no media",
    "PageBucket": "CloudFront would have to be let in by the key's policy, to read a program that is public",
}
STORES_NOTHING = {
    "AWS::ApiGatewayV2::",
    "AWS::CloudFront::",
    # People's addresses and passwords; a pool takes no key at its creation.
    "AWS::Cognito::",
    "AWS::CloudFormation::",
    "AWS::CloudWatch::",
    "AWS::CodeDeploy::",
    "AWS::Events::Rule",
    "AWS::IAM::",
    "AWS::Lambda::",
    "AWS::S3::BucketPolicy",
    "AWS::SNS::Subscription",
    "AWS::SNS::TopicPolicy",
    "AWS::SQS::QueuePolicy",
    "Custom::",
    # Names, times and keys of objects, no images; SAM has no field for the key of a state machine.
    "AWS::StepFunctions::StateMachine",
}


@pytest.fixture(scope="module")
def plain() -> Deployed:
    return deployed(ViewerUserEmail="viewer@example.com")


@pytest.fixture(scope="module")
def under_key() -> Deployed:
    return deployed(**ALL)


def at(properties: Any, path: str) -> Any:
    for name in path.split("."):
        properties = properties.get(name) if isinstance(properties, dict) else None
    return properties


def test_with_a_key_everything_that_is_stored_is_under_it(under_key: Deployed) -> None:
    elsewhere = {
        name
        for kind, path in UNDER_A_KEY.items()
        for name, properties in under_key.of_type(kind).items()
        if at(properties, path) != KEY_ARN
    }
    expected = {
        "ServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": KEY_ARN},
        "BucketKeyEnabled": True,
    }
    elsewhere |= {
        name
        for name, bucket in under_key.of_type("AWS::S3::Bucket").items()
        if bucket["BucketEncryption"]["ServerSideEncryptionConfiguration"] != [expected]
    }

    assert elsewhere == set(WITHOUT_A_KEY)


def test_every_type_of_resource_is_known_to_store_something_or_nothing(under_key: Deployed) -> None:
    kinds = {resource["Type"] for resource in under_key.resources.values()}

    assert {
        kind
        for kind in kinds
        if kind not in UNDER_A_KEY and kind != "AWS::S3::Bucket" and not kind.startswith(tuple(STORES_NOTHING))
    } == set()


def test_without_a_key_everything_is_encrypted_all_the_same(plain: Deployed) -> None:
    for name, queue in plain.of_type("AWS::SQS::Queue").items():
        assert queue["SqsManagedSseEnabled"] is True, name
        assert "KmsMasterKeyId" not in queue, name
    for name, table in plain.of_type("AWS::DynamoDB::Table").items():
        assert table["SSESpecification"] == {"SSEEnabled": True, "SSEType": "KMS"}, name
    for name, stream in plain.of_type("AWS::Kinesis::Stream").items():
        assert stream["StreamEncryption"] == {"EncryptionType": "KMS", "KeyId": "alias/aws/kinesis"}, name
    for name, bucket in plain.of_type("AWS::S3::Bucket").items():
        (rule,) = bucket["BucketEncryption"]["ServerSideEncryptionConfiguration"]
        assert rule["ServerSideEncryptionByDefault"] == {"SSEAlgorithm": "AES256"}, name


def test_buckets_are_private_and_owned(plain: Deployed) -> None:
    for name, bucket in plain.of_type("AWS::S3::Bucket").items():
        public = bucket["PublicAccessBlockConfiguration"]
        assert set(public) == {"BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets"}, (
            name
        )
        assert all(public.values()), name
        assert bucket["OwnershipControls"] == {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]}, name


# The resources that have policies of their own: type, its policy's type, where that names it, the action of all.
POLICIES = [
    ("AWS::S3::Bucket", "AWS::S3::BucketPolicy", "Bucket", "s3:*"),
    ("AWS::SQS::Queue", "AWS::SQS::QueuePolicy", "Queues", "sqs:*"),
    ("AWS::SNS::Topic", "AWS::SNS::TopicPolicy", "Topics", "sns:Publish"),
]


def policies_of(stack: Deployed, kind: str, field: str) -> dict[str, list[dict[str, Any]]]:
    """Statements by the resource that has them; each has one policy, since a second would replace the first."""
    found: dict[str, list[dict[str, Any]]] = {}
    for policy in stack.of_type(kind).values():
        for name in policy[field] if isinstance(policy[field], list) else [policy[field]]:
            assert name not in found, f"{name} has two policies"
            found[name] = policy["PolicyDocument"]["Statement"]
    return found


@pytest.mark.parametrize(("kind", "policy", "field", "action"), POLICIES)
def test_nobody_comes_without_tls(plain: Deployed, kind: str, policy: str, field: str, action: str) -> None:
    policies = policies_of(plain, policy, field)

    assert set(policies) == set(plain.of_type(kind))
    for name, statements in policies.items():
        (denial,) = [one for one in statements if one["Effect"] == "Deny"]
        assert denial["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}, name
        assert (denial["Principal"], denial["Action"]) == ("*", action), name
        assert denial["Resource"] == "*" or name in denial["Resource"], name


@pytest.mark.parametrize(("kind", "policy", "field", "action"), POLICIES)
def test_whoever_is_let_in_is_a_service_on_this_accounts_errand(
    plain: Deployed, kind: str, policy: str, field: str, action: str
) -> None:
    """Against the confused deputy: the service, for a source of this account that is named."""
    let_in = {}
    for name, statements in policies_of(plain, policy, field).items():
        for statement in (one for one in statements if one["Effect"] == "Allow"):
            conditions = {key: value for keys in statement["Condition"].values() for key, value in keys.items()}
            # A distribution's ARN has the account in it, a bucket's has not.
            own = "111122223333" in str(conditions["aws:SourceArn"]) or "aws:SourceAccount" in conditions
            assert own, name
            let_in[name] = statement["Principal"]["Service"]

    assert (
        let_in
        == {
            "AWS::S3::Bucket": {"PageBucket": "cloudfront.amazonaws.com"},
            "AWS::SQS::Queue": {"ImagesQueue": "s3.amazonaws.com", "NotificationsQueue": "sns.amazonaws.com"},
            "AWS::SNS::Topic": {"OperationsTopic": "cloudwatch.amazonaws.com"},
        }[kind]
    )


def test_functions_are_invoked_by_this_stack_alone() -> None:
    """By its rules; the viewer's by its API."""
    stack = deployed(**ALL)
    for name, permission in stack.of_type("AWS::Lambda::Permission").items():
        if name == "ViewerPermission":
            assert permission["Principal"] == "apigateway.amazonaws.com"
            assert permission["SourceArn"] == "arn:aws:execute-api:us-east-1:111122223333:ViewerApi/*/*/api/*"
            continue
        assert permission["Principal"] == "events.amazonaws.com", name
        assert stack.resources[permission["SourceArn"]]["Type"] == "AWS::Events::Rule", name


def test_every_log_ends_as_the_parameter_says() -> None:
    stack = deployed(LogRetentionDays="7", ViewerUserEmail="viewer@example.com")
    logs = stack.of_type("AWS::Logs::LogGroup")

    assert {one["RetentionInDays"] for one in logs.values()} == {"7"}
    used = {one["LoggingConfig"]["LogGroup"] for one in stack.of_type("AWS::Lambda::Function").values()}
    assert used <= set(logs)
    (stage,) = stack.of_type("AWS::ApiGatewayV2::Stage").values()
    assert stage["AccessLogSettings"]["DestinationArn"] in logs
    assert len(used) == len(stack.of_type("AWS::Lambda::Function"))


def test_faces_and_whatever_else_is_in_an_image_are_not_kept_for_ever() -> None:
    """Everything that holds images, or what was seen in them, expires unless it is held; the document stays."""
    stack = deployed(EvidenceRetentionDays="7", ImageRetentionDays="2", ViewerUserEmail="viewer@example.com")
    buckets = stack.of_type("AWS::S3::Bucket")
    (images,) = buckets["ImagesBucket"]["LifecycleConfiguration"]["Rules"]
    evidence = {one["Id"]: one for one in buckets["EvidenceBucket"]["LifecycleConfiguration"]["Rules"]}
    written = {
        resource.removeprefix("EvidenceBucket/").partition("/")[0]
        for role in stack.of_type("AWS::IAM::Role")
        for action, resource in stack.grants(role)
        if action == "s3:PutObject" and resource.startswith("EvidenceBucket/")
    }

    assert "Prefix" not in images
    assert images["ExpirationInDays"] == "2"
    held = evidence["held"]
    assert written == {"annotated", "archive", "bundles", "clips", "configuration", "held", "results", "timelapse"}
    assert (held["Prefix"], held["NoncurrentVersionExpiration"]) == ("held/", {"NoncurrentDays": 1})
    assert "ExpirationInDays" not in held
    for folder in written - {"configuration", "held"}:
        assert evidence[folder]["Prefix"] == f"{folder}/"
        assert evidence[folder]["ExpirationInDays"] == (1 if folder in {"bundles", "clips"} else "7")
        assert evidence[folder]["NoncurrentVersionExpiration"] == {"NoncurrentDays": 1}
    for name in ("SessionsTable", "IdempotencyTable"):
        assert stack.of_type("AWS::DynamoDB::Table")[name]["TimeToLiveSpecification"]["Enabled"] is True


def test_no_environment_holds_a_secret(plain: Deployed) -> None:
    for name, function in plain.of_type("AWS::Lambda::Function").items():
        variables = function["Environment"]["Variables"]
        named = {one for one in variables if {"PASSWORD", "TOKEN", "SECRET"} & set(one.split("_"))}
        assert {one for one in named if not one.endswith("_SECRET_ARN")} == set(), name


def example(name: str) -> dict[str, Any]:
    document: dict[str, Any] = read_template(ROOT / "examples" / name)
    return document


def test_the_sample_key_lets_in_every_service_that_delivers_to_what_is_encrypted(under_key: Deployed) -> None:
    """Every principal that a queue's or topic's policy admits has to encrypt, and CloudWatch Logs too."""
    statements = example("key.yaml")["Resources"]["Key"]["Properties"]["KeyPolicy"]["Statement"]
    by_service = {str(one["Principal"].get("Service")): one for one in statements}
    let_in = {
        statement["Principal"]["Service"]
        for kind, field in (("AWS::SQS::QueuePolicy", "Queues"), ("AWS::SNS::TopicPolicy", "Topics"))
        for policies in policies_of(under_key, kind, field).values()
        for statement in policies
        if statement["Effect"] == "Allow"
    }

    delivering = {one for one in by_service if "amazonaws" in one} - {"dynamodb.amazonaws.com"}
    assert {one for one in delivering if "logs." not in one} == let_in
    for service in let_in:
        assert set(by_service[service]["Action"]) == {"kms:GenerateDataKey", "kms:Decrypt"}
        assert "aws:SourceAccount" in str(by_service[service]["Condition"])
    assert any("logs." in one for one in by_service)


ENDPOINTS = {"kinesis": "kinesis-streams", "sagemaker": "sagemaker.runtime", "bedrock": "bedrock-runtime"}
"""Endpoint services that are called otherwise than the permissions."""
BY_LAMBDA = {"logs", "ec2"}
"""What Lambda does from its own network."""


def test_the_sample_endpoints_are_those_that_functions_in_a_network_call() -> None:
    called = set()
    for choice in ("all at once", "BEDROCK alone", "HTTP alone"):
        stack = deployed(**CHOICES[choice] | {"VpcSubnetIds": "subnet-0a1b2c3d", "VpcSecurityGroupIds": "sg-0a1b2c3d"})
        for properties in stack.of_type("AWS::Lambda::Function").values():
            if "VpcConfig" in properties:
                called |= {action.partition(":")[0] for action, _ in stack.grants(properties["Role"])}
    resources = example("vpc-endpoints.yaml")["Resources"].values()
    names = [one["Properties"]["ServiceName"] for one in resources if one["Type"] == "AWS::EC2::VPCEndpoint"]
    offered = {one["Fn::Sub"].removeprefix("com.amazonaws.${AWS::Region}.") for one in names if "Fn::Sub" in one}

    assert offered == {ENDPOINTS.get(one, one) for one in called - BY_LAMBDA - {"kinesisvideo"}}
    assert {"Ref": "KinesisVideoServiceName"} in names


def test_the_bill_of_materials_lists_what_the_layers_deploy() -> None:
    (command,) = [line for line in (ROOT / "Makefile").read_text().splitlines() if "--format cyclonedx" in line]
    arguments = command.partition("uv ")[2].partition(" -o ")[0].split()
    uv = str(Path(sys.executable).with_name("uv"))
    exported = subprocess.run([uv, *arguments, "--offline"], cwd=ROOT, capture_output=True, text=True, check=True)
    components = {(one["name"], one.get("version")) for one in json.loads(exported.stdout)["components"]}
    pinned = set()
    for path in ROOT.glob("layers/*/requirements.txt"):
        lines = path.read_text().splitlines()
        pinned |= {tuple(re.split(" [;\\\\]", line)[0].split("==")) for line in lines if "==" in line}

    assert len(pinned) == 16
    assert pinned <= components
    assert {name for name, _ in components - pinned} <= {"kinesight"}


@pytest.mark.parametrize("path", sorted(ROOT.glob("layers/*/requirements.txt")), ids=lambda path: path.parent.name)
def test_every_package_of_a_layer_has_digests(path: Path) -> None:
    """With one digest, pip requires them all ("Secure installs", pip's documentation)."""
    packages = re.split(r"\n(?=\S)", path.read_text().strip())

    assert packages
    assert [one for one in packages if not re.search(r"--hash=sha256:[0-9a-f]{64}", one)] == []


def test_every_skipped_check_is_in_the_document_with_its_reason() -> None:
    document = (ROOT / "docs/security.md").read_text()
    skips = {
        (skip["id"], skip["comment"])
        for resource in example("../template.yaml")["Resources"].values()
        for skip in resource.get("Metadata", {}).get("checkov", {}).get("skip", [])
    }

    assert len({name for name, _ in skips}) >= 10
    assert [name for name, _ in sorted(skips) if f"`{name}`" not in document] == []
    assert all(len(comment) > 20 for _, comment in skips)


def test_every_alarm_notifies_the_operations_topic() -> None:
    stack = deployed(**ALL)
    alarms = stack.of_type("AWS::CloudWatch::Alarm")

    assert len(alarms) > 10
    assert {name for name, one in alarms.items() if "OperationsTopic" not in one.get("AlarmActions", [])} == set()
