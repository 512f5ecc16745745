"""The messages that a trace reads are those that the functions log."""

from pathlib import Path

import pytest
from kinesight.domain.analysis.pipeline import FrameAnalysis
from kinesight.domain.gate.frame_gate import GateDecision
from kinesight.domain.model import NotAnalyzed
from kinesight_cli.trace.log_messages import LogMessage

from tests.builders import a_frame

FUNCTIONS = Path(__file__).resolve().parents[4] / "functions"


DERIVED = {LogMessage(one.value) for one in NotAnalyzed}


@pytest.mark.parametrize("message", [one for one in LogMessage if one not in DERIVED])
def test_a_function_logs_it(message: LogMessage) -> None:
    assert any(f'"{message}"' in path.read_text() for path in FUNCTIONS.glob("*/*.py"))


@pytest.mark.parametrize("function", ["analyze_images", "consume_live"])
def test_a_function_logs_why_a_frame_was_not_analyzed(function: str) -> None:
    assert "logger.info(one.why_not_analyzed" in (FUNCTIONS / function / "app.py").read_text()


@pytest.mark.parametrize("why", NotAnalyzed)
def test_each_reason_has_its_message(why: NotAnalyzed) -> None:
    one = FrameAnalysis("subject", a_frame)
    one.has_no_detector = why is NotAnalyzed.NO_DETECTOR
    one.gate_decision = GateDecision.GATED if why is NotAnalyzed.GATED else None

    assert one.why_not_analyzed is why
