"""`kinesight destroy` on moto: which buckets are deleted, and what is said when something is missing."""

import json
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from kinesight_cli.destroy.bucket_deletion import BucketDeletionError, delete_bucket
from kinesight_cli.destroy.stack_deletion import delete_stack
from kinesight_cli.main import app
from kinesight_cli.shared.stack_lookup import StackError
from moto import mock_aws
from typer.testing import CliRunner

ACCOUNT = "123456789012"
RETAINED = {"ImagesBucket": "images", "EvidenceBucket": "evidence", "OtherBucket": "other"}


@pytest.fixture(autouse=True)
def aws() -> Iterator[None]:
    with mock_aws():
        yield


def resources(prefix: str, *, has_images: bool) -> dict[str, Any]:
    """Buckets that outlive the stack, one of which no version of Kinesight has, and the viewer's."""
    retained = {
        logical_id: {
            "Type": "AWS::S3::Bucket",
            "DeletionPolicy": "Retain",
            "Properties": {"BucketName": prefix + name},
        }
        for logical_id, name in RETAINED.items()
        if has_images or logical_id != "ImagesBucket"
    }
    return retained | {"PageBucket": {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": f"{prefix}page"}}}


def deploy(
    description: str = "Kinesight: test", *, name: str = "kinesight", prefix: str = "", **parameters: str
) -> str:
    template = {
        "Description": description,
        "Parameters": {name: {"Type": "String"} for name in parameters},
        "Resources": resources(prefix, has_images="ImagesBucketName" not in parameters),
    }
    created = boto3.client("cloudformation").create_stack(
        StackName=name,
        TemplateBody=json.dumps(template),
        Parameters=[{"ParameterKey": name, "ParameterValue": value} for name, value in parameters.items()],
    )
    versioned: Any = {"Status": "Enabled"}  # moto's CloudFormation leaves it out
    boto3.client("s3").put_bucket_versioning(Bucket=f"{prefix}evidence", VersioningConfiguration=versioned)
    return created["StackId"]


def fill(bucket: str, versions: int = 3) -> None:
    s3 = boto3.client("s3")
    for number in range(versions):
        s3.put_object(Bucket=bucket, Key="images/a.jpg", Body=b"%d" % number)
    s3.put_object(Bucket=bucket, Key="b.json", Body=b"")
    s3.delete_object(Bucket=bucket, Key="b.json")
    s3.create_multipart_upload(Bucket=bucket, Key="unfinished")


def buckets() -> set[str]:
    """Those that exist, without the one that has to be kept in every test."""
    names = {one["Name"] for one in boto3.client("s3").list_buckets()["Buckets"]}
    return names - {"other"}


def stacks() -> list[str]:
    return [one["StackName"] for one in boto3.client("cloudformation").describe_stacks()["Stacks"]]


def run(*arguments: str, stack: str = "kinesight", typed: str = "kinesight\n") -> Any:
    return CliRunner().invoke(app, ["destroy", "--stack", stack, *arguments], input=typed)


def test_the_data_stays_unless_it_is_to_be_deleted() -> None:
    stack_id = deploy()
    fill("images")

    done = run()

    assert done.exit_code == 0, done.output
    assert (stacks(), buckets()) == ([], {"images", "evidence"})
    assert "The bucket images is kept." in done.output
    assert f"kinesight destroy --stack {stack_id} --delete-data" in done.output


def test_all_versions_and_unfinished_uploads_are_deleted() -> None:
    deploy()
    for name in ("images", "evidence"):
        fill(name)

    done = run("--delete-data")

    assert done.exit_code == 0, done.output
    assert (stacks(), buckets()) == ([], set())
    assert "The bucket evidence is deleted, with 5 versions" in done.output


def test_the_data_of_a_stack_that_is_gone_can_still_be_deleted() -> None:
    deploy()
    fill("evidence")
    run()

    refused = run(typed="")
    done = run("--delete-data")

    assert refused.exit_code == 1
    assert "Its data is still in evidence, images; --delete-data deletes these buckets" in refused.output
    assert done.exit_code == 0
    assert buckets().isdisjoint({"images", "evidence"})  # moto makes the third anew as it lists resources
    assert "it was deleted and left no bucket" in run("--delete-data").output


def test_of_several_deleted_stacks_one_is_named_by_its_id() -> None:
    first = deploy()
    run("--yes")
    second = deploy(prefix="new-")
    run("--yes")

    refused = run("--delete-data", "--yes")
    done = run("--delete-data", stack=second)

    assert refused.exit_code == 1
    assert f"{first} left evidence, images" in refused.output
    assert f"{second} left new-evidence, new-images" in refused.output
    assert done.exit_code == 0, done.output
    assert buckets() & {"images", "evidence", "new-images", "new-evidence"} == {"images", "evidence"}


@pytest.mark.parametrize("is_gone", [False, True])
def test_a_bucket_that_another_stack_uses_is_kept(is_gone: bool) -> None:
    deploy()
    deploy(name="office", prefix="office-", ImagesBucketName="images")
    if is_gone:
        run("--yes")

    done = run("--delete-data", "--yes")

    assert done.exit_code == 0, done.output
    assert "The bucket images is kept: the stack office uses it." in done.output
    assert {"images", "office-evidence"} <= buckets()
    assert "evidence" not in buckets()


def test_what_existed_before_a_stack_that_is_gone_is_not_its_remains() -> None:
    s3 = boto3.client("s3")
    s3.create_bucket(Bucket="shared-images")
    deploy(ImagesBucketName="shared-images")
    run("--yes")

    run("--delete-data", "--yes")

    assert buckets() & {"shared-images", "evidence"} == {"shared-images"}


def test_a_bucket_of_another_logical_id_is_never_deleted() -> None:
    deploy()

    run("--delete-data", "--yes")

    assert [one["Name"] for one in boto3.client("s3").list_buckets()["Buckets"]] == ["other"]


@pytest.mark.parametrize("typed", ["", "\n", "y\n", "kinesight-prod\n"])
def test_nothing_happens_without_the_name(typed: str) -> None:
    deploy()

    done = run("--delete-data", typed=typed)

    assert done.exit_code == 1
    assert (stacks(), buckets()) == (["kinesight"], {"images", "evidence", "page"})


def test_scripts_confirm_by_an_option() -> None:
    deploy()

    assert run("--delete-data", "--yes", typed="").exit_code == 0
    assert (stacks(), buckets()) == ([], set())


def test_a_bucket_that_existed_before_the_stack_is_never_touched() -> None:
    boto3.client("s3").create_bucket(Bucket="shared-images")
    fill("shared-images")
    deploy(ImagesBucketName="shared-images")

    done = run("--delete-data", "--yes")

    assert "The bucket shared-images existed before the stack: it is not touched." in done.output
    assert buckets() == {"shared-images"}
    assert "Contents" in boto3.client("s3").list_objects_v2(Bucket="shared-images")


def test_the_own_bucket_of_before_an_update_to_an_existing_one_is_found_by_its_name() -> None:
    s3 = boto3.client("s3")
    s3.create_bucket(Bucket="shared-images")
    former = f"kinesight-images-{deploy(ImagesBucketName='shared-images').rpartition('/')[2]}"
    for name in (former, "kinesight-images-of-another-stack"):
        s3.create_bucket(Bucket=name)

    run("--delete-data", "--yes")

    assert buckets() == {"shared-images", "kinesight-images-of-another-stack"}


def test_commands_that_delete_the_selected_streams_are_printed_and_not_run() -> None:
    kinesis_video = boto3.client("kinesisvideo")
    arns = {name: kinesis_video.create_stream(StreamName=name)["StreamARN"] for name in ("yard-1", "other")}
    deploy(StreamNames="yard-*", TagFilters="")

    done = run("--yes")

    assert f"aws kinesisvideo delete-stream --region us-east-1 --stream-arn {arns['yard-1']}" in done.output
    assert arns["other"] not in done.output
    assert len(kinesis_video.list_streams()["StreamInfoList"]) == 2


def test_another_stack_is_not_deleted() -> None:
    deploy(description="Something else")

    done = run("--delete-data", "--yes")

    assert (done.exit_code, stacks()) == (1, ["kinesight"])
    assert "is not a stack of Kinesight: nothing was deleted" in done.output


def test_a_stack_that_never_existed_is_named() -> None:
    done = run("--yes")

    assert done.exit_code == 1
    assert "there is no stack kinesight in the Region us-east-1: pass another --stack" in done.output


class HalfDeleted:
    """CloudFormation, as it ends with a resource that it cannot delete."""

    def __init__(self, *statuses: str) -> None:
        self.statuses = list(statuses)

    def delete_stack(self, **_: str) -> None:
        """Accepted also where an earlier deletion failed."""

    def describe_stacks(self, **_: str) -> Any:
        return {"Stacks": [{"StackStatus": self.statuses.pop(0)}]}

    def get_paginator(self, _: str) -> Any:
        resources = [
            {"LogicalResourceId": "Table", "ResourceType": "AWS::DynamoDB::Table", "ResourceStatus": "DELETE_COMPLETE"},
            {
                "LogicalResourceId": "StreamConfiguration",
                "ResourceType": "Custom::KinesightStreamConfiguration",
                "ResourceStatus": "DELETE_FAILED",
                "ResourceStatusReason": "2 configurations are left to give back; delete again",
            },
        ]
        return type("Pages", (), {"paginate": staticmethod(lambda **_: [{"StackResourceSummaries": resources}])})


def test_a_half_deleted_stack_is_reported_with_the_reason() -> None:
    amounts: list[tuple[int, int]] = []
    client = HalfDeleted("DELETE_IN_PROGRESS", "DELETE_FAILED")

    with pytest.raises(StackError, match=r"kinesight is DELETE_FAILED: StreamConfiguration .*2 configurations"):
        delete_stack(client, "kinesight", "id", sleep=lambda _: None, update=lambda *one: amounts.append(one))

    assert amounts == [(1, 2)]


def test_an_object_that_is_not_deleted_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    s3: Any = boto3.client("s3")
    s3.create_bucket(Bucket="evidence")
    s3.put_object(Bucket="evidence", Key="held", Body=b"")
    refused = {"Errors": [{"Key": "held", "Code": "AccessDenied", "Message": "locked"}]}
    monkeypatch.setattr(s3, "delete_objects", lambda **_: refused)

    with pytest.raises(BucketDeletionError, match="1 objects of evidence, the first is held: AccessDenied locked"):
        delete_bucket(s3, "evidence", ACCOUNT, lambda _: None)

    assert buckets() == {"evidence"}
