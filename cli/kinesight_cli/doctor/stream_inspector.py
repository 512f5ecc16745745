"""Reads facts about one stream of a stack, each once and only when a check needs it."""

import zlib
from functools import cached_property
from typing import Any

from kinesight.adapters.dynamodb.documents import partition_key
from kinesight.adapters.dynamodb.managed_streams import described_settings, key_of
from kinesight.domain.configuration.camera import CameraSettings
from kinesight.domain.health.facts import ConfigurationFacts, StreamFacts
from kinesight.domain.live.leases import Lease
from kinesight.domain.streams.stream_settings import Feature, FeatureSettings, drift

from kinesight_cli.doctor.bucket_inspector import BucketInspector
from kinesight_cli.doctor.facts import DestinationFacts, KeyFacts, SelectionFacts
from kinesight_cli.doctor.stack_inspector import StackInspector

_MANAGED_KEY = "alias/aws/kinesisvideo"


class StreamInspector:
    """Reads a stream, its key, selection, settings and live lease. Everything raises like `AwsReader.call`."""

    def __init__(self, stack: StackInspector, name: str) -> None:
        self.stack = stack
        self.name = name
        self._aws = stack.aws

    @cached_property
    def facts(self) -> StreamFacts:
        """The stream as DescribeStream returns it."""
        response = self._aws.call("kinesisvideo", "describe_stream", StreamName=self.name)
        if response is None:
            return StreamFacts(self.name, self._aws.region)
        info = response["StreamInfo"]
        return StreamFacts(
            name=self.name,
            region=info["StreamARN"].split(":")[3],
            arn=info["StreamARN"],
            status=info["Status"],
            retention_hours=info.get("DataRetentionInHours", 0),
            version=info.get("Version", ""),
            kms_key_id=info.get("KmsKeyId", ""),
        )

    @property
    def key(self) -> KeyFacts:
        key = self.facts.kms_key_id or _MANAGED_KEY
        state = "Enabled" if key.endswith(_MANAGED_KEY) else self.stack.key_state(key)
        return KeyFacts(key, state, "the media of the stream")

    @property
    def selection(self) -> SelectionFacts:
        selection = self.stack.selection
        tags = self._tags if selection.tag_filters and not selection.matches_name(self.name) else {}
        return SelectionFacts(
            stream=self.name,
            stack=self.stack.name,
            selected=selection.matches_name(self.name) or selection.matches_tags(tags),
            stream_names=self.stack.parameter("StreamNames"),
            tag_filters=self.stack.parameter("TagFilters"),
            first_tags={one.key: one.values[0] if one.values else "yes" for one in selection.tag_filters},
        )

    @cached_property
    def camera(self) -> CameraSettings:
        """The effective settings of the stream. Raises like `StackInspector.configuration`."""
        configuration = self.stack.configuration
        return configuration.of_tagged(self.name, self._tags if configuration.document.uses_tags else {})

    @cached_property
    def _tags(self) -> dict[str, str]:
        pages = self._aws.pages("kinesisvideo", "list_tags_for_stream", StreamName=self.name)
        return {key: value for page in pages for key, value in page.get("Tags", {}).items()}

    @cached_property
    def image_generation(self) -> ConfigurationFacts:
        expected = self.stack.expected_image_generation(self.camera, self.facts.region)
        response = self._aws.call("kinesisvideo", "describe_image_generation_configuration", StreamName=self.name)
        current = (response or {}).get("ImageGenerationConfiguration")
        described = self._described(Feature.IMAGE_GENERATION) if current and drift(current, expected) else None
        return ConfigurationFacts(self.name, current, expected, described)

    def _described(self, feature: Feature) -> FeatureSettings | None:
        """Returns what KVS returned after configure_streams had set something else."""
        item = self._item(key_of(feature, str(self.facts.arn)))
        return None if item is None else described_settings(item)

    def destination(self, buckets: BucketInspector) -> DestinationFacts:
        """Returns the Regions of the stream, its image destination and the images bucket."""
        found, bucket = self.image_generation, buckets.images_bucket
        return DestinationFacts(
            stream=self.name,
            bucket=bucket.name,
            stream_region=self.facts.region,
            destination_region=(found.current or {})["DestinationConfig"]["DestinationRegion"],
            bucket_region=bucket.region or "nowhere",
            expected=found.expected,
        )

    @property
    def notifications(self) -> ConfigurationFacts:
        response = self._aws.call("kinesisvideo", "describe_notification_configuration", StreamName=self.name)
        current = (response or {}).get("NotificationConfiguration")
        return ConfigurationFacts(self.name, current, self.stack.expected_notifications)

    @property
    def lease(self) -> Lease | None:
        """The lease of the live consumer that reads the stream."""
        arn = str(self.facts.arn)
        item = self._item({"pk": {"S": partition_key("leases", arn)}, "sk": {"S": arn}})
        return None if item is None else Lease.model_validate_json(_document(item["body"]))

    def _item(self, key: Any) -> Any:
        table = self.stack.resource("CoordinationTable")
        return (self._aws.call("dynamodb", "get_item", TableName=table, Key=key) or {}).get("Item")


def _document(stored: Any) -> str:
    """Returns the text that documents_dynamodb.py stores, compressed or not."""
    return str(stored["S"]) if "S" in stored else zlib.decompress(stored["B"]).decode()
