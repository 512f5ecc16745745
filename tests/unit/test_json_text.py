"""JSON of others is bounded in size and depth, wherever it is read."""

import ast
import json
from base64 import b64encode
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kinesight.domain.batches import StreamedRecord
from kinesight.domain.configuration.document import ConfigurationDocument
from kinesight.domain.detectors.http_request import json_template
from kinesight.domain.detectors.output_presets import output_mapping
from kinesight.domain.errors import KinesightError
from kinesight.domain.gate.decision import read_state
from kinesight.domain.json_text import MOST_DEPTH, InvalidJsonError, check_depth, parse_json
from kinesight.domain.model import ResultRecord
from kinesight.domain.on_demand.kvs_notifications import parse_notification
from kinesight.domain.sessions.clip import ClipOrder
from kinesight.domain.sessions.webhook_target import parse_target
from kinesight.domain.streams.selection import StreamSelection
from kinesight.lambda_events import check_body
from kinesight_cli.shared.dead_letters import DeadLetter
from kinesight_cli.shared.json_text import read_json
from kinesight_cli.shared.source_text import UnreadableTextError
from kinesight_cli.shared.yaml_text import read_yaml
from kinesight_cli.trace.log_lines import parse_line

ROOT = Path(__file__).parents[2]


def nested(levels: int) -> str:
    return "[" * levels + "]" * levels


@given(
    st.recursive(
        st.none() | st.floats(allow_nan=False) | st.text(), lambda one: st.lists(one) | st.dictionaries(st.text(), one)
    )
)
def test_what_json_writes_is_read(value: Any) -> None:
    text = json.dumps(value, ensure_ascii=False)

    assert parse_json(text) == value
    assert parse_json(json.dumps(value).encode()) == value


@pytest.mark.parametrize("levels", [1, MOST_DEPTH, MOST_DEPTH + 1, 1000, 100_000])
def test_depth_is_bounded(levels: int) -> None:
    if levels <= MOST_DEPTH:
        parse_json(nested(levels))
        return
    with pytest.raises(InvalidJsonError, match="nested more than 64 levels"):
        parse_json(nested(levels))


def test_brackets_in_texts_are_no_levels_and_siblings_no_depth() -> None:
    value = [{"a": ['[{"\\' * 100]}] * 1000

    assert parse_json(json.dumps(value)) == value


@pytest.mark.parametrize("text", ['"' + "\\a" * 100_000, "[" * 65 + '"' + "x" * 1_000_000, '["' * 100_000])
def test_texts_without_an_end_are_checked_in_one_pass(text: str) -> None:
    try:
        check_depth(text)
    except InvalidJsonError:
        return


@pytest.mark.parametrize("text", [b"\xff\xfe", b"{", "", "1" * 5000, b'{"key": "secret'])
def test_errors_quote_nothing_of_the_text(text: str | bytes) -> None:
    with pytest.raises(InvalidJsonError) as raised:
        parse_json(text)

    assert raised.value.__context__ is None
    assert "secret" not in str(raised.value)


def test_size_is_bounded() -> None:
    with pytest.raises(InvalidJsonError, match="more than 10 bytes"):
        parse_json(b'"0123456789"', most_bytes=10)


EDGES: dict[str, Callable[[str], object]] = {
    "rules document": ConfigurationDocument.parse,
    "webhook's secret": lambda text: parse_target('{"url": ' + text + "}"),
    "SQS message": lambda text: parse_notification(text, "PRODUCER_TIMESTAMP"),
    "SNS message": lambda text: parse_notification(json.dumps({"Message": text}), "PRODUCER_TIMESTAMP"),
    "clip order": ClipOrder.parse,
    "model mapping": output_mapping,
    "JSON body": json_template,
    "tag filters": lambda text: StreamSelection.read([], text),
    "API body": lambda text: check_body({"body": text}),
    "API body in base64": lambda text: check_body({"body": b64encode(text.encode()).decode(), "isBase64Encoded": True}),
}


@pytest.mark.parametrize("levels", [1000, 100_000])
@pytest.mark.parametrize("read", EDGES.values(), ids=list(EDGES))
def test_a_deep_document_is_an_error_of_ours_at_every_edge(read: Callable[[str], object], levels: int) -> None:
    with pytest.raises(KinesightError):
        read(nested(levels))


def test_a_deep_record_message_or_state_is_skipped() -> None:
    deep = nested(100_000)

    with pytest.raises(ValueError, match="recursion limit"):
        ResultRecord.model_validate_json(StreamedRecord("1", deep.encode()).data)
    assert read_state(deep) is None
    assert DeadLetter("m", "r", deep, "x").document() == {}
    assert parse_line("F", 0, deep) is None


@pytest.mark.parametrize("read", [read_json, read_yaml])
@pytest.mark.parametrize("levels", [1000, 50_000])
def test_a_deep_file_is_unreadable(read: Callable[[str], object], levels: int) -> None:
    with pytest.raises(UnreadableTextError):
        read(nested(levels))


@pytest.mark.parametrize(
    "event",
    [
        {"body": "/w==", "isBase64Encoded": True},
        {"body": "no base64", "isBase64Encoded": True},
        {"body": '"\ud800"'},
        {"body": "x", "headers": {"content-type": "multipart/form-data"}},
    ],
)
def test_other_bodies_that_cannot_be_read(event: dict[str, Any]) -> None:
    with pytest.raises(KinesightError):
        check_body(event)


OWN = {
    "domain/json_text.py": "the parser",
    "lambda_events.py": "a body that API Gateway limits to 10 MB, after a check of its depth",
    "domain/analysis/result_records.py": "the record that it has just written",
    "domain/viewer/analyses.py": "a plan of the workflow",
    "viewer_api/openapi.py": "a file of the layer",
    "wiring/current_configuration.py": "a variable of the template",
    "adapters/dynamodb/managed_streams.py": "an item of its own",
    "adapters/dynamodb/viewer_sessions.py": "an item of track_sessions",
}
"""Modules that parse text of the application itself, or bound it themselves."""


def test_only_text_of_the_application_is_parsed_without_bounds() -> None:
    layer = ROOT / "layers/kinesight/kinesight"
    found = set()
    for path in [*layer.rglob("*.py"), *(ROOT / "functions").rglob("*.py")]:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Attribute) and node.attr in ("loads", "load") and ast.unparse(node.value) == "json":
                found.add(str(path.relative_to(layer)) if path.is_relative_to(layer) else str(path))

    assert found == set(OWN)
