"""Reads facts about the buckets of a stack."""

import json
from functools import cached_property
from typing import Any

from kinesight.domain.streams.image_destination import IMAGES_FOLDER, IMAGES_PREFIX

from kinesight_cli.doctor.facts import BucketFacts, BucketNotificationFacts, PolicyFacts
from kinesight_cli.doctor.stack_inspector import StackInspector


class BucketInspector:
    """Reads the images bucket and the evidence bucket. Everything raises like `AwsReader.call`."""

    def __init__(self, stack: StackInspector) -> None:
        self._stack = stack
        self._aws = stack.aws

    @cached_property
    def images_bucket(self) -> BucketFacts:
        return self._bucket("ImagesBucket")

    @property
    def evidence_bucket(self) -> BucketFacts:
        return self._bucket("EvidenceBucket")

    def _bucket(self, logical_id: str) -> BucketFacts:
        name = self._stack.resource(logical_id)
        response = self._aws.call("s3", "get_bucket_location", Bucket=name)
        # S3 returns no Region for us-east-1, and EU for the oldest buckets of eu-west-1 (API_GetBucketLocation).
        region = None if response is None else response.get("LocationConstraint") or "us-east-1"
        is_of_stack = name != self._stack.parameter("ImagesBucketName")
        return BucketFacts(name, "eu-west-1" if region == "EU" else region, self._stack.facts.region, is_of_stack)

    @property
    def bucket_policy(self) -> PolicyFacts:
        name = self._stack.resource("ImagesBucket")
        response = self._aws.call("s3", "get_bucket_policy", Bucket=name)
        policy = None if response is None else json.loads(response["Policy"])
        return PolicyFacts(f"{self._stack.images_bucket_arn}/{IMAGES_FOLDER}a.jpg", policy, name=name)

    @property
    def bucket_notification(self) -> BucketNotificationFacts:
        name = self._stack.resource("ImagesBucket")
        response = self._aws.call("s3", "get_bucket_notification_configuration", Bucket=name) or {}
        destinations = tuple(
            one["QueueArn"]
            for one in response.get("QueueConfigurations", [])
            if _covers_images(one) and any(event.startswith("s3:ObjectCreated:") for event in one["Events"])
        )
        is_of_stack = name != self._stack.parameter("ImagesBucketName")
        queue_arn = self._stack.queue_arn("ImagesQueue")
        return BucketNotificationFacts(name, queue_arn, IMAGES_PREFIX, destinations, is_of_stack)


def _covers_images(configuration: Any) -> bool:
    """Returns whether it covers every image: without a filter, or with one that the prefix of images passes."""
    rules = configuration.get("Filter", {}).get("Key", {}).get("FilterRules", [])
    return all(one["Name"].lower() == "prefix" and IMAGES_PREFIX.startswith(one["Value"]) for one in rules)
