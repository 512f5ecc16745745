"""KVS's control plane and the coordination table in memory, with state, for configure_streams."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass, field, replace
from typing import Any

from kinesight.domain.errors import NoRetentionError, StreamGoneError
from kinesight.domain.ports import VideoStream
from kinesight.domain.streams.selection import StreamSelection
from kinesight.domain.streams.stream_settings import (
    Feature,
    FeatureSettings,
    ManagedFeature,
    StreamFeatures,
    StreamSettings,
)
from kinesight_local.kvs.undocumented import Describe, described


def same_settings(
    selection: StreamSelection,
    images: FeatureSettings | None,
    notices: FeatureSettings | None,
    *,
    takes_over: bool = True,
) -> StreamSettings:
    """The same settings for all streams."""
    features = StreamFeatures(images, notices, takes_over)
    return StreamSettings(selection, lambda _name, _tags: features)


@dataclass
class VirtualClock:
    """Time passes only in sleep_s."""

    time_s: float = 0.0

    def now_s(self) -> float:
        return self.time_s

    def sleep_s(self, seconds: float) -> None:
        self.time_s += seconds


@dataclass
class FakeStreamDirectory:
    """A fleet. `before_call` may raise, or change the fleet, before a call takes effect.

    `describe_as`: how settings that were set are returned.
    """

    clock: VirtualClock = field(default_factory=VirtualClock)
    fleet: dict[str, VideoStream] = field(default_factory=dict)
    tag_sets: dict[str, dict[str, str]] = field(default_factory=dict)
    configurations: dict[tuple[Feature, str], FeatureSettings] = field(default_factory=dict)
    calls: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    before_call: Callable[[str, str], None] = lambda _api, _arn: None
    describe_as: Describe = Describe.AS_SET

    def add(self, name: str, *, retention_hours: int = 24, active: bool = True, **tags: str) -> VideoStream:
        arn = f"arn:aws:kinesisvideo:us-east-1:111122223333:stream/{name}/1700000000000"
        self.fleet[arn] = VideoStream(name, arn, "ACTIVE" if active else "UPDATING", retention_hours)
        self.tag_sets[arn] = tags
        return self.fleet[arn]

    def streams(self) -> Iterator[VideoStream]:
        self._call("ListStreams", "")
        return iter(list(self.fleet.values()))

    def describe(self, name_or_arn: str) -> VideoStream:
        self._call("DescribeStream", "")
        for one in self.fleet.values():
            if name_or_arn in (one.name, one.arn):
                return one
        raise StreamGoneError(name_or_arn)

    def tags(self, stream_arn: str) -> Mapping[str, str]:
        self._call("ListTagsForStream", stream_arn)
        return self.tag_sets[stream_arn]

    def feature_settings(self, feature: Feature, stream_arn: str) -> FeatureSettings | None:
        self._call(f"Describe {feature}", stream_arn)
        settings = self.configurations.get((feature, stream_arn))
        return None if settings is None else described(self.describe_as, dict(settings))

    def configure(self, feature: Feature, stream_arn: str, settings: FeatureSettings | None) -> None:
        self._call(f"Update {feature}", stream_arn)
        if self.fleet[stream_arn].retention_hours == 0:
            raise NoRetentionError(stream_arn)
        if settings is None:
            self.configurations.pop((feature, stream_arn), None)
        else:
            self.configurations[feature, stream_arn] = settings

    def _call(self, api: str, stream_arn: str) -> None:
        self.calls[api].append(self.clock.now_s())
        self.before_call(api, stream_arn)
        if stream_arn and stream_arn not in self.fleet:
            raise StreamGoneError(stream_arn)


class DescribeOnly:
    """The rest of a StreamDirectory, for fakes of code that only describes streams."""

    def streams(self) -> Iterator[VideoStream]:
        raise AssertionError("ListStreams is not expected")

    def tags(self, stream_arn: str) -> Mapping[str, str]:
        raise AssertionError(f"ListTagsForStream of {stream_arn} is not expected")


class FakeStreams(DescribeOnly):
    """Describes a stream of any name."""

    def describe(self, name_or_arn: str) -> VideoStream:
        arn = f"arn:aws:kinesisvideo:us-east-1:111122223333:stream/{name_or_arn}/1700000000000"
        return VideoStream(name_or_arn, arn, "ACTIVE", 24)


class FakeManagedStreams:
    """Keeps the first original of each entry, one lock, one mark of deletion."""

    def __init__(self) -> None:
        self.entries: dict[tuple[str, Feature], ManagedFeature] = {}
        self.token: str | None = None
        self.is_retired = False

    def all(self) -> list[ManagedFeature]:
        return list(self.entries.values())

    def manages(self, feature: Feature, stream_arn: str) -> bool:
        return (stream_arn, feature) in self.entries

    def add(self, managed: ManagedFeature) -> ManagedFeature:
        return self.entries.setdefault((managed.stream_arn, managed.feature), managed)

    def update(self, managed: ManagedFeature) -> None:
        key = managed.stream_arn, managed.feature
        self.entries[key] = replace(managed, original=self.entries[key].original)

    def forget(self, managed: ManagedFeature) -> None:
        self.entries.pop((managed.stream_arn, managed.feature), None)

    def lock(self, seconds: float) -> str | None:
        if self.token is not None:
            return None
        self.token = "token"
        return self.token

    def unlock(self, token: str) -> None:
        if self.token == token:
            self.token = None

    def retire(self, retired: bool) -> None:
        self.is_retired = retired

    def retired(self) -> bool:
        return self.is_retired


class FakeBucketNotifications:
    """Buckets of one Region by name. `checked`: of each change, whether destinations were to be checked."""

    def __init__(self, region: str = "us-east-1", **configurations: dict[str, Any]) -> None:
        self.configurations = deepcopy(configurations)
        self.checked: list[bool] = []
        self._region = region

    def region(self, bucket: str) -> str | None:
        return self._region if bucket in self.configurations else None

    def load(self, bucket: str) -> Mapping[str, Any] | None:
        return deepcopy(self.configurations.get(bucket))

    def save(self, bucket: str, configuration: Mapping[str, Any], *, check_destinations: bool) -> None:
        self.configurations[bucket] = deepcopy(dict(configuration))
        self.checked.append(check_destinations)
