"""What is looked at, as plain values: the checks judge these and nothing else.

Times are epoch milliseconds, ages and spans seconds. None stands for what does not exist.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Patience:
    """From when on something counts as broken, in seconds.

    `silent_s`: since the last fragment. `clock_s`: between the camera's clock and KVS's. `picture_s`: since the first
    tagged fragment, without a picture. `queue_s`: of the oldest message. `live_s`: how far a live consumer is behind.
    """

    silent_s: float = 300
    clock_s: float = 60
    picture_s: float = 30
    queue_s: float = 900
    live_s: float = 120


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
class StreamFacts:
    """As DescribeStream tells; `arn` is None if there is no such stream."""

    name: str
    region: str
    arn: str | None = None
    status: str = ""
    retention_hours: int = 0
    version: str = ""
    kms_key_id: str = ""


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
class ConfigurationFacts:
    """A configuration as the stream has it, and as the stack wants it; both as KVS's API has them."""

    stream: str
    current: Mapping[str, Any] | None
    wanted: Mapping[str, Any]


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
class Fragment:
    """As ListFragments tells."""

    number: str
    producer_ms: int
    server_ms: int
    length_ms: int


@dataclass(frozen=True, slots=True)
class FragmentsFacts:
    """The newest fragment of the last `searched_s`, on the server's clock."""

    stream: str
    newest: Fragment | None
    searched_s: float
    now_ms: int
    silent_s: float


@dataclass(frozen=True, slots=True)
class ClockFacts:
    """`ahead_s`: how far the camera's clock is before KVS's; negative, behind. `counts`: whether pictures are timed by
    the camera's clock."""

    stream: str
    ahead_s: float
    counts: bool
    clock_s: float


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


@dataclass(frozen=True, slots=True)
class LiveFacts:
    """A stream's lease. `owner` is None while nobody has it; `leased`: whether there is one at all.

    `behind_s`: from the last fragment to the checkpoint, None without either.
    """

    stream: str
    leased: bool
    owner: str | None
    behind_s: float | None
    live_s: float
    log_group: str
