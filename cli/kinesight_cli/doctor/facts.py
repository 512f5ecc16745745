"""What is looked at, as plain values: the checks judge these and nothing else.

Times are epoch milliseconds, ages and spans seconds. None stands for what does not exist.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class StackFacts:
    """`resources`: physical ids by logical id. `status` is None if there is no such stack."""

    name: str
    region: str
    account_id: str = ""
    status: str | None = None
    parameters: Mapping[str, str] = field(default_factory=dict)
    resources: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SelectionFacts:
    """`first_tags`: one tag of each TagFilters filter, with which the stream would be selected."""

    stream: str
    stack: str
    selected: bool
    stream_names: str
    tag_filters: str
    first_tags: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class DestinationFacts:
    """Where a stream's pictures go: three Regions that have to be one."""

    stream: str
    bucket: str
    stream_region: str
    destination_region: str
    bucket_region: str
    wanted: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class BucketFacts:
    """`region` is None if there is no such bucket."""

    name: str
    region: str | None
    stack_region: str


@dataclass(frozen=True, slots=True)
class PolicyFacts:
    """The policy of `resource` (its ARN), and the other party's ARN."""

    resource: str
    policy: Mapping[str, Any] | None
    caller: str = ""
    place: str = ""
    """What the commands call the resource: a bucket's name, a queue's address."""


@dataclass(frozen=True, slots=True)
class KeyFacts:
    """`state` is KMS's KeyState, None if there is no such key."""

    key: str
    state: str | None
    used_by: str


@dataclass(frozen=True, slots=True)
class Seen:
    """A fragment that was read: names of its event tags with their values, and (kind, codec id) of its tracks."""

    producer_ms: int
    server_ms: int
    tags: Mapping[str, str]
    tracks: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class MediaFacts:
    """The last fragments, the oldest first."""

    stream: str
    fragments: tuple[Seen, ...]


@dataclass(frozen=True, slots=True)
class PicturesFacts:
    """The newest picture, where the first of the last tagged fragments came `tagged_age_s` ago.

    `attached_to`: who carries the producer policy; None if nobody may tell.
    """

    stream: str
    bucket: str
    newest_ms: int | None
    now_ms: int
    tagged_age_s: float
    picture_s: float
    policy_arn: str
    attached_to: tuple[str, ...] | None


@dataclass(frozen=True, slots=True)
class BucketNotificationFacts:
    """`told`: ARNs of the queues that a bucket tells of new objects under `prefix`."""

    bucket: str
    queue_arn: str
    prefix: str
    told: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class QueueFacts:
    """`waiting` is None if there is no such queue; `oldest_s` if CloudWatch has no figure."""

    queue: str
    waiting: int | None
    taken: int
    oldest_s: float | None
    queue_s: float


@dataclass(frozen=True, slots=True)
class ReaderFacts:
    """A function and the event source mapping that feeds it. `state` is None if there is no mapping.

    `concurrency`: what is reserved, None for nothing. `function_state`: None if there is no function.
    """

    function: str
    source: str
    mapping_id: str
    state: str | None
    function_state: str | None
    reason: str = ""
    concurrency: int | None = None
    what: str = ""


@dataclass(frozen=True, slots=True)
class ModelFacts:
    """`state` in the words of the model's service, None if it has no such thing; `note`: what else is known."""

    detector: str
    name: str
    state: str | None
    note: str = ""


@dataclass(frozen=True, slots=True)
class ResultsFacts:
    """`status` is None if there is no such stream."""

    name: str
    status: str | None


@dataclass(frozen=True, slots=True)
class ErrorsFacts:
    """Of the last `minutes`: sums of CloudWatch's Errors and Throttles by function, and problems by the logs."""

    minutes: int
    errors: Mapping[str, int]
    throttles: Mapping[str, int]
    problems: tuple[str, ...]
    log_group: str


@dataclass(frozen=True, slots=True)
class DeadLetters:
    """A queue with messages, and the reason of one of them."""

    queue: str
    count: int
    reason: str


@dataclass(frozen=True, slots=True)
class DeadLettersFacts:
    """`queues`: how many there are."""

    queues: int
    found: tuple[DeadLetters, ...]


@dataclass(frozen=True, slots=True)
class Subscription:
    """`confirmed`: whether anything is sent."""

    protocol: str
    endpoint: str
    confirmed: bool


@dataclass(frozen=True, slots=True)
class TopicFacts:
    """`subscriptions` is None if there is no such topic. `endpoint`: who has to be among them, "" for nobody."""

    topic_arn: str
    endpoint: str
    subscriptions: tuple[Subscription, ...] | None
