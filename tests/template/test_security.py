"""What is stored is private, encrypted, told apart from other accounts' doings, and not kept for ever."""

from typing import Any

import pytest

from tests.template.role_grants import TEMPLATE, Deployed, deployed
from tests.template.test_permissions import KEY_ARN

ROOT = TEMPLATE.parent
ALL = {
    "KmsKeyArn": KEY_ARN,
    "LiveStatus": "ENABLED",
    "SweepSchedule": "rate(1 hour)",
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
}
STORES_NOTHING = {
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
    # Names, times and keys of objects, no pictures; SAM has no field for the key of a state machine.
    "AWS::StepFunctions::StateMachine",
}


@pytest.fixture(scope="module")
def plain() -> Deployed:
    return deployed()


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
    buckets = under_key.of_type("AWS::S3::Bucket")

    assert elsewhere == set(WITHOUT_A_KEY)
    for name, bucket in buckets.items():
        (rule,) = bucket["BucketEncryption"]["ServerSideEncryptionConfiguration"]
        by_default = {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": KEY_ARN}
        assert rule == {"ServerSideEncryptionByDefault": by_default, "BucketKeyEnabled": True}, name


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
            conditions = {key for keys in statement["Condition"].values() for key in keys}
            assert {"aws:SourceArn", "aws:SourceAccount"} <= conditions, name
            let_in[name] = statement["Principal"]["Service"]

    assert (
        let_in
        == {
            "AWS::S3::Bucket": {},
            "AWS::SQS::Queue": {"ImagesQueue": "s3.amazonaws.com", "NotificationsQueue": "sns.amazonaws.com"},
            "AWS::SNS::Topic": {"OperationsTopic": "cloudwatch.amazonaws.com"},
        }[kind]
    )


def test_functions_are_invoked_by_rules_of_this_stack_alone() -> None:
    stack = deployed(**ALL)
    for name, permission in stack.of_type("AWS::Lambda::Permission").items():
        assert permission["Principal"] == "events.amazonaws.com", name
        assert stack.resources[permission["SourceArn"]]["Type"] == "AWS::Events::Rule", name


def test_every_log_ends_as_the_parameter_says() -> None:
    stack = deployed(LogRetentionDays="7")
    logs = stack.of_type("AWS::Logs::LogGroup")

    assert {one["RetentionInDays"] for one in logs.values()} == {"7"}
    used = {one["LoggingConfig"]["LogGroup"] for one in stack.of_type("AWS::Lambda::Function").values()}
    assert used <= set(logs)
    assert len(used) == len(stack.of_type("AWS::Lambda::Function"))


def test_faces_and_whatever_else_is_in_a_picture_are_not_kept_for_ever() -> None:
    """Everything that holds pictures, or what was seen in them, expires; the rules document alone stays."""
    stack = deployed(EvidenceRetentionDays="7", ImageRetentionDays="2")
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
    assert written == {"*", "archive", "timelapse"}  # * is keep_evidence
    for folder in ("annotated", "archive", "results", "timelapse"):
        assert evidence[folder]["Prefix"] == f"{folder}/"
        assert evidence[folder]["ExpirationInDays"] == "7"
        assert evidence[folder]["NoncurrentVersionExpiration"] == {"NoncurrentDays": 1}
    for name in ("EventsTable", "IdempotencyTable"):
        assert stack.of_type("AWS::DynamoDB::Table")[name]["TimeToLiveSpecification"]["Enabled"] is True


def test_no_environment_holds_a_secret(plain: Deployed) -> None:
    for name, function in plain.of_type("AWS::Lambda::Function").items():
        variables = function["Environment"]["Variables"]
        named = {one for one in variables if {"PASSWORD", "TOKEN", "SECRET"} & set(one.split("_"))}
        assert {one for one in named if not one.endswith("_SECRET_ARN")} == set(), name
