"""When what gives trouble, and how much: the schedule of a fault run."""

import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from kinesight_local.fault_injection.proxy import FaultKind, FaultRule
from kinesight_local.kvs.faults import Cut, ErrorInside, Fail, Fault, Slow, Throttle

_OVERHEAD_S = 120
"""Of a run: deploying, and draining at the end."""


@dataclass(frozen=True, slots=True)
class Dependency:
    """Services by their signing names, or operations of KVS. `share`: how many calls meet a fault, 1 being usual;
    those that are seldom called meet it more often."""

    name: str
    services: tuple[str, ...] = ()
    operations: tuple[str, ...] = ()
    share: float = 1.0


DEPENDENCIES = (
    Dependency("S3", ("s3",)),
    Dependency("SQS", ("sqs",), share=1.5),
    Dependency("DynamoDB", ("dynamodb",)),
    Dependency("Kinesis", ("kinesis",)),
    Dependency("Rekognition", ("rekognition",)),
    Dependency("SNS", ("sns",), share=1.5),
    Dependency("EventBridge", ("events",), share=1.5),
    Dependency("Step Functions", ("states",), share=1.5),
    Dependency("KVS, control", operations=("DescribeStream", "GetDataEndpoint", "ListStreams", "ListTagsForStream")),
    Dependency("KVS, media", operations=("GetMedia", "GetMediaForFragmentList", "GetImages", "ListFragments")),
)
EVERYTHING = Dependency(
    "everything at once",
    (*(service for one in DEPENDENCIES for service in one.services), "lambda"),
    tuple(operation for one in DEPENDENCIES for operation in one.operations),
    share=0.15,
)
KINDS = (FaultKind.THROTTLED, FaultKind.FAILING, FaultKind.SLOW, FaultKind.CUT)


@dataclass(frozen=True, slots=True)
class Plan:
    """Seconds of one kind of trouble, and of peace after all kinds of a dependency's."""

    seed: int
    dependencies: tuple[Dependency, ...]
    trouble_s: float
    peace_s: float

    @classmethod
    def of(cls, seed: int, minutes: float, names: Sequence[str] = ()) -> "Plan":
        """As many dependencies as there is time for at four seconds each kind, drawn by the seed."""
        chance = random.Random(seed)
        selected = [one for one in DEPENDENCIES if not names or one.name in names]
        budget_s = max(40.0, minutes * 60 - _OVERHEAD_S)
        most = max(1, int(budget_s / 24) - 1)
        if len(selected) > most:
            selected = chance.sample(selected, most)
        chance.shuffle(selected)
        trouble_s = budget_s / (6 * (len(selected) + 1))
        return cls(seed, tuple(selected), trouble_s, 2 * trouble_s)


def fault_rules(dependency: Dependency, kind: FaultKind) -> list[FaultRule | Fault]:
    """The rules of one kind, for the proxies and for the KVS emulator."""
    rules: list[FaultRule | Fault] = []
    share = dependency.share
    for service in dependency.services:
        match kind:
            case FaultKind.THROTTLED:
                rules += [FaultRule(kind, service, probability=0.6 * share)]
                rules += [FaultRule(FaultKind.PARTIAL, service, probability=0.6 * share)]
            case FaultKind.FAILING:
                rules += [FaultRule(kind, service, probability=0.6 * share)]
            case FaultKind.SLOW:
                rules += [FaultRule(kind, service, probability=0.7 * share, delay_ms=700)]
            case _:
                rules += [FaultRule(FaultKind.CUT, service, probability=0.3 * share)]
                rules += [FaultRule(FaultKind.LOST, service, probability=0.4 * share)]
    for operation in dependency.operations:
        rules += _inside_kvs(operation, kind, share)
    return rules


def _inside_kvs(operation: str, kind: FaultKind, share: float) -> Iterable[Fault]:
    # Live connections are long: unless they end, none of their openings can fail.
    if operation == "GetMedia":
        yield ErrorInside(operation=operation, probability=0.3 * share)
    match kind:
        case FaultKind.THROTTLED:
            yield Throttle(operation=operation, probability=0.6 * share)
        case FaultKind.FAILING:
            yield Fail(operation=operation, probability=0.6 * share)
        case FaultKind.SLOW:
            yield Slow(operation=operation, probability=0.7 * share, delay_ms=700)
        case _:
            yield Cut(operation=operation, probability=0.5 * share, after_bytes=2000)
