"""Checks of the stack, its keys, its selection and where its pictures go. Facts in, verdicts out."""

from kinesight.domain.health.checks import update_images
from kinesight.domain.health.findings import Cause, Verdict, broken, good

from kinesight_cli.doctor.facts import (
    BucketFacts,
    DestinationFacts,
    KeyFacts,
    SelectionFacts,
    StackFacts,
)

_UNFINISHED = ("FAILED", "DELETE_IN_PROGRESS", "DELETE_COMPLETE", "REVIEW_IN_PROGRESS")
_OWN_KEY = "alias/aws/kinesisvideo"


def stack(facts: StackFacts) -> Verdict:
    if facts.status is None:
        return broken(
            Cause.STACK_MISSING,
            f"there is no stack {facts.name} in {facts.region}",
            "It is deployed under another name, in another Region or account, or not at all.",
            "aws cloudformation list-stacks --query 'StackSummaries[].[StackName,StackStatus]' --output text  "
            "# then --stack and --region, or make deploy",
        )
    if facts.status == "ROLLBACK_COMPLETE" or facts.status.endswith(_UNFINISHED):
        return broken(
            Cause.STACK_UNFINISHED,
            f"{facts.name} is {facts.status}",
            "Its resources are not all there. The first event that failed says why.",
            f"aws cloudformation describe-stack-events --stack-name {facts.name} "
            "--query \"StackEvents[?contains(ResourceStatus,'FAILED')].[LogicalResourceId,ResourceStatusReason]\"",
        )
    return good(f"{facts.name} is {facts.status} in {facts.region}")


def stream_key(facts: KeyFacts) -> Verdict | None:
    return None if facts.key.endswith(_OWN_KEY) else _key(facts, Cause.STREAM_KEY_UNUSABLE)


def stack_key(facts: KeyFacts) -> Verdict | None:
    return _key(facts, Cause.KEY_UNUSABLE) if facts.key else None


def _key(facts: KeyFacts, cause: Cause) -> Verdict:
    if facts.state == "Enabled":
        return good(f"{facts.key} is enabled")
    cure = "cancel-key-deletion" if facts.state == "PendingDeletion" else "enable-key"
    return broken(
        cause,
        f"{facts.key} {'does not exist' if facts.state is None else f'is {facts.state}'}",
        f"Nothing under this key can be written or read: {facts.used_by}.",
        f"aws kms {cure} --key-id {facts.key}",
    )


def selection(facts: SelectionFacts) -> Verdict:
    if facts.selected:
        return good("StreamNames or TagFilters select it")
    wanted = f"StreamNames={facts.stream_names or 'none'}, TagFilters={facts.tag_filters or 'none'}"
    tags = ",".join(f"{key}={value}" for key, value in facts.first_tags.items())
    return broken(
        Cause.NOT_SELECTED,
        f"neither its name nor its tags are selected ({wanted})",
        "Streams that are not selected are left alone. A change counts with the next run of configure_streams, within "
        "five minutes.",
        f"aws kinesisvideo tag-stream --stream-name {facts.stream} --tags {tags}"
        if tags
        else f"make deploy ARGS='--stack-name {facts.stack} --parameter-overrides "
        f"StreamNames={','.join(one for one in (facts.stream_names, facts.stream) if one)}'",
    )


def bucket(facts: BucketFacts) -> Verdict:
    if facts.region is None:
        where = (
            ""
            if facts.stack_region == "us-east-1"
            else f" --create-bucket-configuration LocationConstraint={facts.stack_region}"
        )
        return broken(
            Cause.BUCKET_MISSING,
            f"there is no bucket {facts.name}",
            "It was deleted behind the stack's back, and KVS says nothing when it can't write. A new one needs its "
            "policy and notification again: run doctor once more.",
            f"aws s3api create-bucket --bucket {facts.name} --region {facts.stack_region}{where}",
        )
    if facts.region != facts.stack_region:
        return broken(
            Cause.DESTINATION_REGION,
            f"{facts.name} is in {facts.region}, the stack in {facts.stack_region}",
            "KVS writes pictures only to a bucket of the stream's Region, and a bucket tells only queues of its own.",
            f"aws s3 rb --force s3://{facts.name}  # then run doctor again, for a bucket in {facts.stack_region}",
        )
    return good(f"{facts.name} exists in {facts.region}")


def destination(facts: DestinationFacts) -> Verdict:
    regions = {facts.stream_region, facts.destination_region, facts.bucket_region}
    if len(regions) == 1:
        return good(f"stream, destination and bucket are in {facts.stream_region}")
    fact = (
        f"the stream is in {facts.stream_region}, its DestinationRegion is {facts.destination_region}, "
        f"the bucket {facts.bucket} is in {facts.bucket_region}"
    )
    return broken(
        Cause.DESTINATION_REGION,
        fact,
        "KVS writes pictures only to a bucket of the stream's own Region (API_ImageGenerationDestinationConfig).",
        update_images(facts.stream, facts.wanted)
        if facts.bucket_region == facts.stream_region
        else f"aws s3api get-bucket-location --bucket {facts.bucket}  # deploy a stack in {facts.stream_region} for it",
    )
