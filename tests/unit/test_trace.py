"""What a trace understands as an id, and what it says of what is missing."""

from datetime import timedelta
from typing import Any

import pytest
from kinesight.domain.correlation import frame_keys
from kinesight.domain.model import from_epoch_ms
from kinesight_cli.dead_letters import ATTEMPTS_EXHAUSTED, Letter
from kinesight_cli.log_lines import Line, line_of
from kinesight_cli.trace_subject import Subject, TraceError, mark_of, parse_subject
from kinesight_cli.trace_way import FrameFacts, Step, Way

from tests.builders import ACCOUNT, NOON_MS, a_fragment_number, a_frame, an_image_key

NUMBER = a_fragment_number()
NOON = from_epoch_ms(NOON_MS)
RESULT = "0123456789abcdef" * 2


@pytest.mark.parametrize(
    ("text", "stream", "subject"),
    [
        (RESULT, None, Subject(RESULT)),
        (NUMBER, "cam", Subject(NUMBER, "cam", NUMBER)),
        (f"cam/{NUMBER}", None, Subject(NUMBER, "cam", NUMBER)),
        (f"cam/@{NOON_MS}", None, Subject(f"cam/@{NOON_MS}", "cam", at_ms=NOON_MS)),
        (f"live/cam/{NUMBER}_{NOON_MS}.jpg", None, Subject(f"live/cam/{NUMBER}_{NOON_MS}.jpg", "cam", NUMBER)),
        (f"on-demand/run/cam/{NOON_MS}.png", None, Subject(f"on-demand/run/cam/{NOON_MS}.png", "cam", at_ms=NOON_MS)),
        (an_image_key("a_cam"), None, Subject(mark_of(an_image_key("a_cam")), "a_cam", at_ms=NOON_MS)),
        (f"s3://bucket/{an_image_key()}", None, Subject(mark_of(an_image_key()), "front-door", at_ms=NOON_MS)),
        ("images/holiday.jpg", None, Subject("images/holiday.jpg")),
    ],
    ids=["result", "fragment", "correlation", "moment", "live", "on demand", "picture", "address", "unknown picture"],
)
def test_an_id_of_any_kind(text: str, stream: str | None, subject: Subject) -> None:
    found = parse_subject(text, stream, ACCOUNT)

    assert (found.term, found.stream_name, found.fragment_number, found.at_ms) == (
        subject.term,
        subject.stream_name,
        subject.fragment_number,
        subject.at_ms,
    )
    assert (found.image_key is None) == (not text.endswith(("jpg", "png")))


@pytest.mark.parametrize(("text", "advice"), [(NUMBER, "--stream"), ("front door", "resultId"), ("", "resultId")])
def test_what_is_no_id_is_told_so(text: str, advice: str) -> None:
    with pytest.raises(TraceError, match=advice):
        parse_subject(text, None, ACCOUNT)


def a_line(message: str, seconds: float = 1, function: str = "AnalyzeImages", **fields: Any) -> Line:
    return Line(NOON + timedelta(seconds=seconds), function, message, frame_keys(a_frame(), RESULT) | fields)


def a_way(*lines: Line, **found: Any) -> Way:
    frame = FrameFacts()
    frame.learn(frame_keys(a_frame(), RESULT))
    return Way(frame, lines=list(lines), picture=Step(NOON, "images bucket", "picture"), **found)


def a_letter(reason: str, explanation: str = "") -> Letter:
    return Letter("m", "r", "{}", reason, explanation, sent=NOON)


def test_a_frame_that_left_everything_misses_nothing() -> None:
    way = a_way(
        a_line("analyzed", matched=True),
        a_line("alerted", 2),
        record=Step(NOON, "results stream", "record"),
        matched=True,
        evidence={kind: Step(NOON, "evidence bucket", kind) for kind in ("record", "annotated", "fragment")},
        session=Step(None, "events table", "session"),
    )

    assert way.missing() == {}


@pytest.mark.parametrize(
    ("way", "what", "why"),
    [
        (a_way(a_line("gated")), "result", "gate"),
        (a_way(a_line("over budget", reason="stack: $5 of $5")), "result", "stack: $5 of"),
        (a_way(a_line("to be retried", reason="DetectorBusyError('throttled')")), "result", "throttled"),
        (a_way(letters=[("images", a_letter("UnsupportedImageError", "no JPEG"))]), "result", "no JPEG"),
        (
            a_way(
                a_line("to be retried", reason="DetectorBusyError('x')"),
                letters=[("images", a_letter(ATTEMPTS_EXHAUSTED))],
            ),
            "result",
            "DetectorBusyError",
        ),
        (a_way(ledger=Step(None, "ledger", "inprogress", {"status": "INPROGRESS"})), "result", "being analyzed"),
        (a_way(images_waiting=7), "result", "7 messages wait"),
        (a_way(), "result", "kinesight doctor"),
        (a_way(a_line("analyzed", matched=False)), "evidence", "no rule matched"),
        (
            a_way(a_line("analyzed", matched=True), a_line("to be retried", 2, reason="MediaBusyError('slow')")),
            "evidence: fragment",
            "MediaBusyError",
        ),
        (
            a_way(a_line("analyzed", matched=True), letters=[("evidence", a_letter("StreamRefusedError", "role"))]),
            "evidence: annotated",
            "role",
        ),
        (a_way(a_line("analyzed", matched=True)), "result", "48 hours"),
        (a_way(a_line("analyzed", matched=True)), "session", "none has it yet"),
        (
            a_way(a_line("analyzed", matched=True), session=Step(None, "events table", "s", {"class": "ACTIVITY"})),
            "alert",
            "ACTIVITY",
        ),
        (Way(FrameFacts("cam", NUMBER)), "picture", "tag"),
    ],
)
def test_what_is_missing_is_told_with_its_reason(way: Way, what: str, why: str) -> None:
    assert why in way.missing()[what]


def test_steps_are_in_the_order_of_time() -> None:
    way = a_way(
        a_line("analyzed", 3),
        ledger=Step(None, "ledger", "completed"),
        letters=[("evidence", a_letter("EvidenceGoneError"))],
    )

    assert [one.what for one in way.steps()] == ["picture", "EvidenceGoneError", "analyzed", "completed"]


def test_a_frame_owns_its_lines_and_those_of_its_whole_fragment() -> None:
    frame = FrameFacts()
    frame.learn(frame_keys(a_frame(), RESULT))
    whole = Line(NOON, "StartAnalysis", "notified", {"fragment_number": NUMBER})
    sibling = a_line("analyzed", result_id="f" * 32)
    unfound = Line(NOON, "AnalyzeImages", "to be retried", {"image_key": an_image_key()})

    assert [frame.owns(line) for line in (a_line("kept"), whole, sibling, unfound)] == [True, True, False, True]


def test_what_our_logger_did_not_write_is_no_line() -> None:
    texts = ("START RequestId: 1", '{"_aws": {}}', "[]", '{"message": {"a": 1}}')
    assert [line_of("AnalyzeImages", NOON_MS, text) for text in texts] == [None] * 4
    found = line_of("AnalyzeImages", NOON_MS, '{"message": "kept", "result_id": "1"}')
    assert found == Line(NOON, "AnalyzeImages", "kept", {"result_id": "1"})
