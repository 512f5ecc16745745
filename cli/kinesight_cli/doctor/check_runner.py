"""Runs the checks for one stream or for all selected streams."""

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import boto3
from kinesight.domain.check_results import CheckResult, Result, Status, blocking_check, warning
from kinesight.domain.health.facts import HealthThresholds
from kinesight.domain.streams.selection import StreamSelection

from kinesight_cli.doctor.aws_reader import AccessDeniedError, AwsReader, CallFailedError
from kinesight_cli.doctor.checks import CHECKS, Check
from kinesight_cli.doctor.inspectors import StackInspectors, StreamInspectors
from kinesight_cli.doctor.report import Report, StreamReport

_AT_ONCE = 8
"""Streams that are checked in parallel: KVS allows 50 calls per second and account that describe stream settings."""


def _ignore(_: CheckResult) -> None:
    """Is the default callback."""


class CheckRunner:
    """Runs the checks of one stack. Every method raises CannotCheckError if no check can run."""

    def __init__(
        self,
        stack_name: str,
        session: boto3.Session | None = None,
        thresholds: HealthThresholds | None = None,
        *,
        target_shards: int | None = None,
    ) -> None:
        aws = AwsReader(session or boto3.Session())
        self._inspectors = StackInspectors(aws, stack_name, thresholds or HealthThresholds(), target_shards)
        self._stack = self._inspectors.stack
        self._of_stack: dict[str, CheckResult | None] = {}

    def check_stream(self, name: str, on_result: Callable[[CheckResult], None] = _ignore) -> Report:
        """Runs all checks of one stream. Calls `on_result` after each check."""
        checks = tuple(_passed_on(self._run(StreamInspectors(self._inspectors, name)), on_result))
        return self._report((StreamReport(name, checks),))

    def check_all(self, on_result: Callable[[CheckResult], None] = _ignore) -> Report:
        """Runs the checks of the stack, then of every selected stream. Calls `on_result` after each stack check."""
        of_stack = tuple(_passed_on(self._run(None), on_result))
        if of_stack[0].result.status is not Status.OK:
            return self._report(())
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            return self._report(tuple(pool.map(self._stream_report, sorted(self._selected()))))

    def _stream_report(self, name: str) -> StreamReport:
        return StreamReport(name, tuple(self._run(StreamInspectors(self._inspectors, name))))

    def _report(self, streams: tuple[StreamReport, ...]) -> Report:
        checks = tuple(one for one in self._of_stack.values() if one is not None)
        return Report(self._stack.name, self._stack.aws.region, checks, streams)

    def _run(self, inspectors: StreamInspectors | None) -> Iterator[CheckResult]:
        """Yields the results in order. Each check of the stack runs once, for all streams."""
        done: dict[str, CheckResult | None] = {}
        for check in CHECKS:
            if not check.of_stream:
                done[check.name] = self._stack_result(check, done)
            elif inspectors is not None:
                done[check.name] = self._result(check, inspectors, done, inspectors.name)
            found = done.get(check.name)
            if found is not None:
                yield found

    def _stack_result(self, check: Check, done: Mapping[str, CheckResult | None]) -> CheckResult | None:
        if check.name not in self._of_stack:
            self._of_stack[check.name] = self._result(check, self._inspectors, done, None)
        return self._of_stack[check.name]

    def _result(
        self, check: Check, inspectors: Any, done: Mapping[str, CheckResult | None], stream: str | None
    ) -> CheckResult | None:
        """Returns None for a check that does not apply to this stack."""
        try:
            result = self._evaluated(check, inspectors, done)
        except AccessDeniedError as error:
            result = warning(
                f"cannot run the check: permission {error.permission} is missing", f"# grant {error.permission}"
            )
        except CallFailedError as error:
            result = warning(f"cannot run the check: {error}")
        return None if result is None else CheckResult(check.name, stream, result)

    def _evaluated(self, check: Check, inspectors: Any, done: Mapping[str, CheckResult | None]) -> Result | None:
        if not check.applies(inspectors):
            return None
        blocking = blocking_check(check.needs, done)
        if blocking:
            return Result(Status.SKIPPED, f"skipped: fix {blocking} first")
        return check.evaluate(check.inspect(inspectors))

    def _selected(self) -> frozenset[str]:
        """Returns the selected streams, including names that do not exist. Raises like `AwsReader.call`."""
        selection = self._stack.selection
        present = {
            one["StreamName"]
            for page in self._stack.aws.pages("kinesisvideo", "list_streams", MaxResults=1000)
            for one in page["StreamInfoList"]
        }
        return selection.literal_names | {name for name in present if self._is_selected(name, selection)}

    def _is_selected(self, name: str, selection: StreamSelection) -> bool:
        return selection.matches_name(name) or (
            bool(selection.tag_filters) and StreamInspectors(self._inspectors, name).stream.selection.selected
        )


def _passed_on(results: Iterator[CheckResult], on_result: Callable[[CheckResult], None]) -> Iterator[CheckResult]:
    for one in results:
        on_result(one)
        yield one
