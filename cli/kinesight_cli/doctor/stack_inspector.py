"""Reads facts about a deployed stack, each once and only when a check needs it."""

from collections.abc import Mapping
from functools import cached_property
from typing import Any

from kinesight.domain.configuration.camera import CameraSettings
from kinesight.domain.configuration.configuration import Configuration
from kinesight.domain.configuration.current import DOCUMENT_KEY, parse_document
from kinesight.domain.configuration.document import ConfigurationDocument
from kinesight.domain.configuration.layers import overlay
from kinesight.domain.errors import InvalidConfigurationError
from kinesight.domain.streams.image_destination import images_uri
from kinesight.domain.streams.selection import StreamSelection
from kinesight.wiring.stream_settings import image_generation_settings, notification_settings

from kinesight_cli.doctor.aws_reader import AwsReader, CallFailedError
from kinesight_cli.doctor.facts import KeyFacts, ResultsFacts, StackFacts
from kinesight_cli.shared.parameter_layer import ParameterError, parameter_layer
from kinesight_cli.shared.permissions import permission_problems
from kinesight_cli.shared.stack_lookup import account_of, existing_resources, parameters_of, selection_of

_NO_STACK = frozenset({"ValidationError"})
_NO_DOCUMENT = frozenset({"NoSuchKey"})


class StackInspector:
    """Reads one stack: its status, parameters, resources, configuration, key and results stream.

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
        parameters = parameters_of(stack)
        return StackFacts(
            name=self.name,
            region=self.aws.region,
            account_id=account_of(stack["StackId"]),
            status=stack["StackStatus"],
            parameters=parameters,
            resources=self._resources() | existing_resources(parameters),
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
        """Returns the physical id, of what existed before the stack too; "" if the resource does not exist."""
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
    def selection(self) -> StreamSelection:
        return selection_of(self.facts.parameters)

    @cached_property
    def configuration(self) -> Configuration:
        """The settings of cameras: the stack's configuration document over its parameters.

        Raises CallFailedError if the document is invalid or a parameter does not permit it, and like `AwsReader.call`.
        """
        try:
            document = self._document()
            return Configuration(parameter_layer(self.facts.parameters).settings, document)
        except (InvalidConfigurationError, ParameterError) as error:
            raise CallFailedError(f"{error} (`kinesight config check` lists every problem)") from error

    @cached_property
    def _document_text(self) -> str | None:
        bucket = self.resource("EvidenceBucket")
        if not bucket:
            return None
        response = self.aws.call("s3", "get_object", Bucket=bucket, Key=DOCUMENT_KEY, absent=_NO_DOCUMENT)
        return None if response is None else response["Body"].read().decode(errors="replace")

    def _document(self) -> ConfigurationDocument | None:
        if self._document_text is None:
            return None
        document = parse_document(self._document_text)
        problems = [said for _, said in permission_problems(document, self.facts.parameters)]
        if problems:
            raise InvalidConfigurationError(*problems)
        return document

    @cached_property
    def cameras(self) -> tuple[CameraSettings, ...]:
        """The settings of streams that no camera of the document matches, and those of each camera; see
        `configuration`."""
        default = self.configuration.default
        return default, *(overlay(default, one) for one in self.configuration.document.cameras)

    @property
    def uses_notifications(self) -> bool:
        """Whether a camera uses KVS notifications; see `configuration`."""
        return any(one.notifications.status == "ENABLED" for one in self.cameras)

    def expected_image_generation(self, camera: CameraSettings, stream_region: str) -> Mapping[str, Any]:
        """Returns the image generation configuration that a stream of a Region must have."""
        expected = image_generation_settings(camera.image_generation, images_uri(self.resource("ImagesBucket")))
        return {**expected, "DestinationConfig": expected["DestinationConfig"] | {"DestinationRegion": stream_region}}

    @property
    def expected_notifications(self) -> Mapping[str, Any]:
        return notification_settings(self.resource("NotificationTopic"))

    @property
    def key(self) -> KeyFacts:
        """The key of the parameter KmsKeyArn."""
        key = self.parameter("KmsKeyArn")
        return KeyFacts(key, self.key_state(key) if key else None, "images, results, tables and evidence")

    def key_state(self, key: str) -> str | None:
        """Returns KMS's KeyState, None if the key does not exist."""
        response = self.aws.call("kms", "describe_key", KeyId=key)
        return None if response is None else str(response["KeyMetadata"]["KeyState"])

    @cached_property
    def results(self) -> ResultsFacts:
        name = self.resource("ResultsStream")
        response = self.aws.call("kinesis", "describe_stream_summary", StreamName=name)
        if response is None:
            return ResultsFacts(name, None)
        summary = response["StreamDescriptionSummary"]
        return ResultsFacts(name, summary["StreamStatus"], summary["OpenShardCount"])
