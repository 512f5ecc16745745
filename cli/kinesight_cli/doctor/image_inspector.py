"""Reads facts about the images that KVS generates of a stream."""

from collections.abc import Iterator

from kinesight.domain.analysis.image_keys import parse_image_key
from kinesight.domain.model import to_epoch_ms
from kinesight.domain.streams.image_destination import possible_keys

from kinesight_cli.doctor.aws_reader import AccessDeniedError, CallFailedError
from kinesight_cli.doctor.facts import FragmentContent, ImagesFacts
from kinesight_cli.doctor.image_checks import IMAGE_TAG
from kinesight_cli.doctor.media_inspector import MediaInspector, now_ms
from kinesight_cli.doctor.stream_inspector import StreamInspector

_PREFIX_TAG = "AWS_KINESISVIDEO_IMAGE_PREFIX"
_LEAST_SPAN_S = 60.0


class ImageInspector:
    """Finds the newest image of the last tagged fragments. Everything raises like `AwsReader.call`."""

    def __init__(self, stream: StreamInspector, media: MediaInspector, maximum_delay_s: float) -> None:
        self._stream = stream
        self._stack = stream.stack
        self._media = media
        self._maximum_delay_s = maximum_delay_s

    @property
    def images(self) -> ImagesFacts:
        tagged = [one for one in self._media.media.fragments if IMAGE_TAG in one.tags]
        newest_ms = self._newest_ms(tagged)
        policy = self._stack.resource("ProducerPolicy")
        return ImagesFacts(
            stream=self._stream.name,
            bucket=self._stack.resource("ImagesBucket"),
            newest_ms=newest_ms,
            now_ms=now_ms(),
            tagged_age_s=(now_ms() - tagged[0].server_ms) / 1000,
            maximum_delay_s=self._maximum_delay_s,
            policy_arn=policy,
            attached_to=None if newest_ms is not None else self._attached_to(policy),
        )

    def _newest_ms(self, tagged: list[FragmentContent]) -> int | None:
        since_ms = self._timestamp_ms(tagged[-1]) - self._span_ms
        prefixes = {one.tags.get(_PREFIX_TAG, "") for one in tagged}
        return max((at for prefix in prefixes for at in self._written_ms(prefix, since_ms)), default=None)

    @property
    def _span_ms(self) -> int:
        """How long before the last tagged fragment there must have been an image: two intervals."""
        return round(max(_LEAST_SPAN_S * 1000, 2.0 * self._stream.camera.image_generation.sampling_interval))

    def _timestamp_ms(self, one: FragmentContent) -> int:
        is_producers = self._stream.camera.image_generation.image_selector_type == "PRODUCER_TIMESTAMP"
        return one.producer_ms if is_producers else one.server_ms

    def _written_ms(self, image_prefix: str, since_ms: int) -> Iterator[int]:
        """Yields when images of this stream were written. Their keys are in order of the image timestamp."""
        account = self._stack.facts.account_id
        name = f"{f'{image_prefix}_' if image_prefix else ''}{account}_{self._stream.name}_"
        for begin in possible_keys(name):
            page = self._stack.aws.call(
                "s3",
                "list_objects_v2",
                Bucket=self._stack.resource("ImagesBucket"),
                Prefix=begin,
                StartAfter=f"{begin}{since_ms}",
            )
            for one in (page or {}).get("Contents", []):
                if parse_image_key(one["Key"], account).stream_name == self._stream.name:
                    yield to_epoch_ms(one["LastModified"])

    def _attached_to(self, policy_arn: str) -> tuple[str, ...] | None:
        """Returns the principals with the policy, None if they cannot be listed: the check works without them."""
        try:
            response = self._stack.aws.call("iam", "list_entities_for_policy", PolicyArn=policy_arn) or {}
        except (AccessDeniedError, CallFailedError):
            return None
        groups = (("PolicyRoles", "RoleName"), ("PolicyUsers", "UserName"), ("PolicyGroups", "GroupName"))
        return tuple(one[name] for kind, name in groups for one in response.get(kind, []))
