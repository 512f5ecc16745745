"""Reads facts about a deployed stack, each once and only when a check needs it."""

from collections.abc import Mapping
from functools import cached_property
from typing import Any

from kinesight.domain.streams.selection import StreamSelection
from kinesight.settings import ConfigureStreamsSettings
from kinesight.wiring.stream_settings import image_generation_settings, notification_settings

from kinesight_cli.doctor.aws_reader import AwsReader
from kinesight_cli.doctor.facts import KeyFacts, ResultsFacts, StackFacts

IMAGES_PREFIX = "images/"
_NO_STACK = frozenset({"ValidationError"})
_SETTINGS = {
    "stream_names": "StreamNames",
    "tag_filters": "TagFilters",
    "image_selector_type": "ImageSelectorType",
    "sampling_interval": "SamplingInterval",
    "format": "Format",
    "jpeg_quality": "JPEGQuality",
    "width_pixels": "WidthPixels",
    "height_pixels": "HeightPixels",
}
"""Fields of ConfigureStreamsSettings and the parameters of the template that they come from."""


class StackInspector:
    """Reads one stack: its status, parameters, resources, settings, key and results stream.

    Everything raises like `AwsReader.call`.
    """

    def __init__(self, aws: AwsReader, name: str) -> None:
        self.aws = aws
        self.name = name

    @cached_property
    def facts(self) -> StackFacts:
        """Status, parameters and resources of the stack."""
        response = self.aws.call("cloudformation", "describe_stacks", StackName=self.name, absent=_NO_STACK)
        if response is None:
            return StackFacts(self.name, self.aws.region)
        (stack,) = response["Stacks"]
        return StackFacts(
            name=self.name,
            region=self.aws.region,
            account_id=stack["StackId"].split(":")[4],
            status=stack["StackStatus"],
            parameters={one["ParameterKey"]: one["ParameterValue"] for one in stack.get("Parameters", [])},
            resources=self._resources(),
        )

    def _resources(self) -> dict[str, str]:
        return {
            one["LogicalResourceId"]: one.get("PhysicalResourceId", "")
            for page in self.aws.pages("cloudformation", "list_stack_resources", StackName=self.name)
            for one in page["StackResourceSummaries"]
        }

    def parameter(self, name: str) -> str:
        """Returns the value of a parameter, "" if this version of the stack does not have it."""
        return self.facts.parameters.get(name, "")

    def resource(self, logical_id: str) -> str:
        """Returns the physical id, "" if the resource does not exist."""
        return self.facts.resources.get(logical_id, "")

    def arn(self, service: str, resource: str) -> str:
        """Returns the ARN of a resource in the account and Region of the stack."""
        return f"arn:{self.partition}:{service}:{self.facts.region}:{self.facts.account_id}:{resource}"

    def queue_arn(self, logical_id: str) -> str:
        """Returns the ARN of a queue; its physical id is its URL, which ends with its name."""
        return self.arn("sqs", self.resource(logical_id).rpartition("/")[2])

    @property
    def images_bucket_arn(self) -> str:
        return f"arn:{self.partition}:s3:::{self.resource('ImagesBucket')}"

    @property
    def results_stream_arn(self) -> str:
        return self.arn("kinesis", f"stream/{self.resource('ResultsStream')}")

    @property
    def partition(self) -> str:
        topic = self.resource("AlertTopic")
        return topic.split(":")[1] if topic else "aws"

    @cached_property
    def settings(self) -> ConfigureStreamsSettings:
        """Settings that configure_streams was deployed with."""
        return ConfigureStreamsSettings(
            coordination_table=self.resource("CoordinationTable"),
            configuration_bucket=self.resource("EvidenceBucket"),
            images_uri=f"s3://{self.resource('ImagesBucket')}/{IMAGES_PREFIX.rstrip('/')}",
            notification_topic_arn=self.resource("NotificationTopic"),
            **{field: self.parameter(name) for field, name in _SETTINGS.items()},  # type: ignore[arg-type]  # pydantic parses text
        )

    @cached_property
    def selection(self) -> StreamSelection:
        return StreamSelection.read(self.settings.stream_names, self.settings.tag_filters)

    def expected_image_generation(self, stream_region: str) -> Mapping[str, Any]:
        """Returns the image generation configuration that streams of a Region must have."""
        expected = image_generation_settings(self.settings)
        return {**expected, "DestinationConfig": expected["DestinationConfig"] | {"DestinationRegion": stream_region}}

    @property
    def expected_notifications(self) -> Mapping[str, Any]:
        return notification_settings(self.settings)

    @property
    def key(self) -> KeyFacts:
        """The key of the parameter KmsKeyArn."""
        key = self.parameter("KmsKeyArn")
        return KeyFacts(key, self.key_state(key) if key else None, "images, results, tables and evidence")

    def key_state(self, key: str) -> str | None:
        """Returns KMS's KeyState, None if the key does not exist."""
        response = self.aws.call("kms", "describe_key", KeyId=key)
        return None if response is None else str(response["KeyMetadata"]["KeyState"])

    @property
    def results(self) -> ResultsFacts:
        name = self.resource("ResultsStream")
        response = self.aws.call("kinesis", "describe_stream_summary", StreamName=name)
        return ResultsFacts(name, None if response is None else response["StreamDescriptionSummary"]["StreamStatus"])
