"""Facts that inspectors read and checks evaluate, as plain values.

Times are epoch milliseconds, ages and durations are seconds. None means that something does not exist.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class StackFacts:
    """`resources`: physical ids by logical id. `status` is None if the stack does not exist."""

    name: str
    region: str
    account_id: str = ""
    status: str | None = None
    parameters: Mapping[str, str] = field(default_factory=dict)
    resources: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SelectionFacts:
    """`first_tags`: one tag of each filter in TagFilters; with these tags the stream would be selected."""

    stream: str
    stack: str
    selected: bool
    stream_names: str
    tag_filters: str
    first_tags: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class DestinationFacts:
    """Where the images of a stream are written: three Regions that must be the same."""

    stream: str
    bucket: str
    stream_region: str
    destination_region: str
    bucket_region: str
    expected: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class BucketFacts:
    """`region` is None if the bucket does not exist. A bucket that is not of the stack existed before it."""

    name: str
    region: str | None
    stack_region: str
    is_of_stack: bool = True


@dataclass(frozen=True, slots=True)
class PolicyFacts:
    """The policy of `resource` (its ARN). `caller`: ARN of the resource on whose behalf a service calls."""

    resource: str
    policy: Mapping[str, Any] | None
    caller: str = ""
    name: str = ""
    """What AWS CLI commands call the resource: the name of a bucket, the URL of a queue."""


@dataclass(frozen=True, slots=True)
class KeyFacts:
    """`state` is KMS's KeyState, None if the key does not exist. `used_by`: what is encrypted with it."""

    key: str
    state: str | None
    used_by: str


@dataclass(frozen=True, slots=True)
class FragmentContent:
    """Content of a fragment: its tags by name, and (kind, codec id) of its tracks."""

    producer_ms: int
    server_ms: int
    tags: Mapping[str, str]
    tracks: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class MediaFacts:
    """Content of the last fragments, in order of time."""

    stream: str
    fragments: tuple[FragmentContent, ...]


@dataclass(frozen=True, slots=True)
class ImagesFacts:
    """The newest image. The first of the last tagged fragments arrived `tagged_age_s` ago.

    `attached_to`: roles, users and groups with the producer policy; None if the caller may not list them.
    """

    stream: str
    bucket: str
    newest_ms: int | None
    now_ms: int
    tagged_age_s: float
    maximum_delay_s: float
    policy_arn: str
    attached_to: tuple[str, ...] | None


@dataclass(frozen=True, slots=True)
class BucketNotificationFacts:
    """`destinations`: ARNs of the queues that the bucket notifies of new objects under `prefix`."""

    bucket: str
    queue_arn: str
    prefix: str
    destinations: tuple[str, ...]
    is_of_stack: bool = True


@dataclass(frozen=True, slots=True)
class QueueFacts:
    """`waiting` is None if the queue does not exist; `oldest_s` is None if CloudWatch has no value."""

    queue: str
    waiting: int | None
    in_flight: int
    oldest_s: float | None
    maximum_age_s: float


@dataclass(frozen=True, slots=True)
class FunctionFacts:
    """A function and its event source mapping. `state` is None if there is no mapping.

    `function_state` is None if there is no function. `concurrency`: the reserved concurrency, None if unreserved.
    `records`: what the function processes.
    """

    function: str
    source: str
    mapping_id: str
    state: str | None
    function_state: str | None
    reason: str = ""
    concurrency: int | None = None
    records: str = ""


@dataclass(frozen=True, slots=True)
class ModelFacts:
    """`state` as the service of the model names it, None if the model does not exist; `note`: more details."""

    detector: str
    name: str
    state: str | None
    note: str = ""


@dataclass(frozen=True, slots=True)
class ResultsFacts:
    """`status` is None if the results stream does not exist. `shards`: those that are open."""

    name: str
    status: str | None
    shards: int | None = None


@dataclass(frozen=True, slots=True)
class ShardsFacts:
    """`open_shards` is None if the stream does not exist. `parameter`: ResultsShardCount; `target`: the number to get
    to, None without one."""

    stream: str
    open_shards: int | None
    parameter: int
    target: int | None = None


@dataclass(frozen=True, slots=True)
class ConcurrencyFacts:
    """`unreserved`: executions at once that are left for functions without a reservation, None without a limit."""

    unreserved: int | None
    maximum_concurrency: int
    is_live: bool


@dataclass(frozen=True, slots=True)
class ErrorsFacts:
    """Of the last `minutes`: sums of CloudWatch's Errors and Throttles by function, and problems from the logs."""

    minutes: int
    errors: Mapping[str, int]
    throttles: Mapping[str, int]
    problems: tuple[str, ...]
    log_group: str


@dataclass(frozen=True, slots=True)
class DeadLetterCount:
    """A dead-letter queue with messages, and the reason of one of them."""

    queue: str
    count: int
    reason: str


@dataclass(frozen=True, slots=True)
class DeadLettersFacts:
    """`queues`: number of dead-letter queues. `found`: those with messages."""

    queues: int
    found: tuple[DeadLetterCount, ...]


@dataclass(frozen=True, slots=True)
class Subscription:
    """`confirmed`: whether SNS sends to it."""

    protocol: str
    endpoint: str
    confirmed: bool


@dataclass(frozen=True, slots=True)
class TopicFacts:
    """`subscriptions` is None if the topic does not exist. `endpoint`: a required subscriber, "" for none."""

    topic_arn: str
    endpoint: str
    subscriptions: tuple[Subscription, ...] | None
