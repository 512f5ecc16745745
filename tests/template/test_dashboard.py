"""The dashboard and the alarms against what the code emits, what the template makes, and what AWS documents."""

import ast
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from kinesight.frame_metrics import OF_FRAMES, OF_SPEND
from kinesight.metric_catalogue import Metric
from kinesight_local.template import expand, read_template

from scripts.operations import generate
from scripts.operations.alarm_table import ALARMS, ALWAYS
from scripts.operations.rows import drawn, graphs
from scripts.operations.widgets import Line, Search, own

ROOT = Path(__file__).resolve().parents[2]
TEMPLATE = ROOT / "template.yaml"

KIT_ROWS = (
    "Frame Metrics",
    "IngestToProcessLatency",
    "Current Lease Total",
    "Lease Sync Metrics",
    "LeaseCount per Worker",
    "Number of Workers",
    "ECS Service Utilization",
    "KinesisDataStream",
    "SageMaker",
    "Lambda",
)
"""awsdocs/AWS-Kinesis-Video-Documentation, doc_source/examples-sagemaker.md, "Application Dashboard", in its order."""

DOCUMENTED: dict[str, tuple[frozenset[str], frozenset[str]]] = {
    # Lambda developer guide, "Types of metrics for Lambda functions"
    "AWS/Lambda": (
        frozenset({"FunctionName"}),
        frozenset(
            {
                "ConcurrentExecutions",
                "Duration",
                "Errors",
                "Invocations",
                "IteratorAge",
                "RecursiveInvocationsDropped",
                "Throttles",
            }
        ),
    ),
    # SQS developer guide, "Available CloudWatch metrics for Amazon SQS"
    "AWS/SQS": (
        frozenset({"QueueName"}),
        frozenset({"ApproximateAgeOfOldestMessage", "ApproximateNumberOfMessagesVisible"}),
    ),
    # Kinesis Data Streams developer guide, "Monitor the Amazon Kinesis Data Streams service with Amazon CloudWatch"
    "AWS/Kinesis": (
        frozenset({"StreamName"}),
        frozenset(
            {
                "GetRecords.Records",
                "IncomingBytes",
                "IncomingRecords",
                "ReadProvisionedThroughputExceeded",
                "WriteProvisionedThroughputExceeded",
            }
        ),
    ),
    # Step Functions developer guide, "Monitoring Step Functions metrics using Amazon CloudWatch"
    "AWS/States": (
        frozenset({"StateMachineArn"}),
        frozenset({"ExecutionsFailed", "ExecutionsStarted", "ExecutionsSucceeded", "ExecutionsTimedOut"}),
    ),
    # API Gateway developer guide, "Monitor CloudWatch metrics for HTTP APIs"
    "AWS/ApiGateway": (frozenset({"ApiId"}), frozenset({"4xx", "5xx", "Count", "Latency"})),
    # S3 user guide, "Metrics and dimensions"
    "AWS/S3": (frozenset({"BucketName", "StorageType"}), frozenset({"BucketSizeBytes"})),
    # SageMaker developer guide, "Monitor Amazon SageMaker AI with Amazon CloudWatch": endpoint invocation metrics
    "AWS/SageMaker": (
        frozenset({"EndpointName", "VariantName"}),
        frozenset(
            {"Invocation4XXErrors", "Invocation5XXErrors", "Invocations", "ModelLatency", "OverheadLatency"},
        ),
    ),
    # Rekognition developer guide, "CloudWatch metrics for Rekognition"
    "AWS/Rekognition": (
        frozenset({"Operation"}),
        frozenset({"ServerErrorCount", "SuccessfulRequestCount", "ThrottledCount", "UserErrorCount"}),
    ),
    # Bedrock user guide, "Amazon Bedrock runtime metrics"
    "AWS/Bedrock": (
        frozenset({"ModelId"}),
        frozenset({"InvocationLatency", "InvocationServerErrors", "InvocationThrottles", "Invocations"}),
    ),
}
"""By namespace: the dimensions of a metric, and names that AWS documents for them."""

OF_VERSIONS = {("AWS/Lambda", frozenset({"FunctionName", "Resource", "ExecutedVersion"}))}
"""What an alias sends to a version, in the same guide."""


@pytest.fixture(scope="module")
def template() -> dict[str, Any]:
    document: dict[str, Any] = read_template(TEMPLATE)
    return document


# -- what the code emits --


OF_ARRIVING = {Metric.FRAME_AGE, Metric.FRAMES_GATED, Metric.FRAMES_WOULD_BE_GATED, Metric.GATE_FAILED_OPEN}
"""Frames on demand have no age (test_frame_report.py), and no gate stands in their way (wiring/detect_objects.py)."""


def emitted(root: Path) -> set[tuple[str, Metric]]:
    """(service, metric): what a function's handler names, and the outcomes of the frames that it reports."""
    found: set[tuple[str, Metric]] = set()
    for path in root.glob("functions/*/app.py"):
        tree = ast.parse(path.read_text())
        service = path.parent.name
        found |= {(service, Metric[name]) for name in _attributes_of(tree, "Metric")}
        if "emit_frame_metrics" in {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}:
            of_frames = {*OF_FRAMES.values(), Metric.DETECTOR_ERRORS}
            found |= {(service, one) for one in of_frames - (OF_ARRIVING if service == "detect_objects" else set())}
        if "emit_spend_metrics" in {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}:
            found |= {("budget", one) for one in {*OF_SPEND, Metric.ESTIMATED_USD}}
    return found


def _attributes_of(tree: ast.AST, name: str) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == name:
            yield node.attr


def declared() -> set[tuple[str, Metric]]:
    return {(service, metric) for metric in Metric for service in metric.value.services}


def test_the_catalogue_is_what_the_functions_emit() -> None:
    assert emitted(ROOT) == declared()


def test_a_metric_that_nobody_emits_any_more_is_found(tmp_path: Path) -> None:
    for path in ROOT.glob("functions/*/app.py"):
        copy = tmp_path / path.relative_to(ROOT)
        copy.parent.mkdir(parents=True)
        source = path.read_text()
        copy.write_text("\n".join(line for line in source.splitlines() if "Metric.LEASES_HELD" not in line))

    assert declared() - emitted(tmp_path) == {("conduct_live", Metric.LEASES_HELD)}


def test_functions_count_under_names_of_the_catalogue_alone() -> None:
    """A name as text would be an error of types; this says so too where types are not checked."""
    for path in ROOT.glob("functions/*/app.py"):
        assert not re.search(r"\b(count|measure|count_kinds)\(\s*[\"']", path.read_text()), path


# -- what the dashboard shows --


def test_every_row_of_kits_dashboard_has_its_graph() -> None:
    assert sorted(generate.kit_rows()) == sorted(KIT_ROWS)
    assert len([graph for graph in graphs() if graph.kit]) == len(KIT_ROWS)


def test_every_metric_of_ours_is_on_the_dashboard() -> None:
    shown = {(service, metric) for metric in Metric for service, facts in drawn() if facts is metric.value}

    assert declared() - shown == set()


def test_a_metric_that_its_service_does_not_emit_can_not_be_drawn() -> None:
    with pytest.raises(ValueError, match="keep_evidence does not emit FramesIn"):
        own(Metric.FRAMES_IN, "keep_evidence")


def test_every_metric_of_ours_is_drawn_under_its_name_and_dimensions() -> None:
    """From the rendered JSON, against what is emitted: the names are compared, not the members."""
    names = {(service, metric.value.name) for service, metric in emitted(ROOT)}
    any_service = {name for _, name in names}
    for entry in entries():
        if isinstance(entry[0], dict):
            for schema, terms in re.findall(r"SEARCH\('\{Kinesight,([\w,]+)\} (.*?)'", entry[0]["expression"]):
                given = dict(re.findall(r'(\w+)="([^"]*)"', terms))
                assert schema in ("Stack,service", "Stack,service,Kind", "Stack,service,StreamName")
                assert given.pop("MetricName") in any_service
                assert given.pop("Stack") == "${AWS::StackName}"
        elif entry[0] == "Kinesight":
            _, name, *dimensions, _ = entry
            assert dimensions[:3] == ["Stack", "${AWS::StackName}", "service"]
            assert (dimensions[3], name) in names


def test_every_metric_of_aws_is_one_that_it_documents() -> None:
    for line in (line for graph in graphs() for line in graph.lines if line.namespace != "Kinesight"):
        dimensions, names = DOCUMENTED[line.namespace]
        under = line.schema if isinstance(line, Search) else [name for name, _ in line.dimensions]
        assert frozenset(under) == dimensions, line
        assert line.name in names, line


def test_every_resource_that_the_dashboard_names_is_there(template: dict[str, Any]) -> None:
    text, variables = template["Resources"]["Dashboard"]["Properties"]["DashboardBody"]["Fn::Sub"]
    named = {one.split(".")[0] for one in re.findall(r"\$\{([A-Za-z][\w.]*)\}", text)}
    resources = template["Resources"]

    unconditional = {name for name, one in resources.items() if "Condition" not in one}
    assert named - set(variables) <= unconditional
    for namespace, logical_id in {
        (line.namespace, value[2:-1].split(".")[0])
        for graph in graphs()
        for line in graph.lines
        if isinstance(line, Line)
        for _, value in line.dimensions
        if re.fullmatch(r"\$\{\w+(\.\w+)?\}", value) and value[2:-1] not in variables
    }:
        kinds = {
            "AWS/Kinesis": "AWS::Kinesis::Stream",
            "AWS/Lambda": "AWS::Serverless::Function",
            "AWS/S3": "AWS::S3::Bucket",
            "AWS/SQS": "AWS::SQS::Queue",
            "AWS/States": "AWS::Serverless::StateMachine",
        }
        assert resources[logical_id]["Type"] == kinds[namespace]


def test_every_function_and_every_dead_letter_queue_is_on_the_dashboard(template: dict[str, Any]) -> None:
    text, _ = template["Resources"]["Dashboard"]["Properties"]["DashboardBody"]["Fn::Sub"]

    functions = [n for n, one in template["Resources"].items() if one["Type"] == "AWS::Serverless::Function"]
    queues = [n for n, one in template["Resources"].items() if one["Type"] == "AWS::SQS::Queue"]
    assert [name for name in functions if f'"${{{name}}}"' not in text] == []
    assert [name for name in queues if f'"${{{name}.QueueName}}"' not in text] == []


def test_every_alarm_is_on_the_dashboard(template: dict[str, Any]) -> None:
    alarms = {name: one for name, one in template["Resources"].items() if one["Type"] == "AWS::CloudWatch::Alarm"}
    _, variables = template["Resources"]["Dashboard"]["Properties"]["DashboardBody"]["Fn::Sub"]
    by_condition: dict[str, set[str]] = {}
    for choice in variables["OptionalAlarms"]["Fn::Join"][1]:
        condition, chosen, _ = choice["Fn::If"]
        by_condition[condition] = set(re.findall(r"\$\{(\w+)\.Arn\}", chosen["Fn::Sub"]))

    assert sorted(name for name, one in alarms.items() if "Condition" not in one) == sorted(ALWAYS)
    for condition in {one["Condition"] for one in alarms.values() if "Condition" in one}:
        assert by_condition[condition] == {n for n, one in alarms.items() if one.get("Condition") == condition}


@pytest.mark.parametrize("live", ["DISABLED", "ENABLED"])
def test_the_dashboard_is_json_whatever_is_switched_on(template: dict[str, Any], live: str) -> None:
    text, _ = template["Resources"]["Dashboard"]["Properties"]["DashboardBody"]["Fn::Sub"]
    alarms = ',"arn:1","arn:2"' if live == "ENABLED" else ""
    filled = text.replace("${OptionalAlarms}", alarms).replace("${!", "${")

    widgets = json.loads(filled)["widgets"]

    (shown,) = [one["properties"]["alarms"] for one in widgets if one["type"] == "alarm"]
    assert len(shown) == len(ALWAYS) + (2 if live == "ENABLED" else 0)
    assert len(widgets) <= 500  # "Dashboard Body Structure and Syntax"
    places = [
        (one["x"] + dx, one["y"] + dy) for one in widgets for dx in range(one["width"]) for dy in range(one["height"])
    ]
    assert len(places) == len(set(places))
    assert max(x for x, _ in places) == 23


def test_the_template_has_the_alarms_and_the_dashboard_that_the_description_makes() -> None:
    text = TEMPLATE.read_text()

    assert generate.template(text) == text


def test_the_documentation_has_the_metrics_the_rows_and_the_alarms() -> None:
    text = (ROOT / generate.OPERATIONS).read_text()

    assert generate.operations(text) == text


EDITS = [
    (generate.TEMPLATE, "Threshold: 900\n", "Threshold: 901\n"),
    (generate.TEMPLATE, "      <<: &version_alarm\n", "      <<: &version_alarm # by hand\n"),
    (generate.TEMPLATE, ',"${SweepStreamsAlarm.Arn}"', ""),
    (generate.TEMPLATE, '"title":"Throttles"', '"title":"throttles"'),
    (generate.OPERATIONS, f"${generate._usd(''):.2f} for a stack", "$0.10 for a stack"),
    (generate.OPERATIONS, "over 900 in each", "over 901 in each"),
]


@pytest.mark.parametrize(("name", "written", "edited"), EDITS)
def test_a_generated_block_that_was_edited_by_hand_is_noticed_and_written_anew(
    tmp_path: Path, name: str, written: str, edited: str
) -> None:
    for path in (generate.TEMPLATE, generate.OPERATIONS):
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_text((ROOT / path).read_text())
    generate.main(["--check"], tmp_path)
    before = (tmp_path / name).read_text()
    assert written in before
    (tmp_path / name).write_text(before.replace(written, edited, 1))

    with pytest.raises(SystemExit, match=f"differ .* {re.escape(name)}"):
        generate.main(["--check"], tmp_path)
    assert (tmp_path / name).read_text() != before
    generate.main([], tmp_path)
    assert (tmp_path / name).read_text() == before


def test_every_alarm_of_the_template_is_in_a_generated_block_of_its_section(template: dict[str, Any]) -> None:
    found: dict[str, str] = {}
    section = ""
    for line in TEMPLATE.read_text().splitlines():
        if marker := re.match(r"\s+# <(/?)([a-z-]+)-alarms>", line):
            section = "" if marker[1] else marker[2]
        elif section and (name := re.match(r"  (\w+):$", line)):
            found[name[1]] = section

    assert found == {one.name: one.feature for one in ALARMS}
    assert set(found) == {n for n, one in template["Resources"].items() if one["Type"] == "AWS::CloudWatch::Alarm"}


def test_every_alarm_names_a_heading_of_the_runbook() -> None:
    headings = re.findall(r"(?m)^## (.*)$", (ROOT / "docs/runbook.md").read_text())

    assert {one.runbook for one in ALARMS} <= {heading.lower() for heading in headings}


def test_the_documentation_says_how_many_metrics_a_stream_has() -> None:
    text = (ROOT / generate.OPERATIONS).read_text()
    for service in ("analyze_images", "detect_objects", "consume_live"):
        most = len([metric for metric in Metric if metric.value.per_stream and service in metric.value.services])
        assert f"| `{service}` | {most} | ${0.3 * most:.2f} |" in text


def test_a_stack_may_have_no_dashboard() -> None:
    resources = expand(TEMPLATE, {"StreamNames": "cam", "DashboardStatus": "DISABLED"}).resources

    assert "Dashboard" not in resources
    assert "Dashboard" in expand(TEMPLATE, {"StreamNames": "cam"}).resources


# -- alarms --


def alarm_metrics(alarm: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """(namespace, name, dimensions) of what an alarm watches."""
    found = [alarm] if "MetricName" in alarm else []
    found += [one["MetricStat"]["Metric"] for one in alarm.get("Metrics", []) if "MetricStat" in one]
    for metric in found:
        yield metric["Namespace"], metric["MetricName"], {one["Name"]: one["Value"] for one in metric["Dimensions"]}


def test_every_alarm_watches_a_metric_that_there_is(template: dict[str, Any]) -> None:
    names = {(service, metric.value.name): metric.value for service, metric in emitted(ROOT)}
    watched = 0
    for logical_id, one in template["Resources"].items():
        if one["Type"] != "AWS::CloudWatch::Alarm":
            continue
        for namespace, name, dimensions in alarm_metrics(one["Properties"]):
            watched += 1
            if namespace == "Kinesight":
                facts = names[dimensions["service"], name]
                assert dimensions["Stack"] == {"Ref": "AWS::StackName"}, logical_id
                assert dimensions.keys() - {"Stack", "service"} <= ({"Kind"} if facts.split else set()), logical_id
            else:
                documented, known = DOCUMENTED[namespace]
                assert frozenset(dimensions) == documented or (namespace, frozenset(dimensions)) in OF_VERSIONS
                assert name in known, logical_id
    assert watched >= len(ALWAYS)


def test_an_alarm_has_one_result_and_at_most_ten_metrics(template: dict[str, Any]) -> None:
    """PutMetricAlarm takes ten metrics, of which one is the result, and no SEARCH."""
    for one in template["Resources"].values():
        if one["Type"] == "AWS::CloudWatch::Alarm" and "Metrics" in one["Properties"]:
            metrics = one["Properties"]["Metrics"]
            assert len([metric for metric in metrics if metric.get("ReturnData", True)]) == 1
            assert len([metric for metric in metrics if "MetricStat" in metric]) <= 10
            assert not [metric for metric in metrics if "SEARCH" in metric.get("Expression", "")]


def test_every_alarm_notifies_when_it_is_raised_and_when_it_is_over(template: dict[str, Any]) -> None:
    for one in template["Resources"].values():
        if one["Type"] == "AWS::CloudWatch::Alarm":
            assert one["Properties"]["AlarmActions"] == one["Properties"]["OKActions"] == [{"Ref": "OperationsTopic"}]
            assert one["Properties"]["TreatMissingData"] == "notBreaching"


def entries() -> Iterator[list[Any]]:
    """Every entry of every metric widget, as it is written."""
    text = generate.dashboard_block().partition("- |\n")[2].replace("${OptionalAlarms}", "")
    for widget in json.loads(text)["widgets"]:
        if widget["type"] == "metric":
            yield from widget["properties"]["metrics"]
