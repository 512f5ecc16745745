"""Reads facts about limits: shards of the results stream, and concurrent executions of the account."""

from kinesight_cli.doctor.facts import ConcurrencyFacts, ShardsFacts
from kinesight_cli.doctor.stack_inspector import StackInspector


class CapacityInspector:
    """Everything raises like `AwsReader.call`."""

    def __init__(self, stack: StackInspector, target_shards: int | None) -> None:
        self._stack = stack
        self._target_shards = target_shards

    @property
    def shards(self) -> ShardsFacts:
        """The open shards of the results stream, which `ResultsFacts` has read."""
        results = self._stack.results
        parameter = self._stack.parameter("ResultsShardCount")
        return ShardsFacts(
            results.name, results.shards, int(parameter) if parameter else results.shards or 0, self._target_shards
        )

    @property
    def concurrency(self) -> ConcurrencyFacts:
        """What the account has left for functions without a reservation."""
        images = int(self._stack.parameter("MaximumConcurrency") or 0)
        response = self._stack.aws.call("lambda", "get_account_settings")
        return ConcurrencyFacts(
            None if response is None else response["AccountLimit"]["UnreservedConcurrentExecutions"],
            maximum_concurrency=images,
            is_live=self._stack.parameter("LiveStatus") == "ENABLED",
        )
