"""Checks of shards and concurrent executions against the limits of Kinesis and Lambda. Pure functions of facts."""

from collections.abc import Iterator

from kinesight.domain.check_results import Result, ok, warning

from kinesight_cli.doctor.facts import ConcurrencyFacts, ShardsFacts

_OTHERS_AT_ONCE = 10
"""Executions of the stack's functions beside analyze_images and live consumers (docs/scale.md)."""
_STEPS_A_DAY = 10
"""API_UpdateShardCount: in 24 hours, of one stream."""


def shard_steps(current: int, target: int) -> Iterator[int]:
    """Yields the shard counts to set one after another: each at most doubles or halves the one before
    (API_UpdateShardCount)."""
    while current != target:
        current = min(2 * current, target) if target > current else max(-(-current // 2), target)
        yield current


def shards(facts: ShardsFacts) -> Result | None:
    """Computes the updates to the shard count that was passed, and otherwise compares with ResultsShardCount."""
    if facts.open_shards is None:
        return None
    if facts.target is None and facts.open_shards != facts.parameter:
        return warning(
            f"{facts.stream} has {facts.open_shards} shards, ResultsShardCount is {facts.parameter}: it was changed "
            "outside CloudFormation, which may fail at the next change",
            _deploy([facts.open_shards]),
        )
    steps = list(shard_steps(facts.open_shards, facts.target or facts.open_shards))
    if not steps:
        return ok(f"{facts.stream} has {facts.open_shards} shards")
    return warning(
        f"{facts.stream} has {facts.open_shards} shards; {facts.target} take {len(steps)} updates, because each at "
        f"most doubles or halves the number, and {_STEPS_A_DAY} are allowed within 24 hours",
        _deploy(steps),
    )


def _deploy(steps: list[int]) -> str:
    return f"# deploy ResultsShardCount={', then '.join(map(str, steps))}"


def concurrency(facts: ConcurrencyFacts) -> Result | None:
    """Checks that Lambda runs as many functions of the account at once as the stack needs; None where there is no
    limit, as in the local cloud."""
    if facts.unreserved is None:
        return None
    live = 1 if facts.is_live else 0
    needed = facts.maximum_concurrency + _OTHERS_AT_ONCE + live
    if facts.unreserved >= needed:
        return ok(f"Lambda runs up to {facts.unreserved} unreserved functions of the account at once")
    parts = f"{facts.maximum_concurrency} for images, {_OTHERS_AT_ONCE} for the rest"
    parts += ", and one at all times for each live consumer" if live else ""
    return warning(
        f"Lambda runs at most {facts.unreserved} unreserved functions of the account at once, and this stack may need "
        f"{needed} ({parts}): results are late when they are missing",
        "aws service-quotas request-service-quota-increase --service-code lambda --quota-code L-B99A9384 "
        "--desired-value 1000",
    )
