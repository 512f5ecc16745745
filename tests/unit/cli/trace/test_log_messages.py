"""The messages that a trace reads are those that the functions log."""

from pathlib import Path

import pytest
from kinesight_cli.trace.log_messages import LogMessage

FUNCTIONS = Path(__file__).resolve().parents[4] / "functions"


@pytest.mark.parametrize("message", list(LogMessage))
def test_a_function_logs_it(message: LogMessage) -> None:
    assert any(f'"{message}"' in path.read_text() for path in FUNCTIONS.glob("*/*.py"))
