"""Checks of the stack, the keys, the selection and the images bucket. Pure functions from facts to results."""

from kinesight.domain.check_results import Cause, Result, failed, ok
from kinesight.domain.health.checks import update_images

from kinesight_cli.doctor.facts import (
    BucketFacts,
    DestinationFacts,
    KeyFacts,
    SelectionFacts,
    StackFacts,
)

_UNFINISHED = ("FAILED", "DELETE_IN_PROGRESS", "DELETE_COMPLETE", "REVIEW_IN_PROGRESS")
_MANAGED_KEY = "alias/aws/kinesisvideo"


def stack(facts: StackFacts) -> Result:
    """Checks that the stack exists and is complete."""
    if facts.status is None:
        return failed(
            Cause.STACK_MISSING,
            f"the stack {facts.name} does not exist in {facts.region}",
            "It is deployed under another name, in another Region or account, or not at all.",
            "aws cloudformation list-stacks --query 'StackSummaries[].[StackName,StackStatus]' --output text  "
            "# then pass --stack and --region, or run make deploy",
        )
    if facts.status == "ROLLBACK_COMPLETE" or facts.status.endswith(_UNFINISHED):
        return failed(
            Cause.STACK_UNFINISHED,
            f"{facts.name} is {facts.status}",
            "Some of its resources are missing. The first failed event has the reason.",
            f"aws cloudformation describe-stack-events --stack-name {facts.name} "
            "--query \"StackEvents[?contains(ResourceStatus,'FAILED')].[LogicalResourceId,ResourceStatusReason]\"",
        )
    return ok(f"{facts.name} is {facts.status} in {facts.region}")


def stream_key(facts: KeyFacts) -> Result | None:
    """Checks the KMS key of the stream; returns None for the AWS managed key."""
    return None if facts.key.endswith(_MANAGED_KEY) else _key(facts, Cause.STREAM_KEY_UNUSABLE)


def stack_key(facts: KeyFacts) -> Result | None:
    """Checks KmsKeyArn; returns None if the parameter is empty."""
    return _key(facts, Cause.KEY_UNUSABLE) if facts.key else None


def _key(facts: KeyFacts, cause: Cause) -> Result:
    if facts.state == "Enabled":
        return ok(f"{facts.key} is enabled")
    command = "cancel-key-deletion" if facts.state == "PendingDeletion" else "enable-key"
    return failed(
        cause,
        f"{facts.key} {'does not exist' if facts.state is None else f'is {facts.state}'}",
        f"What is encrypted with this key can be neither written nor read: {facts.used_by}.",
        f"aws kms {command} --key-id {facts.key}",
    )


def selection(facts: SelectionFacts) -> Result:
    """Checks that StreamNames or TagFilters select the stream."""
    if facts.selected:
        return ok("StreamNames or TagFilters select the stream")
    parameters = f"StreamNames={facts.stream_names or 'none'}, TagFilters={facts.tag_filters or 'none'}"
    tags = ",".join(f"{key}={value}" for key, value in facts.first_tags.items())
    return failed(
        Cause.NOT_SELECTED,
        f"neither StreamNames nor TagFilters select the stream ({parameters})",
        "Streams that are not selected are not configured. A change takes effect with the next run of "
        "configure_streams, within five minutes.",
        f"aws kinesisvideo tag-stream --stream-name {facts.stream} --tags {tags}"
        if tags
        else f"make deploy ARGS='--stack-name {facts.stack} --parameter-overrides "
        f"StreamNames={','.join(one for one in (facts.stream_names, facts.stream) if one)}'",
    )


def bucket(facts: BucketFacts) -> Result:
    """Checks that the images bucket exists in the Region of the stack."""
    if facts.region is None:
        location = (
            ""
            if facts.stack_region == "us-east-1"
            else f" --create-bucket-configuration LocationConstraint={facts.stack_region}"
        )
        return failed(
            Cause.BUCKET_MISSING,
            f"the bucket {facts.name} does not exist",
            "It was deleted outside CloudFormation, and KVS does not report that it cannot write. A new bucket also "
            "needs its policy and notification: run doctor again after creating it.",
            f"aws s3api create-bucket --bucket {facts.name} --region {facts.stack_region}{location}",
        )
    if facts.region != facts.stack_region:
        return failed(
            Cause.DESTINATION_REGION,
            f"{facts.name} is in {facts.region}, the stack is in {facts.stack_region}",
            "KVS writes images only to a bucket in the stream's Region, and a bucket notifies only queues in its "
            "Region.",
            f"aws s3 rb --force s3://{facts.name}  # then run doctor again to create it in {facts.stack_region}"
            if facts.is_of_stack
            else f"set ImagesBucketName to a bucket in {facts.stack_region} and deploy",
        )
    return ok(f"{facts.name} exists in {facts.region}")


def destination(facts: DestinationFacts) -> Result:
    """Checks that the stream, its DestinationRegion and the bucket are in the same Region."""
    regions = {facts.stream_region, facts.destination_region, facts.bucket_region}
    if len(regions) == 1:
        return ok(f"stream, destination and bucket are in {facts.stream_region}")
    fact = (
        f"the stream is in {facts.stream_region}, its DestinationRegion is {facts.destination_region}, "
        f"the bucket {facts.bucket} is in {facts.bucket_region}"
    )
    return failed(
        Cause.DESTINATION_REGION,
        fact,
        "KVS writes images only to a bucket in the stream's Region (API_ImageGenerationDestinationConfig).",
        update_images(facts.stream, facts.expected)
        if facts.bucket_region == facts.stream_region
        else f"aws s3api get-bucket-location --bucket {facts.bucket}  # then deploy a stack in {facts.stream_region}",
    )
