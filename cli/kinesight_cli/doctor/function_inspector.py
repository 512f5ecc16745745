"""Reads facts about the functions of a stack."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from kinesight.domain.json_text import parse_json

from kinesight_cli.doctor.facts import ErrorsFacts, FunctionFacts
from kinesight_cli.doctor.stack_inspector import StackInspector

_MINUTES = 15
_WATCHED = ("AnalyzeImagesFunction", "KeepEvidenceFunction", "TrackSessionsFunction")
_LOG_PAGES = 10


class FunctionInspector:
    """Reads functions, their event source mappings and their errors. Everything raises like `AwsReader.call`."""

    def __init__(self, stack: StackInspector) -> None:
        self._stack = stack
        self._aws = stack.aws

    @property
    def analyze_images(self) -> FunctionFacts:
        return self._function("AnalyzeImagesFunction", self._stack.queue_arn("ImagesQueue"), "Images")

    @property
    def keep_evidence(self) -> FunctionFacts:
        return self._function("KeepEvidenceFunction", self._stack.results_stream_arn, "Evidence")

    @property
    def track_sessions(self) -> FunctionFacts:
        return self._function("TrackSessionsFunction", self._stack.results_stream_arn, "Sessions and alerts")

    @property
    def start_analysis(self) -> FunctionFacts:
        return self._function("StartAnalysisFunction", self._stack.queue_arn("NotificationsQueue"), "Notifications")

    def _function(self, logical_id: str, source_arn: str, records: str) -> FunctionFacts:
        """Reads a function; its mapping may invoke an alias."""
        function = self._stack.resource(logical_id)
        mapping = self._mapping(function, source_arn)
        configuration = self._aws.call("lambda", "get_function_configuration", FunctionName=function)
        concurrency = self._aws.call("lambda", "get_function_concurrency", FunctionName=function) or {}
        state, reason = _function_state(configuration)
        return FunctionFacts(
            function=function,
            source=source_arn,
            mapping_id=mapping["UUID"] if mapping else "",
            state=mapping["State"] if mapping else None,
            function_state=state,
            reason=reason,
            concurrency=concurrency.get("ReservedConcurrentExecutions"),
            records=records,
        )

    def _mapping(self, function: str, source_arn: str) -> Any:
        response = self._aws.call("lambda", "list_event_source_mappings", EventSourceArn=source_arn) or {}
        mappings = response.get("EventSourceMappings", [])
        return next((one for one in mappings if f":function:{function}" in one["FunctionArn"]), None)

    @property
    def errors(self) -> ErrorsFacts:
        """CloudWatch's sums by function, and problems in the log of analyze_images."""
        names = {one.removesuffix("Function"): self._stack.resource(one) for one in _WATCHED}
        names = {name: function for name, function in names.items() if function}
        begin = datetime.now(UTC) - timedelta(minutes=_MINUTES)
        log_group = self._stack.resource("AnalyzeImagesLogs")
        return ErrorsFacts(
            minutes=_MINUTES,
            errors=self._sums(names, "Errors", begin),
            throttles=self._sums(names, "Throttles", begin),
            problems=self._problems(log_group, begin),
            log_group=log_group,
        )

    def _sums(self, names: Mapping[str, str], metric: str, begin: datetime) -> dict[str, int]:
        response = self._aws.call(
            "cloudwatch",
            "get_metric_data",
            MetricDataQueries=[_query(index, function, metric) for index, function in enumerate(names.values())],
            StartTime=begin,
            EndTime=datetime.now(UTC),
        )
        sums = {one["Id"]: int(sum(one["Values"])) for one in response["MetricDataResults"]}
        return {name: sums.get(f"m{index}", 0) for index, name in enumerate(names)}

    def _problems(self, log_group: str, begin: datetime) -> tuple[str, ...]:
        """Returns logged errors and warnings. A page may be empty and have a next one (API_FilterLogEvents)."""
        problems: list[str] = []
        token: dict[str, Any] = {}
        for _ in range(_LOG_PAGES):
            page = self._aws.call(
                "logs",
                "filter_log_events",
                logGroupName=log_group,
                startTime=round(begin.timestamp() * 1000),
                filterPattern="?ERROR ?WARNING",
                **token,
            )
            problems += [problem for one in (page or {}).get("events", []) if (problem := _problem(one["message"]))]
            if not page or not page.get("nextToken"):
                break
            token = {"nextToken": page["nextToken"]}
        return tuple(problems)


def _query(index: int, function: str, metric: str) -> dict[str, Any]:
    return {
        "Id": f"m{index}",
        "MetricStat": {
            "Metric": {
                "Namespace": "AWS/Lambda",
                "MetricName": metric,
                "Dimensions": [{"Name": "FunctionName", "Value": function}],
            },
            "Period": 60,
            "Stat": "Sum",
        },
    }


def _function_state(configuration: Any) -> tuple[str | None, str]:
    """Returns Lambda's State, or Failed after a failed update, and the reason."""
    if configuration is None:
        return None, ""
    if configuration.get("LastUpdateStatus") == "Failed":
        return "Failed", configuration.get("LastUpdateStatusReason", "")
    return configuration.get("State", "Active"), configuration.get("StateReason", "")


def _problem(line: str) -> str:
    """Returns the message and reason of a log line, "" if it is not an error or warning."""
    try:
        document = parse_json(line)
    except ValueError:
        return ""
    if not isinstance(document, dict) or document.get("level") not in ("ERROR", "WARNING", "CRITICAL"):
        return ""
    return f"{document.get('message')}: {document.get('reason', document.get('exception_name', ''))}".rstrip(": ")
