"""The facts of one stream of a stack, looked up when they are asked for, and once."""

import time
import zlib
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any

from kinesight.domain.analysis.image_keys import parse_image_key
from kinesight.domain.health.facts import (
    ClockFacts,
    ConfigurationFacts,
    Fragment,
    FragmentsFacts,
    LiveFacts,
    StreamFacts,
)
from kinesight.domain.live.leases import Lease
from kinesight.domain.model import to_epoch_ms
from kinesight.media.fragments import MediaFragment, read_fragments
from kinesight.media.mkv import MkvError

from kinesight_cli.doctor.asking import RefusedError, UnansweredError
from kinesight_cli.doctor.facts import (
    DestinationFacts,
    KeyFacts,
    MediaFacts,
    PicturesFacts,
    Seen,
    SelectionFacts,
)
from kinesight_cli.doctor.judging_pictures import IMAGE_TAG
from kinesight_cli.doctor.looking_at_stack import IMAGES_PREFIX, StackEye

_PREFIX_TAG = "AWS_KINESISVIDEO_IMAGE_PREFIX"
_READ = 5
"""Fragments that are read: some seconds of video, and so many of the 500 points a second that all readers share."""
_LOOK_BACK_S = (60.0, 600.0, 3600.0, 86_400.0)
_PAGE = 300
"""Fragments; a call costs as many of the 10,000 points a second that all readers of the stream share."""
_LEAST_RANGE = timedelta(seconds=2)
_AHEAD = timedelta(minutes=1)
_CHUNK_BYTES = 64 * 1024
_LEAST_SPAN_S = 60.0


class StreamEye:
    """One stream of one stack. What it looks at raises as `Aws.ask` does."""

    def __init__(self, stack: StackEye, name: str) -> None:
        self.stack = stack
        self.name = name

    @cached_property
    def stream(self) -> StreamFacts:
        answer = self.stack.aws.ask("kinesisvideo", "describe_stream", StreamName=self.name)
        if answer is None:
            return StreamFacts(self.name, self.stack.aws.region)
        info = answer["StreamInfo"]
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
        key = self.stream.kms_key_id or "alias/aws/kinesisvideo"
        own = key.endswith("alias/aws/kinesisvideo")
        return KeyFacts(key, "Enabled" if own else self.stack.key_state(key), "the stream's media")

    @property
    def selection(self) -> SelectionFacts:
        chosen = self.stack.selection
        tags = self._tags() if chosen.tag_filters and not chosen.matches_name(self.name) else {}
        return SelectionFacts(
            stream=self.name,
            stack=self.stack.name,
            selected=chosen.matches_name(self.name) or chosen.matches_tags(tags),
            stream_names=self.stack.parameter("StreamNames"),
            tag_filters=self.stack.parameter("TagFilters"),
            first_tags={one.key: one.values[0] if one.values else "yes" for one in chosen.tag_filters},
        )

    def _tags(self) -> dict[str, str]:
        pages = self.stack.aws.pages("kinesisvideo", "list_tags_for_stream", StreamName=self.name)
        return {key: value for page in pages for key, value in page.get("Tags", {}).items()}

    @cached_property
    def image_generation(self) -> ConfigurationFacts:
        wanted = self.stack.wanted_images(self.stream.region)
        answer = self.stack.aws.ask("kinesisvideo", "describe_image_generation_configuration", StreamName=self.name)
        return ConfigurationFacts(self.name, (answer or {}).get("ImageGenerationConfiguration"), wanted)

    @property
    def destination(self) -> DestinationFacts:
        found, bucket = self.image_generation, self.stack.images_bucket
        return DestinationFacts(
            stream=self.name,
            bucket=bucket.name,
            stream_region=self.stream.region,
            destination_region=(found.current or {})["DestinationConfig"]["DestinationRegion"],
            bucket_region=bucket.region or "nowhere",
            wanted=found.wanted,
        )

    @property
    def notifications(self) -> ConfigurationFacts:
        wanted = self.stack.wanted_notifications
        answer = self.stack.aws.ask("kinesisvideo", "describe_notification_configuration", StreamName=self.name)
        return ConfigurationFacts(self.name, (answer or {}).get("NotificationConfiguration"), wanted)

    # -- what the camera sends -------------------------------------------------------------------------------------

    @cached_property
    def _latest(self) -> tuple[list[Fragment], float]:
        """The last fragments, the oldest first, and how far back was looked, in seconds."""
        now = datetime.now(UTC)
        begun_s = 0.0
        for span_s in (*_LOOK_BACK_S, max(_LOOK_BACK_S[-1], self.stream.retention_hours * 3600.0)):
            end = now - timedelta(seconds=begun_s) if begun_s else now + _AHEAD
            found = self._listed(now - timedelta(seconds=span_s), end)
            if found:
                return sorted(found, key=lambda one: one.server_ms)[-_READ:], span_s
            begun_s = span_s
        return [], begun_s

    def _listed(self, begin: datetime, end: datetime) -> list[Fragment]:
        """Where there is more than a page, whose fragments come in no order: those of the last part that has any."""
        chosen = {
            "FragmentSelectorType": "SERVER_TIMESTAMP",
            "TimestampRange": {"StartTimestamp": begin, "EndTimestamp": end},
        }
        page = self.stack.aws.ask_stream(
            self.name, "LIST_FRAGMENTS", "list_fragments", MaxResults=_PAGE, FragmentSelector=chosen
        ) or {"Fragments": []}
        if not page.get("NextToken") or end - begin < _LEAST_RANGE:
            return [_fragment(one) for one in page["Fragments"]]
        middle = begin + (end - begin) / 2
        return self._listed(middle, end) or self._listed(begin, middle)

    @property
    def fragments(self) -> FragmentsFacts:
        found, searched_s = self._latest
        newest = found[-1] if found else None
        return FragmentsFacts(self.name, newest, searched_s, _now_ms(), self.stack.patience.silent_s)

    @property
    def clock(self) -> ClockFacts:
        """A fragment gets its server timestamp when it begins to arrive, about when its first frame was taken."""
        newest = self._latest[0][-1]
        return ClockFacts(
            stream=self.name,
            ahead_s=(newest.producer_ms - newest.server_ms) / 1000,
            counts=self.stack.settings.image_selector_type == "PRODUCER_TIMESTAMP",
            clock_s=self.stack.patience.clock_s,
        )

    @cached_property
    def media(self) -> MediaFacts:
        """Reads the last fragments. Raises UnansweredError if none of them can be read."""
        numbers = [one.number for one in self._latest[0]]
        answer = self.stack.aws.ask_stream(
            self.name, "GET_MEDIA_FOR_FRAGMENT_LIST", "get_media_for_fragment_list", Fragments=numbers
        )
        body: Iterable[bytes] = () if answer is None else answer["Payload"].iter_chunks(_CHUNK_BYTES)
        try:
            found = [_seen(one) for one in read_fragments(body) if isinstance(one, MediaFragment)]
        except MkvError as error:
            raise UnansweredError(f"what KVS sends of the last fragments is no Matroska: {error}") from error
        if not found:
            raise UnansweredError("KVS sends none of the last fragments, though it lists them")
        return MediaFacts(self.name, tuple(sorted(found, key=lambda one: one.server_ms)))

    # -- what KVS makes of it ----------------------------------------------------------------------------------------

    @property
    def pictures(self) -> PicturesFacts:
        tagged = [one for one in self.media.fragments if IMAGE_TAG in one.tags]
        since_ms = self._at_ms(tagged[-1]) - self._span_ms
        newest_ms = max(
            (
                at
                for prefix in {one.tags.get(_PREFIX_TAG, "") for one in tagged}
                for at in self._times(prefix, since_ms)
            ),
            default=None,
        )
        policy = self.stack.resource("ProducerPolicy")
        return PicturesFacts(
            stream=self.name,
            bucket=self.stack.images_bucket.name,
            newest_ms=newest_ms,
            now_ms=_now_ms(),
            tagged_age_s=(_now_ms() - tagged[0].server_ms) / 1000,
            picture_s=self.stack.patience.picture_s,
            policy_arn=policy,
            attached_to=None if newest_ms is not None else self._attached_to(policy),
        )

    @property
    def _span_ms(self) -> int:
        """Within so long before the last tagged fragment there must have been a picture: two of its intervals."""
        return round(max(_LEAST_SPAN_S * 1000, 2.0 * self.stack.settings.sampling_interval))

    def _at_ms(self, one: Seen) -> int:
        is_producers = self.stack.settings.image_selector_type == "PRODUCER_TIMESTAMP"
        return one.producer_ms if is_producers else one.server_ms

    def _times(self, image_prefix: str, since_ms: int) -> Iterator[int]:
        """When the pictures of this stream were written; their names are in order of the time they show."""
        account = self.stack.stack.account_id
        begin = f"{IMAGES_PREFIX}{f'{image_prefix}_' if image_prefix else ''}{account}_{self.name}_"
        page = self.stack.aws.ask(
            "s3", "list_objects_v2", Bucket=self.stack.images_bucket.name, Prefix=begin, StartAfter=f"{begin}{since_ms}"
        )
        for one in (page or {}).get("Contents", []):
            if parse_image_key(one["Key"], account).stream_name == self.name:
                yield to_epoch_ms(one["LastModified"])

    def _attached_to(self, policy_arn: str) -> tuple[str, ...] | None:
        """A courtesy: whoever may not look is not told."""
        try:
            answer = self.stack.aws.ask("iam", "list_entities_for_policy", PolicyArn=policy_arn) or {}
        except (RefusedError, UnansweredError):
            return None
        groups = (("PolicyRoles", "RoleName"), ("PolicyUsers", "UserName"), ("PolicyGroups", "GroupName"))
        return tuple(one[name] for kind, name in groups for one in answer.get(kind, []))

    # -- read live -----------------------------------------------------------------------------------------------

    @property
    def live(self) -> LiveFacts:
        key = {"pk": {"S": "leases"}, "sk": {"S": str(self.stream.arn)}}
        table = self.stack.resource("CoordinationTable")
        item = (self.stack.aws.ask("dynamodb", "get_item", TableName=table, Key=key) or {}).get("Item")
        lease = None if item is None else Lease.model_validate_json(_body(item["body"]))
        found, _ = self._latest
        return LiveFacts.of(
            self.name,
            lease,
            found[-1] if found else None,
            _now_ms(),
            live_s=self.stack.patience.live_s,
            log_group=self.stack.resource("ConductLiveLogs"),
        )


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


def _fragment(told: Any) -> Fragment:
    return Fragment(
        number=told["FragmentNumber"],
        producer_ms=to_epoch_ms(told["ProducerTimestamp"]),
        server_ms=to_epoch_ms(told["ServerTimestamp"]),
        length_ms=told.get("FragmentLengthInMilliseconds", 0),
    )


def _seen(found: MediaFragment) -> Seen:
    return Seen(
        producer_ms=round(1000 * (found.producer_timestamp or 0)),
        server_ms=round(1000 * (found.server_timestamp or 0)),
        tags=found.event_tags,
        tracks=tuple((one.kind, one.codec_id) for one in sorted(found.tracks, key=lambda one: one.number)),
    )


def _body(stored: Any) -> str:
    """As adapters/dynamodb/documents.py stores it."""
    return str(stored["S"]) if "S" in stored else zlib.decompress(stored["B"]).decode()
