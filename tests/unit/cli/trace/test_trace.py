"""Ids of a trace, its steps, and the reasons of missing steps."""

from datetime import timedelta
from typing import Any

import pytest
from kinesight.domain.correlation import frame_keys
from kinesight.domain.display_text import escaped
from kinesight.domain.model import from_epoch_ms
from kinesight_cli.shared.dead_letters import ATTEMPTS_EXHAUSTED, DeadLetter
from kinesight_cli.trace.command import _show
from kinesight_cli.trace.frame_trace import FrameIds, FrameTrace, Step
from kinesight_cli.trace.log_lines import LogLine, parse_line
from kinesight_cli.trace.missing import missing_steps
from kinesight_cli.trace.parse_id import ParsedId, TraceError, image_marker, parse_id

from tests.builders import ACCOUNT, NOON_MS, a_fragment_number, a_frame, an_image_key

NUMBER = a_fragment_number()
NOON = from_epoch_ms(NOON_MS)
RESULT = "0123456789abcdef" * 2


@pytest.mark.parametrize(
    ("text", "stream", "expected"),
    [
        (RESULT, None, ParsedId(RESULT)),
        (NUMBER, "cam", ParsedId(NUMBER, "cam", NUMBER)),
        (f"cam/{NUMBER}", None, ParsedId(NUMBER, "cam", NUMBER)),
        (f"cam/@{NOON_MS}", None, ParsedId(f"cam/@{NOON_MS}", "cam", at_ms=NOON_MS)),
        (f"live/cam/{NUMBER}_{NOON_MS}.jpg", None, ParsedId(f"live/cam/{NUMBER}_{NOON_MS}.jpg", "cam", NUMBER)),
        (f"on-demand/run/cam/{NOON_MS}.png", None, ParsedId(f"on-demand/run/cam/{NOON_MS}.png", "cam", at_ms=NOON_MS)),
        (an_image_key("a_cam"), None, ParsedId(image_marker(an_image_key("a_cam")), "a_cam", at_ms=NOON_MS)),
        (f"s3://bucket/{an_image_key()}", None, ParsedId(image_marker(an_image_key()), "front-door", at_ms=NOON_MS)),
        ("images/holiday.jpg", None, ParsedId("images/holiday.jpg")),
    ],
    ids=["result", "fragment", "correlation", "moment", "live", "on demand", "image", "address", "unknown image"],
)
def test_ids_of_every_kind_are_parsed(text: str, stream: str | None, expected: ParsedId) -> None:
    found = parse_id(text, stream, ACCOUNT)

    assert (found.term, found.stream_name, found.fragment_number, found.at_ms) == (
        expected.term,
        expected.stream_name,
        expected.fragment_number,
        expected.at_ms,
    )
    assert (found.image_key is None) == (not text.endswith(("jpg", "png")))


@pytest.mark.parametrize(("text", "advice"), [(NUMBER, "--stream"), ("front door", "resultId"), ("", "resultId")])
def test_an_invalid_id_names_the_valid_kinds(text: str, advice: str) -> None:
    with pytest.raises(TraceError, match=advice):
        parse_id(text, None, ACCOUNT)


def a_line(message: str, seconds: float = 1, function: str = "AnalyzeImages", **fields: Any) -> LogLine:
    return LogLine(NOON + timedelta(seconds=seconds), function, message, frame_keys(a_frame(), RESULT) | fields)


def a_trace(*lines: LogLine, **found: Any) -> FrameTrace:
    frame = FrameIds()
    frame.add(frame_keys(a_frame(), RESULT))
    return FrameTrace(frame, lines=list(lines), image=Step(NOON, "images bucket", "image"), **found)


def a_dead_letter(reason: str, explanation: str = "") -> DeadLetter:
    return DeadLetter("m", "r", "{}", reason, explanation, sent=NOON)


def test_a_complete_frame_has_no_missing_steps() -> None:
    trace = a_trace(
        a_line("analyzed", matched=True),
        a_line("alerted", 2),
        record=Step(NOON, "results stream", "record"),
        matched=True,
        evidence={kind: Step(NOON, "evidence bucket", kind) for kind in ("record", "annotated", "fragment")},
        session=Step(None, "sessions table", "session"),
    )

    assert missing_steps(trace) == {}


@pytest.mark.parametrize(
    ("trace", "what", "why"),
    [
        (a_trace(a_line("gated")), "result", "gate"),
        (a_trace(a_line("over budget", reason="stack: $5 of $5")), "result", "stack: $5 of"),
        (a_trace(a_line("to be retried", reason="DetectorBusyError('throttled')")), "result", "throttled"),
        (a_trace(dead_letters=[("images", a_dead_letter("UnsupportedImageError", "no JPEG"))]), "result", "no JPEG"),
        (
            a_trace(
                a_line("to be retried", reason="DetectorBusyError('x')"),
                dead_letters=[("images", a_dead_letter(ATTEMPTS_EXHAUSTED))],
            ),
            "result",
            "DetectorBusyError",
        ),
        (a_trace(ledger=Step(None, "ledger", "inprogress", {"status": "INPROGRESS"})), "result", "being analyzed"),
        (a_trace(images_waiting=7), "result", "7 messages wait"),
        (a_trace(), "result", "kinesight doctor"),
        (a_trace(a_line("analyzed", matched=False)), "evidence", "no rule matched"),
        (
            a_trace(a_line("analyzed", matched=True), a_line("to be retried", 2, reason="MediaBusyError('slow')")),
            "evidence: fragment",
            "MediaBusyError",
        ),
        (
            a_trace(
                a_line("analyzed", matched=True),
                dead_letters=[("evidence", a_dead_letter("StreamRefusedError", "role"))],
            ),
            "evidence: annotated",
            "role",
        ),
        (a_trace(a_line("analyzed", matched=True)), "result", "ResultsRetentionHours"),
        (a_trace(a_line("analyzed", matched=True)), "session", "no session contains it"),
        (
            a_trace(a_line("analyzed", matched=True), session=Step(None, "sessions table", "s", {"class": "ACTIVITY"})),
            "alert",
            "ACTIVITY",
        ),
        (FrameTrace(FrameIds("cam", NUMBER)), "image", "tag"),
    ],
)
def test_a_missing_step_has_its_reason(trace: FrameTrace, what: str, why: str) -> None:
    assert why in missing_steps(trace)[what]


def test_a_record_that_is_kept_without_a_match_is_not_missing() -> None:
    record = {"record": Step(NOON, "evidence bucket", "record")}
    trace = a_trace(a_line("analyzed", matched=False), record=Step(NOON, "results stream", "record"), evidence=record)

    assert missing_steps(trace) == {}


def test_steps_are_in_the_order_of_time() -> None:
    trace = a_trace(
        a_line("analyzed", 3),
        ledger=Step(None, "ledger", "completed"),
        dead_letters=[("evidence", a_dead_letter("EvidenceGoneError"))],
    )

    assert [one.what for one in trace.steps()] == ["image", "EvidenceGoneError", "analyzed", "completed"]


def test_a_frame_matches_its_lines_and_those_of_its_whole_fragment() -> None:
    frame = FrameIds()
    frame.add(frame_keys(a_frame(), RESULT))
    whole = LogLine(NOON, "StartAnalysis", "notified", {"fragment_number": NUMBER})
    sibling = a_line("analyzed", result_id="f" * 32)
    unfound = LogLine(NOON, "AnalyzeImages", "to be retried", {"image_key": an_image_key()})

    assert [frame.matches(line) for line in (a_line("kept"), whole, sibling, unfound)] == [True, True, False, True]


def test_lines_of_other_writers_are_ignored() -> None:
    texts = ("START RequestId: 1", '{"_aws": {}}', "[]", '{"message": {"a": 1}}')
    assert [parse_line("AnalyzeImages", NOON_MS, text) for text in texts] == [None] * 4
    found = parse_line("AnalyzeImages", NOON_MS, '{"message": "kept", "result_id": "1"}')
    assert found == LogLine(NOON, "AnalyzeImages", "kept", {"result_id": "1"})


@pytest.mark.parametrize("label", ["[/x]", "[red]a", "\x1b[2J\x1b]0;title\x07", "a\nresult 9999", "\ud800", "\u202e"])
def test_labels_and_reasons_are_printed_as_text(label: str, capsys: pytest.CaptureFixture[str]) -> None:
    trace = a_trace(
        a_line("analyzed", matched=False, labels={label: 99.0}, reason=label),
        dead_letters=[("images", a_dead_letter(label, label))],
    )

    _show(trace)

    printed = capsys.readouterr().out
    assert printed == escaped(printed)
    assert not any(line.startswith("result 9999") for line in printed.splitlines())
    if label.startswith("["):
        assert label in printed
