"""Checks of a stream by itself and of its configuration. Facts in, verdicts out."""

import json
from collections.abc import Mapping
from typing import Any

from kinesight.domain.stream_configuration import same

from kinesight_cli.doctor.facts import (
    BucketFacts,
    ConfigurationFacts,
    DestinationFacts,
    KeyFacts,
    SelectionFacts,
    StackFacts,
    StreamFacts,
)
from kinesight_cli.doctor.findings import Cause, Verdict, broken, good

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


def stream(facts: StreamFacts) -> Verdict:
    if facts.arn is None:
        return broken(
            Cause.STREAM_MISSING,
            f"there is no stream {facts.name} in {facts.region}",
            "It was deleted, or its name is another: case counts.",
            "aws kinesisvideo list-streams --query 'StreamInfoList[].StreamName' --output text",
        )
    return good(f"{facts.name} exists")


def status(facts: StreamFacts) -> Verdict:
    if facts.status != "ACTIVE":
        return broken(
            Cause.STREAM_NOT_ACTIVE,
            f"it is {facts.status}",
            "KVS takes neither media nor a configuration until it is ACTIVE. CREATING and UPDATING pass by themselves.",
            f"aws kinesisvideo describe-stream --stream-name {facts.name} --query StreamInfo.Status",
        )
    return good("it is ACTIVE")


def retention(facts: StreamFacts) -> Verdict:
    if facts.retention_hours == 0:
        return broken(
            Cause.NO_RETENTION,
            "it keeps media for 0 hours",
            "Without retention KVS generates no pictures, sends no notifications, and keeps no fragment to read.",
            f"aws kinesisvideo update-data-retention --stream-name {facts.name} --operation INCREASE_DATA_RETENTION "
            f"--data-retention-change-in-hours 24 --current-version {facts.version}",
            retentionHours=0,
        )
    return good(f"it keeps media for {facts.retention_hours} hours", retentionHours=facts.retention_hours)


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


def image_generation(facts: ConfigurationFacts) -> Verdict:
    current, wanted = facts.current, facts.wanted
    update = _update_images(facts.stream, wanted)
    if not current:
        return broken(
            Cause.IMAGES_NOT_CONFIGURED,
            "it has no image generation configuration",
            "configure_streams has not reached it yet (it runs every five minutes), failed (its log says why), or "
            "somebody deleted the configuration.",
            update,
        )
    if current.get("Status") != "ENABLED":
        return broken(
            Cause.IMAGES_DISABLED,
            "image generation is DISABLED",
            "Somebody switched it off on the stream; configure_streams switches it on again within half an hour.",
            update,
        )
    here, there = (str(one.get("DestinationConfig", {}).get("Uri")) for one in (wanted, current))
    if here != there:
        return broken(
            Cause.IMAGES_ELSEWHERE,
            f"its pictures go to {there}, the stack reads {here}",
            "A stream has one destination. Another stack or person configured it; two stacks that want the same stream "
            "take it from each other for ever.",
            update,
        )
    different = _different(current, wanted)
    if different:
        return broken(
            Cause.IMAGES_DRIFTED,
            f"it differs from the stack's parameters: {different}",
            "Somebody changed it on the stream; configure_streams puts it right within half an hour.",
            update,
        )
    return good(f"ENABLED, a picture every {wanted.get('SamplingInterval')} ms to {here}")


def _different(current: Mapping[str, Any], wanted: Mapping[str, Any]) -> str:
    """The Regions apart: they are another check's."""
    if same(_without_region(current), _without_region(wanted)):
        return ""
    names = sorted((set(current) | set(wanted)) - {"DestinationConfig"})
    return ", ".join(
        f"{name} is {current.get(name)}, not {wanted.get(name)}"
        for name in names
        if current.get(name) != wanted.get(name)
    )


def _without_region(configuration: Mapping[str, Any]) -> dict[str, Any]:
    destination = {"Uri": configuration.get("DestinationConfig", {}).get("Uri")}
    return {**configuration, "DestinationConfig": destination}


def _update_images(stream_name: str, wanted: Mapping[str, Any]) -> str:
    return (
        f"aws kinesisvideo update-image-generation-configuration --stream-name {stream_name} "
        f"--image-generation-configuration '{json.dumps(wanted)}'"
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
        _update_images(facts.stream, facts.wanted)
        if facts.bucket_region == facts.stream_region
        else f"aws s3api get-bucket-location --bucket {facts.bucket}  # deploy a stack in {facts.stream_region} for it",
    )
